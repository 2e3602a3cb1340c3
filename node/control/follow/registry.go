package follow

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Bounds of what a registry remembers and asks at once.
const (
	maxRegistered = 1 << 16 // blobs
	maxWaiting    = 128     // callers of Await
	maxAsking     = 16      // of these, that ask the ledger
	maxAccounts   = 4096
)

// Times of Await.
const (
	eventTime = 200 * time.Millisecond // in which the event comes as a rule
	askTime   = 5 * time.Second        // for the ledger to answer
)

var (
	_ control.Registry  = (*Registry)(nil)
	_ control.Control   = (*Views)(nil)
	_ control.Refresher = (*Views)(nil)
)

// Registry tells which blobs may be stored: those that are registered. It remembers the
// last ones of which it has heard, and asks the ledger about others. Its methods are
// safe for concurrent use.
type Registry struct {
	ledger chain.Ledger
	epoch  func() uint64
	grace  time.Duration // for a registration that is on its way

	turns chan struct{} // of those who ask

	mu       sync.Mutex
	blobs    bounded[commit.BlobID, uint32] // the epochs before which they end
	accounts bounded[committee.TLSKey, account]
	waiting  int
	changed  chan struct{} // closed when a blob is learnt of; then there is another one
}

// account is what is known of the account of a TLS key.
type account struct {
	exists bool
	until  time.Time // when to ask again
}

func newRegistry(l chain.Ledger, epoch func() uint64, grace time.Duration) *Registry {
	return &Registry{
		ledger: l, epoch: epoch, grace: grace, turns: make(chan struct{}, maxAsking), changed: make(chan struct{}),
		blobs: newBounded[commit.BlobID, uint32](maxRegistered), accounts: newBounded[committee.TLSKey, account](maxAccounts),
	}
}

// Live reports whether the blob is registered, as far as is known without asking.
func (r *Registry) Live(id commit.BlobID) bool {
	_, ok := r.end(id)
	return ok
}

// end returns the epoch before which the blob's storage ends.
func (r *Registry) end(id commit.BlobID) (uint32, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end, ok := r.blobs.get(id)
	return end, ok && uint64(end) > r.epoch()
}

// learn notes until when a blob is registered; 0 is that it is not.
func (r *Registry) learn(id commit.BlobID, end uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end == 0 {
		r.blobs.remove(id)
		return
	}
	r.blobs.set(id, end)
	close(r.changed)
	r.changed = make(chan struct{})
}

// extend notes that a blob is registered until an epoch at least.
func (r *Registry) extend(id commit.BlobID, end uint32) {
	before, _ := r.end(id)
	r.learn(id, max(before, end))
}

// Await returns the epoch before which the blob's storage ends. For one that is not known
// it asks the ledger, and waits a short while for its registration. The error is
// control.ErrUnregistered, control.ErrUnknown if the ledger does not answer or too many ask, or the
// context's.
func (r *Registry) Await(ctx context.Context, id commit.BlobID) (uint32, error) {
	if end, ok := r.end(id); ok {
		return end, nil
	}
	if !r.enter() {
		return 0, fmt.Errorf("%w: too many ask", control.ErrUnknown)
	}
	defer r.leave()
	limited, cancel := context.WithTimeout(ctx, r.grace)
	defer cancel()
	if end, ok := r.hear(limited, id, min(eventTime, r.grace)); ok {
		return end, nil
	}
	end, err := r.ask(ctx, id)
	if err != nil || end > 0 {
		return end, err
	}
	if end, ok := r.hear(limited, id, r.grace); ok {
		return end, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if end, err = r.ask(ctx, id); err == nil && end == 0 {
		err = control.ErrUnregistered
	}
	return end, err
}

func (r *Registry) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == maxWaiting {
		return false
	}
	r.waiting++
	return true
}

func (r *Registry) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
}

// hear waits for the event that the blob is registered.
func (r *Registry) hear(ctx context.Context, id commit.BlobID, most time.Duration) (uint32, bool) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if end, ok := r.end(id); ok {
			return end, true
		}
		select {
		case <-changed:
		case <-timer.C:
			return 0, false
		case <-ctx.Done():
			return 0, false
		}
	}
}

// ask asks the ledger until when the blob is registered; 0 is that it is not.
func (r *Registry) ask(ctx context.Context, id commit.BlobID) (uint32, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: too many ask", control.ErrUnknown)
	}
	b, err := r.ledger.Blob(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", control.ErrUnknown, err)
	}
	if uint64(b.End) <= r.epoch() {
		return 0, nil
	}
	r.extend(id, b.End)
	return b.End, nil
}

// Times for which it is remembered whether there is an account.
const (
	accountTime   = 5 * time.Minute
	noAccountTime = 10 * time.Second
	whoTime       = time.Second // for the ledger to answer
)

// Account reports whether the TLS key has an account on the ledger with money: whoever
// has may be known by it. If the ledger does not answer, it has none.
func (r *Registry) Account(key committee.TLSKey) bool {
	if key == (committee.TLSKey{}) {
		return false
	}
	now := time.Now()
	r.mu.Lock()
	a, ok := r.accounts.get(key)
	r.mu.Unlock()
	if ok && now.Before(a.until) {
		return a.exists
	}
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	default:
		return ok && a.exists
	}
	ctx, cancel := context.WithTimeout(context.Background(), whoTime)
	defer cancel()
	var on ledger.Account
	_, found, err := chain.Value(ctx, r.ledger, ledger.AccountKey(ledger.Address(key)), &on)
	if err == nil {
		a.exists = found && on.Balance > 0
	}
	a.until = now.Add(noAccountTime)
	if err == nil && a.exists {
		a.until = now.Add(accountTime)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accounts.set(key, a)
	return a.exists
}
