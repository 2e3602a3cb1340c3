package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/store"
)

// Times of a prover.
const (
	lookEvery  = time.Minute     // also when nobody says that something has changed
	lookOpen   = 2 * time.Second // while a challenge is on
	retryAfter = 250 * time.Millisecond
	askTime    = 30 * time.Second // for the ledger to answer or to take something
	verifyTime = 2 * time.Second  // for the metadata that a proof is verified by: its sender waits, and tries again
)

// noteName is the name under which the store keeps the terms that the node has acked.
const noteName = "challenge"

// task is what a prover is at. Its fields belong to the goroutine of Run.
type task struct {
	*Prover
	height  uint64    // of the challenge that is known
	acked   bool      // the ledger has the node's ack of it
	closed  bool      // it is over
	blobs   *blobList // of the challenge, when the ledger was asked
	running *round
	stop    context.CancelFunc
	posts   sync.WaitGroup
	logged  string
}

// Run takes part in challenges until the context ends.
func (p *Prover) Run(ctx context.Context) {
	t := p.task
	defer t.posts.Wait()
	defer t.end()
	for {
		pause := lookEvery
		err := t.step(ctx)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err != nil:
			t.note(err)
			pause = retryAfter
		case p.config.Gate.Open():
			pause = lookOpen
		}
		timer := time.NewTimer(pause)
		select {
		case <-p.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// note logs why the node cannot go on at present, when that is news.
func (t *task) note(err error) {
	if text := err.Error(); text != t.logged {
		t.logged = text
		t.config.Logger.Warn("the challenge does not go on at present", "error", err)
	}
}

// restore has a node be silent that has acked, until the ledger says how that challenge is.
func (t *task) restore() error {
	terms, ok, err := t.terms()
	if err == nil && ok {
		t.config.Gate.Withhold(terms.Height)
	}
	return err
}

// terms returns what the node has acked last.
func (t *task) terms() (terms challenge.Terms, ok bool, err error) {
	data, err := t.config.Store.Note(noteName)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && len(data) == 0:
		return terms, false, nil
	case err != nil:
		return terms, false, err
	}
	if err := codec.Unmarshal(data, &terms); err != nil {
		return terms, false, fmt.Errorf("prove: the terms on the disk: %w", err)
	}
	return terms, terms.Chain == t.config.Chain, nil
}

// step does what there is to do by what the ledger says.
func (t *task) step(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var c ledger.Challenge
	_, ok, err := chain.Value(limited, t.config.Account.Ledger(), ledger.ChallengeKey(), &c)
	if err == nil && !ok {
		t.config.Gate.Seen()
	}
	if err != nil || !ok {
		return err
	}
	if c.Chain != t.config.Chain {
		return fmt.Errorf("%w: a challenge of another ledger", chain.ErrAnswer)
	}
	t.metrics.observe(&c)
	if err := t.standing(limited); err != nil {
		return err
	}
	if c.Height < t.height || c.Height == t.height && t.closed {
		return nil // what was known before is later
	}
	if c.Height > t.height {
		t.begin(c.Height)
	}
	t.config.Gate.Seen()
	switch c.Stage {
	case challenge.Armed:
		return t.ack(limited, &c)
	case challenge.Running:
		return t.start(ctx, limited, &c)
	case challenge.Closed:
		return t.close()
	}
	return fmt.Errorf("%w: a challenge in %v", chain.ErrAnswer, c.Stage)
}

// standing shows what the ledger says of the node.
func (t *task) standing(ctx context.Context) error {
	id := t.config.Node()
	if id == (committee.NodeID{}) {
		return nil
	}
	var n ledger.Node
	_, ok, err := chain.Value(ctx, t.config.Account.Ledger(), ledger.NodeKey(ledger.NodeID(id)), &n)
	if err == nil && ok {
		t.metrics.standing(&n)
	}
	return err
}

// begin notes that there is another challenge.
func (t *task) begin(height uint64) {
	t.end()
	t.height, t.acked, t.closed, t.blobs = height, false, false, nil
	t.metrics.running.Set(1)
	if terms, ok, err := t.terms(); err != nil || !ok || terms.Height != height {
		t.config.Gate.Armed(height)
	} // or else the node stays silent
}

// end ends the round.
func (t *task) end() {
	if t.stop != nil {
		t.stop()
		t.stop = nil
	}
	t.running = nil
	t.round.Store(nil)
}

// close ends the challenge.
func (t *task) close() error {
	t.end()
	t.config.Gate.Close(t.height)
	t.closed, t.blobs = true, nil
	t.metrics.running.Set(0)
	t.config.Closed()
	return t.config.Store.KeepNote(noteName, nil)
}

// member returns the committee of a challenge, and the node's place in it; ok is false if it
// has none. The error says that the node does not see the epoch.
func (t *task) member(c *ledger.Challenge) (of *committee.Committee, self int, ok bool, err error) {
	if of, err = t.config.View().Epochs.At(uint64(c.Epoch)); err != nil {
		return nil, 0, false, err
	}
	self, ok = of.FindID(t.config.Node())
	return of, self, ok, nil
}

// list asks the ledger for the blobs of the challenge, once.
func (t *task) list(ctx context.Context, c *ledger.Challenge) (err error) {
	if t.blobs == nil {
		t.blobs, err = listing(ctx, t.config.Account.Ledger(), c)
	}
	return err
}

// stray returns that the list is not the one that it should be, and has the ledger asked for it again:
// its server may have been behind.
func (t *task) stray(want challenge.List) error {
	got := t.blobs.name
	t.blobs = nil
	return fmt.Errorf("%w: %d, and there have to be %d", errList, got.Blobs, want.Blobs)
}

// ack has the node fall silent, and tells the ledger that it is.
func (t *task) ack(ctx context.Context, c *ledger.Challenge) error {
	if t.acked || t.running != nil { // or the ledger's server is behind
		return nil
	}
	of, self, ok, err := t.member(c)
	if err != nil || !ok {
		return err
	}
	if err := t.list(ctx, c); err != nil {
		return err
	}
	terms := c.TermsOf(t.blobs.name)
	if known, ok, err := t.terms(); err != nil {
		return err
	} else if ok && known.Height == terms.Height && known != terms {
		// What was acked before a restart is not taken back: the node stays silent about all.
		return t.stray(known.List)
	}
	if err := t.config.Store.KeepNote(noteName, codec.Marshal(terms)); err != nil {
		return err
	}
	if err := t.config.Gate.Silence(ctx, terms.Height, t.blobs.has); err != nil {
		return err
	}
	if slices.ContainsFunc(c.Acks, func(a challenge.Ack) bool { return int(a.Member) == self }) {
		t.acked = true
		return nil
	}
	action := ledger.AckChallenge{
		Node: ledger.NodeID(of.Member(self).ID), Height: terms.Height, List: terms.List, Signature: t.config.Signer.Attest(of, terms.Ack()),
	}
	_, err = t.config.Account.Do(ctx, action)
	switch ledger.RuleOf(err) {
	case ledger.RuleTwice, ledger.RulePhase, ledger.RuleUnknown: // it came, or enough others have acked
		t.acked = true
		t.Wake()
		return nil
	}
	if err == nil {
		t.acked = true
		t.metrics.acked.Inc()
		t.config.Logger.Info("silent for a challenge", "epoch", c.Epoch, "blobs", terms.List.Blobs)
	}
	return err
}

// start serves what was not drawn, and begins to prove and to verify.
func (t *task) start(ctx, limited context.Context, c *ledger.Challenge) error {
	if t.running != nil {
		return nil
	}
	of, self, ok, err := t.member(c)
	if err != nil {
		return err
	}
	if err := t.list(limited, c); err != nil {
		return err
	}
	if t.blobs.name != c.List {
		return t.stray(c.List)
	}
	drawn := t.blobs.draw(c.Round)
	if !ok {
		t.config.Gate.Start(c.Round, drawn.has)
		return nil
	}
	life, stop := context.WithCancel(ctx)
	r, err := newRound(life, t.Prover, c.Round, of, self, drawn.blobs)
	if err != nil {
		stop()
		return err
	}
	t.running, t.stop, t.blobs = r, stop, nil
	t.metrics.begin(c.Epoch)
	t.round.Store(r)
	t.config.Gate.Start(c.Round, drawn.has)
	if c.HasPassed(self) {
		return nil
	}
	t.posts.Go(func() { t.pass(r) })
	return nil
}

// pass proves, and posts the certificate.
func (t *task) pass(r *round) {
	began := time.Now()
	peers := t.config.View().Set.Of(r.committee)
	cert, err := r.prove(r.ctx, peers)
	if err != nil {
		return
	}
	data, err := cert.MarshalBinary()
	if err != nil {
		t.config.Logger.Error("certificate of a challenge", "error", err)
		return
	}
	action := ledger.PassChallenge{Node: ledger.NodeID(r.committee.Member(r.self).ID), Height: r.Height, Certificate: data}
	for r.ctx.Err() == nil {
		limited, cancel := context.WithTimeout(r.ctx, askTime)
		_, err := t.config.Account.Do(limited, action)
		cancel()
		switch rule := ledger.RuleOf(err); {
		case err == nil:
			t.metrics.passed.Inc()
			t.config.Logger.Info("passed a challenge", "epoch", r.Epoch, "blobs", len(r.drawn), "took", time.Since(began).Round(time.Millisecond))
			return
		case rule == ledger.RuleTwice:
			return
		case rule == ledger.RulePhase || rule == ledger.RuleUnknown:
			t.metrics.refusedOwn(r.Epoch, byLedger)
			t.config.Logger.Warn("a certificate came after the end of the challenge", "epoch", r.Epoch, "error", err)
			return
		}
		if ledger.RuleOf(err) == ledger.RuleProof {
			t.metrics.refusedOwn(r.Epoch, byLedger)
		}
		t.config.Logger.Warn("the ledger does not take a certificate of a challenge", "error", err)
		select {
		case <-time.After(retryAfter):
		case <-r.ctx.Done():
		}
	}
}
