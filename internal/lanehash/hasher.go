package lanehash

import (
	"encoding/binary"
	"fmt"

	"github.com/redstuff-go/redstuff/internal/alias"
	"github.com/redstuff-go/redstuff/internal/cpu"
)

// HashSize is the length of every digest, in bytes.
const HashSize = 32

// MaxDepth is the depth of the largest tree, that over 2^16 leaves.
const MaxDepth = 16

// Scheme says which hash function is meant.
type Scheme uint8

// The schemes, numbered as in package commit.
const (
	BLAKE3 Scheme = iota
	Walrus
)

// Hasher is one scheme on one backend. It is immutable and safe for concurrent
// use; its methods do not allocate.
type Hasher struct {
	scheme  Scheme
	backend string
	kernels *kernels
}

// New returns the hasher of a scheme on a backend, named as in gf.Backends. The empty
// name means the one that the environment variable REDSTUFF_CPU forces, or else the
// best. The error is a *cpu.UnsupportedError.
func New(s Scheme, backend string) (*Hasher, error) {
	name, err := cpu.Resolve(backend)
	if err != nil {
		return nil, err
	}
	return &Hasher{scheme: s, backend: name, kernels: instrumented(kernelsOf(name))}, nil
}

// Scheme returns the scheme.
func (h *Hasher) Scheme() Scheme { return h.scheme }

// Backend returns the name of the backend.
func (h *Hasher) Backend() string { return h.backend }

// Lanes returns how many messages are hashed side by side. Batches of a
// multiple of it cost the least per message.
func (h *Hasher) Lanes() int {
	if h.scheme == BLAKE3 {
		return h.kernels.blake3Lanes
	}
	return h.kernels.blake2bLanes
}

// Cost compares what it takes to hash count messages in one call with what it takes to
// hash as many of the same length in several calls. It is in no unit.
func (h *Hasher) Cost(count int) int {
	half := blake2bHalfCost
	if h.scheme == BLAKE3 {
		half = blake3HalfCost
	}
	return h.kernels.callCost(h.Lanes(), half, count)
}

// Leaves hashes count symbols of size bytes each: symbol i is
// src[i*srcStride:][:size], its digest goes to dst[i*dstStride:][:32].
// srcStride may be any value of at least 0, also one that makes the symbols
// overlap; dstStride must be at least 32. What is written of dst must not overlap what is
// read of src, from the first byte of each to the last.
// Leaves panics if a slice is too short, or if they overlap.
func (h *Hasher) Leaves(dst []byte, dstStride int, src []byte, srcStride, size, count int) {
	if !checkRows("Leaves", dst, dstStride, HashSize, src, srcStride, size, count) {
		return
	}
	if alias.Overlap(dst[:(count-1)*dstStride+HashSize], src[:(count-1)*srcStride+size]) {
		panic("commit: Leaves: the digests overlap the symbols")
	}
	if h.scheme == BLAKE3 {
		blake3Messages(h.kernels, dst, dstStride, src, srcStride, size, count, blake3Leaf)
	} else {
		blake2bDigests(h.kernels, dst, dstStride, src, srcStride, size, count, walrusLeaf)
	}
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
	if stride < HashSize {
		panic("commit: Nodes: stride below 32")
	}
	if !checkRows("Nodes", dst, HashSize, HashSize, left, stride, HashSize, count) ||
		!checkRows("Nodes", dst, HashSize, HashSize, right, stride, HashSize, count) {
		return
	}
	checkInPlace("Nodes", dst, left[:(count-1)*stride+HashSize], count)
	checkInPlace("Nodes", dst, right[:(count-1)*stride+HashSize], count)
	if h.scheme == BLAKE3 {
		h.kernels.blake3Runs(dst, HashSize, left, right, stride, 2*HashSize, count, &blake3Node.single)
		return
	}
	job := blake2bJob{lead: walrusNode, last: true}
	h.kernels.blake2bRuns(dst, HashSize, left, right, stride, 2*HashSize, count, &job)
}

