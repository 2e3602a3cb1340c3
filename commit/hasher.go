package commit

import (
	"fmt"

	"github.com/redstuff-go/redstuff/internal/lanehash"
)

// Hasher is one scheme on one backend. It is immutable and safe for concurrent
// use; its methods do not allocate unless they say so.
type Hasher struct {
	scheme Scheme
	lanes  *lanehash.Hasher
}

// NewHasher returns the hasher of a scheme on a backend, named as in
// gf.Backends. The empty name means the one that the environment variable
// REDSTUFF_CPU forces, or else the best. Every backend gives the same digests.
// The error is an *UnknownSchemeError or a *cpu.UnsupportedError.
func NewHasher(s Scheme, backend string) (*Hasher, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	lanes, err := lanehash.New(lanehash.Scheme(s), backend)
	if err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return &Hasher{scheme: s, lanes: lanes}, nil
}

// Scheme returns the scheme.
func (h *Hasher) Scheme() Scheme { return h.scheme }

// Backend returns the name of the backend.
func (h *Hasher) Backend() string { return h.lanes.Backend() }

// Lanes returns how many messages are hashed side by side. Batches of a
// multiple of it cost the least per message.
func (h *Hasher) Lanes() int { return h.lanes.Lanes() }

// Leaf hashes one symbol of any length.
func (h *Hasher) Leaf(symbol []byte) (digest Hash) {
	h.lanes.Leaves(digest[:], HashSize, symbol, 0, len(symbol), 1)
	return digest
}

// Node hashes two children into their parent.
func (h *Hasher) Node(left, right Hash) (digest Hash) {
	h.lanes.Nodes(digest[:], left[:], right[:], HashSize, 1)
	return digest
}

// PairLeaf hashes the two roots of a sliver pair into its leaf of the metadata tree.
func (h *Hasher) PairLeaf(primary, secondary Hash) (digest Hash) {
	var both [2 * HashSize]byte
	copy(both[:], primary[:])
	copy(both[HashSize:], secondary[:])
	h.lanes.PairLeaves(digest[:], both[:], 1)
	return digest
}

// Leaves hashes count symbols of size bytes each: symbol i is
// src[i*srcStride:][:size], its digest goes to dst[i*dstStride:][:32].
// srcStride may be any value of at least 0, also one that makes the symbols
// overlap; dstStride must be at least 32. What is written of dst must not overlap what is
// read of src, from the first byte of each to the last.
// Leaves panics if a slice is too short, or if they overlap.
func (h *Hasher) Leaves(dst []byte, dstStride int, src []byte, srcStride, size, count int) {
	h.lanes.Leaves(dst, dstStride, src, srcStride, size, count)
}

// Nodes hashes count pairs of children: node i, of left[i*stride:][:32] and
// right[i*stride:][:32], goes to dst[i*32:]. A stride of 64 with right =
// left[32:] folds neighbours, a stride of 32 folds two rows of nodes.
//
// dst may be left or right, or begin before them, so that a level of a tree can be folded
// in place; it must not begin within them.
// Nodes panics if a slice is too short, if the stride is below 32, or if dst begins within
// the children.
func (h *Hasher) Nodes(dst, left, right []byte, stride, count int) {
	h.lanes.Nodes(dst, left, right, stride, count)
}

// PairLeaves hashes count pairs of roots, 64 contiguous bytes each, into leaves
// of the metadata tree. dst may be src or begin before it, but not within it.
// PairLeaves panics if a slice is too short, or if dst begins within src.
func (h *Hasher) PairLeaves(dst, src []byte, count int) {
	h.lanes.PairLeaves(dst, src, count)
}

// BlobID returns the id of the blob of length bytes whose metadata over n shards has
// the root. The Walrus id does not cover n.
func (h *Hasher) BlobID(n int, length uint64, root Hash) (id BlobID) {
	h.lanes.BlobID(id[:], n, length, root[:])
	return id
}
