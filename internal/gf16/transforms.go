package gf16

import "unsafe"

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

// l1Bytes is how much of a work area is transformed layer by layer. A larger area is first
// split by its outer layers, so that the inner ones run in the L1 cache.
const l1Bytes = 32 << 10

// transforms runs the FFT and its inverse over planar rows, from pass to pass.
type transforms struct {
	passes passes
}

// fftRest runs the eight transforms of size dist that are left after a first pass of radix
// 8.
func (f *transforms) fftRest(rows unsafe.Pointer, planeBytes, dist, base int, to values) {
	if 8*dist*2*planeBytes > l1Bytes {
		f.fftBlocks(rows, planeBytes, dist, base, to)
	} else {
		f.fftLayers(rows, rows, planeBytes, dist, base, to)
	}
}

// fft works from src to dst in its first pass and in place on dst from then on. The values
// wanted are stored where to says.
func (f *transforms) fft(dst, src unsafe.Pointer, planeBytes, size, base int, to values) {
	radix := f.passes.radix(log2(size))
	dist := size / radix
	if dist <= 1 || size*2*planeBytes <= l1Bytes {
		f.fftLayers(dst, src, planeBytes, size, base, to)
		return
	}
	f.fftOuter(dst, src, planeBytes, dist, 1, base>>log2(dist), radix, to)
	f.fftBlocks(dst, planeBytes, dist, base, to)
}

// fftBlocks runs transforms of size dist, one behind the other.
func (f *transforms) fftBlocks(rows unsafe.Pointer, planeBytes, dist, base int, to values) {
	for q := 0; q*dist < to.live; q++ {
		block := unsafe.Add(rows, 2*planeBytes*dist*q)
		f.fft(block, block, planeBytes, dist, base+dist*q, to.part(q, dist))
	}
}

// fftLayers runs pass after pass over all rows.
func (f *transforms) fftLayers(dst, src unsafe.Pointer, planeBytes, size, base int, to values) {
	for size > 1 {
		radix := f.passes.radix(log2(size))
		dist := size / radix
		groups := (to.live + size - 1) / size
		if dist == 1 && radix == 8 && to.regions != nil && f.passes.k.fft8scatter != nil && dst == src {
			f.passes.fftTo(dst, planeBytes, groups, base, to)
			return
		}
		f.fftOuter(dst, src, planeBytes, dist, groups, base>>log2(dist), radix, to)
		src, size = dst, dist
	}
	copyRows(dst, src, planeBytes, 1) // a transform of size 1 ends here as it began
	f.passes.scatter(dst, planeBytes, 0, to)
}

// fftOuter runs one pass, of whose rows as many are wanted as to has values.
func (f *transforms) fftOuter(dst, src unsafe.Pointer, planeBytes, dist, groups, t, radix int, to values) {
	if radix == 8 && f.passes.canFuse(t, groups) {
		m := fused8Args{dst: dst, src: src, planeBytes: planeBytes, dist: dist, u: t, factor: 1}
		whole := to.live / (8 * dist)
		m.out = 8
		f.passes.fused(&m, whole, to.prefetch)
		if whole < groups {
			m.skip(whole)
			m.out = (to.live - 8*dist*whole + dist - 1) / dist
			f.passes.fused(&m, 1, to.prefetch)
		}
		return
	}
	f.passes.fft(radix, dst, src, planeBytes, dist, groups, t)
}

// ifft works in place on work until its last pass, which stores to dst, or adds to
// it if it is not work.
func (f *transforms) ifft(dst, work unsafe.Pointer, planeBytes, size, base int, from values) {
	add := dst != work
	if from.live == 0 {
		if !add {
			clearRows(work, planeBytes, 0, size)
		}
		return
	}
	radix := f.passes.radix(log2(size))
	if dist := size / radix; dist > 1 && size*2*planeBytes > l1Bytes {
		valid := f.ifftBlocks(work, planeBytes, dist, base, from)
		f.ifftOuter(dst, work, planeBytes, dist, 1, base>>log2(dist), radix, valid, from.prefetch)
		return
	}
	f.ifftLayers(dst, work, planeBytes, size, base, from)
}

// ifftBlocks runs inverse transforms of size dist, one behind the other, and returns
// how many rows they wrote.
func (f *transforms) ifftBlocks(rows unsafe.Pointer, planeBytes, dist, base int, from values) int {
	q := 0
	for ; q*dist < from.live; q++ {
		block := unsafe.Add(rows, 2*planeBytes*dist*q)
		f.ifft(block, block, planeBytes, dist, base+dist*q, from.part(q, dist))
	}
	return q * dist
}

// ifftLayers runs pass after pass over all rows. Rows from valid on have not been
// written: they are zero in effect.
func (f *transforms) ifftLayers(dst, work unsafe.Pointer, planeBytes, size, base int, from values) {
	var radices [16]int // from the last pass to the first
	n := 0
	for r := log2(size); r > 0; n++ {
		radices[n] = f.passes.radix(r)
		r -= log2(radices[n])
	}
	valid := from.live
	dist := 1
	if n > 0 && (n > 1 || dst == work) && radices[n-1] == 8 && from.regions != nil && f.passes.k.ifft8gather != nil {
		valid = f.passes.ifftFrom(work, planeBytes, base, from)
		n, dist = n-1, 8
	} else {
		f.passes.gather(work, planeBytes, 0, from)
	}
	out := work
	for ; n > 0; n-- {
		radix := radices[n-1]
		if n == 1 {
			out = dst
		}
		group := dist * radix
		groups := (from.live + group - 1) / group
		f.ifftOuter(out, work, planeBytes, dist, groups, base>>log2(dist), radix, valid, from.prefetch)
		valid, dist = groups*group, group
	}
	if size == 1 && dst != work {
		f.passes.k.xor(dst, work, 2*planeBytes)
	}
}

// ifftOuter runs one pass, whose rows from valid on are zero in effect. It adds to dst
// if that is not work.
func (f *transforms) ifftOuter(dst, work unsafe.Pointer, planeBytes, dist, groups, t, radix, valid int, prefetch *Prefetch) {
	if radix == 8 && f.passes.canFuse(t, groups) {
		m := fused8Args{dst: dst, src: work, planeBytes: planeBytes, dist: dist, t: t, factor: 1, live: 8, sum: oneIf(dst != work)}
		whole := valid / (8 * dist)
		f.passes.fused(&m, whole, prefetch)
		if whole < groups {
			m.skip(whole)
			m.live = (valid - 8*dist*whole + dist - 1) / dist
			f.passes.fused(&m, 1, prefetch)
		}
		return
	}
	clearRows(work, planeBytes, valid, groups*dist*radix)
	f.passes.ifft(radix, dst, work, planeBytes, dist, groups, t, oneIf(dst != work))
}

// values is the outer side of a transform: how many of its values are there, or are
// wanted, and the natural regions that they are in, if not in the rows themselves.
type values struct {
	live     int
	regions  [][]byte
	off      int
	stream   bool // store past the caches; the regions are whole cache lines
	prefetch *Prefetch
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
func (s values) part(q, n int) values {
	from, to := min(q*n, s.live), min((q+1)*n, s.live)
	if s.regions != nil {
		s.regions = s.regions[from:to]
	}
	s.live = to - from
	return s
}

// oneIf is how kernels take a condition.
func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}
