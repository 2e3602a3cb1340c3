package main

import (
	"github.com/redstuff-go/redstuff/asm/arm64/emit"
	"github.com/redstuff-go/redstuff/asm/gf/coset"
)

// The encoders of few parity shards: a column of all rows is in registers from the
// loads of the data to the stores of the parity. Words are pairs over the subfield, and
// all constants are in it, so that a product is one map of bytes, whatever plane they
// are of. A block is four vectors: the two of high bytes come first, and then those of
// low bytes, to which T of the high ones is added on the way in and on the way out.

// rowsHeld is how many rows the registers hold beside what products take.
const rowsHeld = 24

// encoder is one of these kernels being written.
type encoder struct {
	*multiplier
	coset.Kernel
	rows, sums []emit.Vec
	towerMap   constant
	scratch    constant // of a product
	index      [2]emit.Vec
	tab, high  emit.GP   // high: where the eighth entry is
	entries    []emit.GP // of the constants of a group, by layers
	base       emit.GP   // scratch: a slice
	at         emit.GP   // where the vector is in the shards' arrays
	vector     emit.GP   // which of a block's four it is, in the order of the work
	srcs, left emit.GP
}

// few are the kernels of a machine.
func few(m machine) writers {
	var list writers
	for _, shape := range coset.Kernels(rowsHeld) {
		list = append(list, writers{{shape.Name(), func() { encode(m, shape) }}}...)
	}
	return list
}

func encode(m machine, shape coset.Kernel) {
	k := m.begin(shape.Name())
	k.nibbleMask()
	e := &encoder{multiplier: k, Kernel: shape}
	e.rows, e.sums = k.Vecs(shape.Group), k.Vecs(shape.Rows)
	e.towerMap, e.scratch = k.Vecs(towerMapTables), k.Vecs(subfieldTables)
	e.index = [2]emit.Vec{k.Vec(), k.Vec()}
	for range shape.Layers() {
		e.entries = append(e.entries, k.GP())
	}
	e.tab, e.high, e.base, e.at, e.vector, e.srcs, e.left = k.Load("tab"), k.GP(), k.GP(), k.GP(), k.GP(), k.GP(), k.GP()
	pos, end, from, to := k.Load("off"), k.Load("n"), k.Load("from"), k.Load("to")
	dsts, rows := k.Load("dsts"), k.Load("m")
	k.Op("ADD", pos, end, end)
	k.Op("ADD", emit.Imm(8<<entryShift), e.tab, e.high)
	k.loadPair(e.tab, 16*pairTables, false, [2]emit.Vec(e.towerMap))

	k.Label("column")
	k.Op("MOVD", emit.ZR, e.vector)
	k.Label("vector")
	k.Op("LSL", "$4", e.vector, e.at)
	k.Op("EOR", emit.Imm(blockSize/2), e.at, e.at)
	k.Op("ADD", pos, e.at, e.at)
	e.column(from, to, dsts, rows)
	k.Op("ADD", "$1", e.vector, e.vector)
	k.Op("CMP", "$4", e.vector)
	k.Op("BNE", "vector")
	k.Op("ADD", emit.Imm(blockSize), pos, pos)
	k.Op("CMP", end, pos)
	k.Op("BLT", "column")
	k.End()
}

// column writes the work on one vector of every shard.
func (e *encoder) column(from, to, dsts, rows emit.GP) {
	e.Op("MOVD", e.Param("srcs"), e.srcs)
	e.Op("MOVD", e.Param("k"), e.left)
	for layer, p := range e.entries {
		e.Op("MOVD", e.Param("base"), p)
		e.Op("LSR", emit.Imm(layer), p, p)
		e.entryOf(p, e.tab)
	}
	e.Op("CBZ", from, "fromZero")
	for i := 0; i < len(e.sums); i += 2 {
		e.loadPair(from, 0, true, [2]emit.Vec(e.sums[i:]))
	}
	e.Op("B", "group")
	e.Label("fromZero")
	e.clear(e.sums)

	e.Label("group")
	e.group()
	e.Op("CMP", "$0", e.left)
	e.Op("BGT", "group")
	e.Op("CBZ", to, "whole")
	for i := 0; i < len(e.sums); i += 2 {
		e.storePair([2]emit.Vec(e.sums[i:]), to, 0, true)
	}
	e.Op("B", "stored")
	e.Label("whole")
	for _, s := range coset.Forward(e.Rows) {
		i, j := e.sums[s.I], e.sums[s.J]
		switch w := s.Start >> s.Layer; {
		case w >= 8:
			e.addMultiple(i, e.high, w-8, j)
		case w > 0:
			e.addMultiple(i, e.tab, w, j)
		}
		e.xor(i, j)
	}
	e.planes("store", func(low bool) {
		for i, r := range e.sums {
			if i > 0 {
				e.Op("CMP", emit.Imm(i), rows)
				e.Op("BLE", "stored")
			}
			e.slice(dsts, i)
			if low {
				e.addTowerMap(r)
			}
			e.Op("FMOVQ", r.F(), emit.At(e.base, 0))
		}
	}, "stored")
}

