package gf16

import (
	"fmt"
	"math/bits"
	"sync"
)

// Λ_E(x) = Π_{e∈E} (x-e) at every point x of a subspace at once: logarithms turn
// the product into the sum Σ_e log(x XOR e), a convolution over XOR of the
// indicator of E with the logarithm table, which a Walsh–Hadamard transform turns
// into products. For points and E within V_r (words below 2^r) x XOR e stays there
// too, so a transform over 2^r points is enough (Lin, Chung and Han take 2^16). A
// quotient Λ_E/Λ_F takes no more than one of them: the indicator of F counts -1.
//
// The inverse transform is the forward one divided by 2^r, and modulo 2^16-1 that
// division is a multiplication by 2^(16-r), a rotation of the 16 bits.
//
// A word of 64 bits holds two values, x of point i < 2^(r-1) and y of the point
// 2^(r-1) above it, as the integer x + y·2^32. Sums and differences of such integers
// are those of both values, carries and all, as long as the results fit 32 bits.

// Locator writes to dst[x], for every point x < len(dst), the logarithm of the
// product of x-e over all e != x of zeros, divided by the product of x-e over all
// e != x of poles. len(dst) is a power of two, at most Order; every point of both
// sets is below it, and no set holds a point twice. scratch holds at least
// len(dst)/2 values and is overwritten; nothing is allocated.
func Locator(dst []uint16, scratch []uint64, zeros, poles []int) {
	n := len(dst)
	half := n / 2
	if n == 0 || n&(n-1) != 0 || n > Order || len(scratch) < half {
		panic(fmt.Sprintf("gf: Locator: %d points with scratch for %d; want a power of two up to %d, and scratch for half of it", n, len(scratch), Order))
	}
	if n == 1 {
		dst[0] = 0
		return
	}
	a := scratch[:half]
	clear(a)
	shift := log2(half)
	for _, e := range zeros {
		a[e&(half-1)] += 1 << (e >> shift << 5)
	}
	for _, e := range poles {
		a[e&(half-1)] -= 1 << (e >> shift << 5)
	}
	walsh(a)
	w := walshOfLog(log2(n))
	w0, w1 := w[:half], w[half:][:half]
	for i, v := range a {
		x, y := split(v)
		x, y = centered((x+y)*int64(w0[i])), centered((x-y)*int64(w1[i]))
		a[i] = joined(x+y, x-y)
	}
	walsh(a)
	rotation := 16 - log2(n)
	low, high := dst[:half], dst[half:][:half]
	for i, v := range a {
		x, y := split(v)
		low[i], high[i] = residue(x, rotation), residue(y, rotation)
	}
}

// joined returns the word of two values.
func joined(x, y int64) uint64 { return uint64(x) + uint64(y)<<32 }

// split returns the two values of a word.
func split(w uint64) (x, y int64) {
	x = int64(int32(w))
	return x, (int64(w) - x) >> 32
}

// residue returns v·2^rotation modulo 2^16-1. It takes values of 32 bits.
func residue(v int64, rotation int) uint16 {
	// 2^16 is 1, so the upper half counts as much as the lower one.
	r := uint32(v&0xFFFF + v>>16 + Modulus)
	r = r&0xFFFF + r>>16
	r = r&0xFFFF + r>>16
	if r == Modulus {
		r = 0
	}
	return bits.RotateLeft16(uint16(r), rotation)
}

// centered returns a residue of v modulo 2^16-1, for values of 32 bits: one from
// -2^15 to 2^15-1. Sums and differences of 2^16 such residues fit 32 bits, because
// the only sum of the largest magnitude is -2^31.
func centered(v int64) int64 {
	const half = 1 << 15
	v = (v+half)&0xFFFF - half + (v+half)>>16
	return (v+half)&0xFFFF - half + (v+half)>>16
}

