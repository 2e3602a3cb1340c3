package gf

import (
	"fmt"
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
// division is a multiplication by 2^(16-r).

// Locator writes to dst[x], for every point x < len(dst), the logarithm of the
// product of x-e over all e != x of zeros, divided by the product of x-e over all
// e != x of poles. len(dst) is a power of two, at most Order; every point of both
// sets is below it, and no set holds a point twice. scratch holds at least len(dst)
// values and is overwritten; nothing is allocated.
func Locator(dst []uint16, scratch []int32, zeros, poles []int) {
	n := len(dst)
	if n == 0 || n&(n-1) != 0 || n > Order || len(scratch) < n {
		panic(fmt.Sprintf("gf: Locator: %d points with scratch for %d; want a power of two up to %d, and as much scratch", n, len(scratch), Order))
	}
	a := scratch[:n]
	clear(a)
	if len(zeros)+len(poles) <= directLimit {
		log := &tables().log
		for _, e := range zeros {
			for x := range a {
				a[x] += int32(log[x^e])
			}
		}
		for _, e := range poles {
			for x := range a {
				a[x] -= int32(log[x^e])
			}
		}
		reduce(dst, a, 1)
		return
	}
	for _, e := range zeros {
		a[e]++
	}
	for _, e := range poles {
		a[e]--
	}
	walsh(a)
	for i, w := range walshOfLog(log2(n)) {
		a[i] = centered(int64(a[i]) * int64(w))
	}
	walsh(a)
	reduce(dst, a, 1<<(16-log2(n)))
}

// reduce writes scale·a modulo 2^16-1 to dst.
func reduce(dst []uint16, a []int32, scale int64) {
	for x, v := range a {
		r := int64(v) * scale % Modulus
		if r < 0 {
			r += Modulus
		}
		dst[x] = uint16(r)
	}
}

// directLimit is the size of set up to which adding logarithms one by one is
// cheaper than two transforms.
const directLimit = 8

// centered returns the residue of v modulo 2^16-1 of the smallest magnitude. Sums
// of 2^16 such residues stay below 2^31, so that no transform overflows.
func centered(v int64) int32 {
	r := int32(v % Modulus)
	switch {
	case r > Modulus/2:
		r -= Modulus
	case r < -Modulus/2:
		r += Modulus
	}
	return r
}

// walsh is the Walsh–Hadamard transform, in place, two layers a pass.
func walsh(a []int32) {
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

// logTransforms[r] is the transform of the logarithms of the words below 2^r, with
// log 0 taken as 0, in centered residues.
var logTransforms [17]struct {
	once sync.Once
	w    []int32
}

func walshOfLog(r int) []int32 {
	t := &logTransforms[r]
	t.once.Do(func() {
		t.w = make([]int32, 1<<r)
		log := &tables().log
		for x := range t.w {
			t.w[x] = centered(int64(log[x]))
		}
		walsh(t.w)
		for i, v := range t.w {
			t.w[i] = centered(int64(v))
		}
	})
	return t.w
}

// CauchyRow sets dst[i] to the element with the logarithm common + logs[i] divided by
// x - points[i], which must not be zero: a row of a Cauchy matrix with factors. The
// three slices have one length.
func CauchyRow(dst []Elem, x Elem, points []Elem, logs []int32, common int) {
	t := tables()
	points, logs = points[:len(dst)], logs[:len(dst)]
	shift := int64(common)%Modulus + 3*Modulus // keeps all sums positive
	for i := range dst {
		e := shift + int64(logs[i])%Modulus - int64(t.log[x^points[i]])
		dst[i] = t.exp[e%Modulus]
	}
}