// group writes the inverse transform of a group's rows, and their sums.
func (e *encoder) group() {
	e.Op("CMP", emit.Imm(e.Group), e.left)
	e.Op("BGE", "full")
	e.clear(e.rows[1:])
	e.Label("full")
	e.planes("load", func(low bool) {
		for i, r := range e.rows {
			if i > 0 {
				e.Op("CMP", emit.Imm(i), e.left)
				e.Op("BLE", "loaded")
			}
			e.slice(e.srcs, i)
			e.Op("FMOVQ", emit.At(e.base, 0), r.F())
			if low {
				e.addTowerMap(r)
			}
		}
	}, "loaded")
	e.Op("ADD", emit.Imm(sliceSize*e.Group), e.srcs, e.srcs)
	e.Op("SUB", emit.Imm(e.Group), e.left, e.left)
	for _, s := range coset.Inverse(e.Group) {
		i, j := e.rows[s.I], e.rows[s.J]
		e.xor(i, j)
		e.addMultiple(i, e.entries[s.Layer], s.Start>>s.Layer, j)
	}
	if e.Halves() {
		// The entry of this half's constant in the last layer: u+1 or u, where the
		// entries are at u and u+1.
		e.Op("SUB", e.tab, e.entries[len(e.entries)-1], e.base)
		e.Op("EOR", emit.Imm(1<<entryShift), e.base, e.base)
		e.Op("ADD", e.tab, e.base, e.base)
	}
	for i, r := range e.rows {
		if !e.Halves() {
			e.xor(r, e.sums[i])
			continue
		}
		e.xor(r, e.sums[e.Group+i])
		e.addMultiple(e.sums[i], e.base, 0, r)
	}
	for layer, p := range e.entries {
		e.Op("ADD", emit.Imm(e.Group>>layer<<entryShift), p, p)
	}
}

// planes writes f for vectors of high bytes and for those of low bytes, to which
// the map T is added. Both end at a label that it sets.
func (e *encoder) planes(name string, f func(low bool), done string) {
	e.Op("CMP", "$2", e.vector)
	e.Op("BGE", name+"Low")
	f(false)
	e.Op("B", done)
	e.Label(name + "Low")
	f(true)
	e.Label(done)
}

// slice sets base to the vector of slice i.
func (e *encoder) slice(list emit.GP, i int) {
	e.Op("MOVD", emit.At(list, sliceSize*i), e.base)
	e.Op("ADD", e.at, e.base, e.base)
}

// addTowerMap adds T of the high bytes that stand half a block on to r.
func (e *encoder) addTowerMap(r emit.Vec) {
	e.Op("FMOVQ", emit.At(e.base, blockSize/2), e.index[1].F())
	e.addLookedUp(r, e.towerMap, e.index[1])
}

// addMultiple adds the product of j by the constant so many entries from p to i.
func (e *encoder) addMultiple(i emit.Vec, p emit.GP, entries int, j emit.Vec) {
	e.loadPair(p, entries<<entryShift, false, [2]emit.Vec(e.scratch))
	e.addLookedUp(i, e.scratch, j)
}

func (e *encoder) addLookedUp(total emit.Vec, tables constant, v emit.Vec) {
	low, high := e.index[0], e.index[1]
	e.Op("VAND", e.mask.B16(), v.B16(), low.B16())
	e.Op("VUSHR", emit.Imm(4), v.B16(), high.B16())
	e.look(tables, 0, low, low)
	e.look(tables, 1, high, high)
	e.xor3(low, high, total)
}

func (e *encoder) clear(regs []emit.Vec) {
	for _, r := range regs {
		e.xor(r, r)
	}
}
