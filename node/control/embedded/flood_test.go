package embedded

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
)

// signed returns a small transfer.
func signed(t testing.TB, l *Ledger, key ed25519.PrivateKey, nonce, fee uint64) []byte {
	t.Helper()
	tx, err := ledger.Tx{Chain: l.State().ChainID(), Nonce: nonce, FeePerByte: fee, Action: ledger.Transfer{To: ledgertest.Address(bob), Amount: 1}}.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestFlood: of a flood of valid cheap transactions no more wait than may, of one sender a
// part of these, and the rest is refused; the fee rises until the flood offers too little,
// and whoever offers more is served.
func TestFlood(t *testing.T) {
	const most = 40
	c := newClock()
	var held atomic.Bool
	reached, release := make(chan struct{}, 1), make(chan struct{})
	g := ledgertest.Genesis("alice", "carol", "dave")
	g.BlockTarget = 100 // less than one transaction
	l, err := Open("ledger", g, Options{FS: vfs.NewMem(), MaxWaiting: most, Now: func() time.Time {
		if held.Load() {
			select {
			case reached <- struct{}{}:
			default:
			}
			<-release
		}
		return c.now()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	ctx := t.Context()
	waiting := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting)
	}

	// While a block takes its time, what waits is bounded.
	held.Store(true)
	var flood sync.WaitGroup
	var fromAlice atomic.Int64
	send := func(key ed25519.PrivateKey, nonce uint64, accepted *atomic.Int64) {
		tx := signed(t, l, key, nonce, 1<<20)
		flood.Go(func() {
			switch r, err := l.Submit(ctx, tx); {
			case err == nil && r.Err == nil:
				accepted.Add(1)
			case !errors.Is(err, chain.ErrBusy) && ledger.RuleOf(err) != ledger.RuleNonce:
				t.Errorf("transaction %d of a flood: %+v, %v; want ErrBusy", nonce, r, err)
			}
		})
	}
	var first atomic.Int64
	send(ledgertest.Key("dave"), 0, &first)
	<-reached
	for nonce := range uint64(10 * most) {
		send(alice, nonce, &fromAlice)
	}
	for waiting() < 1+most/ofOne && ctx.Err() == nil {
		runtime.Gosched()
	}
	if _, err := l.Submit(ctx, signed(t, l, alice, 0, 1<<20)); !errors.Is(err, chain.ErrBusy) {
		t.Errorf("one more of the sender who floods: %v, want ErrBusy", err)
	}
	var fromCarol atomic.Int64
	send(ledgertest.Key("carol"), 0, &fromCarol)
	for waiting() < 1+most/ofOne+1 && ctx.Err() == nil {
		runtime.Gosched()
	}
	if got := waiting(); got > most {
		t.Errorf("%d transactions wait, want %d at most", got, most)
	}
	held.Store(false)
	close(release)
	flood.Wait()
	if got := fromAlice.Load(); got > most/ofOne {
		t.Errorf("%d transactions of a flood were taken at once, want %d at most", got, most/ofOne)
	}
	if fromCarol.Load() != 1 || first.Load() != 1 {
		t.Error("somebody else's transaction is lost in the flood")
	}

	// The flood goes on until it offers too little.
	const offer = 20
	refused := false
	for round := 0; round < 200 && !refused; round++ {
		next := ledger.Get[ledger.Account](l.State(), ledger.AccountKey(ledgertest.Address(alice))).Nonce
		_, err := l.Submit(ctx, signed(t, l, alice, next, offer))
		if refused = ledger.RuleOf(err) == ledger.RuleFee; !refused && err != nil {
			t.Fatal(err)
		}
	}
	fee := l.State().System().FeePerByte
	if !refused || fee <= offer {
		t.Fatalf("the fee is %d after a flood that offers %d, which is not refused", fee, offer)
	}
	if r, err := l.Submit(ctx, signed(t, l, ledgertest.Key("carol"), 1, 10*fee)); err != nil || r.Err != nil || r.Fee != fee*uint64(len(signed(t, l, ledgertest.Key("carol"), 1, 10*fee))) {
		t.Errorf("who offers more: %+v, %v; want fee %d a byte", r, err, fee)
	}
}

// TestFreeFlood: what nobody pays for is refused, takes no place in the log, and makes
// nothing dearer.
func TestFreeFlood(t *testing.T) {
	fs, c := vfs.NewMem(), newClock()
	l := open(t, fs, c)
	submit(t, l, 0)
	before := l.State()
	for i := range uint64(100) {
		stranger := ledgertest.Key(fmt.Sprint("stranger ", i))
		for name, test := range map[string]struct {
			tx   []byte
			want ledger.Rule
		}{
			"nobody's money": {signed(t, l, stranger, 0, 1000), ledger.RuleFunds},
			"replayed":       {transfer(t, l, 0), ledger.RuleNonce},
			"far ahead":      {transfer(t, l, 1<<40+i), ledger.RuleNonce},
			"no fee":         {signed(t, l, alice, 1, 0), ledger.RuleFee},
		} {
			if _, err := l.Submit(context.Background(), test.tx); ledger.RuleOf(err) != test.want {
				t.Fatalf("%s: %v, want rule %q", name, err, test.want)
			}
		}
	}
	// One whose turn does not come passes the first look, and is in no block.
	if _, err := l.Submit(context.Background(), transfer(t, l, 7)); ledger.RuleOf(err) != ledger.RuleNonce {
		t.Errorf("ahead of its turn: %v, want rule %q", err, ledger.RuleNonce)
	}
	if after := l.State(); after.Root() != before.Root() || after.System().Height != before.System().Height {
		t.Errorf("height %d, and before the flood it was %d", after.System().Height, before.System().Height)
	}
	// Of a whole balance that is given away at once, the log has what was paid for, and a
	// replay gives the same root.
	submit(t, l, 1)
	root := l.State().Root()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if again := open(t, fs, c); again.State().Root() != root {
		t.Error("reopened at another root")
	}
}
