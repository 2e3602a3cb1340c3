package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/gf/coset"
)

// Two columns at a time, 128 bytes of every row. The low bytes of both are one vector, the
// high bytes another, so that T takes one product for both. What is left of the time is
// that of the two ports that take 64-byte vectors, and, where the core is shared, that of
// issuing instructions: hence a first group does not add to zeros, and a last one of half
// the rows does half of the work.

// pairBody is the prefix of labels of this code.
const pairBody = "two"

// paired reports whether this is the code for two columns.
func (e *encoder) paired() bool { return e.body == pairBody }

// hasHalf reports whether there is code for half a group: for two rows of four.
func (e *encoder) hasHalf() bool { return e.paired() && e.Group == 4 }

// lows and highs choose the first and the last halves of two vectors.
const lows, highs = 0x44, 0xee

// loadPair writes the loads of row i. Of a full group data is fetched ahead, and a row of
// odd number gets what it and the row before add up to.
func (e *encoder) loadPair(i int, at Mem, full bool) {
	low, high := e.rows[0][i], e.rows[1][i]
	first, second := e.vec(planar), e.vec(planar)
	for k, r := range []Op{first, second} {
		if full {
			PREFETCHT0(at.Offset(ahead + k*blockSize))
		}
		e.mov(at.Offset(k*blockSize), r)
	}
	VSHUFI64X2(U8(highs), second, first, high)
	VSHUFI64X2(U8(lows), second, first, low)
	sum := e.newSum(low)
	e.addPart(planar, &sum, e.towerMap, 0, high)
	if full && i%2 == 1 {
		sum.add(e.rows[0][i-1])
		e.xor(e.rows[1][i-1], high, high)
	}
	sum.value()
}

// firstSums writes the last layer's butterflies of a group that is the first, whose results
// are the sums.
func (e *encoder) firstSums(last []coset.Step) {
	TESTQ(e.summed, e.summed)
	JNE(LabelRef(e.body + "more"))
	INCQ(e.summed)
	for _, s := range last {
		for k, rows := range e.rows {
			i, sums := rows[s.I], e.sums[k]
			if s.Layer > 0 {
				e.xor(i, rows[s.J], sums[s.J])
			} else {
				e.mov(rows[s.J], sums[s.J])
			}
			product := e.newSum(nil)
			e.addPart(planar, &product, e.stepConstant(s), 0, sums[s.J])
			e.xor(product.value(), i, sums[s.I])
		}
	}
	JMP(LabelRef(e.body + "added"))
	Label(e.body + "more")
}

// half writes what a last group of at most half the rows adds to the sums: butterflies of
// rows that are zero are left out. A first group is none of these.
func (e *encoder) half() {
	Label(e.body + "half")
	TESTQ(e.summed, e.summed)
	JEQ(LabelRef(e.body + "loaded"))
	for _, rows := range e.rows {
		e.xor(rows[0], rows[1], rows[1])
	}
	for _, s := range coset.Inverse(e.Group) {
		if s.I >= e.Group/2 {
			continue
		}
		for k, rows := range e.rows {
			i := rows[s.I]
			if s.Layer == 0 {
				e.addMultiple(i, e.stepConstant(s), rows[s.J])
				continue
			}
			e.addToSums(s, i, i, e.sums[k]) // the other row is zero
		}
	}
}

// storePair writes the stores of row i.
func (e *encoder) storePair(i int, at Mem) {
	low, high := e.sums[0][i], e.sums[1][i]
	e.addMultiple(low, e.towerMap, high)
	for k := range 2 {
		for plane, r := range []VecVirtual{low, high} {
			half := at.Offset(k*blockSize + plane*blockSize/2)
			if k == 0 {
				e.mov(r.AsY(), half)
			} else {
				VEXTRACTI64X4(U8(1), r, half)
			}
		}
	}
}
