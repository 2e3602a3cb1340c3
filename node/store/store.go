package store

import (
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

var (
	// ErrNotFound: the store has no such thing.
	ErrNotFound = errors.New("store: not found")
	// ErrFailed: a write to the database failed before. The store takes no writes any
	// more; what it acknowledged can still be read.
	ErrFailed = errors.New("store: failed, open it again")
	// ErrFull: the disk has no room for the update and the reserve.
	ErrFull = errors.New("store: disk is full")
	// ErrCorrupt: what was read is not what was written. A *CorruptError wraps it.
	ErrCorrupt = errors.New("store: corrupt")
	// ErrRange: a range is not within its sliver.
	ErrRange = errors.New("store: range is outside the sliver")
)

// CorruptError names a sliver that cannot be read back: rot, or a lost file.
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

// Ref names one sliver of a blob, by its pair.
type Ref struct {
	Axis rs2d.Axis
	Pair int // 0 to 65534
}

// String names the sliver.
func (r Ref) String() string { return fmt.Sprintf("%v sliver of pair %d", r.Axis, r.Pair) }

// Sliver is a sliver to store.
type Sliver struct {
	Ref
	Data []byte
}

// Record is a kind of small value that a blob has at most one of.
type Record byte

const (
	// Metadata is the blob's metadata. Blobs lists the blobs that have it.
	Metadata Record = 'b'
	// Certificate is the certificate that the blob is stored.
	Certificate Record = 'c'
	// Proof is a verified proof that the blob is inconsistent.
	Proof Record = 'p'
	// Verdict is the certificate that the blob is inconsistent.
	Verdict Record = 'x'
)

// Update is a set of changes to one blob, that happen all or not at all.
type Update struct {
	Records map[Record][]byte
	Slivers []Sliver // replace those of the same Ref
	Drop    []Ref    // slivers to remove; it does not matter if they are not there
}

// Entry is a sliver that is stored.
type Entry struct {
	Ref
	Size int64 // bytes
}

// Store keeps the blobs of one node. Its methods are safe for concurrent use.
type Store interface {
	// Apply makes the update visible and durable. Its data is not kept. The error is
	// ErrFailed, ErrFull unless slivers are only dropped, or that of the disk: nothing of the update is visible then,
	// but after ErrFailed it may be once the store is opened again.
	Apply(id commit.BlobID, u Update) error
	// Record returns a record of the blob. The error is ErrNotFound, or the disk's.
	Record(id commit.BlobID, r Record) ([]byte, error)
	// Slivers lists the slivers of a blob that are stored, primary ones first, in the
	// order of pairs.
	Slivers(id commit.BlobID) ([]Entry, error)
	// Size returns the length of a sliver in bytes. The error is ErrNotFound, or the
	// disk's.
	Size(id commit.BlobID, ref Ref) (int64, error)
	// Read appends n bytes of a sliver from off on to dst, which it returns: all up to
	// the end if n is negative. What it returns is what was stored. The error is
	// ErrNotFound, ErrRange, or a *CorruptError.
	Read(dst []byte, id commit.BlobID, ref Ref, off, n int64) ([]byte, error)
	// Blobs lists up to limit blobs that have metadata, in the order of their ids,
	// those after the given one: from the first on if it is nil.
	Blobs(after *commit.BlobID, limit int) ([]commit.BlobID, error)
	// BlobsWith lists up to limit blobs that have the record, as Blobs does.
	BlobsWith(r Record, after *commit.BlobID, limit int) ([]commit.BlobID, error)
	// Close closes the store. No other call may be under way.
	Close() error
}
