package node

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

func (n *Node) getHealth(c *call) {
	m := n.committee.Member(n.member)
	h := api.Health{
		Name: n.name, PublicKey: m.PublicKey.String(), Epoch: n.committee.Epoch(), Shards: n.committee.Params().N,
		Owned: m.Shards.String(), State: n.State(), Uptime: time.Since(n.started).Round(time.Second).String(),
		Missing: n.healer.Lacking(), Recovered: n.healer.Totals().Slivers,
	}
	h.FreeBytes, _ = n.store.Free()
	c.answer(http.StatusOK, h)
}

func (n *Node) getStatus(c *call) {
	s := api.Status{
		Blob: c.id, Primary: []int{}, Secondary: []int{},
		Certified: n.has(c.id, store.Certificate), Inconsistent: n.has(c.id, store.Verdict),
	}
	meta, err := n.metadataOf(c.id)
	if err == nil {
		s.Metadata, s.Length = true, meta.Length
	} else if !errors.Is(err, store.ErrNotFound) {
		c.storeError(err)
		return
	}
	stored, err := n.store.Slivers(c.id)
	if err != nil {
		c.storeError(err)
		return
	}
	for _, e := range stored {
		if e.Axis == rs2d.Primary {
			s.Primary = append(s.Primary, e.Pair)
		} else {
			s.Secondary = append(s.Secondary, e.Pair)
		}
	}
	if s.Complete, err = n.complete(c.id); err != nil {
		c.storeError(err)
		return
	}
	s.Complete = s.Complete && s.Metadata
	c.answer(http.StatusOK, s)
}

func (n *Node) getMetadata(c *call) {
	raw, err := n.store.Record(c.id, store.Metadata)
	if err != nil {
		c.storeError(err)
		return
	}
	c.send(append(c.id[:], raw...))
}

// getSliver serves one sliver, or a range of it. Slivers never change, so the id and
// the place are as good a tag as a hash.
func (n *Node) getSliver(c *call) {
	ref, _, _, ok := c.sliver()
	if !ok {
		return
	}
	size, err := n.store.Size(c.id, ref)
	if err != nil {
		c.storeError(err)
		return
	}
	if !c.Hold(min(size, int64(1<<20))) {
		return
	}
	c.Header().Set("Content-Type", api.TypeBytes)
	c.Header().Set("ETag", fmt.Sprintf(`"%v-%v-%d"`, c.id, ref.Axis, ref.Pair))
	if c.Request.Header.Get("Range") == "" && size <= 1<<20 {
		data, err := n.store.Read(nil, c.id, ref, 0, -1)
		if err != nil {
			c.storeError(err)
			return
		}
		c.send(data)
		return
	}
	content := &sliverReader{n: n, id: c.id, ref: ref, size: size}
	http.ServeContent(c, c.Request, "", time.Time{}, content)
	if content.err != nil {
		// The header is out. Cutting the body off is the one way to take it back.
		n.corrupt(content.err)
		panic(http.ErrAbortHandler)
	}
}

// sliverReader reads a sliver from the store for http.ServeContent.
type sliverReader struct {
	n    *Node
	id   commit.BlobID
	ref  store.Ref
	size int64
	off  int64
	err  error
	rest []byte // read from the store, and not handed out
}

// readAhead is how much a sliverReader reads at once.
const readAhead = 1 << 20

func (r *sliverReader) Read(b []byte) (int, error) {
	if r.off >= r.size {
		return 0, io.EOF
	}
	if len(r.rest) == 0 {
		r.rest, r.err = r.n.store.Read(r.rest[:0], r.id, r.ref, r.off, min(readAhead, r.size-r.off))
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	r.off += int64(n)
	return n, nil
}

func (r *sliverReader) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += r.off
	case io.SeekEnd:
		off += r.size
	}
	if off < 0 {
		return 0, store.ErrRange
	}
	r.off, r.rest = off, nil
	return off, nil
}

// getSlivers streams many slivers of a blob.
func (n *Node) getSlivers(c *call) {
	q := c.URL.Query()
	var wanted []store.Ref
	for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
		pairs, err := api.ParsePairs(q.Get(axis.String()), n.committee.Params().N)
		if err != nil {
			c.Fail(http.StatusBadRequest, err.Error())
			return
		}
		for _, pair := range pairs {
			if !n.owns(c.id, pair) {
				c.Fail(http.StatusMisdirectedRequest, fmt.Sprintf("pair %d is another node's", pair))
				return
			}
			wanted = append(wanted, store.Ref{Axis: axis, Pair: pair})
		}
	}
	meta, err := n.metadataOf(c.id)
	if err != nil {
		c.storeError(err)
		return
	}
	sizes, err := n.sizes(meta)
	if err != nil {
		c.storeError(err)
		return
	}
	if !c.Hold(int64(max(sizes[0], sizes[1]) + api.FrameHeaderSize)) {
		return
	}
	c.stream(func(yield func(api.FrameHeader, frameData) bool) {
		for i, ref := range wanted {
			h := api.FrameHeader{Kind: api.FrameSliver, Axis: uint8(ref.Axis), Index: uint16(ref.Pair), Item: uint32(i)}
			read := func(dst []byte) ([]byte, error) { return n.store.Read(dst, c.id, ref, 0, -1) }
			if !yield(h, read) {
				return
			}
		}
	})
}

func (n *Node) getConfirmation(c *call) {
	complete, err := n.complete(c.id)
	if err != nil {
		c.storeError(err)
		return
	}
	if !complete || !n.has(c.id, store.Metadata) {
		c.Fail(http.StatusNotFound, "not all of the node's slivers are here")
		return
	}
	c.confirm(committee.Stored)
}

func (n *Node) sendRecord(c *call, r store.Record) {
	raw, err := n.store.Record(c.id, r)
	if err != nil {
		c.storeError(err)
		return
	}
	c.send(raw)
}

func (n *Node) getCertificate(c *call) { n.sendRecord(c, store.Certificate) }
func (n *Node) getProof(c *call)       { n.sendRecord(c, store.Proof) }
func (n *Node) getVerdict(c *call)     { n.sendRecord(c, store.Verdict) }
