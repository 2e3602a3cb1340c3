package account

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
	"github.com/redstuff-go/redstuff/rs2d"
)

// world is a ledger of one node, and somebody with money.
type world struct {
	t       *testing.T
	backend *embedded.Ledger
	hasher  *commit.Hasher
	code    *rs2d.Code
	now     atomic.Int64 // milliseconds
}

const (
	storagePrice = 100
	writePrice   = 20
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	w.now.Store(ledgertest.Start)
	g := ledgertest.Genesis("alice", "bob")
	g.SyncMillis = 1
	g.Nodes[0].Node.Votes = ledger.Votes{StoragePrice: storagePrice, WritePrice: writePrice, Capacity: 1 << 30}
	var err error
	if w.backend, err = embedded.Open("ledger", g, embedded.Options{FS: vfs.NewMem(), Now: func() time.Time { return time.UnixMilli(w.now.Load()) }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.backend.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.hasher, err = commit.NewHasher(commit.BLAKE3, ""); err != nil {
		t.Fatal(err)
	}
	if w.code, err = rs2d.New(4); err != nil {
		t.Fatal(err)
	}
	return w
}

// alice returns somebody's account by way of what may lose answers.
func (w *world) alice(f func(context.Context, []byte, chain.Ledger) (chain.Receipt, error)) *Account {
	return New(&lossy{Ledger: chain.Local(w.backend), submit: f}, ledgertest.Key("alice"))
}

// lossy is a ledger whose way is not safe.
type lossy struct {
	chain.Ledger
	submit func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error)
}

func (l *lossy) Submit(ctx context.Context, tx []byte) (chain.Receipt, error) {
	if l.submit == nil {
		return l.Ledger.Submit(ctx, tx)
	}
	return l.submit(ctx, tx, l.Ledger)
}

func (w *world) state() ledger.Account {
	w.t.Helper()
	on := ledger.Get[ledger.Account](w.backend.State(), ledger.AccountKey(ledgertest.Address(ledgertest.Key("alice"))))
	if on == nil {
		w.t.Fatal("no account")
	}
	return *on
}

// blob returns the metadata of a blob.
func (w *world) blob(text string) (commit.BlobID, *commit.Metadata) {
	w.t.Helper()
	e, err := w.code.Encode([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	return e.ID(), e.Metadata()
}

// certificate returns that of the ledger's only node.
func (w *world) certificate(a committee.Attestation) *committee.Certificate {
	w.t.Helper()
	s := w.backend.State()
	g, epoch := s.Genesis(), s.System().Epoch
	c, err := ledger.Get[ledger.Committee](s, ledger.CommitteeKey(epoch)).Committee(&g, epoch)
	if err != nil {
		w.t.Fatal(err)
	}
	secret := committee.DeriveSecretKey([]byte("the seed of the only node that there is"))
	cert, err := c.Certify(a, map[int]committee.Signature{0: committee.NewSigner(secret, nil).Attest(c, a)})
	if err != nil {
		w.t.Fatal(err)
	}
	return cert
}

// put has a blob registered and certified, and returns what was told of it.
func (w *world) put(a *Account, id commit.BlobID, meta *commit.Metadata, epochs uint32, permanent bool) (steps []Step, err error) {
	w.t.Helper()
	return w.putBy(&Registrar{Account: a, Epochs: epochs, Permanent: permanent}, id, meta)
}

// putBy is put with a registrar.
func (w *world) putBy(r *Registrar, id commit.BlobID, meta *commit.Metadata) (steps []Step, err error) {
	w.t.Helper()
	r.Hasher, r.Step = w.hasher, func(s Step) { steps = append(steps, s) }
	var words committee.Attestation
	certify, err := r.Register(w.t.Context(), id, meta, func(a committee.Attestation) { words = a })
	if err != nil {
		return steps, err
	}
	return steps, certify(w.t.Context(), w.certificate(words))
}

var errLost = errors.New("the connection is lost")

// TestLost loses a connection or a process at each step of a registration. Whoever tries
// again ends with one registration, certified, and has paid for each step once.
func TestLost(t *testing.T) {
	type way = func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error)
	after := func(lost int, f way) way { // f takes the transaction number lost
		n := -1
		return func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error) {
			if n++; n == lost {
				return f(ctx, tx, to)
			}
			return to.Submit(ctx, tx)
		}
	}
	for step, name := range []string{"registration", "certificate"} {
		t.Run(name+" is applied and its answer lost", func(t *testing.T) {
			w := newWorld(t)
			id, meta := w.blob("a")
			_, err := w.put(w.alice(after(step, func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error) {
				_, err := to.Submit(ctx, tx)
				return chain.Receipt{}, errors.Join(errLost, err)
			})), id, meta, 2, false)
			w.check(err, id, 2)
		})
		t.Run(name+" does not arrive", func(t *testing.T) {
			w := newWorld(t)
			id, meta := w.blob("a")
			_, err := w.put(w.alice(after(step, func(context.Context, []byte, chain.Ledger) (chain.Receipt, error) {
				return chain.Receipt{}, errLost
			})), id, meta, 2, false)
			w.check(err, id, 2)
		})
		// The first process is killed when its transaction is on its way. It arrives when
		// the second one has looked, and found nothing.
		t.Run(name+" of a process that was killed comes late", func(t *testing.T) {
			w := newWorld(t)
			id, meta := w.blob("a")
			var late []byte
			killed, kill := context.WithCancel(t.Context())
			r := &Registrar{Account: w.alice(after(step, func(_ context.Context, tx []byte, _ chain.Ledger) (chain.Receipt, error) {
				late = tx
				kill()
				return chain.Receipt{}, killed.Err()
			})), Epochs: 2, Hasher: w.hasher}
			var words committee.Attestation
			certify, err := r.Register(killed, id, meta, func(a committee.Attestation) { words = a })
			if step == 1 {
				if err != nil {
					t.Fatal(err)
				}
				err = certify(killed, w.certificate(words))
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("killed: %v", err)
			}
			_, err = w.put(w.alice(after(0, func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error) {
				if got, err := to.Submit(ctx, late); err != nil || got.Err != nil {
					t.Fatalf("the late transaction: %v, %v", err, got.Err)
				}
				return to.Submit(ctx, tx)
			})), id, meta, 2, false)
			w.check(err, id, 2)
		})
	}
}

