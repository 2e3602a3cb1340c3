package main

import (
	"fmt"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
)

// multiplier is a kernel being written, and how it multiplies.
type multiplier struct {
	machine
	*emit.Func
	mask emit.Vec // 0x0F in every byte
}

// Kernels take step words at a time: a pair of vectors of low bytes and a pair
// of vectors of high bytes. Half a planar row is a multiple of it, and so is a
// natural block.
const step = 32

// words is step words, the second half of each pair following the first.
type words struct{ lo, hi [2]emit.Vec }

func (k *multiplier) words() words {
	v := k.Vecs(4)
	return words{[2]emit.Vec{v[0], v[1]}, [2]emit.Vec{v[2], v[3]}}
}

func (k *multiplier) freeWords(all ...words) {
	for _, w := range all {
		k.FreeVec(w.lo[0], w.lo[1], w.hi[0], w.hi[1])
	}
}

// loadPair and storePair move step bytes, with offset into p or, where next is
// set, moving p on behind them.
func (k *multiplier) loadPair(p emit.GP, offset int, next bool, v [2]emit.Vec) {
	regs := "(" + v[0].F() + ", " + v[1].F() + ")"
	if next {
		k.Op("FLDPQ.P", emit.At(p, step), regs)
		return
	}
	k.Op("FLDPQ", emit.At(p, offset), regs)
}

func (k *multiplier) storePair(v [2]emit.Vec, p emit.GP, offset int, next bool) {
	regs := "(" + v[0].F() + ", " + v[1].F() + ")"
	if next {
		k.Op("FSTPQ.P", regs, emit.At(p, step))
		return
	}
	k.Op("FSTPQ", regs, emit.At(p, offset))
}

// loadBlock and storeBlock move a natural block.
func (k *multiplier) loadBlock(p emit.GP, offset int, w words) {
	k.loadPair(p, offset, false, w.lo)
	k.loadPair(p, offset+step, false, w.hi)
}

func (k *multiplier) storeBlock(w words, p emit.GP, offset int) {
	k.storePair(w.lo, p, offset, false)
	k.storePair(w.hi, p, offset+step, false)
}

// xorWords adds w to total.
func (k *multiplier) xorWords(w, total words) {
	for j := range 2 {
		k.xor(w.lo[j], total.lo[j])
		k.xor(w.hi[j], total.hi[j])
	}
}

func (k *multiplier) xor(v, total emit.Vec) {
	k.Op("VEOR", v.B16(), total.B16(), total.B16())
}

// xor3 adds v and w to total.
func (k *multiplier) xor3(v, w, total emit.Vec) {
	if k.eor3 {
		k.Op("VEOR3", v.B16(), w.B16(), total.B16(), total.B16())
		return
	}
	k.xor(v, total)
	k.xor(w, total)
}

// nibbleMask prepares the mask of split; it comes before the first product.
func (k *multiplier) nibbleMask() {
	k.mask = k.Vec()
	k.Op("VMOVI", emit.Imm(0x0F), k.mask.B16())
}

// constant is a table entry in registers, as far as its products need it.
type constant []emit.Vec

// How many tables of 16 bytes products take.
const (
	// Natural regions hold Cantor coordinates, which take the tables of internal/gf16/matrix.go.
	naturalTables = 8
	// Planar rows hold pairs over the subfield of 256 elements: see internal/gf16/tower.go. Two
	// tables for each of three products of bytes, and for constants of the subfield
	// the first of these alone.
	pairTables     = 6
	subfieldTables = 2
	// Entry 0 has behind its own tables the two of the change from one to the other.
	towerMapTables = 2
)

const subfield = 256

// Entries of the table have this binary logarithm of their size.
const entryShift = 7

// loadConstant loads as much of the entry at address e as c has room for.
func (k *multiplier) loadConstant(e emit.GP, c constant) {
	for i := 0; i < len(c); i += 2 {
		k.loadPair(e, 16*i, false, [2]emit.Vec{c[i], c[i+1]})
	}
}

