package account

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Once is Do for what may have been done before, or is being done: by an attempt whose
// connection was lost, or by a process that was killed. next looks at the ledger before
// each attempt, and returns the action that is left to do, or nil if there is none: then
// the receipt is empty. Its error is returned if it is a *ledger.RuleError, and else makes
// for another attempt. It must not use the account.
//
// Nothing is done twice, and no fee is paid for nothing: the account's nonce is known
// before next looks, which it does in a session, at a state that is no older. So a
// transaction that was sent before either shows itself to next, or takes the nonce that
// this one was to have.
//
// What several goroutines want done while a transaction is on its way goes together in the
// next one, a ledger.Batch: next must not depend on what the others do. The receipt of each
// has its part of the fee, and the events of all.
func (a *Account) Once(ctx context.Context, next func(context.Context) (ledger.Action, error)) (chain.Receipt, error) {
	return a.once(ctx, wish{next: next})
}

// wish is an action that somebody wants done.
type wish struct {
	next func(context.Context) (ledger.Action, error)
	// The blob whose registrations next looks for. No two go together that are about the same
	// one: the second looks when the first is done.
	about *commit.BlobID
	// named, which may be nil, is told which id the first object has that the action makes, before the
	// transaction is sent.
	named func(ledger.ObjectID)
}

// once is Once.
func (a *Account) once(ctx context.Context, w wish) (chain.Receipt, error) {
	alone := false
	for t := new(tries); ; {
		r := &request{ctx: ctx, wish: w, alone: alone, done: make(chan struct{})}
		if err := a.ask(ctx, r); err != nil {
			return chain.Receipt{}, err
		}
		if r.final {
			return r.receipt, r.err
		}
		if again, err := t.again(ctx, r.err); !again {
			return r.receipt, errors.Join(r.err, err)
		}
		alone = r.alone
	}
}

// request is an attempt to have an action done.
type request struct {
	wish
	ctx   context.Context
	alone bool // it goes with no other

	mu   sync.Mutex // held while next or named is called
	gone bool       // nobody waits for it any more: neither is called

	action ledger.Action

	done    chan struct{} // closed when what follows is set
	final   bool          // there is no reason for another attempt
	receipt chain.Receipt
	err     error
}

// call calls what belongs to the request unless nobody waits for it any more.
func (r *request) call(f func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.gone {
		f()
	}
	return !r.gone
}

func (r *request) finish(final bool, got chain.Receipt, err error) {
	r.final, r.receipt, r.err = final, got, err
	close(r.done)
}

// queue is the requests that wait for a transaction.
type queue struct {
	mu      sync.Mutex
	waiting []*request
}

func (q *queue) add(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, r)
}

// back puts requests that were taken before the others.
func (q *queue) back(all []*request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.Concat(all, q.waiting)
}

// take returns those that may go together, in their order.
func (q *queue) take() (group []*request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var left []*request
	about := make(map[commit.BlobID]bool)
	for _, r := range q.waiting {
		full := len(group) == ledger.MaxBatch || len(group) > 0 && (r.alone || group[0].alone)
		if full || r.about != nil && about[*r.about] {
			left = append(left, r)
			continue
		}
		if group = append(group, r); r.about != nil {
			about[*r.about] = true
		}
	}
	q.waiting = left
	return group
}

func (q *queue) drop(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(x *request) bool { return x == r })
}

// ask has a request take part in a transaction, and returns when it is done. The error is
// the context's.
func (a *Account) ask(ctx context.Context, r *request) error {
	a.queue.add(r)
	for {
		select {
		case <-r.done:
			return nil
		case <-ctx.Done():
			a.queue.drop(r)
			select {
			case <-r.done:
				return nil
			default:
			}
			r.mu.Lock() // for as long as next takes to see that the context has ended
			defer r.mu.Unlock()
			r.gone = true
			return ctx.Err()
		case a.turn <- struct{}{}:
			// It goes on without the one who began it: others wait for it.
			go a.transact(a.queue.take())
		}
	}
}