// check checks that the blob was paid for once, for so many epochs, and certified.
func (w *world) check(err error, id commit.BlobID, epochs uint64) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	b := chain.BlobOf(w.backend.State(), id)
	if len(b.Registrations) != 1 || b.Certified == nil {
		w.t.Fatalf("%d registrations, certified %v; want one that is", len(b.Registrations), b.Certified)
	}
	on, fees := w.state(), w.backend.State().System().Burned
	if on.Nonce != 2 {
		w.t.Errorf("%d transactions were paid for, want 2", on.Nonce)
	}
	if paid, want := 1<<40-on.Balance, epochs*storagePrice+writePrice+fees; paid != want {
		w.t.Errorf("paid %d, want %d", paid, want)
	}
}

// TestAgain puts blobs that the account has already.
func TestAgain(t *testing.T) {
	for _, test := range []struct {
		name                 string
		epochs               uint32
		permanent            bool
		later                int // epochs that pass before
		end                  uint32
		registrations, steps int
		bought               uint32 // epochs
	}{
		{"as before", 3, false, 0, 4, 1, 1, 0},
		{"for less", 1, false, 0, 4, 1, 1, 0},
		{"for more", 5, false, 0, 6, 1, 2, 2},
		{"as before, an epoch later", 3, false, 1, 5, 1, 2, 1},
		{"permanent now", 3, true, 0, 4, 2, 2, 3},
		{"after its end", 3, false, 3, 7, 1, 2, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			id, meta := w.blob("a")
			if _, err := w.put(w.alice(nil), id, meta, 3, false); err != nil {
				t.Fatal(err)
			}
			for range test.later {
				w.nextEpoch()
			}
			steps, err := w.put(w.alice(nil), id, meta, test.epochs, test.permanent)
			if err != nil {
				t.Fatal(err)
			}
			b := chain.BlobOf(w.backend.State(), id)
			if b.End != test.end || len(b.Registrations) != test.registrations {
				t.Errorf("ends with epoch %d and has %d registrations, want %d and %d", b.End, len(b.Registrations), test.end, test.registrations)
			}
			bought := uint32(0)
			for _, s := range steps {
				bought += s.Epochs
			}
			if len(steps) != test.steps || bought != test.bought || steps[len(steps)-1].Storage.End != test.end {
				t.Errorf("steps %+v, want %d of them, %d epochs bought", steps, test.steps, test.bought)
			}
		})
	}
}

