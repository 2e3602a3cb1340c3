package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
// next one as soon as those that are asked fail, or are late with an answer of so many
// bytes. Peers that lie are distrusted, and the health of those that are overtaken
// suffers.
//
// failed, which may be nil, is called with each failure; what it returns, if that is
// not nil, ends the search. Otherwise the error is a *NoneError.
func First[T any](
	ctx context.Context, s *Set, peers []*Peer, bytes int, ask func(context.Context, *Peer) (T, error), failed func(*Peer, error) error,
) (T, error) {
	order := Ranked(peers)
	failure := new(NoneError)
	var found *T
	var refused error
	f := NewFanout(s, FanoutOptions{})
	next := func() {
		p := order[0]
		order = order[1:]
		var value T
		f.Start(p, bytes, func(ctx context.Context, _ *Call) (err error) {
			value, err = ask(ctx, p)
			return err
		}, func(err error) {
			if err == nil {
				found = &value
				return
			}
			failure.Errors = append(failure.Errors, &Error{p.name, err})
			if failed != nil && refused == nil {
				refused = failed(p, err)
			}
		})
	}
	failure.Cause = f.Run(ctx, func() bool {
		if found != nil || refused != nil {
			return true
		}
		waiting := slices.ContainsFunc(f.Open(), func(c *Call) bool { return !c.Late() })
		if !waiting && len(order) > 0 {
			next()
		}
		return false
	})
	var none T
	switch {
	case found != nil:
		return *found, nil
	case refused != nil:
		return none, refused
	}
	for _, c := range f.Open() {
		failure.Errors = append(failure.Errors, Silent(c.Peer, c.Started))
	}
	return none, failure
}

// Silent says of a node that it has not answered.
func Silent(p *Peer, since time.Time) *Error {
	return &Error{p.name, fmt.Errorf("%w for %v", ErrSilent, time.Since(since).Round(time.Millisecond))}
}

// Each asks all peers at once, but for nil ones, and calls take with every answer, one
// at a time; number is the peer's place in the list. As soon as take says that it has
// enough, the peers that have not answered get as much time again, and a second at
// least; then their answer is ErrSilent, and their health suffers. Those that were late
// before get no more time. Peers that lie are distrusted.
func Each[T any](ctx context.Context, peers []*Peer, ask func(context.Context, *Peer) (T, error), take func(number int, value T, err error) (enough bool)) {
	f := NewFanout(nil, FanoutOptions{Quorum: true})
	var none T
	numbers := make(map[*Call]int)
	answer := func(number int, value T, err error) {
		if take(number, value, err) {
			f.Enough()
		}
	}
	begun := false
	err := f.Run(ctx, func() bool {
		if begun {
			return false
		}
		begun = true
		for i, p := range peers {
			if p == nil {
				continue
			}
			var value T
			c := f.Start(p, 0, func(ctx context.Context, _ *Call) (err error) {
				value, err = ask(ctx, p)
				return err
			}, func(err error) {
				got := none
				if err == nil { // or else value may still be written
					got = value
				}
				answer(i, got, err)
			})
			numbers[c] = i
		}
		return false
	})
	for _, c := range f.Open() {
		answer(numbers[c], none, fmt.Errorf("%w: %w", Silent(c.Peer, c.Started).Err, err))
	}
}
