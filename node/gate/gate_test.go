package gate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
)

var (
	listed = commit.BlobID{1}
	other  = commit.BlobID{2}
)

func isListed(id commit.BlobID) bool { return id == listed }

// TestServes goes through a challenge.
func TestServes(t *testing.T) {
	g := New([32]byte{1}, time.Second)
	round := challenge.Round{Terms: challenge.Terms{Chain: [32]byte{1}, Height: 7}}
	for _, step := range []struct {
		name   string
		do     func()
		column map[commit.BlobID]bool
		open   bool
	}{
		{"nothing is known", func() {}, map[commit.BlobID]bool{listed: true, other: true}, false},
		{"armed", func() { g.Armed(7) }, map[commit.BlobID]bool{listed: true, other: true}, true},
		{"silent", func() {
			if err := g.Silence(t.Context(), 7, isListed); err != nil {
				t.Error(err)
			}
		}, map[commit.BlobID]bool{listed: false, other: true}, true},
		{"started", func() { g.Start(round, func(id commit.BlobID) bool { return id == other }) }, map[commit.BlobID]bool{listed: true, other: false}, true},
		{"closed", func() { g.Close(7) }, map[commit.BlobID]bool{listed: true, other: true}, false},
		{"acked before a restart", func() { g.Withhold(9) }, map[commit.BlobID]bool{listed: false, other: false}, true},
		{"closed after a restart", func() { g.Close(9) }, map[commit.BlobID]bool{listed: true, other: true}, false},
	} {
		step.do()
		v := g.Enter()
		for id, want := range step.column {
			for what, want := range map[challenge.Asked]bool{challenge.Column: want, challenge.OwnColumn: want, challenge.Row: false} {
				err := v.Serves(id, what)
				if got := err == nil; got != want || !got && !errors.Is(err, ErrWithheld) {
					t.Errorf("%s: blob %d, %v: %v; served: want %v", step.name, id[0], what, err, want)
				}
			}
			if got := g.Silent(id); got == want {
				t.Errorf("%s: blob %d: silent %v", step.name, id[0], got)
			}
		}
		v.Leave()
		v.Leave()
		if got := g.Open(); got != step.open {
			t.Errorf("%s: open %v, want %v", step.name, got, step.open)
		}
	}
}

// TestNil: without a gate all is served.
func TestNil(t *testing.T) {
	var g *Gate
	v := g.Enter()
	defer v.Leave()
	if err := errors.Join(v.Serves(listed, challenge.Row), v.Err()); err != nil || g.Silent(listed) || g.Open() {
		t.Errorf("%v, silent %v, open %v", err, g.Silent(listed), g.Open())
	}
}

// TestSilenceWaits: a node is silent when the answers are out that were begun before. One that
// takes too long is told to end, and is waited for all the same.
func TestSilenceWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience = time.Second
		g := New([32]byte{1}, patience)
		quick, slow := g.Enter(), g.Enter()
		silent := make(chan error, 1)
		go func() { silent <- g.Silence(t.Context(), 7, isListed) }()
		synctest.Wait()
		if err := quick.Serves(listed, challenge.Column); !errors.Is(err, ErrWithheld) {
			t.Errorf("begun before, asked after: %v, want %v", err, ErrWithheld)
		}
		after := g.Enter() // nobody waits for it
		defer after.Leave()
		quick.Leave()
		if err := slow.Err(); err != nil {
			t.Errorf("at first: %v", err)
		}
		time.Sleep(2 * patience)
		synctest.Wait()
		if err := slow.Err(); !errors.Is(err, ErrWithheld) {
			t.Errorf("after the patience: %v, want %v", err, ErrWithheld)
		}
		if err := after.Err(); err != nil {
			t.Errorf("begun later: %v", err)
		}
		select {
		case err := <-silent:
			t.Errorf("silent while an answer is under way: %v", err)
		default:
		}
		slow.Leave()
		if err := <-silent; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.Silence(ctx, 8, isListed); !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v, want %v", err, context.Canceled)
		}
	})
}

// TestKeeps: nothing is dropped until the ledger was asked, and from the event on that a challenge
// was armed, whatever is seen of the ledger when.
func TestKeeps(t *testing.T) {
	g := New([32]byte{1}, time.Second)
	for _, step := range []struct {
		name string
		do   func()
		want bool
	}{
		{"nothing is known", func() {}, true},
		{"the ledger was asked", g.Seen, false},
		{"heard of one", func() { g.Heard(7) }, true},
		{"closed", func() { g.Close(7) }, false},
		{"heard of it again", func() { g.Heard(7) }, false},
		{"heard of an old one", func() { g.Heard(5) }, false},
		{"heard of the next", func() { g.Heard(9) }, true},
		{"armed", func() { g.Armed(9) }, true},
		{"closed, too", func() { g.Close(9) }, false},
	} {
		if step.do(); g.Keeps() != step.want {
			t.Errorf("%s: keeps %v, want %v", step.name, g.Keeps(), step.want)
		}
	}
	if (*Gate)(nil).Keeps() {
		t.Error("without challenges, all is kept")
	}
}
