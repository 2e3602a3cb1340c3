package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// butterfly says which of the transform's kernels to write.
type butterfly struct {
	radix   int  // rows a group has at each distance: 2 or 4
	inverse bool // undo the transform
	add     bool // add to dst in place of storing
}

// rows walks over the rows of one group: for each of its radix rows the address
// of the low and of the high byte at the position being worked on, in src and in
// dst.
type rows struct {
	radix          int
	lo, hi         Register // in src
	dlo, dhi       Register // in dst
	stride, thrice Register // dist rows, and three times that
}

// at is the address of row i from base.
func (r *rows) at(base Register, i int) Mem {
	switch i {
	case 0:
		return Mem{Base: base}
	case 3:
		return Mem{Base: base, Index: r.thrice, Scale: 1}
	default:
		return Mem{Base: base, Index: r.stride, Scale: uint8(i)}
	}
}

// advance moves on by step: a register or a constant.
func (r *rows) advance(step Op) {
	for _, p := range []Register{r.lo, r.hi, r.dlo, r.dhi} {
		ADDQ(step, p)
	}
}

// butterflies writes one kernel of the transform.
func (m machine) butterflies(name string, b butterfly) {
	begin(name+m.suffix, "dst, src *byte, half, dist, groups, t int, tab *byte")
	m = m.prepare()
	r := &rows{radix: b.radix, lo: GP64(), hi: GP64(), dlo: GP64(), dhi: GP64(), stride: GP64()}
	half, word := GP64(), GP64()
	Load(Param("dst"), r.dlo)
	Load(Param("src"), r.lo)
	Load(Param("half"), half)
	Load(Param("dist"), r.stride)
	Load(Param("t"), word)
	SHLQ(U8(m.entryShift()), word)
	IMULQ(half, r.stride)
	ADDQ(r.stride, r.stride)
	if b.radix == 4 {
		r.thrice = GP64()
		LEAQ(Mem{Base: r.stride, Index: r.stride, Scale: 2}, r.thrice)
	}
	LEAQ(Mem{Base: r.lo, Index: half, Scale: 1}, r.hi)
	LEAQ(Mem{Base: r.dlo, Index: half, Scale: 1}, r.dhi)

	if m.wide {
		CMPQ(half, U8(32))
		JEQ(LabelRef("blocks"))
	}
	m.groups(planar, b, r, half, word)
	if m.wide {
		Label("blocks")
		m.groups(block, b, r, half, word)
	}
}

// groups writes the loop over the groups, and returns from the kernel.
func (m machine) groups(l layout, b butterfly, r *rows, half, word Register) {
	prefix := ""
	if l == block {
		prefix = "block"
	}
	groups := NewParamAddr("groups", 32)
	CMPQ(groups, U8(0))
	JEQ(LabelRef(prefix + "done"))

	Label(prefix + "group")
	// Entries of the three constants: entry w>>1 for the first layer, w and w^2
	// for the second. word is the offset of entry w.
	shift := m.entryShift()
	entries := [3]Register{nil, GP64(), nil}
	Load(Param("tab"), entries[1])
	if b.radix == 4 {
		entries[0], entries[2] = GP64(), GP64()
		MOVQ(word, entries[0])
		SHRQ(U8(1), entries[0])
		ANDQ(I32(-1<<shift), entries[0])
		ADDQ(entries[1], entries[0])
		MOVQ(word, entries[2])
		XORQ(U32(2<<shift), entries[2])
		ADDQ(entries[1], entries[2])
	}
	ADDQ(word, entries[1])
	var constants [3]constant
	for i, e := range entries {
		if e != nil {
			constants[i] = m.constant(l, e)
		}
	}
	TESTQ(word, word)
	JEQ(LabelRef(prefix + "zero"))
	m.rowLoop(l, prefix+"row", b, r, half, constants)

	Label(prefix + "next")
	// The walk over dist rows has moved the addresses on by stride already.
	if b.radix == 4 {
		r.advance(r.thrice)
	} else {
		r.advance(r.stride)
	}
	ADDQ(U32(b.radix<<shift), word)
	DECQ(groups)
	JNE(LabelRef(prefix + "group"))
	Label(prefix + "done")
	end()

	// The first group of a transform at coset 0: w = 0, and so is w>>1.
	Label(prefix + "zero")
	constants[0], constants[1] = constant{}, constant{}
	m.rowLoop(l, prefix+"zeroRow", b, r, half, constants)
	JMP(LabelRef(prefix + "next"))
}

// rowLoop writes the loop over the dist rows of a group. A constant with neither
// address nor registers is zero.
func (m machine) rowLoop(l layout, label string, b butterfly, r *rows, half Register, c [3]constant) {
	dist := GP64()
	Load(Param("dist"), dist)
	Label(label)
	if l == block {
		m.column(block, b, r, c)
		r.advance(U8(64))
	} else {
		columns := GP64()
		MOVQ(half, columns)
		SHRQ(U8(log2(m.width(planar))), columns)
		Label(label + "Column")
		m.column(planar, b, r, c)
		r.advance(U8(m.width(planar)))
		DECQ(columns)
		JNE(LabelRef(label + "Column"))
		if m.wide {
			TESTQ(U32(32), half)
			JEQ(LabelRef(label + "Even"))
			m.column(narrow, b, r, c)
			r.advance(U8(32))
			Label(label + "Even")
		}
		r.advance(half)
	}
	DECQ(dist)
	JNE(LabelRef(label))
}

// column writes the butterflies of a group's rows at one position.
func (m machine) column(l layout, b butterfly, r *rows, c [3]constant) {
	var v [4]words
	for i := range b.radix {
		v[i] = m.load(l, r.at(r.lo, i), r.at(r.hi, i))
	}
	step := func(i, j int, c constant) {
		if b.inverse {
			m.xorInto(l, v[j], v[i].lo, v[i].hi)
		}
		if c.entry.Base != nil {
			v[i] = m.addProduct(l, v[i], c, v[j])
		}
		if !b.inverse {
			m.xorInto(l, v[j], v[i].lo, v[i].hi)
		}
	}
	first := func() {
		step(0, 2, c[0])
		step(1, 3, c[0])
	}
	second := func() {
		step(0, 1, c[1])
		step(2, 3, c[2])
	}
	switch {
	case b.radix == 2:
		step(0, 1, c[1])
	case b.inverse:
		second()
		first()
	default:
		first()
		second()
	}
	for i := range b.radix {
		lo, hi := r.at(r.dlo, i), r.at(r.dhi, i)
		if b.add {
			m.xorInto(l, v[i], lo, hi)
		}
		m.store(l, v[i], lo, hi)
	}
}

func log2(n int) int {
	k := 0
	for n > 1 {
		n, k = n/2, k+1
	}
	return k
}
