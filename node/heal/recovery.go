package heal

import (
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// recovery is that of one blob's slivers of one axis. All its targets are recovered
// from the same sources: each source is a sliver of the other axis, which crosses all
// targets. Its fields belong to the exchange, and to the solver while it is solving.
type recovery struct {
	*batch
	blob   *blob
	axis   rs2d.Axis
	open   []*target // not recovered yet
	proofs bool      // symbols are needed with proofs
	have   map[int]map[rs2d.SliverRef]rs2d.Symbol
	bad    map[int]bool            // sources not to ask any more
	failed map[int]int             // how many of those who may have a source have not given it
	own    map[int]bool            // sources that are the node's
	asked  map[int]*symbolRequests // sources that are asked for

	proven  bool // the exchange knows that proofs are needed
	solving bool // enough symbols are there
	done    bool // or given up
}

// need returns how many sources the targets take.
func (v *recovery) need() int {
	if v.axis == rs2d.Primary {
		return v.view.Params().S
	}
	return v.view.Params().P
}

// addOwn makes the recovery begin with the symbols that the node's own slivers of the
// other axis have, with proofs if those are needed.
func (v *recovery) addOwn() {
	v.have = make(map[int]map[rs2d.SliverRef]rs2d.Symbol)
	v.own = make(map[int]bool)
	n := v.view.Params().N
	other := v.axis.Other()
	pairs := v.view.Pairs(v.blob.id, v.view.Member)
	var mu sync.Mutex
	var group sync.WaitGroup
	for i, pair := range append(pairs, v.view.Had(v.blob.id)...) {
		own := i < len(pairs) // others of which the node has nothing are asked for
		mu.Lock()
		v.own[pair] = own
		mu.Unlock()
		if v.bad[pair] {
			continue
		}
		v.turns <- struct{}{}
		group.Go(func() {
			defer func() { <-v.turns }()
			ref := placement.Ref{Axis: other, Pair: pair}
			data := v.ownSliver(store.Ref(ref))
			if data == nil {
				return
			}
			symbols := v.symbolsOf(rs2d.Sliver{SliverRef: ref.Sliver(n), Data: data})
			mu.Lock()
			defer mu.Unlock()
			if v.own[pair] = true; symbols != nil {
				v.have[pair] = symbols
			}
		})
	}
	group.Wait()
}

// surely has a symbol be one of those that the target is computed from.
func (v *recovery) surely(pair int, target rs2d.SliverRef, symbol rs2d.Symbol) {
	for other := range v.have {
		if len(v.have) < v.need() {
			break
		}
		delete(v.have, other)
	}
	v.have[pair] = map[rs2d.SliverRef]rs2d.Symbol{target: symbol}
}

// ownSliver returns a sliver that the node has on disk, or has just recovered.
func (v *recovery) ownSliver(ref store.Ref) []byte {
	for _, t := range v.blob.missing[ref.Axis] {
		if t.pair == ref.Pair && t.data != nil {
			return t.data
		}
	}
	if !v.blob.stored[ref] {
		return nil
	}
	data, err := v.config.Store.Read(nil, v.blob.id, ref, 0, -1)
	if err != nil {
		return nil
	}
	return data
}

// fewSymbols is the part of all n symbols of a sliver, one in so many, up to which they
// take less time one by one than all together.
const fewSymbols = 32

// symbolsOf returns the symbols where open targets cross a sliver of the node's own.
func (v *recovery) symbolsOf(s rs2d.Sliver) map[rs2d.SliverRef]rs2d.Symbol {
	symbols := make(map[rs2d.SliverRef]rs2d.Symbol, len(v.open))
	if v.proofs {
		prover, err := v.config.Code.NewProver(s)
		if err != nil {
			return nil
		}
		for _, t := range v.open {
			symbols[t.ref] = prover.Symbol(t.ref.Index)
		}
		return symbols
	}
	if n := v.view.Params().N; len(v.open) <= n/fewSymbols {
		for _, t := range v.open {
			symbol, err := v.config.Code.Symbol(s, t.ref.Index)
			if err != nil {
				return nil
			}
			symbols[t.ref] = symbol
		}
		return symbols
	}
	all, err := v.config.Code.Expand(s)
	if err != nil {
		return nil
	}
	for _, t := range v.open {
		// A copy does not keep the symbols of all others in memory.
		data := slices.Clone(all[t.ref.Index*v.blob.size:][:v.blob.size])
		symbol := rs2d.Symbol{Row: s.Index, Col: t.ref.Index, Data: data}
		if s.Axis == rs2d.Secondary {
			symbol.Row, symbol.Col = symbol.Col, symbol.Row
		}
		symbols[t.ref] = symbol
	}
	return symbols
}

// holder returns the place of the peer to ask for a source, or -1 if there is none.
func (v *recovery) holder(pair int) int { return v.view.Holder(v.blob.id, pair, v.failed[pair]) }

// next gives up who was asked for a source. Another one may have it while shards move.
func (v *recovery) next(pair int) {
	if v.failed[pair]++; v.own[pair] || v.holder(pair) < 0 {
		v.bad[pair] = true
	}
}

// lacking returns how many sources are neither there nor asked for in time.
func (v *recovery) lacking() int {
	lacking := v.need() - len(v.have)
	for _, o := range v.asked {
		if !o.call.Late() {
			lacking--
		}
	}
	return lacking
}

// choose picks sources to ask for, as many as are lacking: those of peers in good
// health first, and of these such as hold source symbols of the targets, which need
// no decoding.
func (v *recovery) choose(health []peer.Health) []int {
	lacking := v.lacking()
	if lacking <= 0 {
		return nil
	}
	n := v.view.Params().N
	var candidates []int
	for pair := range n {
		if !v.own[pair] && !v.bad[pair] && v.have[pair] == nil && v.asked[pair] == nil && v.holder(pair) >= 0 {
			candidates = append(candidates, pair)
		}
	}
	other, need := v.axis.Other(), v.need()
	peer.Rank(candidates, func(pair int) (peer.Health, int) {
		class := 0
		if (placement.Ref{Axis: other, Pair: pair}).Sliver(n).Index >= need {
			class = 1
		}
		return health[v.holder(pair)], class
	})
	return slices.Clip(candidates[:min(lacking, len(candidates))])
}
