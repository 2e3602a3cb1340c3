package gf16

import (
	"fmt"
	"unsafe"
)

// FFT evaluates polynomials. src is size planar rows (size a power of two), row i
// the coefficients of X_i; the word at each position is a polynomial of its own.
// Row i of dst becomes the values at the point base+i, for i < out. base is a
// multiple of size. dst has room for size rows too, and those from out on are left
// undefined. dst and src are the same rows or do not overlap.
func (e *Engine) FFT(dst, src []byte, planeBytes, size, base, out int) {
	checkTransform("FFT", planeBytes, size, base, out, dst, src)
	if out > 0 {
		e.rows.fft(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), planeBytes, size, base, values{live: out})
	}
}

// FFTTo is [Engine.FFT] followed by [Engine.Unpack] of the first len(dsts) rows as
// natural regions: the values at base+i go to dsts[i][off:off+2·planeBytes]. What is left
// in work is not defined; src is only read unless it is work.
//
// stream says that the values will have left the caches before anybody reads them. Stores
// may go past the caches then, which spares reading the lines first.
func (e *Engine) FFTTo(dsts [][]byte, off int, work, src []byte, planeBytes, size, base int, stream bool) {
	checkTransform("FFTTo", planeBytes, size, base, len(dsts), work, src)
	checkSymbols("FFTTo", dsts, planeBytes, off, 0, 2*planeBytes, 1)
	if len(dsts) > 0 {
		to := values{live: len(dsts), regions: dsts, off: off, stream: stream && wholeLines(dsts, off)}
		e.rows.fft(unsafe.Pointer(&work[0]), unsafe.Pointer(&src[0]), planeBytes, size, base, to)
		e.rows.passes.sfence(to)
	}
}

// IFFT interpolates: the inverse of [Engine.FFT], in place. Row i of work holds the
// values at base+i for i < in; those from in to size are taken as zero, whatever
// they hold. All size rows become coefficients.
func (e *Engine) IFFT(work []byte, planeBytes, size, base, in int) {
	checkTransform("IFFT", planeBytes, size, base, in, work, work)
	w := unsafe.Pointer(&work[0])
	e.rows.ifft(w, w, planeBytes, size, base, values{live: in})
}

// IFFTAdd adds the coefficients that [Engine.IFFT] would leave in work to dst. What
// is left in work is not defined. dst and work do not overlap.
func (e *Engine) IFFTAdd(dst, work []byte, planeBytes, size, base, in int) {
	checkTransform("IFFTAdd", planeBytes, size, base, in, dst, work)
	e.rows.ifft(unsafe.Pointer(&dst[0]), unsafe.Pointer(&work[0]), planeBytes, size, base, values{live: in})
}

// IFFTFrom is [Engine.Pack] of natural regions, srcs[i][off:off+2·planeBytes] being the
// values at base+i, followed by [Engine.IFFT], or by [Engine.IFFTAdd] if dst is not
// work.
func (e *Engine) IFFTFrom(dst, work []byte, planeBytes, size, base int, srcs [][]byte, off int) {
	checkTransform("IFFTFrom", planeBytes, size, base, len(srcs), dst, work)
	checkSymbols("IFFTFrom", srcs, planeBytes, off, 0, 2*planeBytes, 1)
	e.rows.ifft(unsafe.Pointer(&dst[0]), unsafe.Pointer(&work[0]), planeBytes, size, base, values{live: len(srcs), regions: srcs, off: off})
}

// BlockEncoding describes a call of [Engine.EncodeBlocks]. It takes polynomials from their
// values at some points to the values of their sum at others.
type BlockEncoding struct {
	// Transforms are of Size planar rows, with planes of PlaneBytes each.
	PlaneBytes, Size int
	// The sources are the values at the points from SrcBase on: source i is the natural
	// region Srcs[i][SrcOff:SrcOff+2·PlaneBytes]. Values at further points are zero. Each
	// block of Size sources belongs to one polynomial of degree below Size, and these
	// polynomials are added up. The destinations, natural regions at DstOff, take the values
	// of the sum at the points from DstBase on. If there are Factors, the values of block j
	// are multiplied by Factors[j], which is below 256. Both bases are multiples of Size.
	Srcs, Dsts       [][]byte
	SrcOff, DstOff   int
	SrcBase, DstBase int
	Factors          []Elem
	// Sum and Work are memory of Size rows each. They may be the same memory if there is
	// one block of sources and one of destinations. What is left there is not defined.
	Sum, Work []byte
	// Stream is as in [Engine.FFTTo].
	Stream   bool
	Prefetch Prefetch
}

