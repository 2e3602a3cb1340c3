package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2"

	"github.com/redstuff-go/redstuff/commit"
)

var (
	// ErrNotFound is returned when the store has no such thing, or keeps it from being
	// read because it is quarantined.
	ErrNotFound = errors.New("store: not found")
	// ErrFailed is returned when a write to the database failed before. The store takes
	// no writes any more; what it acknowledged can still be read.
	ErrFailed = errors.New("store: failed, open it again")
	// ErrRefused is returned when the condition of an update is not met.
	ErrRefused = errors.New("store: the condition of the update is not met")
	// ErrPieces is returned when pieces of a sliver are not all there, too many, or outside
	// of it.
	ErrPieces = errors.New("store: pieces do not make a sliver")
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
	// ErrFormat is returned by Open when the store was made by another version.
	ErrFormat = errors.New("store: made by another version: move its directory away, and the node recovers everything from the others")
	// ErrOwner is returned by Open when the store is another node's, or another system's.
	ErrOwner = errors.New("store: belongs to another")
	// ErrDamaged is returned when a part of the database is missing or is not what was
	// written: by Open, and by a store that failed of it.
	ErrDamaged = errors.New("store: the database is damaged: move the directory away, and the node recovers everything from the others")
	// ErrGone is returned when a store failed because its directory was removed or replaced
	// while it was open.
	ErrGone = errors.New("store: its directory was removed or replaced while it was open")
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

// environment are errors that say something of the process or the machine, and nothing
// of what is on the disk.
var environment = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EACCES, syscall.EPERM, syscall.ENOSPC, syscall.EDQUOT,
	syscall.EIO, syscall.EINTR, syscall.EROFS, syscall.EAGAIN, syscall.EFBIG,
}

func isEnvironment(err error) bool {
	for _, errno := range environment {
		if errors.Is(err, errno) {
			return true
		}
	}
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrFull)
}

// noRoom reports whether an error says that the disk is full.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, ErrFull)
}

// noDescriptors reports whether an error says that no more files can be opened at
// present.
func noDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// isDamage reports whether an error of an open database says that its files are not as
// they were written.
func isDamage(err error) bool {
	return err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrGone) &&
		(pebble.IsCorruptionError(err) || oserror.IsNotExist(err))
}

// oneLine is an error of the database, whose text may be many lines.
type oneLine struct{ error }

func (e oneLine) Error() string {
	const most = 300
	line, _, _ := strings.Cut(e.error.Error(), "\n")
	return line[:min(len(line), most)]
}

// Unwrap returns the error.
func (e oneLine) Unwrap() error { return e.error }

var errChecksum = errors.New("checksum differs")

// saysCorrupt reports whether an error of reading a file says that the file is not as
// it was written. All other errors say nothing about the file.
func saysCorrupt(err error) bool {
	return errors.Is(err, errChecksum) || errors.Is(err, io.ErrUnexpectedEOF) ||
		oserror.IsNotExist(err)
}
