package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/cmd/internal/sliverdir"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/rs2d"
)

// groupBytes bounds the symbols that are held to rebuild slivers together.
const groupBytes = 64 << 20

// Repaired tells what a repair did.
type Repaired struct {
	Slivers  []rs2d.SliverRef // those rebuilt
	Failed   []Problem        // those that cannot be written, with the reason
	Pairs    int              // how many sliver pairs they belong to
	Moved    int64            // bytes of the symbols they were rebuilt from
	Moved1D  int64            // bytes that a one-dimensional code would have moved
	WholeWay bool             // intersections were too few: blob decoded and encoded again
}

// repair is one call of Repair.
type repair struct {
	store *Store
	Repaired

	mu     sync.Mutex // of what goroutines change: failed, and the store's problems
	failed map[rs2d.SliverRef]error
}

// run repairs the directory.
func (r *repair) run(ctx context.Context) error {
	s := r.store
	_ = s.Sweep() // what is left of a repair that was killed harms nobody
	if err := s.Verify(ctx); err != nil {
		return err
	}
	pairs := map[int]bool{}
	wrong := s.Problems()
	for _, p := range wrong {
		pairs[p.Ref.Pair(s.Params().N)] = true
	}
	if len(wrong) == 0 {
		return nil
	}
	// A shard that heals by itself fetches, in one dimension, as many shards as
	// decode the blob: the whole of it.
	r.Pairs = len(pairs)
	r.Moved1D = int64(r.Pairs) * s.MatrixSize()

	order := axes
	if !s.quorum(rs2d.Secondary) {
		order = [...]rs2d.Axis{rs2d.Secondary, rs2d.Primary}
	}
	for _, axis := range order {
		rebuild := r.rebuild
		if !s.quorum(axis.Other()) {
			rebuild = r.reencode
		}
		if err := rebuild(ctx, axis); err != nil {
			return err
		}
	}
	for _, p := range wrong {
		if err := r.failed[p.Ref]; err != nil {
			r.Failed = append(r.Failed, Problem{p.Ref, err})
		} else {
			r.Slivers = append(r.Slivers, p.Ref)
		}
	}
	return nil
}

// write writes a rebuilt sliver. An error that is about its name alone goes to failed:
// whoever may not replace one file may replace others.
func (r *repair) write(ctx context.Context, sliver rs2d.Sliver) error {
	err := r.store.Write(ctx, sliver)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		delete(r.store.problems, sliver.SliverRef)
	case errors.Is(err, sliverdir.ErrDirectory), errors.Is(err, fs.ErrPermission):
		r.failed[sliver.SliverRef] = err
	default:
		return err
	}
	return nil
}

// lost lists the unusable slivers of the axis, but not those that could not be written.
func (r *repair) lost(axis rs2d.Axis) []int {
	var lost []int
	for _, ref := range r.store.Refs(axis) {
		if r.store.problems[ref] != nil && r.failed[ref] == nil {
			lost = append(lost, ref.Index)
		}
	}
	return lost
}

// rebuild rebuilds the unusable slivers of one axis from the other.
func (r *repair) rebuild(ctx context.Context, axis rs2d.Axis) error {
	s, lost := r.store, r.lost(axis)
	if len(lost) == 0 {
		return nil
	}
	helpers := s.usable(axis.Other())[:s.Need(axis.Other())]
	bar := s.progress.Bar("rebuilding", int64(len(lost))*s.SliverSize(axis))
	defer bar.Done()
	size := int(max(groupBytes/s.SliverSize(axis), 1))
	for group := range slices.Chunk(lost, size) {
		symbols, err := intersections(ctx, s, axis, group, helpers)
		if err != nil {
			return err
		}
		err = parallel(ctx, len(group), func(i int) error {
			want := rs2d.SliverRef{Axis: axis, Index: group[i]}
			sliver, err := s.Code.Recover(s.Meta(), want, symbols[i])
			if err == nil {
				err = r.write(ctx, sliver)
			}
			if err != nil {
				return fmt.Errorf("rebuilding %s: %w", s.File(want), err)
			}
			bar.Add(len(sliver.Data))
			return nil
		})
		if err != nil {
			return err
		}
		r.Moved += int64(len(group)) * s.SliverSize(axis)
	}
	return nil
}

// reencode rebuilds the unusable slivers of both axes through the blob.
func (r *repair) reencode(ctx context.Context, _ rs2d.Axis) error {
	s := r.store
	var lost []rs2d.SliverRef
	for _, axis := range axes {
		for _, i := range r.lost(axis) {
			lost = append(lost, rs2d.SliverRef{Axis: axis, Index: i})
		}
	}
	if len(lost) == 0 {
		return nil
	}
	r.WholeWay = true
	blob, err := s.Decode(ctx, rs2d.CheckStrict)
	if err != nil {
		return err
	}
	for _, axis := range axes {
		r.Moved += int64(len(s.usable(axis))) * s.SliverSize(axis)
	}
	encoding, err := ui.Wait(ctx, s.progress, "encoding", func() (*rs2d.Encoding, error) {
		return s.Code.Encode(blob)
	})
	if err != nil {
		return err
	}
	return parallel(ctx, len(lost), func(i int) error {
		if err := r.write(ctx, encoding.Sliver(lost[i])); err != nil {
			return fmt.Errorf("rebuilding %s: %w", s.File(lost[i]), err)
		}
		return nil
	})
}
