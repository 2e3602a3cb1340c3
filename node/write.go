package node

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// sizes returns the lengths of the blob's slivers, by axis.
func (n *Node) sizes(meta *commit.Metadata) (placement.Sizes, error) {
	return placement.SizesOf(n.committee.Params(), meta.Length)
}

// owns reports whether the pair of the blob is one of the node's.
func (n *Node) owns(id commit.BlobID, pair int) bool {
	return placement.Owns(n.committee, n.member, id, pair)
}

// place names a stored sliver as placement does.
func place(e store.Entry) placement.Ref { return placement.Ref(e.Ref) }

// complete reports whether the node has all slivers of the blob that it should have.
func (n *Node) complete(id commit.BlobID) (bool, error) {
	stored, err := n.store.Slivers(id)
	return err == nil && len(placement.Missing(n.committee, n.member, id, stored, place)) == 0, err
}

// confirm answers with the attestation that the node has all of the blob.
func (c *call) confirm(kind committee.Kind) {
	s := c.n.signer.Attest(c.n.committee, committee.Attestation{Kind: kind, Blob: c.id})
	c.answer(http.StatusOK, api.Confirmation{Member: c.n.name, Signature: s})
}

// maxBundle returns the length of the longest body of putBlob.
func (n *Node) maxBundle() int64 {
	frames := 2*n.committee.Weight(n.member) + 2
	return int64(frames)*api.FrameHeaderSize + placement.MaxShare(n.committee, n.member)
}

// putBlob takes metadata and slivers in one body, and attests that it has all of the
// node's.
func (n *Node) putBlob(c *call) {
	if complete, err := n.complete(c.id); err != nil {
		c.storeError(err)
		return
	} else if complete && n.has(c.id, store.Metadata) {
		// The body stays unread: who waited for 100 Continue need not send it.
		c.confirm(committee.Stored)
		return
	}
	if !c.Expected(n.maxBundle()) {
		return
	}
	frames := api.NewFrameReader(bufio.NewReaderSize(c.Body, 64<<10))
	meta, raw, slivers, ok := c.readBundle(frames)
	if !ok {
		return
	}
	if !c.keep(meta, raw, slivers) {
		return
	}
	if complete, err := n.complete(c.id); err != nil {
		c.storeError(err)
	} else if !complete {
		c.answer(http.StatusAccepted, api.Error{Message: "stored, but not all of the node's slivers"})
	} else {
		c.confirm(committee.Stored)
	}
}

// readBundle reads and verifies the metadata, and reads the slivers. It answers if it
// cannot.
func (c *call) readBundle(frames *api.FrameReader) (meta *commit.Metadata, raw []byte, slivers []rs2d.Sliver, ok bool) {
	n := c.n
	h, err := frames.Next()
	if err == nil && h.Kind != api.FrameMetadata {
		err = fmt.Errorf("%w: the first frame is not metadata", api.ErrMalformed)
	}
	if err == nil {
		raw, err = frames.Body(nil, placement.MaxMetadata(n.committee.Params().N))
	}
	if err != nil {
		c.badBundle(err)
		return nil, nil, nil, false
	}
	if meta, err = n.parseMetadata(c.id, raw); err != nil {
		n.metrics.rejected.Inc()
		c.Fail(http.StatusUnprocessableEntity, err.Error())
		return nil, nil, nil, false
	}
	sizes, err := n.sizes(meta)
	if err != nil {
		c.Fail(http.StatusUnprocessableEntity, err.Error())
		return nil, nil, nil, false
	}
	for {
		h, err := frames.Next()
		if err != nil {
			c.badBundle(err)
			return nil, nil, nil, false
		}
		if h.Kind == api.FrameEnd {
			return meta, raw, slivers, true
		}
		axis, pair := rs2d.Axis(h.Axis), int(h.Index)
		switch {
		case h.Kind != api.FrameSliver || pair >= n.committee.Params().N || int64(h.Length) != int64(sizes[axis]):
			c.Fail(http.StatusBadRequest, "frame is no sliver of the blob")
			return nil, nil, nil, false
		case !n.owns(c.id, pair):
			c.Fail(http.StatusMisdirectedRequest, fmt.Sprintf("pair %d is another node's", pair))
			return nil, nil, nil, false
		}
		ref := placement.Ref{Axis: axis, Pair: pair}.Sliver(n.committee.Params().N)
		if slices.ContainsFunc(slivers, func(s rs2d.Sliver) bool { return s.SliverRef == ref }) {
			c.Fail(http.StatusBadRequest, "sliver is there twice")
			return nil, nil, nil, false
		}
		data, err := frames.Body(nil, sizes[axis])
		if err != nil {
			c.badBundle(err)
			return nil, nil, nil, false
		}
		slivers = append(slivers, rs2d.Sliver{SliverRef: ref, Data: data})
	}
}

// badBundle answers for a bundle that cannot be read.
func (c *call) badBundle(err error) {
	if errors.Is(err, httpd.ErrBusy) {
		c.Busy(err.Error())
		return
	}
	c.Fail(http.StatusBadRequest, err.Error())
}