// nextEpoch lets time pass until the next epoch.
func (w *world) nextEpoch() {
	w.t.Helper()
	now := w.backend.State().System().Epoch
	for range 10 {
		w.now.Add(ledgertest.EpochMillis / 2)
		if _, err := w.alice(nil).Do(w.t.Context(), ledger.Transfer{To: ledger.Address{1}, Amount: 1}); err != nil { // makes a block
			w.t.Fatal(err)
		}
		if w.backend.State().System().Epoch > now {
			return
		}
	}
	w.t.Fatalf("epoch %d does not end", now)
}

// TestShared has two processes use an account: the nonce of one is taken by the other, and
// nothing is in doubt.
func TestShared(t *testing.T) {
	w := newWorld(t)
	one, other := w.alice(nil), w.alice(nil)
	for i := range 5 {
		for _, a := range []*Account{one, other, other} {
			if got, err := a.Do(t.Context(), ledger.Transfer{To: ledger.Address{1}, Amount: 1}); err != nil || got.Fee == 0 {
				t.Fatalf("round %d: %+v, %v", i, got, err)
			}
		}
	}
	if on := w.state(); on.Nonce != 15 {
		t.Errorf("nonce %d, want 15", on.Nonce)
	}
	// Two nonces are taken away, one after the other: that is no reason for doubt.
	taken := 0
	rival := w.alice(nil)
	third := w.alice(func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error) {
		if taken++; taken <= 2 {
			if _, err := rival.Do(ctx, ledger.Transfer{To: ledger.Address{2}, Amount: 1}); err != nil {
				t.Fatal(err)
			}
		}
		return to.Submit(ctx, tx)
	})
	if _, err := third.Do(t.Context(), ledger.Transfer{To: ledger.Address{1}, Amount: 1}); err != nil {
		t.Errorf("when others were quicker, twice: %v", err)
	}
}

// TestRival has another process write with the account without a pause: whoever wants one thing done
// now and then does not wait long for it.
func TestRival(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	var rivals sync.WaitGroup
	defer rivals.Wait()
	defer cancel()
	rival := w.alice(nil)
	rivals.Go(func() {
		for ctx.Err() == nil {
			_, _ = rival.Do(ctx, ledger.Transfer{To: ledger.Address{2}, Amount: 1})
		}
	})
	own := w.alice(nil)
	var longest time.Duration
	for range 20 {
		began := time.Now()
		if _, err := own.Once(t.Context(), func(context.Context) (ledger.Action, error) {
			return ledger.Transfer{To: ledger.Address{1}, Amount: 1}, nil
		}); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(began))
	}
	t.Logf("the longest took %v", longest)
	if longest > 10*time.Second {
		t.Errorf("the longest took %v, want less than 10 s", longest)
	}
}

// TestDoubt loses the answer to a transfer: nobody gives money twice.
func TestDoubt(t *testing.T) {
	for _, test := range []struct {
		arrives bool
		lost    error
	}{{true, errLost}, {false, errLost}, {true, chain.ErrNoQuorum}, {false, chain.ErrNoQuorum}, {true, chain.ErrClosed}, {false, chain.ErrBusy}} {
		arrives := test.arrives
		t.Run(fmt.Sprintf("arrives %v, %v", arrives, test.lost), func(t *testing.T) {
			w := newWorld(t)
			lost := false
			a := w.alice(func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error) {
				if lost {
					return to.Submit(ctx, tx)
				}
				lost = true
				if arrives {
					if _, err := to.Submit(ctx, tx); err != nil {
						t.Fatal(err)
					}
				}
				return chain.Receipt{}, test.lost
			})
			_, err := a.Do(t.Context(), ledger.Transfer{To: ledger.Address{1}, Amount: 7})
			if arrives != errors.Is(err, ErrOutcome) || !arrives && err != nil {
				t.Errorf("%v", err)
			}
			got := ledger.Get[ledger.Account](w.backend.State(), ledger.AccountKey(ledger.Address{1}))
			if got == nil || got.Balance != 7 {
				t.Errorf("the other one has %+v, want 7", got)
			}
		})
	}
}

