package heal

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// solution is what the symbols of a recovery give.
type solution struct {
	mu           sync.Mutex
	wrong        map[int]bool // sources whose symbols are proven wrong
	wantProofs   bool         // a sliver came out wrong, and nobody knows why
	inconsistent *rs2d.InconsistencyProof
}

// solve recovers the open targets of a recovery that has enough symbols, and stores
// them. It reports whether the recovery is to go on, with other sources or with proofs.
func (r *round) solve(ctx context.Context, v *recovery) (goOn bool) {
	s := solution{wrong: make(map[int]bool)}
	sources := slices.Sorted(maps.Keys(v.have))
	var group sync.WaitGroup
	for _, t := range v.open {
		r.turns <- struct{}{}
		group.Go(func() {
			defer func() { <-r.turns }()
			symbols := make([]rs2d.Symbol, 0, len(sources))
			for _, pair := range sources {
				symbols = append(symbols, v.have[pair][t.ref])
			}
			r.recoverTarget(v, t, symbols, &s)
		})
	}
	group.Wait()
	var recovered []*target
	v.open = slices.DeleteFunc(v.open, func(t *target) bool {
		if t.data != nil {
			recovered = append(recovered, t)
		}
		return t.data != nil
	})
	if s.inconsistent == nil {
		r.store(v.blob, v.axis, recovered)
	}
	for pair := range s.wrong {
		r.wrong(v, pair)
		v.bad[pair] = true
		delete(v.have, pair)
	}
	if len(v.open) == 0 {
		v.have = nil
	}
	switch {
	case s.inconsistent != nil:
		r.certifyInvalid(ctx, v.blob, s.inconsistent)
		return false
	case len(v.open) == 0:
		return false
	case s.wantProofs && !v.proofs:
		v.proofs = true
		r.addOwn(v)
		return true
	}
	return len(s.wrong) > 0
}

// recoverTarget computes one sliver.
func (r *round) recoverTarget(v *recovery, t *target, symbols []rs2d.Symbol, s *solution) {
	sliver, refused, err := r.config.Code.RecoverReport(v.blob.meta, t.ref, symbols)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range refused {
		s.wrong[r.sourceOf(v.axis, e)] = true
	}
	var inconsistent *rs2d.InconsistentError
	var unproven *rs2d.ProofsNeededError
	switch {
	case err == nil:
		t.data = sliver.Data
	case errors.As(err, &inconsistent):
		s.inconsistent = inconsistent.Proof
	case errors.As(err, &unproven):
		s.wantProofs = true
	}
}

// sourceOf returns the source from which a symbol came.
func (r *round) sourceOf(axis rs2d.Axis, e *rs2d.SymbolError) int {
	at := rs2d.SliverRef{Axis: rs2d.Primary, Index: e.Row}
	if axis == rs2d.Primary {
		at = rs2d.SliverRef{Axis: rs2d.Secondary, Index: e.Col}
	}
	return at.Pair(r.config.Committee.Params().N)
}

// wrong notes who gave symbols that are proven wrong.
func (r *round) wrong(v *recovery, pair int) {
	r.count(func(report *Report) { report.Lies++ })
	if v.own[pair] {
		// The disk gave back something else than was stored, and its checksum.
		r.config.Logger.Error("own sliver is wrong", "blob", v.blob.id, "pair", pair)
		r.Replace(v.blob.id, store.Ref(placement.Ref{Axis: v.axis.Other(), Pair: pair}))
		return
	}
	p := r.peers[r.config.Committee.OwnerOfPair(v.blob.id, pair)]
	p.Distrust()
	r.config.Logger.Warn("wrong symbols", "peer", p.Name(), "blob", v.blob.id, "pair", pair)
}

// certifyInvalid proves to all that a blob is inconsistent.
func (r *round) certifyInvalid(ctx context.Context, b *blob, proof *rs2d.InconsistencyProof) {
	c := &r.config
	b.failed = true
	r.count(func(report *Report) { report.Inconsistent++ })
	raw, err := proof.MarshalBinary()
	if err == nil {
		records := map[store.Record][]byte{store.Proof: raw}
		maps.Copy(records, b.records)
		err = c.Store.Apply(b.id, store.Update{Records: records})
	}
	if err != nil {
		c.Logger.Error("proof of inconsistency", "blob", b.id, "error", err)
		return
	}
	a := committee.Attestation{Kind: committee.Inconsistent, Blob: b.id}
	own := map[int]committee.Signature{c.Member: c.Signer.Attest(c.Committee, a)}
	cert, err := invalid.Certify(ctx, c.Committee, r.peers, b.meta, b.id, raw, own)
	if err != nil {
		c.Logger.Warn("too few attest that a blob is inconsistent", "blob", b.id, "error", err)
		return
	}
	verdict, err := cert.MarshalBinary()
	if err == nil {
		err = invalid.Mark(c.Store, b.id, verdict)
	}
	if err != nil {
		c.Logger.Error("verdict", "blob", b.id, "error", err)
		return
	}
	c.Logger.Warn("blob is inconsistent", "blob", b.id)
}
