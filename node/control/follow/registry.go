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
	maxRegistered = 1 << 16 // blobs, and deletable registrations
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
	known    knowledge
	accounts bounded[committee.TLSKey, account]
	waiting  int
	wanted   chan struct{} // closed when somebody waits; nil if nobody asks
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
		known: newKnowledge(), accounts: newBounded[committee.TLSKey, account](maxAccounts),
	}
}

// Live reports whether the blob is registered, as far as is known without asking.
func (r *Registry) Live(id commit.BlobID) bool {
	_, ok := r.end(committee.Attestation{Blob: id})
	return ok
}

// end returns the epoch before which the blob's storage ends, if it has a registration
// that the attestation may be of.
func (r *Registry) end(a committee.Attestation) (uint32, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known.end(a, r.epoch())
}

// standing returns what is known of a blob.
func (r *Registry) standing(id commit.BlobID) standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, _ := r.known.blobs.get(id)
	return s
}

// tell changes what is known, and wakes those who wait for it.
func (r *Registry) tell(f func(*knowledge)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.known)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Await returns the epoch before which the blob's storage ends. For one that is not known
// it asks the ledger, and waits a short while for its registration. The error is
// control.ErrUnregistered, control.ErrUnknown if the ledger does not answer or too many ask, or the
// context's.
func (r *Registry) Await(ctx context.Context, id commit.BlobID) (uint32, error) {
	return r.AwaitFor(ctx, committee.Attestation{Blob: id})
}

// AwaitFor is Await for a blob that has a registration which the attestation may be of:
// the deletable one that it names, or any permanent one. Such a registration was there
// when the ledger last told of it. A permanent one is there until its end; one that was
// deleted since is named by nobody any more.
func (r *Registry) AwaitFor(ctx context.Context, a committee.Attestation) (uint32, error) {
	if end, ok := r.end(a); ok {
		return end, nil
	}
	if !r.enter() {
		return 0, fmt.Errorf("%w: too many ask", control.ErrUnknown)
	}
	defer r.leave()
	limited, cancel := context.WithTimeout(ctx, r.grace)
	defer cancel()
	if end, ok := r.hear(limited, a, min(eventTime, r.grace)); ok {
		return end, nil
	}
	end, err := r.ask(ctx, a)
	if err != nil || end > 0 {
		return end, err
	}
	if end, ok := r.hear(limited, a, r.grace); ok {
		return end, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if end, err = r.ask(ctx, a); err == nil && end == 0 {
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
	if r.wanted != nil {
		close(r.wanted)
		r.wanted = nil
	}
	return true
}

func (r *Registry) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
}

// lull waits until somebody waits for a registration, but no longer than most or until the
// context ends.
func (r *Registry) lull(ctx context.Context, most time.Duration) {
	r.mu.Lock()
	if r.waiting > 0 {
		r.mu.Unlock()
		return
	}
	wanted := make(chan struct{})
	r.wanted = wanted
	r.mu.Unlock()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-wanted:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// hear waits for the event that the blob is registered.
func (r *Registry) hear(ctx context.Context, a committee.Attestation, most time.Duration) (uint32, bool) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if end, ok := r.end(a); ok {
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

// ask asks the ledger until when the blob is registered; 0 is that it has no registration
// that the attestation may be of.
func (r *Registry) ask(ctx context.Context, a committee.Attestation) (uint32, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: too many ask", control.ErrUnknown)
	}
	b, err := r.ledger.Blob(ctx, a.Blob)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", control.ErrUnknown, err)
	}
	object, err := r.named(ctx, a, &b)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", control.ErrUnknown, err)
	}
	fresh := false
	r.tell(func(k *knowledge) {
		if fresh = k.answer(&b); fresh && object != nil {
			k.objects.set(object.Object, *object)
		}
	})
	if !fresh {
		return 0, fmt.Errorf("%w: it was asked about block %d, and has told of later ones", control.ErrUnknown, b.Height)
	}
	end, _ := r.end(a)
	return end, nil
}

// named returns the registration that an attestation names, if it is one of the blob's
// that lives and is deletable.
func (r *Registry) named(ctx context.Context, a committee.Attestation, b *chain.Blob) (*chain.Registration, error) {
	id, named := a.Registration()
	if !named {
		return nil, nil
	}
	for _, one := range b.Registrations {
		if one.Object == ledger.ObjectID(id) {
			return &one, nil
		}
	}
	if len(b.Registrations) < chain.MaxRegistrations {
		return nil, nil
	}
	one := chain.Registration{Object: ledger.ObjectID(id)}
	at, ok, err := chain.Value(ctx, r.ledger, ledger.BlobKey(one.Object), &one.Blob)
	if err != nil || !ok {
		return nil, err
	}
	b.Height = min(b.Height, at.Height)
	return &one, nil
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
