package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/store"
)

// Store is what a follower needs of a store, see store.Store.
type Store interface {
	Apply(id commit.BlobID, u store.Update) error
	ApplyAll(updates []store.BlobUpdate) error
	Info(id commit.BlobID) (store.Info, error)
	Blobs(after *commit.BlobID, limit int) ([]commit.BlobID, error)
	BlobsWith(r store.Record, after *commit.BlobID, limit int) ([]commit.BlobID, error)
	Note(name string) ([]byte, error)
	SetNote(name string, value []byte) error
}

// Config is what a follower works with. Ledger, Genesis and Store must be set; all else
// has defaults, for which the zero value stands.
type Config struct {
	Ledger  chain.Ledger
	Genesis ledger.Genesis
	Store   Store
	Grace   time.Duration // for a registration that is on its way; default 3 s
	Poll    time.Duration // for which the ledger is asked to wait for events; default 30 s
	Start   time.Duration // for the ledger to answer before the follower begins without it; default 10 s
	Logger  *slog.Logger  // default drops all
}

// Hooks are told what a follower has done. They return at once.
type Hooks struct {
	Certified func([]commit.BlobID) // blobs are certified, and the store knows it
	Listed    func()                // the store knows of blobs that no hook was told of
	Ended     func()                // blobs have ended, or another epoch has begun
	Changed   func()                // the view shows something else
	Opened    func()                // members are to sign a checkpoint
	Armed     func(height uint64)   // a challenge was armed, before any later event is applied
	Challenge func()                // a challenge was armed, has started, is closed, or has its outcome
}

// Follower is a control plane that follows a ledger. Its methods are safe for concurrent
// use; Run runs once.
type Follower struct {
	*Views
	*Registry
	config Config
	apply  *applier
	cursor *chain.Cursor // of the next event; nil if there is none yet

	caughtUp atomic.Bool
	mu       sync.Mutex
	failure  error // why the ledger cannot be followed at present
}

// noteName is the name under which a follower keeps in the store how far it is.
const noteName = "ledger"

// position is how far a follower is.
type position struct {
	Chain  ledger.ChainID
	Height uint64
	Index  uint32
	Epoch  uint32 // whose beginning is applied
	View   savedView
}

