package heal

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
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
}

// recoverAxis recovers the missing slivers of one axis of many blobs.
func (p *pass) recoverAxis(ctx context.Context, works []*work, axis rs2d.Axis) {
	var open []*crossing
	for _, w := range works {
		if len(w.missing[axis]) > 0 && !w.failed {
			c := &crossing{w: w, axis: axis, open: slices.Clone(w.missing[axis]), bad: make(map[int]bool)}
			p.addOwn(c)
			open = append(open, c)
		}
	}
	// Every round but the last excludes sources or begins to ask for proofs, so there
	// is an end.
	for len(open) > 0 && ctx.Err() == nil {
		asked := p.ask(ctx, open)
		open = slices.DeleteFunc(open, func(c *crossing) bool {
			again := p.solve(ctx, c)
			return len(c.open) == 0 || c.w.failed || !again && !asked[c]
		})
	}
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
		primary, secondary := rs2d.PairSlivers(pair, n)
		s := rs2d.Sliver{SliverRef: primary, Data: data}
		if other == rs2d.Secondary {
			s.SliverRef = secondary
		}
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
		primary, secondary := rs2d.PairSlivers(pair, n)
		place := primary.Index
		if c.axis == rs2d.Primary {
			place = secondary.Index
		}
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

// ask asks all peers at once for what the crossings lack, and waits. It returns those
// for which anything was asked.
func (p *pass) ask(ctx context.Context, open []*crossing) (asked map[*crossing]bool) {
	asked = make(map[*crossing]bool)
	standing := make([]peer.Standing, len(p.Peers))
	for i, remote := range p.Peers {
		if remote != nil {
			standing[i] = remote.Standing()
		}
	}
	orders := make([]order, len(p.Peers))
	for _, c := range open {
		byPeer := make(map[int][]uint16)
		for _, pair := range p.choose(c, standing) {
			member := p.Committee.OwnerOfPair(c.w.id, pair)
			byPeer[member] = append(byPeer[member], uint16(pair))
			asked[c] = true
		}
		targets := make([]uint16, len(c.open))
		for i, t := range c.open {
			targets[i] = uint16(t.ref.Index)
		}
		for member, sources := range byPeer {
			orders[member].add(c, api.SymbolRequest{
				Blob: c.w.id, Axis: c.axis, Proofs: c.proofs, Targets: targets, Sources: sources,
			})
		}
	}

	var group sync.WaitGroup
	for member, o := range orders {
		if len(o.requests) > 0 {
			group.Go(func() { p.deliver(ctx, p.Peers[member], o) })
		}
	}
	group.Wait()
	return asked
}

// order is what one peer is asked for.
type order struct {
	requests  []api.SymbolRequest
	crossings []*crossing // of each request
}

// Bounds of what is asked for at once, well below those of package api: of one request
// and of all requests in one body.
const (
	symbolsOfRequest = api.MaxSymbols / 4
	symbolsOfBody    = api.MaxSymbols / 2
	indicesOfBody    = api.MaxRequestBody / 8
	requestsOfBody   = api.MaxItems / 4
)

// add adds a request, in parts if it asks for very much.
func (o *order) add(c *crossing, r api.SymbolRequest) {
	for part := range slices.Chunk(r.Sources, max(1, symbolsOfRequest/len(r.Targets))) {
		r.Sources = part
		o.requests, o.crossings = append(o.requests, r), append(o.crossings, c)
	}
}

// next returns how many of the requests go into the next body.
func (o *order) next() (count int) {
	symbols, indices := 0, 0
	for _, r := range o.requests {
		symbols += len(r.Targets) * len(r.Sources)
		indices += len(r.Targets) + len(r.Sources)
		if count > 0 && (symbols > symbolsOfBody || indices > indicesOfBody || count == requestsOfBody) {
			break
		}
		count++
	}
	return count
}

// deliver asks a peer for all of an order. What has not come is to be asked of others.
func (p *pass) deliver(ctx context.Context, remote *peer.Peer, o order) {
	var err error
	for len(o.requests) > 0 {
		count := o.next()
		requests, crossings := o.requests[:count], o.crossings[:count]
		o.requests, o.crossings = o.requests[count:], o.crossings[count:]
		if err == nil {
			err = p.request(ctx, remote, requests, crossings)
		}
		p.mu.Lock()
		for i, r := range requests {
			for _, pair := range r.Sources {
				if crossings[i].have[int(pair)] == nil {
					crossings[i].bad[int(pair)] = true
				}
			}
		}
		p.mu.Unlock()
	}
	if err == nil {
		return
	}
	p.Logger.Debug("no symbols", "peer", remote.Name(), "error", err)
	if errors.Is(err, peer.ErrLied) {
		remote.Distrust()
		p.count(func(r *Report) { r.Lies++ })
	} else {
		remote.Fail()
	}
}

// request makes requests in one body, and takes what comes.
func (p *pass) request(ctx context.Context, remote *peer.Peer, requests []api.SymbolRequest, crossings []*crossing) error {
	sizes := make([]int, len(requests))
	for i, c := range crossings {
		sizes[i] = c.w.size
	}
	return remote.Symbols(ctx, requests, sizes, func(b peer.SymbolBatch) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.receive(crossings[b.Item], b)
		return nil
	})
}

