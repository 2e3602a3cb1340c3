package peer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Error is what one node answered.
type Error struct {
	Member string
	Err    error
}

func (e *Error) Error() string {
	said := e.Err.Error()
	var status *StatusError
	if errors.As(e.Err, &status) || strings.HasPrefix(said, e.Member+": ") { // it names the member
		return said
	}
	return e.Member + ": " + said
}

// Unwrap returns the error.
func (e *Error) Unwrap() error { return e.Err }

// NoneError reports that none of the nodes gave what was asked for.
type NoneError struct {
	Errors []*Error // what each of them answered, or that it did not
	Cause  error    // the context's, if that ended before all had answered; or nil
}

func (e *NoneError) Error() string {
	s := "peer: none of the nodes has it"
	if e.Cause != nil {
		s = "peer: " + e.Cause.Error()
	}
	return s + Summary(e.Errors)
}

// Unwrap returns what the nodes answered, and the cause.
func (e *NoneError) Unwrap() []error { return Wrapped(e.Errors, e.Cause) }

// shown is how many answers a summary has.
const shown = 8

// Summary lists what nodes answered, but not too many, each after a semicolon.
func Summary(errs []*Error) (s string) {
	for i, e := range errs {
		if i == shown {
			return s + fmt.Sprintf("; and %d more", len(errs)-i)
		}
		s += "; " + e.Error()
	}
	return s
}

// Wrapped returns errors for an Unwrap: what nodes answered, and others that are not
// nil.
func Wrapped(errs []*Error, others ...error) (all []error) {
	for _, e := range others {
		if e != nil {
			all = append(all, e)
		}
	}
	for _, e := range errs {
		all = append(all, e)
	}
	return all
}

// First asks peers, in the order of their ranks, until one gives what is asked for: the
// next one as soon as one fails, or when none has answered for the set's timeout for
// answers of so many bytes. Peers that lie are distrusted, and those that are overtaken
// are late.
//
// failed, which may be nil, is called with each failure; what it returns, if that is
// not nil, ends the search. Otherwise the error is a *NoneError.
func First[T any](
	ctx context.Context, s *Set, peers []*Peer, bytes int, ask func(context.Context, *Peer) (T, error), failed func(*Peer, error) error,
) (T, error) {
	type answer struct {
		peer  *Peer
		value T
		err   error
	}
	var group sync.WaitGroup
	defer group.Wait()
	requests, cancel := context.WithCancel(ctx)
	defer cancel()
	order := Ranked(peers)
	answers := make(chan answer, len(order))
	asked := make(map[*Peer]time.Time) // who has not answered yet, since when
	next := func() {
		if len(order) == 0 {
			return
		}
		p := order[0]
		order = order[1:]
		asked[p] = time.Now()
		group.Go(func() {
			v, err := ask(requests, p)
			answers <- answer{p, v, err}
		})
	}
	timeout := s.Timeout(bytes)
	hedge := time.NewTicker(timeout)
	defer hedge.Stop()
	failure := new(NoneError)
	var none T
	ended := func() (T, error) {
		failure.Cause = context.Cause(ctx)
		for p, since := range asked {
			failure.Errors = append(failure.Errors, Silent(p, since))
		}
		return none, failure
	}
	for next(); len(asked) > 0; {
		select {
		case <-ctx.Done():
			return ended()
		case <-hedge.C:
			next()
		case a := <-answers:
			if a.err != nil && ctx.Err() != nil {
				return ended() // which is why there is no answer
			}
			since := asked[a.peer]
			delete(asked, a.peer)
			if a.err == nil {
				s.Observe(time.Since(since), bytes)
				a.peer.Answered()
				for p, earlier := range asked {
					if earlier.Before(since) && time.Since(earlier) >= timeout {
						p.LateToAnswer(earlier)
					}
				}
				return a.value, nil
			}
			if errors.Is(a.err, ErrLied) {
				a.peer.Distrust()
			}
			failure.Errors = append(failure.Errors, &Error{a.peer.name, a.err})
			if failed != nil {
				if err := failed(a.peer, a.err); err != nil {
					return none, err
				}
			}
			next()
		}
	}
	return none, failure
}

// Silent says of a node that it has not answered.
func Silent(p *Peer, since time.Time) *Error {
	return &Error{p.name, fmt.Errorf("%w for %v", ErrSilent, time.Since(since).Round(time.Millisecond))}
}

// leastGrace is how much longer than others a busy node may take.
const leastGrace = time.Second

// Each asks all peers at once, but for nil ones, and calls take with every answer, one
// at a time; number is the peer's place in the list. As soon as take says that it has
// enough, the peers that have not answered get as much time again, and a second at
// least; then their answer is ErrSilent, and they are late. Those that are late already
// get no more time. Peers that lie are distrusted.
func Each[T any](ctx context.Context, peers []*Peer, ask func(context.Context, *Peer) (T, error), take func(number int, value T, err error) (enough bool)) {
	requests, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	var mu sync.Mutex
	var end *time.Timer
	prompt := 0 // peers that have not answered, and will in time
	patient := make([]bool, len(peers))
	for i, p := range peers {
		if p != nil && p.Prompt() {
			patient[i] = true
			prompt++
		}
	}
	var group sync.WaitGroup
	for i, p := range peers {
		if p == nil {
			continue
		}
		group.Go(func() {
			v, err := ask(requests, p)
			mu.Lock()
			defer mu.Unlock()
			switch cause := context.Cause(requests); {
			case err == nil:
				p.Answered()
			case cause == nil:
			case ctx.Err() == nil:
				p.LateToAnswer(began)
				err = Silent(p, began).Err
			case errors.Is(err, cause):
				err = fmt.Errorf("%w: %w", Silent(p, began).Err, err)
			}
			if errors.Is(err, ErrLied) {
				p.Distrust()
			}
			if patient[i] {
				prompt--
			}
			if take(i, v, err) && end == nil {
				end = time.AfterFunc(max(time.Since(began), leastGrace), func() { cancel(ErrSilent) })
			}
			if end != nil && prompt == 0 {
				cancel(ErrSilent)
			}
		})
	}
	group.Wait()
	if end != nil {
		end.Stop()
	}
}
