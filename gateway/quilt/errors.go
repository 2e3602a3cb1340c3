package quilt

import (
	"errors"
	"fmt"
)

var (
	// ErrNotQuilt is returned when a blob cannot be a quilt: its length or its first
	// byte is that of none.
	ErrNotQuilt = errors.New("quilt: blob is no quilt")
	// ErrMalformed is returned when the index or a patch of a quilt contradicts itself
	// or the quilt's size.
	ErrMalformed = errors.New("quilt: malformed")
	// ErrNotFound is returned when no patch of a quilt has the identifier.
	ErrNotFound = errors.New("quilt: no patch of that identifier")
	// ErrPatchID is returned when a text or bytes are no patch id.
	ErrPatchID = errors.New("quilt: not a patch id")
	// ErrTooLarge is returned when files do not fit into a quilt. A *SizeError wraps it,
	// or says which part of a file is too long.
	ErrTooLarge = errors.New("quilt: too large")
	// ErrEmpty is returned when a quilt is to be made of no files.
	ErrEmpty = errors.New("quilt: no files")
)

// IdentifierError is returned for an identifier that a patch cannot have.
type IdentifierError struct {
	Identifier string
	Reason     string
}

func (e *IdentifierError) Error() string {
	const most = 64
	shown := e.Identifier
	if len(shown) > most {
		shown = shown[:most] + "…"
	}
	return fmt.Sprintf("quilt: identifier %q %s", shown, e.Reason)
}

// SizeError is returned when there is more of something than a quilt can hold. It wraps
// ErrTooLarge.
type SizeError struct {
	What      string // "files", "bytes of index", …
	Have, Max uint64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("quilt: %d %s, and at most %d fit", e.Have, e.What, e.Max)
}

// Unwrap returns ErrTooLarge.
func (e *SizeError) Unwrap() error { return ErrTooLarge }
