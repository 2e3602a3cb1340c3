package committee

import (
	"errors"
	"fmt"
)

// ErrEpoch is returned when the committee of an epoch is not known. An *EpochError
// wraps it.
var ErrEpoch = errors.New("committee: unknown epoch")

// EpochError says of which epoch the committee is not known, and of which epochs it
// is.
type EpochError struct {
	Epoch       uint64
	First, Last uint64 // epochs whose committees are known, from First to Last
}

func (e *EpochError) Error() string {
	known := fmt.Sprintf("that of epoch %d is", e.First)
	if e.First != e.Last {
		known = fmt.Sprintf("those of epochs %d to %d are", e.First, e.Last)
	}
	return fmt.Sprintf("committee: the committee of epoch %d is not known, %s", e.Epoch, known)
}

// Unwrap returns ErrEpoch.
func (e *EpochError) Unwrap() error { return ErrEpoch }

// Committees is where committees are looked up by their epoch. Its method is safe for
// concurrent use.
type Committees interface {
	// At returns the committee of the epoch. The error is an *EpochError, or says why
	// it cannot be looked up.
	At(epoch uint64) (*Committee, error)
}