// receive takes symbols from a source, and counts their bytes.
func (p *pass) receive(c *crossing, b peer.SymbolBatch) {
	proofs := 0
	symbols := make(map[rs2d.SliverRef]rs2d.Symbol, len(b.Symbols))
	for _, s := range b.Symbols {
		proofs += len(s.Proof) * commit.HashSize
		symbols[s.At(c.axis)] = s
	}
	p.report.ProofBytes += int64(proofs)
	p.report.SymbolBytes += int64(b.Bytes - proofs)
	c.have[b.Pair] = symbols
}

// solve recovers the open targets of a crossing that has enough symbols. It reports
// whether another round may help for a reason other than that sources were excluded.
func (p *pass) solve(ctx context.Context, c *crossing) (again bool) {
	if len(c.have) < p.need(c.axis) {
		return false
	}
	sources := make([]int, 0, len(c.have))
	for pair := range c.have {
		sources = append(sources, pair)
	}
	slices.Sort(sources)
	var mu sync.Mutex
	var group sync.WaitGroup
	turns := make(chan struct{}, solvers)
	var verdict *rs2d.InconsistencyProof
	wantProofs := false
	liars := make(map[int]bool)
	for _, t := range c.open {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			symbols := make([]rs2d.Symbol, 0, len(sources))
			for _, pair := range sources {
				symbols = append(symbols, c.have[pair][t.ref])
			}
			sliver, refused, err := p.Code.RecoverReport(c.w.meta, t.ref, symbols)
			mu.Lock()
			defer mu.Unlock()
			for _, e := range refused {
				liars[p.pairOf(c.axis, e)] = true
			}
			var inconsistent *rs2d.InconsistentError
			var unproven *rs2d.ProofsNeededError
			switch {
			case err == nil:
				t.data = sliver.Data
			case errors.As(err, &inconsistent):
				verdict = inconsistent.Proof
			case errors.As(err, &unproven):
				wantProofs = true
			}
		})
	}
	group.Wait()
	c.open = slices.DeleteFunc(c.open, func(t *target) bool { return t.data != nil })
	for pair := range liars {
		if c.own[pair] {
			// The disk gave back something else than was stored, and its checksum.
			p.Logger.Error("own sliver is wrong", "blob", c.w.id, "pair", pair)
		} else {
			member := p.Committee.OwnerOfPair(c.w.id, pair)
			p.Peers[member].Distrust()
			p.Logger.Warn("wrong symbols", "peer", p.Peers[member].Name(), "blob", c.w.id, "pair", pair)
		}
		p.count(func(r *Report) { r.Lies++ })
		c.bad[pair] = true
		delete(c.have, pair)
		again = true
	}
	switch {
	case verdict != nil:
		p.accuse(ctx, c.w, verdict)
	case wantProofs && !c.proofs:
		c.proofs = true
		p.addOwn(c)
		again = true
	}
	return again
}

// solvers is how many slivers are recovered at once.
const solvers = 8

// pairOf returns the source from which a symbol came.
func (p *pass) pairOf(axis rs2d.Axis, e *rs2d.SymbolError) int {
	at := rs2d.SliverRef{Axis: rs2d.Primary, Index: e.Row}
	if axis == rs2d.Primary {
		at = rs2d.SliverRef{Axis: rs2d.Secondary, Index: e.Col}
	}
	return at.Pair(p.Committee.Params().N)
}

// accuse proves to all that a blob is inconsistent.
func (p *pass) accuse(ctx context.Context, w *work, proof *rs2d.InconsistencyProof) {
	w.failed = true
	p.count(func(r *Report) { r.Inconsistent++ })
	raw, err := proof.MarshalBinary()
	if err == nil {
		w.records[store.Proof] = raw
		err = p.Store.Apply(w.id, store.Update{Records: w.records})
	}
	if err != nil {
		p.Logger.Error("proof of inconsistency", "blob", w.id, "error", err)
		return
	}
	a := committee.Attestation{Kind: committee.Inconsistent, Blob: w.id}
	own := map[int]committee.Signature{p.Member: p.Committee.Attest(p.Key, a)}
	cert, err := peer.Convict(ctx, p.Committee, p.Peers, w.meta, w.id, raw, own)
	if err != nil {
		p.Logger.Warn("too few attest that a blob is inconsistent", "blob", w.id, "error", err)
		return
	}
	verdict, err := cert.MarshalBinary()
	if err == nil {
		err = Condemn(p.Store, w.id, verdict)
	}
	if err != nil {
		p.Logger.Error("verdict", "blob", w.id, "error", err)
		return
	}
	p.Logger.Warn("blob is inconsistent", "blob", w.id)
}
