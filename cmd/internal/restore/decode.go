package restore

import (
	"context"
	"errors"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Decode returns the blob. It first tries the first slivers it finds, as most
// directories are whole; only if they turn out to be wrong does it look at every
// sliver by itself. Problems tells which slivers it had to do without. Errors are
// those of rs2d.Code.Decode, or an *UnreadableError.
func (s *Store) Decode(ctx context.Context, check rs2d.Check) ([]byte, error) {
	blob, err := s.decode(ctx, check, false)
	var few *rs2d.NotEnoughError
	if check == rs2d.CheckNone || !errors.As(err, &few) {
		return blob, s.explain(err)
	}
	blob, err = s.decode(ctx, check, true)
	return blob, s.explain(err)
}

// decode decodes from as few slivers as are enough, with each of them verified
// first or not.
func (s *Store) decode(ctx context.Context, check rs2d.Check, verify bool) ([]byte, error) {
	slivers, err := s.gather(ctx, verify)
	if err != nil {
		return nil, err
	}
	return ui.Wait(ctx, s.progress, "decoding", func() ([]byte, error) {
		return s.Code.Decode(s.Meta(), slivers, check)
	})
}

// gather reads as many slivers of one axis as decode the blob, or if neither has
// so many, all there are: with what is known of padding they may still be enough.
func (s *Store) gather(ctx context.Context, verify bool) ([]rs2d.Sliver, error) {
	bar := s.progress.Bar("reading", s.MatrixSize())
	defer bar.Done()
	order := axes
	if !s.quorum(rs2d.Primary) && s.quorum(rs2d.Secondary) {
		order = [...]rs2d.Axis{rs2d.Secondary, rs2d.Primary}
	}
	var all []rs2d.Sliver
	for _, axis := range order {
		need := s.Need(axis)
		got, err := s.collect(ctx, s.usable(axis), need, verify, bar)
		if err != nil {
			return nil, err
		}
		if len(got) == need {
			return got, nil
		}
		all = append(all, got...)
	}
	return all, nil
}