// Open returns a follower that goes on where the store says that it ended. It asks the
// ledger for its epochs; if that does not answer, those that were known last hold, or
// those of the genesis. The error wraps ErrOtherLedger if the ledger or the store is of
// another chain, ledger.ErrGenesis, or is the store's or the context's.
func Open(ctx context.Context, c Config) (*Follower, error) {
	def(&c.Grace, 3*time.Second)
	def(&c.Poll, 30*time.Second)
	def(&c.Start, 10*time.Second)
	if c.Ledger == nil || c.Store == nil || c.Grace < 0 || c.Poll < 0 || c.Start < 0 {
		return nil, errors.New("follow: Config.Ledger and Config.Store must be set, and no time be negative")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Follower{config: c, Views: newViews(c.Ledger, c.Genesis)}
	f.Registry = newRegistry(c.Ledger, func() uint64 { return f.View().Current.Epoch() }, c.Grace)
	f.apply = &applier{ledger: c.Ledger, store: c.Store, views: f.Views, registry: f.Registry}
	if err := f.load(); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, c.Start)
	defer cancel()
	err := f.Refresh(limited)
	switch {
	case errors.Is(err, ErrOtherLedger) || ctx.Err() != nil:
		return nil, err
	case err != nil:
		f.fail(err)
	}
	if f.View() == nil {
		if err := f.begin(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func def(v *time.Duration, value time.Duration) {
	if *v == 0 {
		*v = value
	}
}

// load reads how far the follower was.
func (f *Follower) load() error {
	data, err := f.config.Store.Note(noteName)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var p position
	if err := codec.Unmarshal(data, &p); err != nil {
		f.config.Logger.Warn("the place in the ledger cannot be read: starting from a listing", "error", err)
		return nil
	}
	if p.Chain != f.chain {
		return fmt.Errorf("%w: the store followed %v, and the genesis is that of %v", ErrOtherLedger, p.Chain, f.chain)
	}
	f.cursor = &chain.Cursor{Height: p.Height, Index: p.Index}
	f.apply.applied.Store(p.Epoch)
	return f.restore(p.View)
}

// keep writes how far the follower is.
func (f *Follower) keep() error {
	return f.config.Store.SetNote(noteName, codec.Marshal(position{f.chain, f.cursor.Height, f.cursor.Index, f.apply.applied.Load(), f.save()}))
}

// Ledger returns the ledger that is followed.
func (f *Follower) Ledger() chain.Ledger { return f.config.Ledger }

// Settle has the store keep what it has of a blob that is inconsistent no longer than the
// ledger says.
func (f *Follower) Settle(ctx context.Context, id commit.BlobID) error {
	f.Registry.tell(func(k *knowledge) { k.forget(id) }) // nothing of it is stored until the ledger was asked
	return f.apply.settle(ctx, id)
}

// CaughtUp reports whether the follower has applied all that the ledger had to tell when
// it was last asked.
func (f *Follower) CaughtUp() bool { return f.caughtUp.Load() }

// Applied returns the last epoch before whose beginning all that the ledger told is
// applied: what ends before it has ended. It can be behind that of the view.
func (f *Follower) Applied() uint32 { return f.apply.applied.Load() }

// fail notes why the ledger cannot be followed, or that it can.
func (f *Follower) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failure = err
}

// Problems says what is wrong with the ledger. It is empty if all is well.
func (f *Follower) Problems() []api.Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failure == nil {
		return nil
	}
	p := api.Problem{
		Name:    "ledger",
		Message: fmt.Sprintf("the ledger cannot be followed: reads and healing go on as of epoch %d, and new blobs are refused: %v", f.View().Current.Epoch(), f.failure),
		Remedy:  "see that the ledger runs and can be reached from here",
	}
	if errors.Is(f.failure, ErrOtherLedger) {
		p.Remedy = "give the node the address of the ledger whose genesis it has"
	}
	return []api.Problem{p}
}

// Pauses after a failure.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// catchUpTime is how long a follower waits for events that does not know whether there are
// any.
const catchUpTime = 3 * time.Second

// lull is how long a follower lets events gather, while nobody waits for a registration: what
// comes with one answer, one change of the store and one place costs much less than event by
// event.
const lull = 50 * time.Millisecond

// eventsAtOnce is how many events are asked for at once.
const eventsAtOnce = 500

// Run follows the ledger until the context ends.
func (f *Follower) Run(ctx context.Context, h Hooks) {
	f.apply.hooks = h
	for pause := firstPause; ctx.Err() == nil; {
		err := f.step(ctx)
		if ctx.Err() != nil {
			return
		}
		f.fail(err)
		if err == nil {
			pause = firstPause
			if f.CaughtUp() { // or there are more already
				f.Registry.lull(ctx, lull)
			}
			continue
		}
		f.forget()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, lastPause)
	}
}

// step applies the next events, once there are some.
func (f *Follower) step(ctx context.Context) error {
	if err := f.identified(ctx); err != nil {
		return err
	}
	if f.cursor == nil {
		f.config.Logger.Info("starting from a listing of the ledger")
		cursor, err := (&listing{f.apply}).run(ctx)
		if err != nil {
			return err
		}
		f.cursor = &cursor
		if err := f.keep(); err != nil {
			return err
		}
	}
	if f.failed() {
		// What the ledger does not answer at once it may not answer at all.
		if err := f.Refresh(ctx); err != nil {
			return err
		}
	}
	wait := f.config.Poll
	if !f.CaughtUp() || f.failed() {
		wait = min(wait, catchUpTime) // what there is comes at once
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	events, next, err := f.config.Ledger.Events(limited, *f.cursor, eventsAtOnce)
	if err != nil {
		return err
	}
	done, err := f.apply.all(ctx, events)
	switch {
	case err == nil && next != *f.cursor:
		f.cursor = &next
	case err != nil && done > 0:
		after := events[done-1].Next()
		f.cursor = &after
	default:
		f.caughtUp.Store(err == nil)
		return err
	}
	f.caughtUp.Store(err == nil && len(events) < eventsAtOnce)
	return errors.Join(err, f.keep())
}

func (f *Follower) failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failure != nil
}

// View returns the epochs as they were when the ledger last told.
func (f *Follower) View() *epoch.View { return f.Views.View() }
