package restore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/redstuff-go/redstuff/rs2d"
)

// expandFrom is the number of parity symbols from which on it is cheaper to
// extend a sliver once than to compute each symbol as a dot product.
const expandFrom = 32

// errTooFew: an axis has too few slivers for its intersections to rebuild another.
var errTooFew = errors.New("too few intersections")

// readOrRecover returns a sliver, verified, or rebuilt.
func readOrRecover(ctx context.Context, s *Store, ref rs2d.SliverRef) (rs2d.Sliver, error) {
	if s.problems[ref] == nil {
		got, err := s.collect(ctx, []rs2d.SliverRef{ref}, 1, s.progress.Silent())
		if err != nil {
			return rs2d.Sliver{}, err
		}
		if len(got) == 1 {
			return got[0], nil
		}
	}
	sliver, err := recoverOne(ctx, s, ref)
	if err == nil || ctx.Err() != nil || !s.quorum(ref.Axis.Other()) {
		return sliver, err
	}
	// Some helper is wrong. Find out which, and do without.
	helpers := s.usable(ref.Axis.Other())
	bar := s.progress.Bar("verifying", int64(len(helpers))*s.SliverSize(ref.Axis.Other()))
	defer bar.Done()
	if _, err := s.collect(ctx, helpers, 0, bar); err != nil {
		return rs2d.Sliver{}, err
	}
	return recoverOne(ctx, s, ref)
}

// recoverOne rebuilds a sliver from the first slivers of the other axis.
func recoverOne(ctx context.Context, s *Store, ref rs2d.SliverRef) (rs2d.Sliver, error) {
	other := ref.Axis.Other()
	if !s.quorum(other) {
		return rs2d.Sliver{}, errTooFew
	}
	symbols, err := intersections(ctx, s, ref.Axis, []int{ref.Index}, s.usable(other)[:s.Need(other)])
	if err != nil {
		return rs2d.Sliver{}, err
	}
	return s.Code.Recover(s.Meta(), ref, symbols[0])
}

// intersections returns, for each of the wanted slivers of the axis, its symbol in
// every helper, without proofs.
func intersections(ctx context.Context, s *Store, axis rs2d.Axis, wanted []int, helpers []rs2d.SliverRef) ([][]rs2d.Symbol, error) {
	symbols := make([][]rs2d.Symbol, len(wanted))
	for i := range symbols {
		symbols[i] = make([]rs2d.Symbol, len(helpers))
	}
	err := parallel(ctx, len(helpers), func(h int) error {
		data, err := symbolsOf(s, helpers[h], wanted)
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
func symbolsOf(s *Store, ref rs2d.SliverRef, places []int) ([][]byte, error) {
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