// keep verifies slivers and stores them with the metadata. It answers if it cannot.
func (c *call) keep(meta *commit.Metadata, raw []byte, slivers []rs2d.Sliver) bool {
	n := c.n
	done, ok := c.compute()
	if !ok {
		return false
	}
	errs := n.code.VerifySlivers(meta, slivers)
	done()
	for _, err := range errs {
		if err != nil {
			n.metrics.rejected.Inc()
			c.Fail(http.StatusUnprocessableEntity, err.Error())
			return false
		}
	}
	u := store.Update{Records: map[store.Record][]byte{store.Metadata: raw}}
	for _, s := range slivers {
		u.Slivers = append(u.Slivers, store.Sliver{
			Ref: store.Ref{Axis: s.Axis, Pair: s.Pair(n.committee.Params().N)}, Data: s.Data,
		})
	}
	if err := n.store.Apply(c.id, u); err != nil {
		c.storeError(err)
		return false
	}
	n.metadata.put(c.id, meta)
	return true
}

// has reports whether the blob has the record; an error counts as that it has not.
func (n *Node) has(id commit.BlobID, r store.Record) bool {
	_, err := n.store.Record(id, r)
	return err == nil
}

func (n *Node) putMetadata(c *call) {
	raw, ok := c.ReadBody(int64(placement.MaxMetadata(n.committee.Params().N)))
	if !ok {
		return
	}
	meta, err := n.parseMetadata(c.id, raw)
	switch {
	case errors.Is(err, commit.ErrMalformed):
		c.Fail(http.StatusBadRequest, err.Error())
		return
	case err != nil:
		n.metrics.rejected.Inc()
		c.Fail(http.StatusUnprocessableEntity, err.Error())
		return
	}
	if c.keep(meta, raw, nil) {
		c.WriteHeader(http.StatusCreated)
	}
}

func (n *Node) putSliver(c *call) {
	ref, meta, sizes, ok := c.sliver()
	if !ok {
		return
	}
	data, ok := c.ReadBody(int64(sizes[ref.Axis]))
	if !ok {
		return
	}
	raw, err := n.store.Record(c.id, store.Metadata)
	if err != nil {
		c.storeError(err)
		return
	}
	if c.keep(meta, raw, []rs2d.Sliver{{SliverRef: placement.Ref(ref).Sliver(n.committee.Params().N), Data: data}}) {
		c.WriteHeader(http.StatusCreated)
	}
}

// sliver reads which sliver the path names, and answers if it is not one that the
// node may have.
func (c *call) sliver() (ref store.Ref, meta *commit.Metadata, sizes placement.Sizes, ok bool) {
	n := c.n
	axis, err := api.ParseAxis(c.PathValue("axis"))
	if err == nil {
		ref.Axis = axis
		ref.Pair, err = api.ParseIndex(c.PathValue("pair"), n.committee.Params().N)
	}
	if err != nil {
		c.Fail(http.StatusBadRequest, err.Error())
		return ref, nil, sizes, false
	}
	if !n.owns(c.id, ref.Pair) {
		c.Fail(http.StatusMisdirectedRequest, fmt.Sprintf("pair %d is another node's", ref.Pair))
		return ref, nil, sizes, false
	}
	meta, err = n.metadataOf(c.id)
	if errors.Is(err, store.ErrNotFound) && c.Method == http.MethodPut {
		c.Fail(http.StatusConflict, "the metadata comes first")
		return ref, nil, sizes, false
	}
	if err == nil {
		sizes, err = n.sizes(meta)
	}
	if err != nil {
		c.storeError(err)
		return ref, nil, sizes, false
	}
	return ref, meta, sizes, true
}

// putCertificate takes the point of availability. A node that lacks slivers of the
// blob learns so that it has to recover them.
func (n *Node) putCertificate(c *call) {
	cert, raw, ok := c.certificate(committee.Stored)
	if !ok {
		return
	}
	if !n.has(c.id, store.Certificate) {
		if err := n.store.Apply(c.id, store.Update{Records: map[store.Record][]byte{store.Certificate: raw}}); err != nil {
			c.storeError(err)
			return
		}
	}
	if complete, err := n.complete(c.id); err != nil || !complete || !n.has(c.id, store.Metadata) {
		n.healer.Enqueue(cert)
	}
	c.WriteHeader(http.StatusCreated)
}

// certificate reads and verifies a certificate of the path's blob, and answers if it
// is none.
func (c *call) certificate(kind committee.Kind) (*committee.Certificate, []byte, bool) {
	raw, ok := c.ReadBody(int64(committee.MaxCertificate(c.n.committee.Params().N)))
	if !ok {
		return nil, nil, false
	}
	cert, err := c.n.certificates.ParseCertificate(c.n.committee, raw)
	switch {
	case errors.Is(err, committee.ErrCertificate):
		c.Fail(http.StatusBadRequest, err.Error())
		return nil, nil, false
	case err != nil:
		c.n.metrics.rejected.Inc()
		c.Fail(http.StatusUnprocessableEntity, err.Error())
		return nil, nil, false
	case cert.Attestation != committee.Attestation{Kind: kind, Blob: c.id}:
		c.Fail(http.StatusBadRequest, "certificate of something else")
		return nil, nil, false
	}
	return cert, raw, true
}
