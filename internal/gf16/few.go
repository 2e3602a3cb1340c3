package gf16

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// FewEncoder encodes to few destinations: all rows of a block stay in registers on the way,
// so that nothing but sources and destinations is read or written. It is immutable and safe
// for concurrent use. It does not allocate.
type FewEncoder struct {
	dsts, srcs int
	rows       int // the power of two at or above dsts
	run        encode
	sum        func(dst unsafe.Pointer, srcs *[]byte, count, off, n int)
	tab        unsafe.Pointer
}

// NewFewEncoder returns the encoder for so many destinations and sources on an engine, or
// nil if there is none: for more than one destination the points of all must be in the
// subfield of 256 elements, and the engine must have a kernel of so many rows.
func NewFewEncoder(e *Engine, dsts, srcs int) *FewEncoder {
	if e == nil {
		panic("gf: NewFewEncoder of a nil *Engine")
	}
	if dsts < 1 || srcs < 1 {
		return nil
	}
	f := &FewEncoder{dsts: dsts, srcs: srcs, rows: fewRows(dsts), sum: e.k.sum, tab: e.rows.passes.tab}
	if dsts == 1 {
		return f
	}
	if f.run = e.k.encoder(f.rows); f.run == nil || (srcs-1)/f.rows+2 > subfield/f.rows {
		return nil
	}
	return f
}

// subfield is the number of elements of V_8, see tower.go: constants are among them.
const subfield = 1 << 8

// fewRows returns the size of the transforms that give so many values.
func fewRows(dsts int) int { return 1 << bits.Len(uint(dsts-1)) }

// FewWork is the most bytes of work that [FewEncoder.Encode] makes use of.
const FewWork = 64 << 10

// fewStreams is how many regions are read at a time where they come from beyond the first
// caches: as many as the processor prefetches at a time. It also is no more than the lines
// of a set of these caches, which regions of a power of two bytes share.
const fewStreams = 16

// fewShort is the length up to which regions are read all at a time, however many they
// are.
const fewShort = 16 << 10

// Encode evaluates polynomials at the points 0, 1, … With c the power of two at or above
// the number of destinations, the values at off of each c of the sources, natural regions
// of n bytes, are those of one polynomial of degree below c, at the points from c on for
// the first c of them, from 2·c on for the next, and so on; sources past the last are zero.
// dsts[i][off:off+n] becomes the sum of these polynomials at point i. n is a multiple of
// [BlockSize]. No destination overlaps another or a source.
//
// Many long sources are read some at a time, if work has room for the sums so far:
// [FewWork] bytes at best.
func (f *FewEncoder) Encode(dsts, srcs [][]byte, off, n int, work []byte) {
	if len(dsts) != f.dsts || len(srcs) != f.srcs {
		panic(fmt.Sprintf("gf: FewEncoder.Encode: %d destinations and %d sources; want %d and %d", len(dsts), len(srcs), f.dsts, f.srcs))
	}
	if off < 0 || n < 0 || n%BlockSize != 0 {
		panic(fmt.Sprintf("gf: FewEncoder.Encode: %d bytes at %d; want a multiple of %d", n, off, BlockSize))
	}
	if n == 0 {
		return
	}
	checkSymbols("FewEncoder.Encode", srcs, n, off, 0, n, 1)
	checkSymbols("FewEncoder.Encode", dsts, n, off, 0, n, 1)
	switch {
	case len(dsts) > 1:
		f.encode(dsts, srcs, off, n, work)
	case len(srcs) == 1:
		copyRegion(dsts[0][off:off+n], srcs[0][off:])
	default:
		f.sum(unsafe.Pointer(&dsts[0][off]), &srcs[0], len(srcs), off, n)
	}
}

// encode is Encode of two destinations or more.
func (f *FewEncoder) encode(dsts, srcs [][]byte, off, n int, work []byte) {
	rows, run := f.rows, f.run
	strip := len(work) / rows &^ (BlockSize - 1)
	if n <= fewShort || len(srcs)+len(dsts) <= 2*fewStreams || strip == 0 {
		run(&dsts[0], len(dsts), &srcs[0], len(srcs), rows, off, n, nil, nil, f.tab)
		return
	}
	sums := unsafe.Pointer(&work[0])
	for end := off + n; off < end; off += strip {
		strip = min(strip, end-off)
		var from unsafe.Pointer
		for first := 0; first < len(srcs); first += fewStreams {
			count, to := len(srcs)-first, unsafe.Pointer(nil)
			if count > fewStreams {
				count, to = fewStreams, sums
			}
			run(&dsts[0], len(dsts), &srcs[first], count, rows+first, off, strip, from, to, f.tab)
			from = sums
		}
	}
}

// copyChunk is how much is copied at a time. Some processors copy more than that past the
// caches, which is slower if the bytes are soon read, and no faster if they are not.
const copyChunk = 64 << 10

func copyRegion(dst, src []byte) {
	for ; len(dst) > copyChunk; dst, src = dst[copyChunk:], src[copyChunk:] {
		copy(dst[:copyChunk], src)
	}
	copy(dst, src)
}
