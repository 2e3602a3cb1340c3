package server

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

// bundleReader reads a body of metadata and slivers in frames.
type bundleReader struct {
	blobs  *blobs
	r      *request
	frames *api.FrameReader
}

// read reads and verifies the metadata, and reads the slivers. If it cannot, it answers.
func (b *bundleReader) read() (meta *commit.Metadata, raw []byte, slivers []rs2d.Sliver, ok bool) {
	meta, raw, ok = b.metadata()
	if !ok {
		return nil, nil, nil, false
	}
	sizes, err := b.blobs.sizes(meta)
	if err != nil {
		b.r.Fail(http.StatusUnprocessableEntity, err.Error())
		return nil, nil, nil, false
	}
	for {
		h, err := b.frames.Next()
		if err != nil {
			b.r.badBody(err)
			return nil, nil, nil, false
		}
		if h.Kind == api.FrameEnd {
			return meta, raw, slivers, true
		}
		s, ok := b.sliver(h, sizes, slivers)
		if !ok {
			return nil, nil, nil, false
		}
		slivers = append(slivers, s)
	}
}

func (b *bundleReader) metadata() (meta *commit.Metadata, raw []byte, ok bool) {
	h, err := b.frames.Next()
	if err == nil && h.Kind != api.FrameMetadata {
		err = fmt.Errorf("%w: the first frame is not metadata", api.ErrMalformed)
	}
	if err == nil {
		raw, err = b.frames.Body(nil, placement.MaxMetadata(b.blobs.params.N))
	}
	if err != nil {
		b.r.badBody(err)
		return nil, nil, false
	}
	if meta, err = b.blobs.parse(b.r.id, raw); err != nil {
		b.blobs.metrics.rejected.Inc()
		b.r.Fail(http.StatusUnprocessableEntity, err.Error())
		return nil, nil, false
	}
	return meta, raw, true
}

// sliver reads the sliver of a frame. before are those that came before it.
func (b *bundleReader) sliver(h api.FrameHeader, sizes placement.Sizes, before []rs2d.Sliver) (s rs2d.Sliver, ok bool) {
	n := b.blobs.params.N
	axis, pair := rs2d.Axis(h.Axis), int(h.Index)
	switch {
	case h.Kind != api.FrameSliver || pair >= n || int64(h.Length) != int64(sizes[axis]):
		b.r.Fail(http.StatusBadRequest, "frame is no sliver of the blob")
		return s, false
	case !b.r.owns(pair):
		b.r.misdirected(fmt.Sprintf("pair %d is another node's", pair))
		return s, false
	}
	s.SliverRef = placement.Ref{Axis: axis, Pair: pair}.Sliver(n)
	if slices.ContainsFunc(before, func(o rs2d.Sliver) bool { return o.SliverRef == s.SliverRef }) {
		b.r.Fail(http.StatusBadRequest, "sliver is there twice")
		return s, false
	}
	var err error
	if s.Data, err = b.frames.Body(nil, sizes[axis]); err != nil {
		b.r.badBody(err)
		return s, false
	}
	return s, true
}