// Prefetch is what a call may prefetch, because the next call will read it: as many bytes
// of each region as a row has, from Off on.
type Prefetch struct {
	Regions [][]byte
	Off     int
	// Each is how many regions are prefetched for every eight rows that are worked on.
	Each int
}

// CanEncodeBlocks reports whether [Engine.EncodeBlocks] works for transforms of a size, a
// power of two, at points below limit.
func (e *Engine) CanEncodeBlocks(size, limit int) bool {
	return size >= 64 && e.rows.passes.radix(log2(size)) == 8 && e.rows.passes.canFuse(0, (limit+size-1)/size)
}

// EncodeBlocks is [Engine.IFFTFrom] for every block of sources, followed by [Engine.FFTTo]
// for every block of destinations. The last pass of the last inverse transform and the
// first pass of the first transform are fused into one pass over the rows.
func (e *Engine) EncodeBlocks(r *BlockEncoding) {
	if r == nil {
		panic("gf: EncodeBlocks of a nil *BlockEncoding")
	}
	planeBytes, size := r.PlaneBytes, r.Size
	if len(r.Srcs) == 0 || len(r.Dsts) == 0 || !e.CanEncodeBlocks(size, max(r.SrcBase+len(r.Srcs), r.DstBase+len(r.Dsts))) {
		panic(fmt.Sprintf("gf: EncodeBlocks: %d sources from %d, %d destinations from %d with transforms of size %d: see CanEncodeBlocks", len(r.Srcs), r.SrcBase, len(r.Dsts), r.DstBase, size))
	}
	checkTransform("EncodeBlocks", planeBytes, size, r.SrcBase, 0, r.Work, r.Sum)
	checkTransform("EncodeBlocks", planeBytes, size, r.DstBase, 0, r.Work, r.Sum)
	checkSymbols("EncodeBlocks", r.Srcs, planeBytes, r.SrcOff, 0, 2*planeBytes, 1)
	checkSymbols("EncodeBlocks", r.Dsts, planeBytes, r.DstOff, 0, 2*planeBytes, 1)
	dist := size / 8
	sum, work := unsafe.Pointer(&r.Sum[0]), unsafe.Pointer(&r.Work[0])
	m := fused8Args{dst: sum, src: sum, planeBytes: planeBytes, dist: dist, factor: 1}
	from := values{live: len(r.Srcs), regions: r.Srcs, off: r.SrcOff, prefetch: &r.Prefetch}
	blocks := (len(r.Srcs) + size - 1) / size
	if blocks == 1 && len(r.Dsts) > size {
		m.src = work // where the coefficients are kept
	}
	for i := range blocks {
		rows, base, from := m.src, r.SrcBase+size*i, from.part(i, size)
		if i < blocks-1 {
			e.rows.ifft(sum, rows, planeBytes, size, base, from)
			m.src, m.sum = work, 1
			continue
		}
		m.t, m.live = base/dist, (from.live+dist-1)/dist
		if size*2*planeBytes > l1Bytes {
			e.rows.ifftBlocks(rows, planeBytes, dist, base, from)
		} else {
			e.rows.ifftLayers(rows, rows, planeBytes, dist, base, from)
		}
	}
	to := values{live: len(r.Dsts), regions: r.Dsts, off: r.DstOff, stream: r.Stream && wholeLines(r.Dsts, r.DstOff), prefetch: &r.Prefetch}
	for i := 0; i*size < len(r.Dsts); i++ {
		base, to := r.DstBase+size*i, to.part(i, size)
		if r.Factors != nil {
			m.factor = int(r.Factors[i])
		}
		m.u, m.out = base/dist, (to.live+dist-1)/dist
		m.keep = oneIf(i == 0 && len(r.Dsts) > size)
		e.rows.passes.fused(&m, 1, &r.Prefetch)
		e.rows.fftRest(m.dst, planeBytes, dist, base, to)
		m.live, m.sum, m.keep = 0, 0, 0
	}
	e.rows.passes.sfence(to)
}
