package heal

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// solvers is how many slivers are computed at once, and how many crossings are stored.
const solvers = 8

// solve recovers the open targets of a crossing that has enough symbols, and stores
// them. It sets the crossing's state.
func (p *pass) solve(ctx context.Context, c *crossing) {
	c.state = stuck
	sources := slices.Sorted(maps.Keys(c.have))
	var mu sync.Mutex
	var group sync.WaitGroup
	var verdict *rs2d.InconsistencyProof
	wantProofs := false
	liars := make(map[int]bool)
	for _, t := range c.open {
		p.turns <- struct{}{}
		group.Go(func() {
			defer func() { <-p.turns }()
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
	var recovered []*target
	c.open = slices.DeleteFunc(c.open, func(t *target) bool {
		if t.data != nil {
			recovered = append(recovered, t)
		}
		return t.data != nil
	})
	if verdict == nil {
		p.keep(c.w, c.axis, recovered)
	}
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
		c.state = again
	}
	switch {
	case verdict != nil:
		p.accuse(ctx, c.w, verdict)
	case wantProofs && !c.proofs:
		c.proofs = true
		p.addOwn(c)
		c.state = again
	}
	if len(c.open) == 0 {
		c.have = nil
	}
}

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
		records := map[store.Record][]byte{store.Proof: raw}
		maps.Copy(records, w.records)
		err = p.Store.Apply(w.id, store.Update{Records: records})
	}
	if err != nil {
		p.Logger.Error("proof of inconsistency", "blob", w.id, "error", err)
		return
	}
	a := committee.Attestation{Kind: committee.Inconsistent, Blob: w.id}
	own := map[int]committee.Signature{p.Member: p.Signer.Attest(p.Committee, a)}
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
