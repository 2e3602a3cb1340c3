package gf16

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// CanEncodeFew reports whether [Engine.EncodeFew] takes so many sources to so many
// destinations.
func (e *Engine) CanEncodeFew(dsts, srcs int) bool {
	switch {
	case dsts < 1 || srcs < 1:
		return false
	case dsts == 1:
		return true
	}
	rows := fewRows(dsts)
	return e.k.encoder(rows) != nil && (srcs-1)/rows+2 <= subfield/rows
}

// subfield is the number of elements of V_8, see tower.go: constants are among them.
const subfield = 1 << 8

// fewRows returns the size of the transforms that give so many values.
func fewRows(dsts int) int { return 1 << bits.Len(uint(dsts-1)) }

// FewWork is the most bytes of work that [Engine.EncodeFew] makes use of.
const FewWork = 64 << 10

// fewStreams is how many regions are read at a time where their rows come from beyond
// the first caches: as many as the processor follows and fetches ahead, and as a set of
// these caches has lines, in which regions of a power of two bytes meet.
const fewStreams = 16

// fewShort is how long regions are that are read all at a time, however many.
const fewShort = 16 << 10

// EncodeFew evaluates polynomials at the points 0, 1, … With c the power of two at or
// above len(dsts), the values at off of each c of the sources, natural regions of n
// bytes, are those of one polynomial of degree below c, at the points from c on for the
// first c of them, from 2·c on for the next, and so on; sources past the last are zero.
// dsts[i][off:off+n] becomes the sum of these polynomials at point i. n is a multiple of
// [BlockSize]. No destination overlaps another or a source.
//
// All rows of a block stay in registers on the way, so that nothing but sources and
// destinations is read or written. [Engine.CanEncodeFew] tells which numbers of them that
// works for. Many long sources are read some at a time if there is work for what is
// between: [FewWork] bytes at best.
func (e *Engine) EncodeFew(dsts, srcs [][]byte, off, n int, work []byte) {
	if !e.CanEncodeFew(len(dsts), len(srcs)) {
		panic(fmt.Sprintf("gf: EncodeFew: %d destinations and %d sources: see CanEncodeFew", len(dsts), len(srcs)))
	}
	if off < 0 || n < 0 || n%BlockSize != 0 {
		panic(fmt.Sprintf("gf: EncodeFew: %d bytes at %d; want a multiple of %d", n, off, BlockSize))
	}
	if n == 0 {
		return
	}
	checkSymbols("EncodeFew", srcs, n, off, 0, n, 1)
	checkSymbols("EncodeFew", dsts, n, off, 0, n, 1)
	switch {
	case len(dsts) > 1:
		e.encodeFew(dsts, srcs, off, n, work)
	case len(srcs) == 1:
		copyRegion(dsts[0][off:off+n], srcs[0][off:])
	default:
		e.k.sum(unsafe.Pointer(&dsts[0][off]), &srcs[0], len(srcs), off, n)
	}
}

func (e *Engine) encodeFew(dsts, srcs [][]byte, off, n int, work []byte) {
	rows := fewRows(len(dsts))
	run := e.k.encoder(rows)
	strip := len(work) / rows &^ (BlockSize - 1)
	if n <= fewShort || len(srcs)+len(dsts) <= 2*fewStreams || strip == 0 {
		run(&dsts[0], len(dsts), &srcs[0], len(srcs), rows, off, n, nil, nil, e.rowTab)
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
			run(&dsts[0], len(dsts), &srcs[first], count, rows+first, off, strip, from, to, e.rowTab)
			from = sums
		}
	}
}

// copyChunk is how much is copied at a time: more, and some processors write past the
// caches, which is slower if the bytes are soon read, and if not, no faster.
const copyChunk = 64 << 10

func copyRegion(dst, src []byte) {
	for ; len(dst) > copyChunk; dst, src = dst[copyChunk:], src[copyChunk:] {
		copy(dst[:copyChunk], src)
	}
	copy(dst, src)
}
