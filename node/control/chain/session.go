package chain

import (
	"context"
	"errors"
	"sync/atomic"
)

// ErrBehind is returned when no server of a ledger that answers has the state which a
// session has seen.
var ErrBehind = errors.New("the ledger's servers are behind what was seen before, try again")

// Session is what somebody has seen of a ledger that several servers show: the height of
// the latest state from which an answer came. Whatever is asked in a session is answered
// from that state or a later one, whichever server is asked. The zero value has seen
// nothing. It is safe for concurrent use.
type Session struct{ height atomic.Uint64 }

// Height returns the height that was seen.
func (s *Session) Height() uint64 { return s.height.Load() }

// Saw notes an answer from the state of a height.
func (s *Session) Saw(height uint64) {
	for {
		before := s.height.Load()
		if height <= before || s.height.CompareAndSwap(before, height) {
			return
		}
	}
}

type sessionKey struct{}

// Context returns a context for what is asked in the session.
func (s *Session) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// SessionOf returns the session in which something is asked, or nil.
func SessionOf(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}
