package lanehash

import (
	"fmt"
	"math/bits"
)

// LeafPiece is the unit in which a LeafBatch takes symbols, in bytes.
const LeafPiece = blake3ChunkSize

// LeafBatch hashes symbols of equal length that arrive in pieces, all symbols'
// bytes [a,b) at once, so that a strip can be hashed while it is in cache. Its
// digests are those of Hasher.Leaves. It is not safe for concurrent use.
//
// It holds the digests, 32 bytes a symbol, and for symbols longer than a piece
// 72 bytes more in the Walrus scheme, or 32 bytes for each level of BLAKE3's
// tree: 224 bytes more for symbols of 64 KiB.
type LeafBatch struct {
	hasher *Hasher
	size   int
	count  int
	done   int // bytes of every symbol hashed so far

	tree    blake3Tree // BLAKE3, symbols of more than one chunk
	state   []uint64   // Walrus, grouped as blake2bJob says
	leads   []uint64
	digests []byte // count digests, once the last piece has come
}

// blake3Levels returns how many levels of BLAKE3's tree wait for their right siblings, at
// most, in symbols of size bytes.
func blake3Levels(size int) int { return bits.Len(uint(size/blake3ChunkSize)) + 1 }

// Reset prepares the batch for count symbols of size bytes, and forgets what
// came before. It allocates only to grow.
func (b *LeafBatch) Reset(size, count int) {
	if size < 0 || count < 0 {
		panic(fmt.Sprintf("commit: LeafBatch.Reset: size %d, count %d", size, count))
	}
	b.size, b.count, b.done = size, count, 0
	b.digests = grown(b.digests, count*HashSize)
	switch {
	case b.hasher.scheme == Walrus && size > LeafPiece:
		lanes := b.hasher.Lanes()
		padded := (count + lanes - 1) / lanes * lanes
		b.state = grown(b.state, 8*padded)
		b.leads = grown(b.leads, padded)
	case b.hasher.scheme == BLAKE3 && size > blake3ChunkSize:
		b.tree = blake3Tree{
			kernels: b.hasher.kernels,
			domain:  blake3Leaf,
			stack:   grown(b.tree.stack, blake3Levels(size)*count*HashSize),
			rowLen:  count * HashSize,
			count:   count,
		}
	}
}

// Write hashes the next width bytes of every symbol: those of symbol i are
// src[i*srcStride:][:width]. width must be a multiple of LeafPiece unless the
// symbols end with it. Write panics if it is not, if more comes than Reset
// announced, or if src is too short.
func (b *LeafBatch) Write(src []byte, srcStride, width int) {
	last := width == b.size-b.done
	if width < 0 || width > b.size-b.done || !last && width%LeafPiece != 0 {
		panic(fmt.Sprintf("commit: LeafBatch.Write: %d bytes after %d of %d", width, b.done, b.size))
	}
	if b.count > 0 && (srcStride < 0 || !holdsRows(len(src), srcStride, width, b.count)) {
		panic(fmt.Sprintf("commit: LeafBatch.Write: %d bytes do not hold %d pieces of %d bytes, %d bytes apart",
			len(src), b.count, width, srcStride))
	}
	first := b.done == 0
	b.done += width
	switch {
	case b.count == 0 || width == 0 && !last:
	case first && last:
		b.hasher.Leaves(b.digests, HashSize, src, srcStride, width, b.count)
	case b.hasher.scheme == BLAKE3:
		b.writeBlake3(src, srcStride, width, last)
	default:
		b.writeBlake2b(src, srcStride, width, first, last)
	}
}

// writeBlake3 hashes the piece's chunks, all symbols' first chunks side by
// side, then all second ones.
func (b *LeafBatch) writeBlake3(src []byte, srcStride, width int, last bool) {
	t := &b.tree
	job := blake3Leaf.chunk
	for at := 0; at < width; at += blake3ChunkSize {
		job.counter = uint32(t.chunks)
		n := min(blake3ChunkSize, width-at)
		t.kernels.blake3Runs(t.next(), HashSize, src[at:], nil, srcStride, n, b.count, &job)
		if last && at+n == width {
			t.finish(b.digests, HashSize)
		} else {
			t.push()
		}
	}
}

// writeBlake2b compresses the piece's whole blocks. The domain's byte in front
// shifts the blocks by one, so that the last byte of a piece is the lead of the
// next.
func (b *LeafBatch) writeBlake2b(src []byte, srcStride, width int, first, last bool) {
	job := blake2bJob{lead: walrusLeaf, state: b.state, offset: uint64(b.done - width), last: last}
	if first {
		lanes := b.hasher.Lanes()
		for i := range b.state {
			b.state[i] = blake2bStart[i/lanes%8]
		}
	} else {
		job.leads = b.leads
	}
	b.hasher.kernels.blake2bRuns(b.digests, HashSize, src, nil, srcStride, width, b.count, &job)
	if !last {
		for i := range b.leads {
			// Lanes without a message repeat the last one.
			b.leads[i] = uint64(src[min(i, b.count-1)*srcStride+width-1])
		}
	}
}

// Sum writes the digest of symbol i to dst[i*dstStride:][:32], dstStride being
// at least 32. It panics before the last piece has come, or if dst is too short.
func (b *LeafBatch) Sum(dst []byte, dstStride int) {
	if b.done != b.size {
		panic(fmt.Sprintf("commit: LeafBatch.Sum: %d of %d bytes written", b.done, b.size))
	}
	if !checkRows("LeafBatch.Sum", dst, dstStride, HashSize, b.digests, HashSize, HashSize, b.count) {
		return
	}
	if b.size == 0 {
		b.hasher.Leaves(b.digests, HashSize, nil, 0, 0, b.count)
	}
	for i := range b.count {
		copy(dst[i*dstStride:], b.digests[i*HashSize:][:HashSize])
	}
}

// grown returns s with length n, newly allocated if its capacity is too small.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
