package commit

import (
	"encoding/binary"
	"fmt"

	"github.com/redstuff-go/redstuff/internal/cpu"
	"github.com/redstuff-go/redstuff/internal/lines"
	"github.com/redstuff-go/redstuff/internal/race"
)

// Hasher is one scheme on one backend. It is immutable and safe for concurrent
// use; its methods do not allocate.
type Hasher struct {
	scheme  Scheme
	backend string
	lanes   lanes
}

// NewHasher returns the hasher of a scheme on a backend, named as in
// gf.Backends. The empty name means the one that the environment variable
// REDSTUFF_CPU forces, or else the best. Every backend gives the same digests.
// The error is an *UnknownSchemeError or a *cpu.UnsupportedError.
func NewHasher(s Scheme, backend string) (*Hasher, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	name, err := cpu.Resolve(backend)
	if err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return &Hasher{scheme: s, backend: name, lanes: lanes{set: backendLanes[name]}}, nil
}

// Moving returns a hasher that works on a job of moves while it hashes, as far as its
// kernels can. It is for package rs2d, and as little safe for concurrent use as the job.
func (h *Hasher) Moving(job *lines.Job) *Hasher {
	moving := *h
	moving.lanes.moves = job
	return &moving
}

// Scheme returns the scheme.
func (h *Hasher) Scheme() Scheme { return h.scheme }

// Backend returns the name of the backend.
func (h *Hasher) Backend() string { return h.backend }

// Lanes returns how many messages are hashed side by side. Batches of a
// multiple of it cost the least per message.
func (h *Hasher) Lanes() int {
	if h.scheme == BLAKE3 {
		return blake3Width[h.lanes.set]
	}
	return blake2bWidth[h.lanes.set]
}

// Leaf hashes one symbol of any length.
func (h *Hasher) Leaf(symbol []byte) (digest Hash) {
	h.Leaves(digest[:], HashSize, symbol, 0, len(symbol), 1)
	return digest
}

// Node hashes two children into their parent.
func (h *Hasher) Node(left, right Hash) (digest Hash) {
	h.Nodes(digest[:], left[:], right[:], HashSize, 1)
	return digest
}

// PairLeaf hashes the two roots of a sliver pair into its leaf of the metadata tree.
func (h *Hasher) PairLeaf(primary, secondary Hash) (digest Hash) {
	var both [2 * HashSize]byte
	copy(both[:], primary[:])
	copy(both[HashSize:], secondary[:])
	h.PairLeaves(digest[:], both[:], 1)
	return digest
}

// Leaves hashes count symbols of size bytes each: symbol i is
// src[i*srcStride:][:size], its digest goes to dst[i*dstStride:][:32].
// srcStride may be any value of at least 0, also one that makes the symbols
// overlap; dstStride must be at least 32. dst must not overlap src.
// Leaves panics if a slice is too short.
func (h *Hasher) Leaves(dst []byte, dstStride int, src []byte, srcStride, size, count int) {
	if !checkRows("Leaves", dst, dstStride, HashSize, src, srcStride, size, count) {
		return
	}
	if h.scheme == BLAKE3 {
		blake3Messages(h.lanes, dst, dstStride, src, srcStride, size, count, blake3Leaf)
	} else {
		blake2bDigests(h.lanes, dst, dstStride, src, srcStride, size, count, walrusLeaf)
	}
}

// Nodes hashes count pairs of children: node i, of left[i*stride:][:32] and
// right[i*stride:][:32], goes to dst[i*32:]. A stride of 64 with right =
// left[32:] folds neighbours, a stride of 32 folds two rows of nodes.
//
// dst may be left, or begin before it, as long as no digest lands on a child of
// a later node: a level of a tree can be folded in place.
// Nodes panics if a slice is too short or the stride is below 32.
func (h *Hasher) Nodes(dst, left, right []byte, stride, count int) {
	if stride < HashSize {
		panic("commit: Nodes: stride below 32")
	}
	if !checkRows("Nodes", dst, HashSize, HashSize, left, stride, HashSize, count) ||
		!checkRows("Nodes", dst, HashSize, HashSize, right, stride, HashSize, count) {
		return
	}
	if h.scheme == BLAKE3 {
		blake3Runs(h.lanes, dst, HashSize, left, right, stride, 2*HashSize, count, &blake3Node.single)
		return
	}
	job := blake2bJob{lead: walrusNode, last: true}
	blake2bRuns(h.lanes, dst, HashSize, left, right, stride, 2*HashSize, count, &job)
}

// PairLeaves hashes count pairs of roots, 64 contiguous bytes each, into leaves
// of the metadata tree. dst may be src or begin before it.
// PairLeaves panics if a slice is too short.
func (h *Hasher) PairLeaves(dst, src []byte, count int) {
	const size = 2 * HashSize
	if !checkRows("PairLeaves", dst, HashSize, HashSize, src, size, size, count) {
		return
	}
	if h.scheme == BLAKE3 {
		blake3Messages(h.lanes, dst, HashSize, src, size, size, count, blake3Pair)
	} else {
		blake2bDigests(h.lanes, dst, HashSize, src, size, size, count, walrusLeaf)
	}
}

// encodingType is RedStuff's number among Walrus's encodings.
const encodingType = 1

// BlobID returns the id of the blob of length bytes whose metadata over n shards has
// the root.
func (h *Hasher) BlobID(n int, length uint64, root Hash) BlobID {
	return BlobID(h.blobID(n, length, root))
}

// blobID hashes the root of the metadata tree into the blob id. The Walrus id
// does not cover the number of shards n.
func (h *Hasher) blobID(n int, length uint64, root Hash) (id Hash) {
	var msg [1 + 2 + 8 + HashSize]byte
	if h.scheme == BLAKE3 {
		msg[0] = encodingType
		binary.LittleEndian.PutUint16(msg[1:], uint16(n))
		binary.LittleEndian.PutUint64(msg[3:], length)
		copy(msg[11:], root[:])
		blake3Messages(h.lanes, id[:], HashSize, msg[:], 0, len(msg), 1, blake3Blob)
		return id
	}
	walrus := msg[:8+HashSize]
	binary.LittleEndian.PutUint64(walrus, length)
	copy(walrus[8:], root[:])
	blake2bDigests(h.lanes, id[:], HashSize, walrus, 0, len(walrus), 1, encodingType)
	return id
}

// checkRows panics unless dst and src hold count rows, because the kernels
// trust their arguments. It reports whether there is anything to do, and tells the
// race detector that it will be done.
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
	race.ReadRows(src, srcStride, srcSize, count)
	race.WriteRows(dst, dstStride, dstSize, count)
	return true
}

// holdsRows reports whether length >= (count-1)*stride + size, without overflow.
func holdsRows(length, stride, size, count int) bool {
	return size <= length && (count == 1 || stride <= (length-size)/(count-1))
}
