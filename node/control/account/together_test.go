package account

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
)

// held is a way to a ledger that holds the first transaction until it is let go.
type held struct {
	mu      sync.Mutex
	sent    [][]byte
	arrived chan struct{}
	let     chan struct{}
	after   func(n int, got chain.Receipt, err error) (chain.Receipt, error) // of transaction n; may be nil
}

func newHeld() *held { return &held{arrived: make(chan struct{}), let: make(chan struct{})} }

func (h *held) submit(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error) {
	h.mu.Lock()
	h.sent = append(h.sent, tx)
	n := len(h.sent) - 1
	h.mu.Unlock()
	if n == 0 {
		close(h.arrived)
		<-h.let
	}
	got, err := to.Submit(ctx, tx)
	if h.after != nil {
		return h.after(n, got, err)
	}
	return got, err
}

// actions returns how many actions each transaction had.
func (h *held) actions(t *testing.T) (counts []int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, data := range h.sent {
		tx, err := ledger.ReadTx(data)
		if err != nil {
			t.Fatal(err)
		}
		n := 1
		if b, ok := tx.Action.(ledger.Batch); ok {
			n = len(b.Actions)
		}
		counts = append(counts, n)
	}
	return counts
}

// crowd has many goroutines want something of an account at the same time, while a first
// transaction is on its way, and returns what became of each.
func crowd(t *testing.T, a *Account, h *held, want []func(context.Context) (ledger.Action, error), named []func(ledger.ObjectID)) ([]chain.Receipt, []error) {
	t.Helper()
	receipts, errs := make([]chain.Receipt, len(want)), make([]error, len(want))
	behindFirst(t, a, h, len(want), func(i int) { receipts[i], errs[i] = a.once(t.Context(), wish{next: want[i], named: named[i]}) })
	return receipts, errs
}

// behindFirst calls f at once with 0 to n-1, each of which uses an account, while a first
// transaction of it is on its way, and returns when all is done.
func behindFirst(t *testing.T, a *Account, h *held, n int, f func(i int)) {
	t.Helper()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		if _, err := a.Do(t.Context(), ledger.Transfer{To: ledger.Address{9}, Amount: 1}); err != nil {
			t.Errorf("the first transaction: %v", err)
		}
	})
	<-h.arrived
	for i := range n {
		all.Go(func() { f(i) })
		waitFor(a, i+1)
	}
	close(h.let)
}

// waitFor returns when so many requests wait.
func waitFor(a *Account, n int) {
	for waiting := -1; waiting != n; runtime.Gosched() {
		a.queue.mu.Lock()
		waiting = len(a.queue.waiting)
		a.queue.mu.Unlock()
	}
}

func transfer(amount uint64) func(context.Context) (ledger.Action, error) {
	return func(context.Context) (ledger.Action, error) {
		return ledger.Transfer{To: ledger.Address{1}, Amount: amount}, nil
	}
}

