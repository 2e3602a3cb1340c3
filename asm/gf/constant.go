package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// entryShift is the binary logarithm of the size of a table entry: a matrix or
// the nibbles of internal/gf16/matrix.go.
func entryShift(m machine) int {
	if m.gfni {
		return 5
	}
	return 7
}

// constant is a table entry, at an address and perhaps in registers.
//
// In layout block a product is direct·z + swap(cross·z), where the parts of
// direct are [ll | hh], those of cross [hl | lh], and swap exchanges the halves
// of a block. Each takes one register by affine maps and two by nibble tables.
//
// The rows of transforms are pairs over a subfield, see internal/gf16/tower.go: there a constant
// has three parts, and one in the subfield is its own only part. A part takes one
// register by affine maps and two by nibble tables.
type constant struct {
	entry      Mem
	regs       []VecVirtual
	tower      bool // of rows that are pairs over the subfield
	inSubfield bool
}

// subfield is the order of that subfield.
const subfield = 256

// isZero tells whether c is constant{}, which stands for 0.
func (c constant) isZero() bool { return c.entry.Base == nil }

// constantAt is the entry of a constant, left in memory.
func constantAt(m machine, entries Register, index int) constant {
	return constant{entry: Mem{Base: entries, Disp: index << entryShift(m)}}
}

// rowConstantAt is the same for the rows of transforms.
func rowConstantAt(m machine, entries Register, index int) constant {
	c := constantAt(m, entries, index)
	c.tower = true
	return c
}

// parts is how many parts of an entry of n parts products by c need.
func (c constant) parts(n int) int {
	switch {
	case c.inSubfield:
		return n / 4
	case c.tower:
		return n / 4 * 3
	}
	return n
}

// coefficient is the constant that stands at an address.
func coefficient(m machine, at Mem) constant {
	e := GP64()
	MOVWQZX(at, e)
	SHLQ(U8(entryShift(m)), e)
	ADDQ(parameterAt("tab"), e)
	return constantAt(m, e, 0)
}

// towerMapAt is the map T, which stands in the last place of entry 0.
func towerMapAt(m machine, tab Register) constant {
	t := rowConstantAt(m, tab, 0)
	t.entry.Disp += 3 << entryShift(m) / 4
	t.inSubfield = true
	return t
}

// data is the address of a table of this file.
func data(name string, offset int) Mem {
	return NewDataAddr(Symbol{Name: name, Static: true}, offset)
}

// declareData writes the read-only tables the kernels refer to.
func declareData(m machine) {
	switch {
	case !m.gfni:
		GLOBL("nibbleMask", RODATA|NOPTR)
		DATA(0, U64(0x0F0F0F0F0F0F0F0F))
	case m.wide:
		GLOBL("matrixParts", RODATA|NOPTR)
		for i, part := range []uint64{
			0, 0, 0, 0, 3, 3, 3, 3, // ll, hh
			2, 2, 2, 2, 1, 1, 1, 1, // hl, lh
		} {
			DATA(8*i, U64(part))
		}
	}
	if moves(m) {
		declarePatterns()
	}
}