// entryOf replaces a constant by the address of its entry.
func (k *multiplier) entryOf(c, tab emit.GP) {
	k.Op("ADD", fmt.Sprintf("%v<<%d", c, entryShift), tab, c)
}

// indices is half of words as the nibbles that the tables are looked up at, from
// the lowest to the highest.
type indices [4]emit.Vec

// split writes the nibbles of half j of w to index. Elements 1 and 3 of index
// may be the words themselves.
func (k *multiplier) split(w words, j int, index indices) {
	for i, v := range []emit.Vec{w.lo[j], w.hi[j]} {
		k.Op("VAND", k.mask.B16(), v.B16(), index[2*i].B16())
		k.Op("VUSHR", emit.Imm(4), v.B16(), index[2*i+1].B16())
	}
}

// look writes table i of c looked up at index to dst.
func (k *multiplier) look(c constant, i int, index, dst emit.Vec) {
	k.Op("VTBL", index.B16(), emit.List(c[i]), dst.B16())
}

// term is a look-up of a nibble in a table.
type term struct{ table, nibble int }

// terms is what the two bytes of a product are the sums of.
func (c constant) terms() [2][]term {
	if len(c) == subfieldTables {
		return [2][]term{{{0, 0}, {1, 1}}, {{0, 2}, {1, 3}}}
	}
	return [2][]term{{{0, 0}, {1, 1}, {2, 2}, {3, 3}}, {{4, 0}, {5, 1}, {6, 2}, {7, 3}}}
}

// addLooked adds to half j of total the product of c and the words with the
// given nibbles. With store it stores it there.
func (k *multiplier) addLooked(total words, j int, c constant, index indices, store bool) {
	if len(c) == pairTables {
		k.addPairs(total, j, c, index, store)
		return
	}
	t, u := k.Vec(), k.Vec()
	for plane, terms := range c.terms() {
		sum := []emit.Vec{total.lo[j], total.hi[j]}[plane]
		look := func(i int, dst emit.Vec) { k.look(c, terms[i].table, index[terms[i].nibble], dst) }
		i := 0
		if store {
			look(0, sum)
			i = 1
		}
		for ; k.eor3 && i+1 < len(terms); i += 2 {
			look(i, t)
			look(i+1, u)
			k.xor3(t, u, sum)
		}
		for ; i < len(terms); i++ {
			look(i, t)
			k.xor(t, sum)
			t, u = u, t
		}
	}
	k.FreeVec(t, u)
}

// addPairs does so for pairs over the subfield, with constants outside it. Look-ups
// are linear, so that the nibbles of a_0 + a_1 are the sums of theirs:
//
//	low'  = c_0·a_0 + v_7·c_1·a_1
//	high' = c_0·a_0 + (c_0 + c_1)·(a_0 + a_1)
//
// It overwrites the nibbles of a_0.
func (k *multiplier) addPairs(total words, j int, c constant, index indices, store bool) {
	t, u, both := k.Vec(), k.Vec(), k.Vec()
	k.look(c, 0, index[0], both)
	k.look(c, 1, index[1], t)
	k.xor(t, both)
	k.xor(index[2], index[0])
	k.xor(index[3], index[1])
	for plane, sum := range []emit.Vec{total.lo[j], total.hi[j]} {
		first, second := index[2], index[3]
		if plane == 1 {
			first, second = index[0], index[1]
		}
		if store {
			k.look(c, 2+2*plane, first, sum)
			k.look(c, 3+2*plane, second, u)
			k.xor3(u, both, sum)
			continue
		}
		k.look(c, 2+2*plane, first, t)
		k.look(c, 3+2*plane, second, u)
		k.xor3(t, u, sum)
		k.xor(both, sum)
	}
	k.FreeVec(t, u, both)
}

// addProduct adds c·src to total, or with store stores it there.
func (k *multiplier) addProduct(total words, c constant, src words, store bool) {
	v := k.Vecs(4)
	index := indices(v)
	for j := range 2 {
		k.split(src, j, index)
		k.addLooked(total, j, c, index, store)
	}
	k.FreeVec(v...)
}