// PairLeaves hashes count pairs of roots, 64 contiguous bytes each, into leaves
// of the metadata tree. dst may be src or begin before it, but not within it.
// PairLeaves panics if a slice is too short, or if dst begins within src.
func (h *Hasher) PairLeaves(dst, src []byte, count int) {
	const size = 2 * HashSize
	if !checkRows("PairLeaves", dst, HashSize, HashSize, src, size, size, count) {
		return
	}
	checkInPlace("PairLeaves", dst, src[:count*size], count)
	if h.scheme == BLAKE3 {
		blake3Messages(h.kernels, dst, HashSize, src, size, size, count, blake3Pair)
	} else {
		blake2bDigests(h.kernels, dst, HashSize, src, size, size, count, walrusLeaf)
	}
}

// encodingType is RedStuff's number among Walrus's encodings.
const encodingType = 1

// BlobID hashes the root of the metadata tree into the blob id, and writes it to dst. The
// Walrus id does not cover the number of shards n.
func (h *Hasher) BlobID(dst []byte, n int, length uint64, root []byte) {
	var msg [1 + 2 + 8 + HashSize]byte
	if h.scheme == BLAKE3 {
		msg[0] = encodingType
		binary.LittleEndian.PutUint16(msg[1:], uint16(n))
		binary.LittleEndian.PutUint64(msg[3:], length)
		copy(msg[11:], root)
		blake3Messages(h.kernels, dst, HashSize, msg[:], 0, len(msg), 1, blake3Blob)
		return
	}
	walrus := msg[:8+HashSize]
	binary.LittleEndian.PutUint64(walrus, length)
	copy(walrus[8:], root)
	blake2bDigests(h.kernels, dst, HashSize, walrus, 0, len(walrus), 1, encodingType)
}

// NewLeafBatch returns an empty batch; Reset prepares it.
func (h *Hasher) NewLeafBatch() *LeafBatch { return &LeafBatch{hasher: h} }

// BatchBytes returns what a LeafBatch holds for each symbol of size bytes.
func (h *Hasher) BatchBytes(size int) int {
	switch {
	case size <= LeafPiece:
		return HashSize
	case h.scheme == Walrus:
		return HashSize + 9*8
	}
	return HashSize * (1 + blake3Levels(size))
}

// GroupLanes returns how many lanes the groups of the hasher have, 0 if there are no
// kernels for them.
func (h *Hasher) GroupLanes() int {
	if h.scheme != BLAKE3 {
		return 0
	}
	return h.kernels.groupLanes
}

// Climb replaces the nodes of a group of GroupLanes, one after another, by those that
// they lead to levels above; levels is at least 1. The siblings of node i on its way are
// side by side at siblings[i], and left of it on level l where bit i of turns[l] is set.
func (h *Hasher) Climb(nodes []byte, siblings *[MaxGroup]*byte, turns *[MaxDepth]uint16, levels int) {
	h.kernels.climbGroup(nodes, siblings, turns, levels)
}

// checkRows panics unless dst and src hold count rows, because the kernels
// trust their arguments. It reports whether there is anything to do.
func checkRows(name string, dst []byte, dstStride, dstSize int, src []byte, srcStride, srcSize, count int) bool {
	if count < 0 || srcSize < 0 || srcStride < 0 || dstStride < dstSize {
		panic(fmt.Sprintf("commit: %s: count %d, size %d, source stride %d, destination stride %d",
			name, count, srcSize, srcStride, dstStride))
	}
	if count == 0 {
		return false
	}
	if !holdsRows(len(dst), dstStride, dstSize, count) {
		panic(fmt.Sprintf("commit: %s: %d bytes cannot hold %d digests %d bytes apart",
			name, len(dst), count, dstStride))
	}
	if !holdsRows(len(src), srcStride, srcSize, count) {
		panic(fmt.Sprintf("commit: %s: %d bytes do not hold %d messages of %d bytes, %d bytes apart",
			name, len(src), count, srcSize, srcStride))
	}
	return true
}

// checkInPlace panics if count digests, side by side in dst, would land on what is still
// to be read of src. They do not where dst begins no later than src, because digests take
// no more room than what they are of.
func checkInPlace(name string, dst, src []byte, count int) {
	if alias.Ahead(dst[:count*HashSize], src) {
		panic(fmt.Sprintf("commit: %s: the digests begin within what is to be hashed", name))
	}
}

// holdsRows reports whether length >= (count-1)*stride + size, without overflow.
func holdsRows(length, stride, size, count int) bool {
	return size <= length && (count == 1 || stride <= (length-size)/(count-1))
}