// walsh is the Walsh–Hadamard transform over the words, in place, two layers a pass.
// That between the two values of each word is left to do.
func walsh(a []uint64) {
	n := len(a)
	for g := 0; g+4 <= n; g += 4 {
		x := a[g : g+4 : g+4]
		s, t, u, v := x[0]+x[1], x[0]-x[1], x[2]+x[3], x[2]-x[3]
		x[0], x[1], x[2], x[3] = s+u, t+v, s-u, t-v
	}
	d := 4
	for ; 4*d <= n; d *= 4 {
		for g := 0; g < n; g += 4 * d {
			q0, q1, q2, q3 := a[g:g+d], a[g+d:g+2*d], a[g+2*d:g+3*d], a[g+3*d:g+4*d]
			q1, q2, q3 = q1[:len(q0)], q2[:len(q0)], q3[:len(q0)]
			for i, x0 := range q0 {
				x1, x2, x3 := q1[i], q2[i], q3[i]
				s, t, u, v := x0+x1, x0-x1, x2+x3, x2-x3
				q0[i], q1[i], q2[i], q3[i] = s+u, t+v, s-u, t-v
			}
		}
	}
	if n == 2 {
		d = 1
	}
	if d < n {
		q0, q1 := a[:d], a[d:]
		q1 = q1[:len(q0)]
		for i, x0 := range q0 {
			x1 := q1[i]
			q0[i], q1[i] = x0+x1, x0-x1
		}
	}
}

// logTransforms[r] is the transform of the logarithms of the words below 2^r, r at
// least 1, with log 0 taken as 0, in centered residues.
var logTransforms [17]struct {
	once sync.Once
	w    []int16
}

func walshOfLog(r int) []int16 {
	t := &logTransforms[r]
	t.once.Do(func() {
		half := 1 << (r - 1)
		log := &tables().log
		a := make([]uint64, half)
		for i := range a {
			a[i] = joined(centered(int64(log[i])), centered(int64(log[half+i])))
		}
		walsh(a)
		t.w = make([]int16, 2*half)
		for i, v := range a {
			x, y := split(v)
			t.w[i], t.w[half+i] = int16(centered(x+y)), int16(centered(x-y))
		}
	})
	return t.w
}

// AddLocator adds to dst[i] a logarithm, not reduced, of what [Locator] has for
// points[i]. It looks one up for every point and member of the sets, so it is for few
// points or small sets: of no more than 2^14 members together.
func AddLocator(dst []int32, points []Elem, zeros, poles []int) {
	if len(points) < len(dst) {
		panic(fmt.Sprintf("gf: AddLocator: %d points for %d logarithms", len(points), len(dst)))
	}
	log := &tables().log
	points = points[:len(dst)]
	for _, e := range zeros {
		for i, x := range points {
			dst[i] += int32(log[x^Elem(e)])
		}
	}
	for _, e := range poles {
		for i, x := range points {
			dst[i] -= int32(log[x^Elem(e)])
		}
	}
}

// CauchyRow sets dst[i] to the element with the logarithm common + logs[i] divided by
// x - points[i], which must not be zero: a row of a Cauchy matrix with factors. The
// three slices have one length.
func CauchyRow(dst []Elem, x Elem, points []Elem, logs []int32, common int) {
	if len(points) < len(dst) || len(logs) < len(dst) {
		panic(fmt.Sprintf("gf: CauchyRow: %d points and %d logarithms for %d elements", len(points), len(logs), len(dst)))
	}
	t := tables()
	points, logs = points[:len(dst)], logs[:len(dst)]
	shift := common%Modulus + 3*Modulus // keeps all sums positive
	for i := range dst {
		// 2^16 is 1 modulo Modulus, so upper halves count as much as lower ones.
		e := shift + int(logs[i]&0xFFFF) + int(logs[i]>>16) - int(t.log[x^points[i]])
		dst[i] = t.exp[(e&0xFFFF+e>>16)&(2*Order-1)]
	}
}
