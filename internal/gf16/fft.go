package gf16

import (
	"fmt"
	"unsafe"
)

// The additive FFT (S.-J. Lin, W.-H. Chung, Y. S. Han, "Novel polynomial basis and
// its application to Reed–Solomon erasure codes", FOCS 2014), in the Cantor basis.
//
// Let V_j be the span of v_0 … v_{j-1}: the words below 2^j. Its subspace polynomial
// s_j(x) = Π_{v∈V_j} (x-v) is linear over GF(2), and s_{j+1} = s_j² + s_j·s_j(v_j).
// In a Cantor basis s_1(x) = x²+x takes v_{i+1} to v_i, so that s_j(v_j) = v_0 = 1,
// every s_j is s_1 composed with itself j times, and
//
//	s_j(word x) = word (x >> j)
//
// A polynomial of degree below 2^r is written in the basis X_i = Π s_j^{i_j}, where
// i_j are the bits of i. Split its coefficients in halves, p = p_0 + s_{r-1}·p_1.
// s_{r-1} is constant on a coset of V_{r-1}, and differs by one between the two
// cosets that a coset x + V_r consists of: with w = x >> (r-1),
//
//	p on x + V_{r-1}           is   p_0 + w·p_1
//	p on x + v_{r-1} + V_{r-1} is   p_0 + w·p_1 + p_1
//
// which is one butterfly a pair of coefficients and leaves two transforms of half
// the size. The constants need no table: at distance 2^j the group that starts at
// point x has the constant x >> j.

// l1Bytes is how much of a work area is transformed layer by layer; what is larger
// is first split by its outer layers, so that the inner ones run in the L1 cache.
const l1Bytes = 32 << 10

// FFT evaluates polynomials. src is size planar rows (size a power of two), row i
// the coefficients of X_i; the word at each position is a polynomial of its own.
// Row i of dst becomes the values at the point base+i, for i < out. base is a
// multiple of size. dst has room for size rows too, and those from out on are left
// undefined. dst and src are the same rows or do not overlap.
func (e *Engine) FFT(dst, src []byte, half, size, base, out int) {
	checkTransform("FFT", half, size, base, out, dst, src)
	if out > 0 {
		e.fft(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), half, size, base, shards{live: out})
	}
}

// FFTTo is [Engine.FFT] followed by [Engine.Unpack] of the first len(dsts) rows as
// natural regions: the values at base+i go to dsts[i][off:off+2·half]. What is left
// in work is not defined; src is only read unless it is work.
//
// stream says that the values will have left the caches before they are read: then
// stores may go past them, which spares reading the lines first.
func (e *Engine) FFTTo(dsts [][]byte, off int, work, src []byte, half, size, base int, stream bool) {
	checkTransform("FFTTo", half, size, base, len(dsts), work, src)
	checkSymbols("FFTTo", dsts, half, off, 0, 2*half, 1)
	if len(dsts) > 0 {
		to := shards{live: len(dsts), regions: dsts, off: off, stream: stream && wholeLines(dsts, off)}
		e.fft(unsafe.Pointer(&work[0]), unsafe.Pointer(&src[0]), half, size, base, to)
		e.sfence(to)
	}
}

// IFFT interpolates: the inverse of [Engine.FFT], in place. Row i of work holds the
// values at base+i for i < in; those from in to size are taken as zero, whatever
// they hold. All size rows become coefficients.
func (e *Engine) IFFT(work []byte, half, size, base, in int) {
	checkTransform("IFFT", half, size, base, in, work, work)
	w := unsafe.Pointer(&work[0])
	e.ifft(w, w, half, size, base, shards{live: in})
}

// IFFTAdd adds the coefficients that [Engine.IFFT] would leave in work to dst. What
// is left in work is not defined. dst and work do not overlap.
func (e *Engine) IFFTAdd(dst, work []byte, half, size, base, in int) {
	checkTransform("IFFTAdd", half, size, base, in, dst, work)
	e.ifft(unsafe.Pointer(&dst[0]), unsafe.Pointer(&work[0]), half, size, base, shards{live: in})
}