// waiters returns a context that ends when those of all requests have ended.
func waiters(group []*request) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(group[0].ctx))
	var left atomic.Int64
	left.Store(int64(len(group)))
	stops := make([]func() bool, len(group))
	for i, r := range group {
		stops[i] = context.AfterFunc(r.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// maxTogether bounds the bytes of the actions in one transaction.
const maxTogether = ledger.MaxTx / 2

// transact makes one transaction of what some requests want done, finishes them or has them
// wait again, and ends the turn.
func (a *Account) transact(group []*request) {
	defer func() { <-a.turn }()
	if len(group) == 0 {
		return
	}
	ctx, end := waiters(group)
	defer end()
	ctx = a.InSession(ctx)
	if _, err := a.learn(ctx); err != nil {
		a.failed(group, err)
		return
	}
	group = a.look(group)
	if len(group) == 0 {
		return
	}
	actions := make([]ledger.Action, len(group))
	for i, r := range group {
		actions[i] = r.action
	}
	batch, size := ledger.BatchOf(actions...), 0
	for i, data := range batch.Actions {
		if size += len(data); size > maxTogether && i > 0 {
			a.queue.back(group[i:])
			group, batch.Actions = group[:i], batch.Actions[:i]
			break
		}
	}
	action := actions[0]
	if len(group) > 1 {
		action = batch
	}
	tx, err := a.sign(action)
	if err != nil {
		a.failed(group, err)
		return
	}
	digest := ledger.Digest(tx)
	for i, r := range group {
		if r.named != nil {
			r.call(func() { r.named(ledger.ObjectIDOf(digest, ledger.BatchObject(i))) })
		}
	}
	got, err := a.submit(ctx, tx)
	switch {
	case err == nil && len(group) > 1:
		split(group, got)
	case len(group) > 1 && ledger.RuleOf(err) != "" && !another(ledger.RuleOf(err)):
		// There may be enough money for some of them.
		for _, r := range group {
			r.alone = true
		}
		a.queue.back(group)
	case err == nil, got.Fee > 0:
		group[0].finish(true, got, err)
	default:
		a.failed(group, err)
	}
}

// look has all requests look at the ledger, finishes those that have nothing to do, and
// returns the others with their actions.
func (a *Account) look(group []*request) (left []*request) {
	var all sync.WaitGroup
	errs := make([]error, len(group))
	for i, r := range group {
		all.Go(func() {
			if !r.call(func() { r.action, errs[i] = r.next(a.InSession(r.ctx)) }) {
				errs[i] = context.Cause(r.ctx)
			}
		})
	}
	all.Wait()
	for i, r := range group {
		switch {
		case errs[i] != nil:
			a.failed(group[i:i+1], errs[i])
		case r.action == nil:
			r.finish(true, chain.Receipt{}, nil)
		default:
			left = append(left, r)
		}
	}
	return left
}

// failed finishes requests because of an error, after which those may try again that broke
// no rule.
func (a *Account) failed(group []*request, err error) {
	a.noteBehind(err)
	rule := ledger.RuleOf(err)
	final := rule != "" && !another(rule) || errors.Is(err, chain.ErrBehind)
	for _, r := range group {
		r.finish(final, chain.Receipt{}, err)
	}
}

// split finishes requests whose actions were a batch.
func split(group []*request, got chain.Receipt) {
	refused := make(map[int]error)
	for _, e := range got.Events {
		if e, ok := e.(ledger.ActionRefused); ok {
			refused[int(e.Index)] = e.Err()
		}
	}
	n := uint64(len(group))
	for i, r := range group {
		one := got
		if one.Fee, one.Err = got.Fee/n, refused[i]; i == 0 {
			one.Fee += got.Fee % n
		}
		r.finish(true, one, one.Err)
	}
}