// TestTogether: what is wanted while a transaction is on its way goes in one, in which each
// is judged for itself.
func TestTogether(t *testing.T) {
	w := newWorld(t)
	h := newHeld()
	a := w.alice(h.submit)
	idA, metaA := w.blob("a")
	rootA, err := metaA.Root(w.hasher)
	if err != nil {
		t.Fatal(err)
	}
	register := func(context.Context) (ledger.Action, error) {
		return ledger.ReserveAndRegister{Epochs: 2, ID: idA, Root: rootA, Length: metaA.Length, Encoding: ledger.EncodingRS2, Deletable: true}, nil
	}
	objects := make(map[int]ledger.ObjectID)
	name := func(i int) func(ledger.ObjectID) { return func(id ledger.ObjectID) { objects[i] = id } }
	broken := &ledger.RuleError{Rule: ledger.RuleUnknown, Detail: "as its own look says"}
	receipts, errs := crowd(t, a, h, []func(context.Context) (ledger.Action, error){
		transfer(5),
		register,
		transfer(1 << 62), // more than there is
		register,          // the same blob a second time
		func(context.Context) (ledger.Action, error) { return nil, nil },
		func(context.Context) (ledger.Action, error) { return nil, broken },
		transfer(6),
	}, []func(ledger.ObjectID){nil, name(1), nil, name(3), nil, nil, nil})

	if got := fmt.Sprint(h.actions(t)); got != "[1 5]" {
		t.Fatalf("transactions with %s actions, want [1 5]", got)
	}
	for i, want := range []ledger.Rule{"", "", ledger.RuleFunds, "", "", ledger.RuleUnknown, ""} {
		if got := ledger.RuleOf(errs[i]); got != want || want == "" && errs[i] != nil {
			t.Errorf("action %d: %v, want rule %q", i, errs[i], want)
		}
	}
	fees := uint64(0)
	for i, r := range receipts {
		fees += r.Fee
		if sent := i != 4 && i != 5; (r.Height > 0) != sent || (r.Fee > 0) != sent {
			t.Errorf("receipt %d: height %d, fee %d, want some: %v", i, r.Height, r.Fee, sent)
		}
	}
	s := w.backend.State()
	if want := s.System().FeePerByte * uint64(len(h.sent[1])); fees != want {
		t.Errorf("the fees are %d together, and %d was paid", fees, want)
	}
	for _, i := range []int{1, 3} {
		if b := ledger.Get[ledger.Blob](s, ledger.BlobKey(objects[i])); b == nil || b.ID != idA {
			t.Errorf("registration %d is not where it was said to be: %+v", i, b)
		}
	}
	if got := ledger.Get[ledger.Account](s, ledger.AccountKey(ledger.Address{1})); got == nil || got.Balance != 11 {
		t.Errorf("the other one has %+v, want 11", got)
	}
	if w.state().Nonce != 2 {
		t.Errorf("nonce %d, want 2", w.state().Nonce)
	}
}

// TestTogetherAbout: of two who register the same blob the second finds what the first has
// done, and nothing is paid for twice.
func TestTogetherAbout(t *testing.T) {
	w := newWorld(t)
	h := newHeld()
	a := w.alice(h.submit)
	id, meta := w.blob("a")
	other, otherMeta := w.blob("b")
	ids, metas := []commit.BlobID{id, id, other}, []*commit.Metadata{meta, meta, otherMeta}
	behindFirst(t, a, h, len(ids), func(i int) {
		r := &Registrar{Account: a, Epochs: 2, Hasher: w.hasher}
		if _, err := r.Register(t.Context(), ids[i], metas[i], func(committee.Attestation) {}); err != nil {
			t.Errorf("registration %d: %v", i, err)
		}
	})
	if got := fmt.Sprint(h.actions(t)); got != "[1 2]" {
		t.Errorf("transactions with %s actions, want [1 2]", got)
	}
	for _, x := range []commit.BlobID{id, other} {
		if b := chain.BlobOf(w.backend.State(), x); len(b.Registrations) != 1 {
			t.Errorf("%d registrations of %v, want 1", len(b.Registrations), x)
		}
	}
}

// TestTogetherCertify: of two who certify the same registration the second finds it done.
func TestTogetherCertify(t *testing.T) {
	w := newWorld(t)
	h := newHeld()
	a, before := w.alice(h.submit), w.alice(nil)
	id, meta := w.blob("a")
	var words committee.Attestation
	certify := make([]func(context.Context, *committee.Certificate) error, 2)
	for i := range certify {
		r := &Registrar{Account: before, Epochs: 2, Hasher: w.hasher}
		var err error
		if certify[i], err = r.Register(t.Context(), id, meta, func(a committee.Attestation) { words = a }); err != nil {
			t.Fatal(err)
		}
		r.Account = a
	}
	cert := w.certificate(words)
	behindFirst(t, a, h, len(certify), func(i int) {
		if err := certify[i](t.Context(), cert); err != nil {
			t.Errorf("certificate %d: %v", i, err)
		}
	})
	if got := fmt.Sprint(h.actions(t)); got != "[1 1]" {
		t.Errorf("transactions with %s actions, want [1 1]", got)
	}
	if b := chain.BlobOf(w.backend.State(), id); len(b.Registrations) != 1 || b.Certified == nil {
		t.Errorf("%d registrations, certified: %v, want one that is", len(b.Registrations), b.Certified != nil)
	}
}

