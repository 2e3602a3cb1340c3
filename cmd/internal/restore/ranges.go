package restore

import (
	"context"
	"errors"
	"io"

	"github.com/redstuff-go/redstuff/rs2d"
)

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
		sliver, err := s.sliver(ctx, ref)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return s.copyDecoded(ctx, w, from, end)
		}
		if _, err := w.Write(sliver.Data[from%row:][:to-from]); err != nil {
			return err
		}
	}
	return nil
}

// copyDecoded writes the bytes [from, to) of the decoded blob.
func (s *Store) copyDecoded(ctx context.Context, w io.Writer, from, to uint64) error {
	blob, err := s.Decode(ctx, rs2d.CheckStrict)
	if err == nil {
		_, err = w.Write(blob[from:to])
	}
	return err
}

// errTooFew: an axis has too few slivers for its intersections to rebuild another.
var errTooFew = errors.New("too few intersections")

// sliver returns a sliver, verified, or rebuilt.
func (s *Store) sliver(ctx context.Context, ref rs2d.SliverRef) (rs2d.Sliver, error) {
	if s.problems[ref] == nil {
		got, err := s.collect(ctx, []rs2d.SliverRef{ref}, 1, true, s.progress.Bar("", 0))
		if err != nil {
			return rs2d.Sliver{}, err
		}
		if len(got) == 1 {
			return got[0], nil
		}
	}
	sliver, err := s.recover(ctx, ref)
	if err == nil || ctx.Err() != nil || !s.quorum(ref.Axis.Other()) {
		return sliver, err
	}
	// A helper lied. Find out which, and do without.
	helpers := s.usable(ref.Axis.Other())
	bar := s.progress.Bar("verifying", int64(len(helpers))*s.SliverSize(ref.Axis.Other()))
	defer bar.Done()
	if _, err := s.collect(ctx, helpers, 0, true, bar); err != nil {
		return rs2d.Sliver{}, err
	}
	return s.recover(ctx, ref)
}

// recover rebuilds a sliver from the first slivers of the other axis.
func (s *Store) recover(ctx context.Context, ref rs2d.SliverRef) (rs2d.Sliver, error) {
	other := ref.Axis.Other()
	if !s.quorum(other) {
		return rs2d.Sliver{}, errTooFew
	}
	symbols, err := s.intersections(ctx, ref.Axis, []int{ref.Index}, s.usable(other)[:s.Need(other)])
	if err != nil {
		return rs2d.Sliver{}, err
	}
	return s.Code.Recover(s.Meta(), ref, symbols[0])
}
