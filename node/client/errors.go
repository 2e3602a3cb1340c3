package client

import (
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/node/peer"
)

var (
	// ErrNotFound is returned when the owners of n-f shards do not know the blob, so that no
	// certificate of it exists.
	ErrNotFound = errors.New("client: blob not found")
	// ErrInconsistent is returned when whoever encoded the blob broke the rules, so that
	// nobody can read it.
	ErrInconsistent = errors.New("client: blob is inconsistent")
	// ErrUnavailable is returned when too few nodes answer. A *QuorumError or *ReadError wraps it.
	ErrUnavailable = errors.New("client: too few nodes answer")
	// ErrTooLarge is returned when the blob takes more memory than the client may use.
	ErrTooLarge = errors.New("client: blob takes more than the memory limit")
)

// MemberError is what one node answered.
type MemberError = peer.Error

// QuorumError reports that too few nodes did what was asked. It wraps ErrUnavailable
// and what they answered.
type QuorumError struct {
	Have, Need int // shards whose owners did, and should have
	Errors     []*MemberError
	Cause      error // the context's, if that ended; or nil
}

func (e *QuorumError) Error() string {
	s := fmt.Sprintf("client: too few nodes: those that did it own %d shards, and %d are needed", e.Have, e.Need)
	if e.Cause != nil {
		s += ", and " + e.Cause.Error()
	}
	return s + peer.Summary(e.Errors)
}

// Unwrap returns ErrUnavailable, what nodes answered, and the cause.
func (e *QuorumError) Unwrap() []error { return peer.Wrapped(e.Errors, ErrUnavailable, e.Cause) }

// inconsistent reports whether a node says that the blob is. Whether it is true is
// for a certificate to tell.
func (e *QuorumError) inconsistent() bool {
	return slices.ContainsFunc(e.Errors, func(m *MemberError) bool { return errors.Is(m, peer.ErrInconsistent) })
}

// ReadError reports that the nodes that answered have not enough of a blob. It wraps
// ErrUnavailable and what they answered.
type ReadError struct {
	Have, Need int // right slivers
	Errors     []*MemberError
	Cause      error // the context's, if that ended; or nil
}

func (e *ReadError) Error() string {
	s := fmt.Sprintf("client: %d right slivers of %d that it takes", e.Have, e.Need)
	if e.Cause != nil {
		s += ", and " + e.Cause.Error()
	}
	return s + peer.Summary(e.Errors)
}

// Unwrap returns ErrUnavailable, what nodes answered, and the cause.
func (e *ReadError) Unwrap() []error { return peer.Wrapped(e.Errors, ErrUnavailable, e.Cause) }
