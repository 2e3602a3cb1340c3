package server

import (
	"bufio"
	"fmt"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// digestBytes is how many bytes of slivers a bundle has in memory before they are verified
// and written; it is exceeded by less than one sliver.
const digestBytes = 8 << 20

// bundle takes a body of metadata and slivers in frames. When there are many bytes of
// slivers they are verified and staged, so that only a few are in memory, however many
// there are.
type bundle struct {
	writer *writer
	r      *request
	frames *api.FrameReader

	meta    *commit.Metadata
	raw     []byte // of the metadata
	sizes   placement.Sizes
	entries []store.Entry // of all slivers that came
	seen    map[store.Ref]bool
	slivers []rs2d.Sliver // those that are neither verified nor staged
	bytes   int           // of them
	free    [2][][]byte   // buffers for slivers, by axis
	stage   store.Stage   // nil if none was staged
}

func newBundle(w *writer, r *request) *bundle {
	return &bundle{
		writer: w, r: r, frames: api.NewFrameReader(bufio.NewReaderSize(r.Body, 64<<10)), seen: make(map[store.Ref]bool),
	}
}

// discard gives up what was staged and not applied.
func (b *bundle) discard() {
	if b.stage != nil {
		b.stage.Discard()
	}
}

// read reads and verifies the metadata, and reads the slivers. If it cannot, it answers.
func (b *bundle) read() (ok bool) {
	if !b.metadata() {
		return false
	}
	for {
		h, err := b.frames.Next()
		if err != nil {
			b.r.badBody(err)
			return false
		}
		if h.Kind == api.FrameEnd {
			return true
		}
		// What is last is not staged: it is written with all that makes the blob visible.
		if b.bytes >= digestBytes && !b.digest() || !b.sliver(h) {
			return false
		}
	}
}

func (b *bundle) metadata() (ok bool) {
	h, err := b.frames.Next()
	if err == nil && h.Kind != api.FrameMetadata {
		err = fmt.Errorf("%w: the first frame is not metadata", api.ErrMalformed)
	}
	if err == nil {
		b.raw, err = b.frames.Body(nil, placement.MaxMetadata(b.writer.blobs.params.N))
	}
	if err != nil {
		b.r.badBody(err)
		return false
	}
	if b.meta, err = b.writer.blobs.parse(b.r.id, b.raw); err != nil {
		b.writer.blobs.metrics.rejected.Inc()
		b.r.Fail(http.StatusUnprocessableEntity, err.Error())
		return false
	}
	if b.sizes, err = b.writer.blobs.sizes(b.meta); err != nil {
		b.r.Fail(http.StatusUnprocessableEntity, err.Error())
		return false
	}
	return true
}

// sliver reads the sliver of a frame. If it cannot, it answers.
func (b *bundle) sliver(h api.FrameHeader) (ok bool) {
	n := b.writer.blobs.params.N
	ref := store.Ref{Axis: rs2d.Axis(h.Axis), Pair: int(h.Index)}
	switch {
	case h.Kind != api.FrameSliver || ref.Pair >= n || int64(h.Length) != int64(b.sizes[ref.Axis]):
		b.r.Fail(http.StatusBadRequest, "frame is no sliver of the blob")
		return false
	case !b.r.owns(ref.Pair):
		b.r.misdirected(fmt.Sprintf("pair %d is another node's", ref.Pair))
		return false
	case b.seen[ref]:
		b.r.Fail(http.StatusBadRequest, "sliver is there twice")
		return false
	}
	data, err := b.frames.Body(b.buffer(ref.Axis), b.sizes[ref.Axis])
	if err != nil {
		b.r.badBody(err)
		return false
	}
	b.seen[ref] = true
	b.entries = append(b.entries, store.Entry{Ref: ref, Size: int64(len(data))})
	b.slivers = append(b.slivers, rs2d.Sliver{SliverRef: placement.Ref(ref).Sliver(n), Data: data})
	b.bytes += len(data)
	return true
}

// buffer returns memory for a sliver that was another's, or none.
func (b *bundle) buffer(axis rs2d.Axis) []byte {
	free := &b.free[axis]
	if len(*free) == 0 {
		b.free[1-axis] = nil // slivers of the other axis have all come, or there would be some
		return nil
	}
	last := len(*free) - 1
	buffer := (*free)[last]
	*free = (*free)[:last]
	return buffer
}

// digest verifies and stages what has come. If it cannot, it answers.
func (b *bundle) digest() (ok bool) {
	b.r.Digest(func() (kept int64) {
		if ok = b.writer.verify(b.r, b.meta, b.slivers); !ok {
			return 0
		}
		if b.stage == nil {
			b.stage = b.writer.blobs.store.Stage(b.r.id)
		}
		if err := b.stage.Add(b.writer.stored(b.slivers)...); err != nil {
			b.writer.blobs.fail(b.r, err)
			ok = false
		}
		return b.stage.Held()
	})
	for _, s := range b.slivers {
		b.free[s.Axis] = append(b.free[s.Axis], s.Data)
	}
	clear(b.slivers)
	b.slivers, b.bytes = b.slivers[:0], 0
	return ok
}