// IFFTFrom is [Engine.Pack] of natural regions, srcs[i][off:off+2·half] being the
// values at base+i, followed by [Engine.IFFT], or by [Engine.IFFTAdd] if dst is not
// work.
func (e *Engine) IFFTFrom(dst, work []byte, half, size, base int, srcs [][]byte, off int) {
	checkTransform("IFFTFrom", half, size, base, len(srcs), dst, work)
	checkSymbols("IFFTFrom", srcs, half, off, 0, 2*half, 1)
	e.ifft(unsafe.Pointer(&dst[0]), unsafe.Pointer(&work[0]), half, size, base, shards{live: len(srcs), regions: srcs, off: off})
}

// BlockEncoding is a way from values of polynomials to their values elsewhere, by way of
// size planar rows of coefficients.
type BlockEncoding struct {
	PlaneBytes, Size int
	// Srcs[i][SrcOff:SrcOff+2·PlaneBytes] are the values at SrcBase+i, natural regions, and
	// the values at further points zero. Each block of Size points has coefficients of
	// its own, and they are added up. Dsts takes the values at DstBase+i, and if there
	// are Factors, those of block j times Factors[j], which is below 256. Both bases are
	// multiples of Size.
	Srcs, Dsts       [][]byte
	SrcOff, DstOff   int
	SrcBase, DstBase int
	Factors          []Elem
	// Sum and Work are Size rows each, or one area if there is a single block on either
	// side. What is left there is not defined.
	Sum, Work []byte
	// Stream is as in [Engine.FFTTo].
	Stream   bool
	Prefetch Prefetch
}

// Prefetch is what may be prefetched during a call, as it will be read next: from each of
// the regions what follows Off, as much as a row has.
type Prefetch struct {
	Regions [][]byte
	Off     int
	// Each is how many regions are prefetched for every eight rows that are worked on.
	Each int
}

// CanEncodeBlocks reports whether [Engine.EncodeBlocks] works for transforms of a size, a power of
// two, at points below limit.
func (e *Engine) CanEncodeBlocks(size, limit int) bool {
	return size >= 64 && e.radix(log2(size)) == 8 && e.fusible(0, (limit+size-1)/size)
}

// EncodeBlocks is [Engine.IFFTFrom] for every block of sources and [Engine.FFTTo] for every
// block of destinations, but what the last of the ones does last and the first of the
// others first is one pass over the rows.
func (e *Engine) EncodeBlocks(r *BlockEncoding) {
	if r == nil {
		panic("gf: EncodeBlocks of a nil *BlockEncoding")
	}
	half, size := r.PlaneBytes, r.Size
	if len(r.Srcs) == 0 || len(r.Dsts) == 0 || !e.CanEncodeBlocks(size, max(r.SrcBase+len(r.Srcs), r.DstBase+len(r.Dsts))) {
		panic(fmt.Sprintf("gf: EncodeBlocks: %d sources from %d, %d destinations from %d with transforms of size %d: see CanEncodeBlocks", len(r.Srcs), r.SrcBase, len(r.Dsts), r.DstBase, size))
	}
	checkTransform("EncodeBlocks", half, size, r.SrcBase, 0, r.Work, r.Sum)
	checkTransform("EncodeBlocks", half, size, r.DstBase, 0, r.Work, r.Sum)
	checkSymbols("EncodeBlocks", r.Srcs, half, r.SrcOff, 0, 2*half, 1)
	checkSymbols("EncodeBlocks", r.Dsts, half, r.DstOff, 0, 2*half, 1)
	dist := size / 8
	sum, work := unsafe.Pointer(&r.Sum[0]), unsafe.Pointer(&r.Work[0])
	m := fused8Args{dst: sum, src: sum, half: half, dist: dist, factor: 1}
	from := shards{live: len(r.Srcs), regions: r.Srcs, off: r.SrcOff, ahead: &r.Prefetch}
	blocks := (len(r.Srcs) + size - 1) / size
	if blocks == 1 && len(r.Dsts) > size {
		m.src = work // where the coefficients are kept
	}
	for i := range blocks {
		rows, base, from := m.src, r.SrcBase+size*i, from.part(i, size)
		if i < blocks-1 {
			e.ifft(sum, rows, half, size, base, from)
			m.src, m.sum = work, 1
			continue
		}
		m.t, m.live = base/dist, (from.live+dist-1)/dist
		if size*2*half > l1Bytes {
			e.ifftBlocks(rows, half, dist, base, from)
		} else {
			e.ifftLayers(rows, rows, half, dist, base, from)
		}
	}
	to := shards{live: len(r.Dsts), regions: r.Dsts, off: r.DstOff, stream: r.Stream && wholeLines(r.Dsts, r.DstOff), ahead: &r.Prefetch}
	for i := 0; i*size < len(r.Dsts); i++ {
		base, to := r.DstBase+size*i, to.part(i, size)
		if r.Factors != nil {
			m.factor = int(r.Factors[i])
		}
		m.u, m.out = base/dist, (to.live+dist-1)/dist
		m.keep = oneIf(i == 0 && len(r.Dsts) > size)
		e.fuse(&m, 1, &r.Prefetch)
		e.fftRest(m.dst, half, dist, base, to)
		m.live, m.sum, m.keep = 0, 0, 0
	}
	e.sfence(to)
}