// TestRefused has actions refused: at once, and with the rule.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	id, meta := w.blob("a")
	for _, test := range []struct {
		name   string
		epochs uint32
		owner  string
		want   ledger.Rule
	}{
		{"too many epochs", 1000, "alice", ledger.RuleEpochs},
		{"no money", 1, "nobody", ledger.RuleFunds},
	} {
		t.Run(test.name, func(t *testing.T) {
			tries := 0
			a := New(&lossy{chain.Local(w.backend), func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error) {
				tries++
				return to.Submit(ctx, tx)
			}}, ledgertest.Key(test.owner))
			if _, err := w.put(a, id, meta, test.epochs, false); ledger.RuleOf(err) != test.want || tries != 1 {
				t.Errorf("%v in %d tries, want rule %q in one", err, tries, test.want)
			}
		})
	}
}

// TestUse registers anew what may not be taken up, and that once, though an answer is lost.
func TestUse(t *testing.T) {
	w := newWorld(t)
	id, meta := w.blob("a")
	if _, err := w.put(w.alice(nil), id, meta, 3, false); err != nil {
		t.Fatal(err)
	}
	lost := false
	a := w.alice(func(ctx context.Context, tx []byte, to chain.Ledger) (chain.Receipt, error) {
		got, err := to.Submit(ctx, tx)
		if !lost {
			lost = true
			return chain.Receipt{}, errLost
		}
		return got, err
	})
	none := func(chain.Registration) bool { return false }
	if _, err := w.putBy(&Registrar{Account: a, Epochs: 2, Use: none}, id, meta); err != nil {
		t.Fatal(err)
	}
	b := chain.BlobOf(w.backend.State(), id)
	if len(b.Registrations) != 2 || b.Registrations[0].Certified == nil || b.Registrations[1].Certified == nil || b.Registrations[1].Storage.End != 3 {
		t.Errorf("registrations %+v, want two that are certified, of 3 and 2 epochs", b.Registrations)
	}
}

// TestCrowd has somebody else register a blob so often, and for so long, that the ledger
// lists theirs alone: the owner's is found all the same.
func TestCrowd(t *testing.T) {
	w := newWorld(t)
	id, meta := w.blob("a")
	if _, err := w.put(w.alice(nil), id, meta, 2, false); err != nil {
		t.Fatal(err)
	}
	root, err := meta.Root(w.hasher)
	if err != nil {
		t.Fatal(err)
	}
	bob := New(chain.Local(w.backend), ledgertest.Key("bob"))
	for range chain.MaxRegistrations + 1 {
		r := ledger.ReserveAndRegister{Epochs: 9, ID: id, Root: root, Length: meta.Length, Encoding: ledger.EncodingRS2}
		if _, err := bob.Do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range chain.BlobOf(w.backend.State(), id).Registrations {
		if r.Owner != bob.Address() {
			t.Fatal("the ledger lists the owner's")
		}
	}
	before := w.state()
	steps, err := w.put(w.alice(nil), id, meta, 2, false)
	if err != nil || len(steps) != 1 || steps[0].Storage.End != 3 {
		t.Errorf("steps %+v, %v; want that of the registration until epoch 3", steps, err)
	}
	if now := w.state(); now != before {
		t.Errorf("the owner has paid: %+v, and before %+v", now, before)
	}
	if own, err := bob.Registrations(t.Context(), id); err != nil || len(own) != chain.MaxRegistrations+1 {
		t.Errorf("%d registrations (%v), want %d", len(own), err, chain.MaxRegistrations+1)
	}
}