// TestTogetherLost loses the answer to what several want: each looks again, and nothing is
// done twice.
func TestTogetherLost(t *testing.T) {
	for _, arrives := range []bool{true, false} {
		t.Run(fmt.Sprintf("arrives %v", arrives), func(t *testing.T) {
			w := newWorld(t)
			h := newHeld()
			lost := false
			a := w.alice(func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error) {
				if read, err := ledger.ReadTx(tx); err != nil || lost {
					return h.submit(ctx, tx, to)
				} else if _, batch := read.Action.(ledger.Batch); !batch {
					return h.submit(ctx, tx, to)
				}
				if lost = true; arrives {
					if got, err := h.submit(ctx, tx, to); err != nil || got.Err != nil {
						t.Errorf("the transaction: %v, %v", err, got.Err)
					}
				}
				return chain.Receipt{}, errLost
			})
			pay := func(to byte) func(context.Context) (ledger.Action, error) {
				return func(context.Context) (ledger.Action, error) {
					if ledger.Get[ledger.Account](w.backend.State(), ledger.AccountKey(ledger.Address{to})) != nil {
						return nil, nil
					}
					return ledger.Transfer{To: ledger.Address{to}, Amount: 7}, nil
				}
			}
			_, errs := crowd(t, a, h, []func(context.Context) (ledger.Action, error){pay(1), pay(2), pay(3)}, make([]func(ledger.ObjectID), 3))
			for i, err := range errs {
				if err != nil {
					t.Errorf("action %d: %v", i, err)
				}
				if got := ledger.Get[ledger.Account](w.backend.State(), ledger.AccountKey(ledger.Address{byte(i + 1)})); got == nil || got.Balance != 7 {
					t.Errorf("account %d has %+v, want 7", i+1, got)
				}
			}
		})
	}
}

// TestTogetherPoor: where the fee of all is more than there is, those are done that can be
// paid for.
func TestTogetherPoor(t *testing.T) {
	w := newWorld(t)
	fee := w.backend.State().System().FeePerByte
	poor := ledgertest.Key("poor")
	if _, err := w.alice(nil).Do(t.Context(), ledger.Transfer{To: ledgertest.Address(poor), Amount: fee * 400}); err != nil {
		t.Fatal(err)
	}
	h := newHeld()
	a := New(&lossy{chain.Local(w.backend), h.submit}, poor)
	_, errs := crowd(t, a, h, []func(context.Context) (ledger.Action, error){transfer(1), transfer(1), transfer(1)}, make([]func(ledger.ObjectID), 3))
	if errs[0] != nil || ledger.RuleOf(errs[1]) != ledger.RuleFunds || ledger.RuleOf(errs[2]) != ledger.RuleFunds {
		t.Errorf("%v, want one that is done, and rule %q", errs, ledger.RuleFunds)
	}
	if got := fmt.Sprint(h.actions(t)); got != "[1 3 1 1 1]" {
		t.Errorf("transactions with %s actions, want [1 3 1 1 1]", got)
	}
}

// TestTogetherGone: who has no time left goes at once, waiting or under way, and the others
// are served.
func TestTogetherGone(t *testing.T) {
	w := newWorld(t)
	h := newHeld()
	second, letSecond := make(chan struct{}), make(chan struct{})
	h.after = func(n int, got chain.Receipt, err error) (chain.Receipt, error) {
		if n == 1 {
			close(second)
			<-letSecond
		}
		return got, err
	}
	a := w.alice(h.submit)
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := a.Once(t.Context(), transfer(1)); err != nil {
			t.Errorf("the first one: %v", err)
		}
	})
	<-h.arrived
	waits, goes := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := a.Once(waits, func(context.Context) (ledger.Action, error) {
			t.Error("who has gone was asked")
			return nil, nil
		})
		gone <- err
	}()
	waitFor(a, 1)
	goes()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who waited and has gone: %v, want %v", err, context.Canceled)
	}
	leaves, left := context.WithCancel(t.Context())
	go func() {
		_, err := a.Once(leaves, transfer(2))
		gone <- err
	}()
	waitFor(a, 1)
	all.Go(func() {
		if _, err := a.Once(t.Context(), transfer(3)); err != nil {
			t.Errorf("who stays: %v", err)
		}
	})
	waitFor(a, 2)
	close(h.let)
	<-second
	left()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone while it was under way: %v, want %v", err, context.Canceled)
	}
	close(letSecond)
	all.Wait()
	if got := fmt.Sprint(h.actions(t)); got != "[1 2]" {
		t.Errorf("transactions with %s actions, want [1 2]", got)
	}
}