// sfence lets others see what was stored past the caches. Between the blocks of a
// transform it would wait for memory.
func (e *Engine) sfence(to shards) {
	if to.stream && e.k.sfence != nil {
		e.k.sfence()
	}
}

// fftRest runs the eight transforms of size dist that the first pass leaves.
func (e *Engine) fftRest(rows unsafe.Pointer, half, dist, base int, to shards) {
	if 8*dist*2*half > l1Bytes {
		e.fftBlocks(rows, half, dist, base, to)
	} else {
		e.fftLayers(rows, rows, half, dist, base, to)
	}
}

// shards is the outer side of a transform: how many of its values are there, or
// wanted, and the natural regions they are in, if not in the rows themselves.
type shards struct {
	live    int
	regions [][]byte
	off     int
	stream  bool // store past the caches; the regions are whole cache lines
	ahead   *Prefetch
}

// wholeLines reports whether blocks of the regions from off on are cache lines.
func wholeLines(regions [][]byte, off int) bool {
	for i := range regions {
		if (uintptr(unsafe.Pointer(unsafe.SliceData(regions[i])))+uintptr(off))%BlockSize != 0 {
			return false
		}
	}
	return true
}

// part returns the part of block q of n rows.
func (s shards) part(q, n int) shards {
	from, to := min(q*n, s.live), min((q+1)*n, s.live)
	if s.regions != nil {
		s.regions = s.regions[from:to]
	}
	s.live = to - from
	return s
}

// radix returns of how many rows the outermost pass over 2^r rows takes one. Passes
// of eight rows come last (in the inverse, first): next to the shards.
func (e *Engine) radix(r int) int {
	switch {
	case r == 1:
		return 2
	case e.k.fft8 != nil && r%3 == 0:
		return 8
	default:
		return 4
	}
}

func (e *Engine) fft(dst, src unsafe.Pointer, half, size, base int, to shards) {
	radix := e.radix(log2(size))
	dist := size / radix
	if dist <= 1 || size*2*half <= l1Bytes {
		e.fftLayers(dst, src, half, size, base, to)
		return
	}
	e.fftOuter(dst, src, half, dist, 1, base>>log2(dist), radix, to)
	e.fftBlocks(dst, half, dist, base, to)
}

// fftBlocks runs transforms of size dist, one behind the other.
func (e *Engine) fftBlocks(rows unsafe.Pointer, half, dist, base int, to shards) {
	for q := 0; q*dist < to.live; q++ {
		block := unsafe.Add(rows, 2*half*dist*q)
		e.fft(block, block, half, dist, base+dist*q, to.part(q, dist))
	}
}

// fftLayers runs pass after pass over all rows.
func (e *Engine) fftLayers(dst, src unsafe.Pointer, half, size, base int, to shards) {
	for size > 1 {
		radix := e.radix(log2(size))
		dist := size / radix
		groups := (to.live + size - 1) / size
		if dist == 1 && radix == 8 && to.regions != nil && e.k.fft8scatter != nil && dst == src {
			whole := to.live / 8
			if whole > 0 {
				e.k.fft8scatter(&to.regions[0], to.off, groupsAfter(to.regions), dst, half, whole, base, oneIf(to.stream), e.rowTab)
			}
			if whole < groups {
				rows := unsafe.Add(dst, 16*half*whole)
				e.fftPass(8, rows, rows, half, 1, 1, base+8*whole)
				e.unpackRows(rows, half, 8*whole, to)
			}
			return
		}
		e.fftOuter(dst, src, half, dist, groups, base>>log2(dist), radix, to)
		src, size = dst, dist
	}
	copyRows(dst, src, half, 1) // a transform of size 1 ends here as it began
	e.unpackRows(dst, half, 0, to)
}

