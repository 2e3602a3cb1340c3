package heal

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// solution is what the symbols of a recovery give.
type solution struct {
	*recovery

	mu           sync.Mutex
	wrong        map[int]bool // sources whose symbols are proven wrong
	wantProofs   bool         // a sliver came out wrong, and nobody knows why
	inconsistent *rs2d.InconsistencyProof
}

// solve recovers the open targets of a recovery that has enough symbols, when it is its
// turn, and stores them. It reports whether the recovery is to go on, with other sources
// or with proofs.
func (v *recovery) solve(ctx context.Context, turn chan struct{}) (goOn bool) {
	s := &solution{recovery: v, wrong: make(map[int]bool)}
	turn <- struct{}{}
	s.recoverTargets()
	<-turn
	var recovered []*target
	v.open = slices.DeleteFunc(v.open, func(t *target) bool {
		if t.data != nil {
			recovered = append(recovered, t)
		}
		return t.data != nil
	})
	if s.inconsistent == nil {
		v.store(v.blob, v.axis, recovered)
	}
	for pair := range s.wrong {
		s.blame(pair)
		v.next(pair)
		delete(v.have, pair)
	}
	if len(v.open) == 0 {
		v.have = nil
	}
	switch {
	case s.inconsistent != nil:
		s.certifyInvalid(ctx)
		return false
	case len(v.open) == 0:
		return false
	case s.wantProofs && !v.proofs:
		v.proofs = true
		v.addOwn()
		return true
	}
	return len(s.wrong) > 0
}

// recoverTargets computes the open slivers.
func (s *solution) recoverTargets() {
	sources := slices.Sorted(maps.Keys(s.have))
	var group sync.WaitGroup
	for _, t := range s.open {
		s.turns <- struct{}{}
		group.Go(func() {
			defer func() { <-s.turns }()
			symbols := make([]rs2d.Symbol, 0, len(sources))
			for _, pair := range sources {
				symbols = append(symbols, s.have[pair][t.ref])
			}
			s.recoverTarget(t, symbols)
		})
	}
	group.Wait()
}

// recoverTarget computes one sliver.
func (s *solution) recoverTarget(t *target, symbols []rs2d.Symbol) {
	var refused []*rs2d.SymbolError
	sliver, err := s.config.Code.Recover(s.blob.meta, t.ref, symbols, rs2d.ReportWrong(&refused))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range refused {
		s.wrong[s.sourceOf(e)] = true
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
func (s *solution) sourceOf(e *rs2d.SymbolError) int {
	at := rs2d.SliverRef{Axis: rs2d.Primary, Index: e.Row}
	if s.axis == rs2d.Primary {
		at = rs2d.SliverRef{Axis: rs2d.Secondary, Index: e.Col}
	}
	return at.Pair(s.view.Params().N)
}

// blame notes who gave symbols that are proven wrong.
func (s *solution) blame(pair int) {
	s.Count(func(report *Report) { report.Lies++ })
	if s.own[pair] {
		// The disk gave back something else than was stored, and its checksum.
		s.config.Logger.Error("own sliver is wrong", "blob", s.blob.id, "pair", pair)
		s.config.Replace(s.blob.id, store.Ref(placement.Ref{Axis: s.axis.Other(), Pair: pair}))
		return
	}
	p := s.view.All[s.holder(pair)]
	p.Distrust()
	s.config.Logger.Warn("wrong symbols", "peer", p.Name(), "blob", s.blob.id, "pair", pair)
}

// certifyInvalid proves to all that a blob is inconsistent.
func (s *solution) certifyInvalid(ctx context.Context) {
	c := &s.config
	s.blob.failed = true
	s.Count(func(report *Report) { report.Inconsistent++ })
	raw, err := s.inconsistent.MarshalBinary()
	if err == nil {
		u := s.blob.update(s.Round)
		u.Records[store.Proof], u.If = raw, nil
		err = c.Store.Apply(s.blob.id, u)
	}
	if err != nil {
		c.Logger.Error("proof of inconsistency", "blob", s.blob.id, "error", err)
		return
	}
	certificate, err := s.certify(ctx, s.blob.id, s.blob.meta, raw)
	if err != nil {
		c.Logger.Warn("too few attest that a blob is inconsistent", "blob", s.blob.id, "error", err)
		return
	}
	if err := invalid.Mark(c.Store, s.blob.id, certificate); err != nil {
		c.Logger.Error("certificate of inconsistency", "blob", s.blob.id, "error", err)
		return
	}
	c.Logger.Warn("blob is inconsistent", "blob", s.blob.id)
	c.Marked(s.blob.id)
}
