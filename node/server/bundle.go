package server

import (
	"bufio"
	"errors"
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

// pieceCost is how many bytes a piece of a sliver counts as at least.
const pieceCost = 512

// bundleBytes returns how many bytes of a body of metadata and the slivers of so many pairs
// are in memory at once: what waits to be verified and the longest sliver, which are there
// before and after the body's buffer has them.
func bundleBytes(p commit.Params, pairs int, length int64) int64 {
	sliver := length / int64(max(pairs, 1)*(p.S+p.P)) * int64(p.S)
	return int64(placement.MaxMetadata(p.N)) + digestBytes + sliver
}

// bundle takes a body of metadata and slivers in frames. When there are many bytes of
// slivers they are verified and staged, so that only a few are in memory, however many
// there are. Slivers that come in pieces are verified at the end, when they are read back.
type bundle struct {
	writer *writer
	r      *request
	frames *api.FrameReader

	meta    *commit.Metadata
	raw     []byte // of the metadata
	sizes   placement.Sizes
	entries []store.Entry               // of all slivers that came
	seen    map[store.Ref]api.FrameKind // what the slivers came in
	slivers []rs2d.Sliver               // those that are neither verified nor staged
	sums    []*store.Sums               // of them
	bytes   int                         // of them
	arena   arena                       // where they lie
	stage   store.Stage                 // nil if none was staged

	partial []store.Entry // slivers of which pieces came
	pieces  []store.Piece // those that are not staged
	spare   [][]byte      // buffers for pieces
}

func newBundle(w *writer, r *request) *bundle {
	return bundleOf(w, r, framesOf(r))
}

// bundleOf returns a bundle of one among other blobs.
func bundleOf(w *writer, r *request, frames *api.FrameReader) *bundle {
	return &bundle{writer: w, r: r, frames: frames, seen: make(map[store.Ref]api.FrameKind), arena: arena{memory: &w.memory}}
}

// framesOf reads the frames of a body. The buffer is for their headers: what is longer than it
// goes past it.
func framesOf(r *request) *api.FrameReader {
	return api.NewFrameReader(bufio.NewReaderSize(r.Body, 16<<10))
}

// discard gives up what was staged and not applied, and the memory of slivers.
func (b *bundle) discard() {
	if b.stage != nil {
		b.stage.Discard()
	}
	b.slivers, b.sums = nil, nil
	b.arena.giveUp()
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
			return len(b.partial) == 0 || b.digest() && b.whole()
		}
		// What is last is not staged: it is written with all that makes the blob visible.
		if b.bytes >= digestBytes && !b.digest() || !b.take(h) {
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
	if b.meta, err = b.writer.blobs.keeper.Parse(b.r.id, b.raw); err != nil {
		b.writer.blobs.metrics.rejected.Inc()
		b.r.Fail(http.StatusUnprocessableEntity, err.Error())
		return false
	}
	if b.sizes, err = b.writer.blobs.sizes(b.meta.Length); err != nil {
		b.r.Fail(http.StatusUnprocessableEntity, err.Error())
		return false
	}
	longest := b.sizes[rs2d.Primary]
	b.arena.most = min(b.r.view.Weight(b.r.view.Member)*(longest+b.sizes[rs2d.Secondary]), digestBytes+longest)
	return true
}

// take reads the sliver of a frame, or the piece of one. If it cannot, it answers.
func (b *bundle) take(h api.FrameHeader) (ok bool) {
	ref := store.Ref{Axis: rs2d.Axis(h.Axis), Pair: int(h.Index)}
	if h.Kind != api.FrameSliver && h.Kind != api.FramePiece || ref.Pair >= b.writer.blobs.params.N {
		b.r.Fail(http.StatusBadRequest, "frame is no sliver of the blob")
		return false
	}
	if !b.r.owns(ref.Pair) {
		b.r.misdirected(fmt.Sprintf("pair %d is another node's", ref.Pair))
		return false
	}
	size, length := int64(b.sizes[ref.Axis]), int64(h.Length)
	if h.Kind == api.FrameSliver && length != size || int64(h.Item) > size-length {
		b.r.Fail(http.StatusBadRequest, "frame is no sliver of the blob, nor a piece of one")
		return false
	}
	before, known := b.seen[ref]
	if known && (before == api.FrameSliver || h.Kind == api.FrameSliver) {
		b.r.Fail(http.StatusBadRequest, "sliver is there twice")
		return false
	}
	if !known {
		b.seen[ref] = h.Kind
		b.entries = append(b.entries, store.Entry{Ref: ref, Size: size})
	}
	if h.Kind == api.FrameSliver {
		return b.sliver(ref)
	}
	if !known {
		b.partial = append(b.partial, store.Entry{Ref: ref, Size: size})
	}
	return b.piece(ref, h)
}

// sliver reads a whole sliver. If it cannot, it answers.
func (b *bundle) sliver(ref store.Ref) (ok bool) {
	data, sums, err := b.arena.take(b.frames, b.sizes[ref.Axis], b.moved)
	if err != nil {
		b.r.badBody(err)
		return false
	}
	b.slivers = append(b.slivers, rs2d.Sliver{SliverRef: placement.Ref(ref).Sliver(b.writer.blobs.params.N), Data: data})
	b.sums = append(b.sums, sums)
	b.bytes += len(data)
	return true
}

// moved notes where slivers lie.
func (b *bundle) moved(slivers []byte) {
	for i := range b.slivers {
		data := &b.slivers[i].Data
		*data, slivers = slivers[:len(*data)], slivers[len(*data):]
	}
}

// piece reads a piece of a sliver. If it cannot, it answers.
func (b *bundle) piece(ref store.Ref, h api.FrameHeader) (ok bool) {
	var buffer []byte
	if last := len(b.spare) - 1; last >= 0 {
		buffer, b.spare = b.spare[last], b.spare[:last]
	}
	data, err := b.frames.Body(buffer, b.sizes[ref.Axis])
	if err != nil {
		b.r.badBody(err)
		return false
	}
	b.pieces = append(b.pieces, store.Piece{Ref: ref, Size: int64(b.sizes[ref.Axis]), Off: int64(h.Item), Data: data})
	b.bytes += max(len(data), pieceCost)
	return true
}

// digest verifies and stages what has come. If it cannot, it answers.
func (b *bundle) digest() (ok bool) {
	b.r.Digest(func() (kept int64) {
		if ok = len(b.slivers) == 0 || b.writer.verify(b.r, b.meta, b.slivers); !ok {
			return 0
		}
		if b.stage == nil {
			b.stage = b.writer.blobs.store.Stage(b.r.id)
		}
		err := b.stage.Add(b.writer.stored(b.slivers, b.sums)...)
		if err == nil {
			err = b.stage.AddPieces(b.pieces...)
		}
		if err != nil {
			b.fail(err)
			ok = false
		}
		return b.stage.Held()
	})
	for _, p := range b.pieces {
		b.spare = append(b.spare, p.Data)
	}
	b.arena.clear()
	clear(b.pieces)
	b.slivers, b.sums, b.pieces, b.bytes = b.slivers[:0], b.sums[:0], b.pieces[:0], 0
	return ok
}

// fail answers for an error of the stage.
func (b *bundle) fail(err error) {
	if errors.Is(err, store.ErrPieces) {
		b.r.Fail(http.StatusBadRequest, err.Error())
		return
	}
	b.writer.blobs.fail(b.r, err)
}

// whole verifies slivers that came in pieces. Whoever waits for that hears now and then
// that it goes on. If it cannot, it answers.
func (b *bundle) whole() (ok bool) {
	b.spare = nil
	b.arena.giveUp()
	var buffer []byte
	var batch []rs2d.Sliver
	for i, e := range b.partial {
		if missing := b.stage.Missing(e.Ref); missing > 0 {
			b.r.Fail(http.StatusBadRequest, fmt.Sprintf("%d bytes of the %v are missing", missing, e.Ref))
			return false
		}
		start := len(buffer)
		var err error
		if buffer, err = b.stage.ReadBack(buffer, e.Ref); err != nil {
			b.fail(err)
			return false
		}
		batch = append(batch, rs2d.Sliver{
			SliverRef: placement.Ref(e.Ref).Sliver(b.writer.blobs.params.N), Data: buffer[start:len(buffer):len(buffer)],
		})
		if len(buffer) < digestBytes && i < len(b.partial)-1 {
			continue
		}
		if !b.writer.verify(b.r, b.meta, batch) {
			return false
		}
		buffer, batch = buffer[:0], batch[:0]
		b.r.WriteHeader(http.StatusProcessing)
	}
	return true
}