// fftOuter runs one pass, of whose rows as many are wanted as there are shards.
func (e *Engine) fftOuter(dst, src unsafe.Pointer, half, dist, groups, t, radix int, to shards) {
	if radix == 8 && e.fusible(t, groups) {
		m := fused8Args{dst: dst, src: src, half: half, dist: dist, u: t, factor: 1}
		whole := to.live / (8 * dist)
		m.out = 8
		e.fuse(&m, whole, to.ahead)
		if whole < groups {
			m.skip(whole)
			m.out = (to.live - 8*dist*whole + dist - 1) / dist
			e.fuse(&m, 1, to.ahead)
		}
		return
	}
	e.fftPass(radix, dst, src, half, dist, groups, t)
}

// ifft works in place on work until its last pass, which stores to dst, or adds to
// it if it is not work.
func (e *Engine) ifft(dst, work unsafe.Pointer, half, size, base int, from shards) {
	add := dst != work
	if from.live == 0 {
		if !add {
			clearRows(work, half, 0, size)
		}
		return
	}
	radix := e.radix(log2(size))
	if dist := size / radix; dist > 1 && size*2*half > l1Bytes {
		valid := e.ifftBlocks(work, half, dist, base, from)
		e.ifftOuter(dst, work, half, dist, 1, base>>log2(dist), radix, valid, from.ahead)
		return
	}
	e.ifftLayers(dst, work, half, size, base, from)
}

// ifftBlocks runs inverse transforms of size dist, one behind the other, and returns
// how many rows they wrote.
func (e *Engine) ifftBlocks(rows unsafe.Pointer, half, dist, base int, from shards) int {
	q := 0
	for ; q*dist < from.live; q++ {
		block := unsafe.Add(rows, 2*half*dist*q)
		e.ifft(block, block, half, dist, base+dist*q, from.part(q, dist))
	}
	return q * dist
}

// ifftLayers runs pass after pass over all rows. Rows from valid on have not been
// written: they are zero in effect.
func (e *Engine) ifftLayers(dst, work unsafe.Pointer, half, size, base int, from shards) {
	var radices [16]int // from the last pass to the first
	n := 0
	for r := log2(size); r > 0; n++ {
		radices[n] = e.radix(r)
		r -= log2(radices[n])
	}
	valid := from.live
	dist := 1
	if n > 0 && (n > 1 || dst == work) && radices[n-1] == 8 && from.regions != nil && e.k.ifft8gather != nil {
		valid = e.ifftFirst(work, half, base, from)
		n, dist = n-1, 8
	} else {
		e.packRows(work, half, 0, from)
	}
	out := work
	for ; n > 0; n-- {
		radix := radices[n-1]
		if n == 1 {
			out = dst
		}
		group := dist * radix
		groups := (from.live + group - 1) / group
		e.ifftOuter(out, work, half, dist, groups, base>>log2(dist), radix, valid, from.ahead)
		valid, dist = groups*group, group
	}
	if size == 1 && dst != work {
		e.k.xor(dst, work, 2*half)
	}
}

// ifftOuter runs one pass, whose rows from valid on are zero in effect. It adds to dst
// if that is not work.
func (e *Engine) ifftOuter(dst, work unsafe.Pointer, half, dist, groups, t, radix, valid int, ahead *Prefetch) {
	if radix == 8 && e.fusible(t, groups) {
		m := fused8Args{dst: dst, src: work, half: half, dist: dist, t: t, factor: 1, live: 8, sum: oneIf(dst != work)}
		whole := valid / (8 * dist)
		e.fuse(&m, whole, ahead)
		if whole < groups {
			m.skip(whole)
			m.live = (valid - 8*dist*whole + dist - 1) / dist
			e.fuse(&m, 1, ahead)
		}
		return
	}
	clearRows(work, half, valid, groups*dist*radix)
	e.ifftPass(radix, dst, work, half, dist, groups, t, oneIf(dst != work))
}

// fusible reports whether fused8 can do groups whose constants begin at t.
func (e *Engine) fusible(t, groups int) bool { return e.k.fused8 != nil && t+8*groups <= subfield }

