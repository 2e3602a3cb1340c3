package gf16

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// BlockSize is the natural layout's unit: regions are whole blocks, and word e of a
// block is byte e (low) and byte 32+e (high).
const BlockSize = 64

// MulAdd adds c·src to dst: natural regions of the same length, a multiple of
// [BlockSize]. dst and src are the same region or do not overlap.
func (e *Engine) MulAdd(dst, src []byte, c Elem) {
	if checkRegion("MulAdd", dst, len(src)) {
		e.k.mulAdd(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), len(dst), c, e.tab)
	}
}

// Mul stores c·src in dst, under the rules of [Engine.MulAdd].
func (e *Engine) Mul(dst, src []byte, c Elem) {
	if checkRegion("Mul", dst, len(src)) {
		e.k.mul(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), len(dst), c, e.tab)
	}
}

// Xor adds src to dst: regions of the same length, whatever it is, equal or not
// overlapping.
func (e *Engine) Xor(dst, src []byte) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("gf: Xor: regions of %d and %d bytes", len(dst), len(src)))
	}
	if len(dst) > 0 {
		e.k.xor(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), len(dst))
	}
}

// Dot adds the sum of coeffs[i]·srcs[i][off:off+len(dst)] to dst: many sources into
// one output. len(dst) is a multiple of [BlockSize]; dst overlaps no source.
func (e *Engine) Dot(dst []byte, srcs [][]byte, off int, coeffs []Elem) {
	checkMany("Dot", srcs, off, len(dst), len(coeffs))
	if checkRegion("Dot", dst, len(dst)) && len(coeffs) > 0 {
		e.k.dot(unsafe.Pointer(&dst[0]), &srcs[0], off, len(dst), &coeffs[0], len(coeffs), e.tab)
	}
}

// MulAddMany adds coeffs[i]·src to dsts[i][off:off+len(src)]: one source into many
// outputs. len(src) is a multiple of [BlockSize]; src overlaps no destination.
func (e *Engine) MulAddMany(dsts [][]byte, off int, src []byte, coeffs []Elem) {
	checkMany("MulAddMany", dsts, off, len(src), len(coeffs))
	if checkRegion("MulAddMany", src, len(src)) && len(coeffs) > 0 {
		e.k.mulAddMany(&dsts[0], off, len(src), unsafe.Pointer(&src[0]), &coeffs[0], len(coeffs), e.tab)
	}
}

// GatherBlocks makes a natural block of the words of each source's tail: size bytes at
// off, at most [BlockSize] and even, word e being byte e and byte size/2+e. Block i of
// dst takes those of srcs[i]; what its words past size/2 hold is not defined.
func (e *Engine) GatherBlocks(dst []byte, srcs [][]byte, off, size int) {
	if len(srcs) == 0 || size == 0 {
		return
	}
	checkRows("GatherBlocks", dst, BlockSize/2, len(srcs))
	checkSymbols("GatherBlocks", srcs, BlockSize/2, off, 0, size, 1)
	e.k.pack(unsafe.Pointer(&dst[0]), BlockSize/2, &srcs[0], len(srcs), off, 0, size, 1)
}

// ScatterBlocks is the inverse of [Engine.GatherBlocks].
func (e *Engine) ScatterBlocks(dsts [][]byte, off, size int, src []byte) {
	if len(dsts) == 0 || size == 0 {
		return
	}
	checkRows("ScatterBlocks", src, BlockSize/2, len(dsts))
	checkSymbols("ScatterBlocks", dsts, BlockSize/2, off, 0, size, 1)
	e.k.unpack(&dsts[0], len(dsts), off, 0, size, 1, unsafe.Pointer(&src[0]), BlockSize/2)
}

// checkRegion reports whether there is anything to do.
func checkRegion(method string, b []byte, n int) bool {
	if len(b) != n || n%BlockSize != 0 {
		panic(fmt.Sprintf("gf: %s: regions of %d and %d bytes; want one length, a multiple of %d", method, len(b), n, BlockSize))
	}
	return n > 0
}

func checkMany(method string, regions [][]byte, off, n, coeffs int) {
	if len(regions) != coeffs || off < 0 {
		panic(fmt.Sprintf("gf: %s: %d regions, %d coefficients, offset %d", method, len(regions), coeffs, off))
	}
	for i := range regions {
		if len(regions[i]) < off+n {
			panic(fmt.Sprintf("gf: %s: region %d has %d bytes; want at least %d", method, i, len(regions[i]), off+n))
		}
	}
}

func checkTransform(method string, half, size, base, live int, dst, src []byte) {
	if size <= 0 || size&(size-1) != 0 || base < 0 || base%size != 0 || base+size > Order || live < 0 || live > size {
		panic(fmt.Sprintf("gf: %s: size %d, base %d, %d rows in use: size must be a power of two, base a multiple of it, base+size at most %d", method, size, base, live, Order))
	}
	checkRows(method, dst, half, size)
	checkRows(method, src, half, size)
}

// log2 returns the exponent of a power of two.
func log2(n int) int { return bits.TrailingZeros(uint(n)) }
