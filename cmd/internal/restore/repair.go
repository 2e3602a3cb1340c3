package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/redstuff-go/redstuff/cmd/internal/sliverdir"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/rs2d"
)

const (
	// groupBytes bounds the symbols that are held to rebuild slivers together.
	groupBytes = 64 << 20

	// expandFrom is the number of parity symbols from which on it is cheaper to
	// extend a sliver once than to compute each symbol as a dot product.
	expandFrom = 32
)

// Repaired tells what a repair did.
type Repaired struct {
	Slivers  []rs2d.SliverRef // those rebuilt
	Failed   []Problem        // those that cannot be written, with the reason
	Pairs    int              // how many sliver pairs they belong to
	Moved    int64            // bytes of the symbols they were rebuilt from
	Moved1D  int64            // bytes that a one-dimensional code would have moved
	WholeWay bool             // intersections were too few: blob decoded and encoded again
}

// Repair verifies every sliver and rebuilds those that are missing or corrupt, each
// from one symbol of each of just enough slivers of the other axis. If neither axis
// has enough, it decodes the blob from all there is, and encodes it again; then its
// errors are those of rs2d.Code.Decode, or an *UnreadableError.
//
// One that cannot be written, because of what has its name, does not keep the others
// from being rebuilt.
//
// A quorum of either axis rebuilds the other one whole, which then rebuilds the
// first.
func (s *Store) Repair(ctx context.Context) (*Repaired, error) {
	_ = s.Sweep() // what is left of a repair that was killed harms nobody
	if err := s.Verify(ctx); err != nil {
		return nil, err
	}
	r := &Repaired{}
	pairs := map[int]bool{}
	wrong := s.Problems()
	for _, p := range wrong {
		pairs[p.Ref.Pair(s.Params().N)] = true
	}
	if len(wrong) == 0 {
		return r, nil
	}
	// A shard that heals by itself fetches, in one dimension, as many shards as
	// decode the blob: the whole of it.
	r.Pairs = len(pairs)
	r.Moved1D = int64(r.Pairs) * s.MatrixSize()

	order := axes
	if !s.quorum(rs2d.Secondary) {
		order = [...]rs2d.Axis{rs2d.Secondary, rs2d.Primary}
	}
	failed := map[rs2d.SliverRef]error{}
	for _, axis := range order {
		var err error
		if s.quorum(axis.Other()) {
			err = s.rebuild(ctx, axis, r, failed)
		} else {
			err = s.reencode(ctx, r, failed)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, p := range wrong {
		if err := failed[p.Ref]; err != nil {
			r.Failed = append(r.Failed, Problem{p.Ref, err})
		} else {
			r.Slivers = append(r.Slivers, p.Ref)
		}
	}
	return r, nil
}

// write writes a rebuilt sliver. An error that is about its name alone goes to failed:
// whoever may not replace one file may replace others. mu guards what is changed.
func (s *Store) write(ctx context.Context, sliver rs2d.Sliver, mu *sync.Mutex, failed map[rs2d.SliverRef]error) error {
	err := s.Write(ctx, sliver)
	mu.Lock()
	defer mu.Unlock()
	switch {
	case err == nil:
		delete(s.problems, sliver.SliverRef)
	case errors.Is(err, sliverdir.ErrDirectory), errors.Is(err, fs.ErrPermission):
		failed[sliver.SliverRef] = err
	default:
		return err
	}
	return nil
}

// lost lists the unusable slivers of the axis, but not those that could not be written.
func (s *Store) lost(axis rs2d.Axis, failed map[rs2d.SliverRef]error) []int {
	var lost []int
	for _, ref := range s.Refs(axis) {
		if s.problems[ref] != nil && failed[ref] == nil {
			lost = append(lost, ref.Index)
		}
	}
	return lost
}

// quorum reports whether the axis has slivers enough to rebuild the other one from.
func (s *Store) quorum(axis rs2d.Axis) bool { return len(s.usable(axis)) >= s.Need(axis) }

// rebuild rebuilds the unusable slivers of one axis from the other.
func (s *Store) rebuild(ctx context.Context, axis rs2d.Axis, r *Repaired, failed map[rs2d.SliverRef]error) error {
	lost := s.lost(axis, failed)
	if len(lost) == 0 {
		return nil
	}
	helpers := s.usable(axis.Other())[:s.Need(axis.Other())]
	bar := s.progress.Bar("rebuilding", int64(len(lost))*s.SliverSize(axis))
	defer bar.Done()
	size := int(max(groupBytes/s.SliverSize(axis), 1))
	for group := range slices.Chunk(lost, size) {
		symbols, err := s.intersections(ctx, axis, group, helpers)
		if err != nil {
			return err
		}
		var mu sync.Mutex
		err = parallel(ctx, len(group), func(i int) error {
			want := rs2d.SliverRef{Axis: axis, Index: group[i]}
			sliver, err := s.Code.Recover(s.Meta(), want, symbols[i])
			if err == nil {
				err = s.write(ctx, sliver, &mu, failed)
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

// intersections returns, for each of the wanted slivers of the axis, its symbol in
// every helper, without proofs.
func (s *Store) intersections(ctx context.Context, axis rs2d.Axis, wanted []int, helpers []rs2d.SliverRef) ([][]rs2d.Symbol, error) {
	symbols := make([][]rs2d.Symbol, len(wanted))
	for i := range symbols {
		symbols[i] = make([]rs2d.Symbol, len(helpers))
	}
	err := parallel(ctx, len(helpers), func(h int) error {
		data, err := s.symbolsOf(helpers[h], wanted)
		if err != nil {
			return fmt.Errorf("%s: %w", s.File(helpers[h]), err)
		}
		for i, index := range wanted {
			symbol := rs2d.Symbol{Row: index, Col: helpers[h].Index, Data: data[i]}
			if axis == rs2d.Secondary {
				symbol.Row, symbol.Col = symbol.Col, symbol.Row
			}
			symbols[i][h] = symbol
		}
		return nil
	})
	return symbols, err
}

// symbolsOf returns the symbols at the given places along a sliver, in ascending
// order. Those it stores are read by themselves; for parity it is read whole.
func (s *Store) symbolsOf(ref rs2d.SliverRef, places []int) ([][]byte, error) {
	stored, _ := slices.BinarySearch(places, s.Need(ref.Axis.Other()))
	symbols, err := s.ReadSymbols(ref, places[:stored])
	if err != nil || stored == len(places) {
		return symbols, err
	}
	sliver, err := s.Read(ref)
	if err != nil {
		return nil, err
	}
	parity := places[stored:]
	if len(parity) >= expandFrom {
		all, err := s.Code.Expand(sliver)
		if err != nil {
			return nil, err
		}
		for _, i := range parity {
			symbols = append(symbols, all[i*s.SymbolSize():][:s.SymbolSize()])
		}
		return symbols, nil
	}
	for _, i := range parity {
		symbol, err := s.Code.Symbol(sliver, i)
		if err != nil {
			return nil, err
		}
		symbols = append(symbols, symbol.Data)
	}
	return symbols, nil
}

// reencode rebuilds the unusable slivers of both axes through the blob.
func (s *Store) reencode(ctx context.Context, r *Repaired, failed map[rs2d.SliverRef]error) error {
	var lost []rs2d.SliverRef
	for _, axis := range axes {
		for _, i := range s.lost(axis, failed) {
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
	var mu sync.Mutex
	return parallel(ctx, len(lost), func(i int) error {
		if err := s.write(ctx, encoding.Sliver(lost[i]), &mu, failed); err != nil {
			return fmt.Errorf("rebuilding %s: %w", s.File(lost[i]), err)
		}
		return nil
	})
}

// parallel calls piece for every i < n on all CPUs until one fails.
func parallel(ctx context.Context, n int, piece func(i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), n) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := piece(i); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}