// fuse calls fused8. What is ahead is fetched by the calls in turn.
func (e *Engine) fuse(m *fused8Args, groups int, ahead *Prefetch) {
	if groups == 0 {
		return
	}
	m.groups, m.left = groups, 0
	if ahead != nil && len(ahead.Regions) > 0 {
		m.list, m.offset, m.each, m.left = &ahead.Regions[0], ahead.Off, ahead.Each, len(ahead.Regions)
		ahead.Regions = ahead.Regions[min(m.left, m.each*m.dist*groups):]
	}
	e.k.fused8(*m, e.rowTab)
}

// skip moves on by groups.
func (m *fused8Args) skip(groups int) {
	n := 16 * m.half * m.dist * groups
	m.dst, m.src = unsafe.Add(m.dst, n), unsafe.Add(m.src, n)
	m.t, m.u = m.t+8*groups, m.u+8*groups
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ifftFirst runs the first pass, in radix 8, from the regions to the rows, and
// returns how many rows it wrote.
func (e *Engine) ifftFirst(rows unsafe.Pointer, half, base int, from shards) int {
	whole := from.live / 8
	if whole > 0 {
		e.k.ifft8gather(rows, half, whole, base, &from.regions[0], from.off, groupsAfter(from.regions), e.rowTab)
	}
	rest := from.live - 8*whole
	if rest == 0 {
		return 8 * whole
	}
	rows = unsafe.Add(rows, 16*half*whole)
	e.packRows(rows, half, 8*whole, from)
	clearRows(rows, half, rest, 8)
	e.ifftPass(8, rows, rows, half, 1, 1, base+8*whole, 0)
	return 8*whole + 8
}

// groupsAfter returns how many whole groups of eight regions come after the first:
// also those past the end of the list that another block of the transform has.
func groupsAfter(regions [][]byte) int { return cap(regions)/8 - 1 }

// packRows brings in the regions from the given one on, if there are any.
func (e *Engine) packRows(rows unsafe.Pointer, half, first int, from shards) {
	if from.regions != nil {
		e.pack(rows, half, from.regions[first:], from.off, 0, 2*half, 1)
	}
}

// unpackRows stores the regions from the given one on, if there are any.
func (e *Engine) unpackRows(rows unsafe.Pointer, half, first int, to shards) {
	if to.regions != nil {
		e.unpack(to.regions[first:], to.off, 0, 2*half, 1, rows, half)
	}
}

// fftPass runs one pass. In radix 8 the groups whose constants are in the subfield are
// fused8's, if there is one.
func (e *Engine) fftPass(radix int, dst, src unsafe.Pointer, half, dist, groups, t int) {
	switch radix {
	case 2:
		e.k.fft2(dst, src, half, dist, groups, t, e.rowTab)
	case 4:
		e.k.fft4(dst, src, half, dist, groups, t, e.rowTab)
	default:
		m := fused8Args{dst: dst, src: src, half: half, dist: dist, u: t, factor: 1, out: 8}
		if inside := e.inside(groups, t); inside > 0 {
			e.fuse(&m, inside, nil)
			if groups -= inside; groups > 0 {
				m.skip(inside)
			}
		}
		if groups > 0 {
			e.k.fft8(m.dst, m.src, half, dist, groups, m.u, e.rowTab)
		}
	}
}

func (e *Engine) ifftPass(radix int, dst, src unsafe.Pointer, half, dist, groups, t, add int) {
	switch radix {
	case 2:
		e.k.ifft2(dst, src, half, dist, groups, t, add, e.rowTab)
	case 4:
		e.k.ifft4(dst, src, half, dist, groups, t, add, e.rowTab)
	default:
		m := fused8Args{dst: dst, src: src, half: half, dist: dist, t: t, factor: 1, live: 8, sum: add}
		if inside := e.inside(groups, t); inside > 0 {
			e.fuse(&m, inside, nil)
			if groups -= inside; groups > 0 {
				m.skip(inside)
			}
		}
		if groups > 0 {
			e.k.ifft8(m.dst, m.src, half, dist, groups, m.t, add, e.rowTab)
		}
	}
}

// inside returns how many of the groups from constant t on are for fused8.
func (e *Engine) inside(groups, t int) int {
	if e.k.fused8 == nil || t >= subfield {
		return 0
	}
	return min(groups, (subfield-t)/8)
}

func clearRows(work unsafe.Pointer, half, from, to int) {
	if to > from {
		clear(unsafe.Slice((*byte)(unsafe.Add(work, 2*half*from)), 2*half*(to-from)))
	}
}
