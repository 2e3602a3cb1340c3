package witness

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// Store is what a witness needs of a store, see store.Store.
type Store interface {
	BlobsWith(r store.Record, after *commit.BlobID, limit int) ([]commit.BlobID, error)
	Record(id commit.BlobID, r store.Record) ([]byte, error)
	Note(name string) ([]byte, error)
	SetNote(name string, value []byte) error
}

// Signer attests what the node has seen, see committee.Signer.
type Signer interface {
	Attest(c *committee.Committee, a committee.Attestation) committee.Signature
}

// Config is what a witness works with. Turn and Logger have defaults, for which the zero
// value stands; all else must be set.
type Config struct {
	Account *account.Account // of the node
	Genesis ledger.Genesis
	View    func() *epoch.View
	Node    func() committee.NodeID // the zero id until the node is of a committee
	Signer  Signer
	Store   Store
	// Certify returns a certificate of the current epoch that a blob is inconsistent.
	Certify func(context.Context, commit.BlobID) ([]byte, error)
	// Settle has the store keep what it has of a blob no longer than the ledger says.
	Settle func(context.Context, commit.BlobID) error

	Turn   time.Duration // how much later the next member says what one need say; default 2 s
	Logger *slog.Logger  // default drops all
}

// Witness tells a ledger what one node has seen. Its methods are safe for concurrent use;
// Run runs once.
type Witness struct {
	config Config
	teller teller
	notary notary
	failed failures
}

// failures are why the ledger was not told of things, the last time.
type failures struct {
	mu   sync.Mutex
	last [2]error
}

// What failures are of.
const (
	ofBlobs = iota
	ofCheckpoints
)

// New returns a witness. It starts nothing. The error names fields of the configuration
// that must be set.
func New(c Config) (*Witness, error) {
	if c.Account == nil || c.View == nil || c.Signer == nil || c.Store == nil || c.Certify == nil || c.Settle == nil {
		return nil, errors.New("witness: Config.Account, View, Signer, Store, Certify and Settle must be set")
	}
	if c.Turn < 0 {
		return nil, errors.New("witness: Config.Turn must not be negative")
	}
	if c.Turn == 0 {
		c.Turn = 2 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Witness{config: c}
	w.teller = teller{Config: &w.config, failed: &w.failed, wake: make(chan struct{}, 1), more: true}
	w.notary = notary{Config: &w.config, failed: &w.failed, wake: make(chan struct{}, 1)}
	return w, nil
}

// Run tells the ledger what there is to tell, until the context ends.
func (w *Witness) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { w.teller.run(ctx) })
	group.Go(func() { w.notary.run(ctx) })
	group.Wait()
}

// Inconsistent has the ledger told that a blob is inconsistent, of which the store has the
// certificate. It returns at once.
func (w *Witness) Inconsistent(id commit.BlobID) { w.teller.add(id) }

// Opened has what the ledger wants signed looked for. It returns at once.
func (w *Witness) Opened() { signal(w.notary.wake) }

// note notes whether the ledger could be told of something.
func (f *failures) note(of int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last[of] = err
}

func (f *failures) all() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.last[:]...)
}

// Problems says what keeps the node from telling the ledger anything. It is empty if
// nothing does.
func (w *Witness) Problems() []api.Problem {
	failure := w.failed.all()
	var list []api.Problem
	if errors.Is(failure, ErrOtherState) {
		list = append(list, api.Problem{
			Name:    "checkpoint",
			Message: "the ledger asks for a signature under another state than before, which is refused: " + failure.Error(),
			Remedy:  "find out who runs the ledger, and whether its log was replaced",
		})
	}
	if ledger.RuleOf(failure) == ledger.RuleFunds {
		list = append(list, api.Problem{
			Name: "account", Message: "the node cannot tell the ledger what it has seen, and others have to: " + failure.Error(),
			Remedy: "transfer money to the node's account, " + w.config.Account.Address().String(),
		})
	}
	return list
}

// Pauses after a failure.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = time.Minute
)

// pauseAfter returns how long to wait after so many failures in a row.
func pauseAfter(failures int) time.Duration { return min(firstPause<<min(failures, 20), lastPause) }

// askTime is how long to wait for the ledger to answer or to take something.
const askTime = 30 * time.Second

// wait waits for a time, or to be woken. It reports whether the context goes on.
func wait(ctx context.Context, wake <-chan struct{}, pause time.Duration) bool {
	timer := time.NewTimer(max(0, pause))
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
