package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/redstuff-go/redstuff/commit"
)

var (
	// ErrNotFound is returned when the store has no such thing, or keeps it from being
	// read because it is quarantined.
	ErrNotFound = errors.New("store: not found")
	// ErrFailed is returned when a write to the database failed before. The store takes
	// no writes any more; what it acknowledged can still be read.
	ErrFailed = errors.New("store: failed, open it again")
	// ErrFull is returned when the disk has no room for the update and the reserve.
	ErrFull = errors.New("store: disk is full")
	// ErrCorrupt is returned when what was read is not what was written: a file is gone,
	// too short, or differs from its checksum. A *CorruptError wraps it.
	ErrCorrupt = errors.New("store: corrupt")
	// ErrUnavailable is returned when a sliver cannot be read at present and nothing is
	// known of it: the process has no descriptors or no memory, may not read the file,
	// or the device has an error. The sliver must not be given up for it.
	ErrUnavailable = errors.New("store: cannot be read at present")
	// ErrRange is returned when a range is not within its sliver.
	ErrRange = errors.New("store: range is outside the sliver")
	// ErrLocked is returned by Open when another process has the store open.
	ErrLocked = errors.New("store: another process has it open")
)

// CorruptError names a sliver that is not what was written.
type CorruptError struct {
	Blob commit.BlobID
	Ref  Ref
	Err  error // what the disk said, if it said anything
}

func (e *CorruptError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("store: corrupt: %v of blob %v: %v", e.Ref, e.Blob, e.Err)
	}
	return fmt.Sprintf("store: corrupt: %v of blob %v", e.Ref, e.Blob)
}

// Unwrap returns ErrCorrupt and what the disk said.
func (e *CorruptError) Unwrap() []error { return []error{ErrCorrupt, e.Err} }

// UnavailableError names a sliver that cannot be read at present.
type UnavailableError struct {
	Blob commit.BlobID
	Ref  Ref
	Err  error // why
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%v: %v of blob %v: %v", ErrUnavailable, e.Ref, e.Blob, e.Err)
}

// Unwrap returns ErrUnavailable and why.
func (e *UnavailableError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }

var errChecksum = errors.New("checksum differs")

// saysCorrupt reports whether an error of reading a file says that the file is not as
// it was written. All other errors say nothing about the file.
func saysCorrupt(err error) bool {
	return errors.Is(err, errChecksum) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, fs.ErrNotExist) || os.IsNotExist(err)
}
