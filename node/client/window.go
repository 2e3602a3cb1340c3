package client

import (
	"context"
	"errors"

	"github.com/redstuff-go/redstuff/rs2d"
)

// errEnough ends a decoding of which the wanted part is there.
var errEnough = errors.New("client: the rest is not wanted")

// window keeps a part of what is written front to back.
type window struct {
	part []byte
	from uint64 // where it begins
	at   uint64 // bytes that were written
}

// Write returns errEnough once the part is there.
func (w *window) Write(data []byte) (int, error) {
	end, next := w.from+uint64(len(w.part)), w.at+uint64(len(data))
	if lo, hi := max(w.at, w.from), min(next, end); lo < hi {
		copy(w.part[lo-w.from:], data[lo-w.at:hi-w.at])
	}
	if w.at = next; next >= end {
		return len(data), errEnough
	}
	return len(data), nil
}

// recoverPart returns n bytes of the blob from off on although nodes do not give the rows
// that hold them. All the blob is decoded up to there, a few columns at a time.
func recoverPart(ctx context.Context, r *reading, off, n uint64) ([]byte, error) {
	row := int64(r.view.Params().S * r.size)
	most := min(streamDecode, int64(r.view.Params().P)*row)
	memory, err := r.memory.reserve(ctx, most+2*row+int64(n))
	if err != nil {
		return nil, err
	}
	defer memory.release()
	w := &window{part: make([]byte, n), from: off}
	src := &remote{reading: r, ctx: ctx, left: make(map[int]error)}
	err = r.code.DecodeTo(ctx, w, r.meta, src, everything(r), rs2d.CheckSystematic, rs2d.MaxMemory(most), rs2d.ReportRejected(src.rejected))
	if errors.Is(err, errEnough) {
		return w.part, nil
	}
	return nil, src.failure(ctx, err)
}
