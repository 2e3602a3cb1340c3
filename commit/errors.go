package commit

import (
	"errors"
	"fmt"
)

var (
	// ErrNil is returned when a pointer that is needed is nil. The error that wraps it says
	// of which type.
	ErrNil = errors.New("commit: nil")
	// ErrMalformed is returned when bytes are not metadata, or a proof, in its one
	// canonical form. The error that wraps it names the offset and what was expected there.
	ErrMalformed = errors.New("commit: malformed encoding")
	// ErrMetadata is returned when fields of metadata contradict each other, such as a
	// number of primary roots that differs from that of secondary roots.
	ErrMetadata = errors.New("commit: inconsistent metadata")
	// ErrIDMismatch is returned when metadata comes with a blob id that is not its hash, so
	// that one of the two was changed. It is wrapped in an *IDMismatchError.
	ErrIDMismatch = errors.New("commit: blob id is not that of the metadata")
	// ErrBlobID is returned when a text is not a blob id, 43 characters of URL-safe base64
	// without padding.
	ErrBlobID = errors.New("commit: malformed blob id")
	// ErrProofIndex is returned when the index that a proof is for lies outside the tree.
	ErrProofIndex = errors.New("leaf index is outside the tree")
	// ErrProofLength is returned when the path of a proof is not as long as the tree is deep.
	ErrProofLength = errors.New("path length is not the depth of the tree")
	// ErrProofRoot is returned when leaf and path are well formed but do not lead to the
	// root.
	ErrProofRoot = errors.New("leaf and path do not lead to the root")
)

// ShardCountError reports a number of shards that has no code: fewer than
// MinShards tolerate no fault, and for more than MaxShards the field is too small.
type ShardCountError struct {
	Shards int
}

func (e *ShardCountError) Error() string {
	return fmt.Sprintf("commit: %d shards; must be %d to %d", e.Shards, MinShards, MaxShards)
}

// TooLargeError reports a blob too long for its number of shards. Lengths are
// in bytes.
type TooLargeError struct {
	Length uint64
	Max    uint64 // the longest blob that many shards can hold
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("commit: blob of %d bytes; at most %d bytes fit", e.Length, e.Max)
}

// SchemeError reports metadata of one scheme given to a hasher of another,
// which would compute an id that nobody else can confirm.
type SchemeError struct {
	Metadata, Hasher Scheme
}

func (e *SchemeError) Error() string {
	return fmt.Sprintf("commit: metadata of scheme %v, hasher of scheme %v", e.Metadata, e.Hasher)
}

// IDMismatchError reports the blob id that came with metadata and the one
// computed from it. It wraps ErrIDMismatch.
type IDMismatchError struct {
	Claimed, Computed BlobID
}

func (e *IDMismatchError) Error() string {
	return fmt.Sprintf("%v: claimed %v, computed %v", ErrIDMismatch, e.Claimed, e.Computed)
}

func (e *IDMismatchError) Unwrap() error { return ErrIDMismatch }

// ProofError says why a Merkle proof was refused. It wraps ErrProofIndex,
// ErrProofLength or ErrProofRoot.
type ProofError struct {
	Index    int  // of the leaf the proof was given for
	Leaves   int  // of the tree
	Path     int  // hashes in the path
	Root     Hash // the root that was expected
	Computed Hash // the root that leaf and path lead to; set with ErrProofRoot
	Err      error
}

func (e *ProofError) Error() string {
	s := fmt.Sprintf("commit: proof of leaf %d of %d: %v", e.Index, e.Leaves, e.Err)
	switch e.Err {
	case ErrProofLength:
		s += fmt.Sprintf(" (%d hashes, want %d)", e.Path, TreeDepth(e.Leaves))
	case ErrProofRoot:
		s += fmt.Sprintf(" (computed %v, want %v)", e.Computed, e.Root)
	}
	return s
}

func (e *ProofError) Unwrap() error { return e.Err }
