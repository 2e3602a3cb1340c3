package gf16

import (
	"math/bits"
	"unsafe"
)

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

// encodeFew is [Engine.EncodeFew] of two destinations or more.
func encodeFew(p *passes, dsts, srcs [][]byte, off, n int, work []byte) {
	rows := fewRows(len(dsts))
	run := p.k.encoder(rows)
	strip := len(work) / rows &^ (BlockSize - 1)
	if n <= fewShort || len(srcs)+len(dsts) <= 2*fewStreams || strip == 0 {
		run(&dsts[0], len(dsts), &srcs[0], len(srcs), rows, off, n, nil, nil, p.tab)
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
			run(&dsts[0], len(dsts), &srcs[first], count, rows+first, off, strip, from, to, p.tab)
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
