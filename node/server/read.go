package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// reader gives out what is stored.
type reader struct{ blobs *blobs }

func (d *reader) getStatus(r *request) {
	info, err := d.blobs.store.Info(r.id)
	if err != nil {
		d.blobs.fail(r, err)
		return
	}
	s := api.Status{
		Blob: r.id, Primary: []int{}, Secondary: []int{},
		Certified: info.Certified(), Inconsistent: info.Has(store.InvalidBlobCertificate), Complete: complete(r.view, r.id, &info),
	}
	kept, err := d.blobs.kept(r.id)
	if err == nil {
		s.Metadata, s.Length = true, kept.Length
	} else if !errors.Is(err, store.ErrNotFound) {
		d.blobs.fail(r, err)
		return
	}
	for _, e := range info.Slivers {
		if e.Axis == rs2d.Primary {
			s.Primary = append(s.Primary, e.Pair)
		} else {
			s.Secondary = append(s.Secondary, e.Pair)
		}
	}
	r.answer(http.StatusOK, s)
}

// getMetadata gives all of a blob's metadata, as it was stored. Where the node keeps a part, it
// gives what it happens to remember; others gather parts.
func (d *reader) getMetadata(r *request) {
	raw, err := d.blobs.store.Record(r.id, store.Metadata)
	if err == nil && coded.IsRecord(raw) {
		meta, ok := d.blobs.cache.get(r.id)
		if !ok {
			r.Fail(http.StatusNotFound, "the node keeps a part of the metadata: gather it from "+api.BlobPath(r.id, api.PartsPath))
			return
		}
		raw, err = meta.MarshalBinary()
	}
	if err != nil {
		d.blobs.fail(r, err)
		return
	}
	r.send(append(r.id[:], raw...))
}

// getParts gives parts of a blob's metadata, or all of it if that is what the node keeps.
func (d *reader) getParts(r *request) {
	pairs, proven, err := api.ParsePartsQuery(r.URL.Query(), d.blobs.params.N)
	if err != nil {
		r.Fail(http.StatusBadRequest, err.Error())
		return
	}
	data, err := d.blobs.keeper.Answer(r.id, pairs, proven)
	if err != nil {
		d.blobs.fail(r, err)
		return
	}
	r.send(data)
}

// getSliver serves one sliver, or a range of it. Slivers never change, so the id and
// the place are as good a tag as a hash.
func (d *reader) getSliver(r *request) {
	ref, _, _, ok := d.blobs.sliver(r)
	if !ok {
		return
	}
	if err := serves(d.blobs, r, r.id, sliverOf(ref.Axis)); err != nil {
		d.blobs.fail(r, err)
		return
	}
	size, err := d.blobs.store.Size(r.id, ref)
	if err != nil {
		d.blobs.fail(r, err)
		return
	}
	if !r.Hold(min(size, int64(1<<20))) {
		return
	}
	r.Header().Set("Content-Type", api.TypeBytes)
	r.Header().Set("ETag", fmt.Sprintf(`"%v-%v-%d"`, r.id, ref.Axis, ref.Pair))
	if r.Request.Header.Get("Range") == "" && size <= 1<<20 {
		data, err := d.blobs.store.Read(nil, r.id, ref, 0, -1)
		if err != nil {
			d.blobs.fail(r, err)
			return
		}
		r.send(data)
		return
	}
	content := &sliverReader{store: d.blobs.store, visit: r.visit, id: r.id, ref: ref, size: size}
	http.ServeContent(r, r.Request, "", time.Time{}, content)
	if content.err != nil {
		// The header is out. Cutting the body off is the one way to take it back.
		if !errors.Is(content.err, gate.ErrWithheld) {
			d.blobs.corrupt(content.err)
		}
		panic(http.ErrAbortHandler)
	}
}

// sliverReader reads a sliver from the store for http.ServeContent.
type sliverReader struct {
	store Store
	visit *gate.Visit
	id    commit.BlobID
	ref   store.Ref
	size  int64
	off   int64
	err   error
	rest  []byte // read from the store, and not handed out
}

// readAhead is how much a sliverReader reads at once.
const readAhead = 1 << 20

func (r *sliverReader) Read(b []byte) (int, error) {
	if r.off >= r.size {
		return 0, io.EOF
	}
	if r.err = r.visit.Err(); r.err != nil {
		return 0, r.err
	}
	if len(r.rest) == 0 {
		r.rest, r.err = r.store.Read(r.rest[:0], r.id, r.ref, r.off, min(readAhead, r.size-r.off))
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
func (d *reader) getSlivers(r *request) {
	q := r.URL.Query()
	var wanted []store.Ref
	for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
		pairs, err := api.ParsePairs(q.Get(axis.String()), d.blobs.params.N)
		if err != nil {
			r.Fail(http.StatusBadRequest, err.Error())
			return
		}
		for _, pair := range pairs {
			if !r.owns(pair) {
				r.misdirected(fmt.Sprintf("pair %d is another node's", pair))
				return
			}
			wanted = append(wanted, store.Ref{Axis: axis, Pair: pair})
		}
		if len(pairs) == 0 {
			continue
		}
		if err := serves(d.blobs, r, r.id, sliverOf(axis)); err != nil {
			d.blobs.fail(r, err)
			return
		}
	}
	kept, err := d.blobs.kept(r.id)
	if err != nil {
		d.blobs.fail(r, err)
		return
	}
	sizes, err := d.blobs.sizes(kept.Length)
	if err != nil {
		d.blobs.fail(r, err)
		return
	}
	if !r.Hold(int64(max(sizes[0], sizes[1]) + api.FrameHeaderSize + together)) {
		return
	}
	d.blobs.stream(r, func(yield func(api.FrameHeader, frameData) bool) {
		for i, ref := range wanted {
			h := api.FrameHeader{Kind: api.FrameSliver, Axis: uint8(ref.Axis), Index: uint16(ref.Pair), Item: uint32(i)}
			read := func(dst []byte) ([]byte, error) { return d.blobs.store.Read(dst, r.id, ref, 0, -1) }
			if !yield(h, read) {
				return
			}
		}
	})
}

// getRecord gives out a record. Proofs can be long, and their length is not known before
// they are read, so only as many are read at once as there are turns.
func (d *reader) getRecord(kind store.Record) func(*request) {
	return func(r *request) {
		done, err := r.Turn(r.Context())
		if err != nil {
			return
		}
		raw, err := d.blobs.store.Record(r.id, kind)
		ok := err != nil || r.Hold(int64(len(raw)))
		done()
		switch {
		case err != nil:
			d.blobs.fail(r, err)
		case ok:
			r.send(raw)
		}
	}
}
