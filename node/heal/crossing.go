package heal

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// crossing is the recovery of one blob's slivers of one axis. All its targets are
// recovered from the same sources.
type crossing struct {
	w      *work
	axis   rs2d.Axis
	open   []*target // not recovered yet
	proofs bool      // symbols are asked for with proofs
	have   map[int]map[rs2d.SliverRef]rs2d.Symbol
	bad    map[int]bool // sources not to ask any more
	own    map[int]bool // sources that are the node's

	state crossingState // of the round
}

// crossingState is what became of a crossing in a round.
type crossingState uint8

const (
	idle    crossingState = iota // there was nobody to ask
	waiting                      // not all symbols came
	stuck                        // all came, and are no use
	again                        // it goes on, with other sources or with proofs
)

// recoverAxis recovers and stores the missing slivers of one axis of many blobs.
func (p *pass) recoverAxis(ctx context.Context, works []*work, axis rs2d.Axis) {
	var open []*crossing
	var group errgroup.Group
	group.SetLimit(solvers)
	for _, w := range works {
		if len(w.missing[axis]) > 0 && !w.failed {
			c := &crossing{w: w, axis: axis, open: slices.Clone(w.missing[axis]), bad: make(map[int]bool)}
			open = append(open, c)
			group.Go(func() error {
				p.addOwn(c)
				return nil
			})
		}
	}
	_ = group.Wait()
	// Every round but the last excludes sources or begins to ask for proofs, so there
	// is an end.
	for len(open) > 0 && ctx.Err() == nil {
		p.round(ctx, open)
		open = slices.DeleteFunc(open, func(c *crossing) bool {
			return len(c.open) == 0 || c.w.failed || c.state == idle || c.state == stuck
		})
	}
}

// round asks for what the crossings lack. Each is solved, and what it gives stored, as
// soon as its last symbol is there.
func (p *pass) round(ctx context.Context, open []*crossing) {
	var group errgroup.Group
	group.SetLimit(solvers)
	p.ask(ctx, open, func(c *crossing) {
		group.Go(func() error {
			p.solve(ctx, c)
			return nil
		})
	})
	_ = group.Wait()
}

// addOwn adds the symbols that the node's own slivers of the other axis have, with
// proofs if those are needed.
func (p *pass) addOwn(c *crossing) {
	c.have = make(map[int]map[rs2d.SliverRef]rs2d.Symbol)
	c.own = make(map[int]bool)
	n := p.Committee.Params().N
	other := c.axis.Other()
	for _, pair := range p.Committee.Pairs(c.w.id, p.Member) {
		c.own[pair] = true
		data := p.ownSliver(c.w, store.Ref{Axis: other, Pair: pair})
		if data == nil {
			continue
		}
		s := rs2d.Sliver{SliverRef: placement.Ref{Axis: other, Pair: pair}.Sliver(n), Data: data}
		if symbols := p.symbolsOf(c, s); symbols != nil {
			c.have[pair] = symbols
		}
	}
}

// ownSliver returns a sliver that the node has on disk, or has just recovered.
func (p *pass) ownSliver(w *work, ref store.Ref) []byte {
	for _, t := range w.missing[ref.Axis] {
		if t.pair == ref.Pair {
			return t.data
		}
	}
	data, err := p.Store.Read(nil, w.id, ref, 0, -1)
	if err != nil {
		return nil
	}
	return data
}

// symbolsOf returns the symbols where open targets cross a sliver of the node's own.
func (p *pass) symbolsOf(c *crossing, s rs2d.Sliver) map[rs2d.SliverRef]rs2d.Symbol {
	symbols := make(map[rs2d.SliverRef]rs2d.Symbol, len(c.open))
	if c.proofs {
		prover, err := p.Code.NewProver(s)
		if err != nil {
			return nil
		}
		for _, t := range c.open {
			symbols[t.ref] = prover.Symbol(t.ref.Index)
		}
		return symbols
	}
	all, err := p.Code.Expand(s)
	if err != nil {
		return nil
	}
	for _, t := range c.open {
		symbol := rs2d.Symbol{Row: s.Index, Col: t.ref.Index, Data: all[t.ref.Index*c.w.size:][:c.w.size]}
		if s.Axis == rs2d.Secondary {
			symbol.Row, symbol.Col = symbol.Col, symbol.Row
		}
		symbols[t.ref] = symbol
	}
	return symbols
}

// need returns how many sources the targets of an axis take.
func (p *pass) need(axis rs2d.Axis) int {
	if axis == rs2d.Primary {
		return p.Committee.Params().S
	}
	return p.Committee.Params().P
}

// choose picks sources to ask, as many as are lacking: those of peers in good standing
// first, and of these such as hold source symbols of the targets, which need no
// decoding. Chance spreads the load over the peers.
func (p *pass) choose(c *crossing, standing []peer.Standing) []int {
	lacking := p.need(c.axis) - len(c.have)
	if lacking <= 0 {
		return nil
	}
	n := p.Committee.Params().N
	type candidate struct{ pair, rank int }
	var candidates []candidate
	for _, pair := range rand.Perm(n) {
		if c.own[pair] || c.bad[pair] || c.have[pair] != nil {
			continue
		}
		place := placement.Ref{Axis: c.axis.Other(), Pair: pair}.Sliver(n).Index
		rank := 2 * int(standing[p.Committee.OwnerOfPair(c.w.id, pair)])
		if place >= p.need(c.axis) {
			rank++
		}
		candidates = append(candidates, candidate{pair, rank})
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.rank, b.rank) })
	var pairs []int
	for _, candidate := range candidates[:min(lacking, len(candidates))] {
		pairs = append(pairs, candidate.pair)
	}
	return pairs
}
