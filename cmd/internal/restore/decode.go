package restore

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/rs2d"
)

// DecodeTo writes the blob to w, front to back, from any slivers that are enough, in
// bounded memory. Problems tells which slivers it had to do without. Options and errors
// are those of rs2d.Code.DecodeTo, or an *UnreadableError.
func (s *Store) DecodeTo(ctx context.Context, w io.Writer, check rs2d.Check, opts ...rs2d.StreamOption) error {
	var bar *ui.Bar
	shown := int64(0)
	opts = append(opts,
		rs2d.Progress(func(done, total int64) {
			if bar == nil {
				bar = s.progress.Bar("decoding", total)
			}
			bar.Add(int(max(0, done-shown)))
			shown = max(shown, done)
		}),
		rs2d.ReportRejected(func(ref rs2d.SliverRef, why error) {
			if errors.Is(why, rs2d.ErrRoot) {
				why = ErrCorrupt
			}
			s.problems[ref] = why
		}))
	have := append(s.usable(rs2d.Primary), s.usable(rs2d.Secondary)...)
	err := s.Code.DecodeTo(ctx, w, s.Meta(), s.Dir, have, check, opts...)
	if bar != nil {
		bar.Done()
	}
	return s.explain(err)
}

// Decode is DecodeTo into memory.
func (s *Store) Decode(ctx context.Context, check rs2d.Check) ([]byte, error) {
	var out buffer
	if err := s.DecodeTo(ctx, &out, check, rs2d.ReadBack(&out)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// buffer is a file in memory.
type buffer struct{ bytes.Buffer }

func (b *buffer) ReadAt(dst []byte, off int64) (int, error) {
	return bytes.NewReader(b.Bytes()).ReadAt(dst, off)
}

// CopyRange writes length bytes of the blob, from offset on, which must lie within
// it. It reads the primary slivers that cover them, one at a time, and verifies
// each. One that is unusable is rebuilt from its intersections; if those do not
// suffice, the whole blob is decoded.
func (s *Store) CopyRange(ctx context.Context, w io.Writer, offset, length uint64) error {
	refs, err := rs2d.RangeSlivers(s.Meta(), offset, length)
	if err != nil {
		return err
	}
	row, end := uint64(s.SliverSize(rs2d.Primary)), offset+length
	for _, ref := range refs {
		from := max(offset, uint64(ref.Index)*row)
		to := min(end, uint64(ref.Index+1)*row)
		sliver, err := readOrRecover(ctx, s, ref)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return s.DecodeTo(ctx, &section{w: w, skip: from, left: end - from}, rs2d.CheckStrict)
		}
		if _, err := w.Write(sliver.Data[from%row:][:to-from]); err != nil {
			return err
		}
	}
	return nil
}

// section writes a part of what is written to it.
type section struct {
	w          io.Writer
	skip, left uint64 // bytes before the part, and of it
}

func (s *section) Write(data []byte) (int, error) {
	skipped := min(s.skip, uint64(len(data)))
	s.skip -= skipped
	part := data[skipped:]
	part = part[:min(s.left, uint64(len(part)))]
	s.left -= uint64(len(part))
	if len(part) > 0 {
		if n, err := s.w.Write(part); err != nil {
			return int(skipped) + n, err
		}
	}
	return len(data), nil
}
