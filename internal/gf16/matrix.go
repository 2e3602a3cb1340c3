package gf16

import (
	"math/bits"
	"sync"
)

func trailingZeros(w int) int { return bits.TrailingZeros(uint(w)) }

// Multiplication by a constant c is linear over GF(2): a 16×16 bit matrix. Split
// by the bytes of the word it is four 8×8 matrices,
//
//	lo' = ll·lo + lh·hi
//	hi' = hl·lo + hh·hi
//
// and that is the shape of both tables below. Every entry is linear in c, so a
// table over all c takes one XOR an entry once its 16 basis entries are known.

// matrix is the multiplication by one constant as GF2P8AFFINEQB wants it: in the
// order ll, lh, hl, hh, each with the row of output bit i in byte 7-i.
type matrix [4]uint64

// nibbles is the same multiplication as tables for byte shuffles: entry [k][v] is
// the low byte of c·(v<<4k), and entry [4+k][v] its high byte.
type nibbles [8][16]byte

// matrixOf returns the matrix of the multiplication by c.
func matrixOf(c Elem) (m matrix) {
	for in := range 16 {
		product := Mul(c, 1<<in)
		for out := range 16 {
			if product>>out&1 != 0 {
				m[out/8*2+in/8] |= 1 << (8*(7-out%8) + in%8)
			}
		}
	}
	return m
}

// nibblesOf returns the shuffle tables of the multiplication by c.
func nibblesOf(c Elem) (t nibbles) {
	for k := range 4 {
		for v := range 16 {
			product := Mul(c, Elem(v<<(4*k)))
			t[k][v], t[4+k][v] = byte(product), byte(product>>8)
		}
	}
	return t
}

// matrices is the 2 MiB table of matrices of all constants.
var matrices = sync.OnceValue(func() *[Order]matrix {
	table := new([Order]matrix)
	for c := 1; c < Order; c++ {
		low := c & -c
		if low == c {
			table[c] = matrixOf(Elem(c))
			continue
		}
		a, b := &table[low], &table[c^low]
		for i := range table[c] {
			table[c][i] = a[i] ^ b[i]
		}
	}
	return table
})

// nibbleTables is the 8 MiB table of shuffle tables of all constants.
var nibbleTables = sync.OnceValue(func() *[Order]nibbles {
	table := new([Order]nibbles)
	for c := 1; c < Order; c++ {
		low := c & -c
		if low == c {
			table[c] = nibblesOf(Elem(c))
			continue
		}
		a, b, dst := &table[low], &table[c^low], &table[c]
		for i := range dst {
			for v := range dst[i] {
				dst[i][v] = a[i][v] ^ b[i][v]
			}
		}
	}
	return table
})
