package gf16

import "sync"

// Planar rows hold words as pairs over the subfield GF(2^8), not as Cantor
// coordinates, on the backends that say so.
//
// The span V_8 of v_0 … v_7, the words below 256, is the subfield GF(2^8): s_8(x) is
// x^256 + x, and V_8 its roots. With γ = v_8 every element is a_0 + a_1·γ for a_0 and
// a_1 in V_8. Its a_1 is the high byte of its word x, because s_8 is linear over V_8
// and s_8(γ) = 1:
//
//	a_1 = s_8(a_0 + a_1·γ) = x >> 8
//
// so changing over takes one linear map T of a byte, and is its own inverse:
//
//	a_0 = low + T(high),   T(v_i) = v_{8+i} + v_i·γ
//
// What is gained: to multiply by c from V_8 is to multiply both bytes by c, with one
// 8×8 matrix, where Cantor coordinates take four. And these are the constants of
// nearly all butterflies: at distance 2^j those of the points below 256·2^j. By other
// constants, γ² = γ + v_7 makes it three products of bytes (Karatsuba):
//
//	low'  = c_0·a_0 + v_7·c_1·a_1
//	high' = (c_0 + c_1)·(a_0 + a_1) + c_0·a_0

const gamma = Elem(1 << 8)

// towerMap returns T of a high byte.
func towerMap(high byte) byte {
	return byte(Elem(high)<<8 ^ Mul(Elem(high), gamma))
}

// byteMatrix returns a linear map of bytes as GF2P8AFFINEQB wants it.
func byteMatrix(f func(byte) byte) (m uint64) {
	for in := range 8 {
		y := f(1 << in)
		for out := range 8 {
			if y>>out&1 != 0 {
				m |= 1 << (8*(7-out) + in)
			}
		}
	}
	return m
}

// byteNibbles returns a linear map of bytes as two tables for byte shuffles, of the
// low and of the high nibble.
func byteNibbles(f func(byte) byte) (t [2][16]byte) {
	for v := range 16 {
		t[0][v], t[1][v] = f(byte(v)), f(byte(v<<4))
	}
	return t
}

// towerParts returns the factors of the three products of bytes that the product by
// c takes: c_0, v_7·c_1 and c_0 + c_1.
func towerParts(c Elem) [3]Elem {
	high := byte(c >> 8)
	c0, c1 := Elem(byte(c)^towerMap(high)), Elem(high)
	return [3]Elem{c0, Mul(1<<7, c1), c0 ^ c1}
}

// times returns the multiplication by c in V_8.
func times(c Elem) func(byte) byte {
	return func(b byte) byte { return byte(Mul(c, Elem(b))) }
}

// towerMatrices is the 2 MiB table of constants of the backends with affine maps: for
// each the matrices of its three parts. Entry 0, which stands for nothing else, has
// the matrix of T in its last place.
var towerMatrices = sync.OnceValue(func() *[Order]matrix {
	var of [256]uint64
	for c := range of {
		of[c] = byteMatrix(times(Elem(c)))
	}
	table := new([Order]matrix)
	for c := range table {
		for i, part := range towerParts(Elem(c)) {
			table[c][i] = of[part]
		}
	}
	table[0][3] = byteMatrix(towerMap)
	return table
})

// towerNibbles is the 8 MiB table of the backends with byte shuffles: for each
// constant two tables for each of its parts, and in entry 0 those of T in the last
// place.
var towerNibbles = sync.OnceValue(func() *[Order]nibbles {
	var of [256][2][16]byte
	for c := range of {
		of[c] = byteNibbles(times(Elem(c)))
	}
	table := new([Order]nibbles)
	for c := range table {
		for i, part := range towerParts(Elem(c)) {
			table[c][2*i], table[c][2*i+1] = of[part][0], of[part][1]
		}
	}
	t := byteNibbles(towerMap)
	table[0][6], table[0][7] = t[0], t[1]
	return table
})
