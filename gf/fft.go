package gf

import (
	"fmt"
	"math/bits"
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
const l1Bytes = 24 << 10

// FFT evaluates polynomials. src is size planar rows (size a power of two), row i
// the coefficients of X_i; the word at each position is a polynomial of its own.
// Row i of dst becomes the values at the point base+i, for i < out. base is a
// multiple of size. dst has room for size rows too, and those from out on are left
// undefined. dst and src are the same rows or do not overlap.
func (e *Engine) FFT(dst, src []byte, half, size, base, out int) {
	checkTransform("FFT", half, size, base, out, dst, src)
	if out > 0 {
		e.fft(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), half, size, base, out)
	}
}

func (e *Engine) fft(dst, src unsafe.Pointer, half, size, base, out int) {
	stride := 2 * half
	if size == 1 {
		copyRows(dst, src, half, 1)
		return
	}
	for size*stride > l1Bytes && size >= 8 {
		dist := size / 4
		e.k.fft4(dst, src, half, dist, 1, base>>log2(dist), e.tab)
		src = dst
		for out > dist {
			e.fft(dst, dst, half, dist, base, dist)
			dst = unsafe.Add(dst, dist*stride)
			base, out = base+dist, out-dist
		}
		src, size = dst, dist
	}
	for ; size >= 4; size /= 4 {
		dist := size / 4
		groups := (out + size - 1) / size
		e.k.fft4(dst, src, half, dist, groups, base>>log2(dist), e.tab)
		src = dst
		if size == 4 {
			return
		}
	}
	e.k.fft2(dst, src, half, 1, (out+1)/2, base, e.tab)
}

// IFFT interpolates: the inverse of [Engine.FFT], in place. Row i of work holds the
// values at base+i for i < in; those from in to size are taken as zero, whatever
// they hold. All size rows become coefficients.
func (e *Engine) IFFT(work []byte, half, size, base, in int) {
	checkTransform("IFFT", half, size, base, in, work, work)
	e.ifft(unsafe.Pointer(&work[0]), half, size, base, in)
}

// IFFTAdd adds the coefficients that [Engine.IFFT] would leave in work to dst. What
// is left in work is not defined. dst and work do not overlap.
func (e *Engine) IFFTAdd(dst, work []byte, half, size, base, in int) {
	checkTransform("IFFTAdd", half, size, base, in, dst, work)
	d, w := unsafe.Pointer(&dst[0]), unsafe.Pointer(&work[0])
	switch {
	case in == 0:
	case size == 1:
		e.k.xor(d, w, 2*half)
	case size == 2:
		clearRows(w, half, in, 2)
		e.k.ifft2add(d, w, half, 1, 1, base, e.tab)
	default:
		dist := size / 4
		e.ifftQuarters(w, half, dist, base, in)
		e.k.ifft4add(d, w, half, dist, 1, base>>log2(dist), e.tab)
	}
}

func (e *Engine) ifft(work unsafe.Pointer, half, size, base, in int) {
	if in == 0 {
		clearRows(work, half, 0, size)
		return
	}
	if size*2*half > l1Bytes && size >= 8 {
		dist := size / 4
		e.ifftQuarters(work, half, dist, base, in)
		e.k.ifft4(work, work, half, dist, 1, base>>log2(dist), e.tab)
		return
	}
	// rows from valid on have not been written yet: they are zero in effect.
	valid, done := in, 1
	if log2(size)%2 == 1 {
		groups := (in + 1) / 2
		clearRows(work, half, valid, 2*groups)
		e.k.ifft2(work, work, half, 1, groups, base, e.tab)
		valid, done = 2*groups, 2
	}
	for ; done < size; done *= 4 {
		groups := (in + 4*done - 1) / (4 * done)
		clearRows(work, half, valid, 4*done*groups)
		e.k.ifft4(work, work, half, done, groups, base>>log2(done), e.tab)
		valid = 4 * done * groups
	}
	clearRows(work, half, valid, size)
}

// ifftQuarters runs the inverse transforms of size dist over four runs of rows.
func (e *Engine) ifftQuarters(work unsafe.Pointer, half, dist, base, in int) {
	for q := range 4 {
		e.ifft(unsafe.Add(work, q*dist*2*half), half, dist, base+q*dist, max(0, min(dist, in-q*dist)))
	}
}

func clearRows(work unsafe.Pointer, half, from, to int) {
	if to > from {
		clear(unsafe.Slice((*byte)(unsafe.Add(work, 2*half*from)), 2*half*(to-from)))
	}
}

// log2 returns the exponent of a power of two.
func log2(n int) int { return bits.TrailingZeros(uint(n)) }

func checkTransform(method string, half, size, base, live int, dst, src []byte) {
	if size <= 0 || size&(size-1) != 0 || base < 0 || base%size != 0 || base+size > Order || live < 0 || live > size {
		panic(fmt.Sprintf("gf: %s: size %d, base %d, %d rows in use: size must be a power of two, base a multiple of it, base+size at most %d", method, size, base, live, Order))
	}
	checkRows(method, dst, half, size)
	checkRows(method, src, half, size)
}
