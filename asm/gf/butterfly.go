package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// butterfly says which of the transform's kernels to write. An inverse stores what it
// computes, or if its argument add is not 0 adds it to dst.
type butterfly struct {
	radix   int  // rows a group has at each distance: 2 or 4
	inverse bool // undo the transform
}

// The rows of a group at one distance stand one behind the other. A product by a constant
// of the subfield is one map of bytes, of whichever plane: with such constants all of
// these rows are one run of bytes. Others take both planes of a row at a time.

// rows walks over the rows of one group: the addresses of row 0 at the position
// being worked on, and how far apart rows are.
type rows struct {
	lo, hi         Register // low and high bytes in src
	dlo, dhi       Register // in dst
	stride, thrice Register // dist rows, and three times that
}

// at returns the address of row i from base.
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

// planes returns the addresses of the low and the high bytes of row i: in layouts run and
// runs of what is at the position.
func (r *rows) planes(m machine, l layout, lo, hi Register, i int) words {
	at := r.at(lo, i)
	switch l {
	case run:
		return words{lo: at}
	case runs:
		return words{at, at.Offset(m.width(l))}
	}
	return words{at, r.at(hi, i)}
}

// advance moves on by step: a register or a constant.
func advance(step Op, positions ...Register) {
	for _, p := range positions {
		ADDQ(step, p)
	}
}

// butterflies writes one kernel of the transform.
func (m machine) butterflies(name string, b butterfly) {
	m.begin(name)
	m = m.prepare()
	r := &rows{lo: parameter("src"), dlo: parameter("dst"), stride: parameter("dist")}
	half := parameter("half")
	IMULQ(half, r.stride)
	ADDQ(r.stride, r.stride)
	if b.radix == 4 {
		r.thrice = GP64()
		LEAQ(Mem{Base: r.stride, Index: r.stride, Scale: 2}, r.thrice)
	}
	// entries are those of w>>1, for the first layer, and of w. t is a multiple
	// of the radix, so that w^2 = w+2.
	entries := [2]Register{nil, parameter("t")}
	SHLQ(U8(m.entryShift()), entries[1])
	groups := parameter("groups")
	TESTQ(groups, groups)
	JEQ(LabelRef("done"))
	if b.radix == 4 {
		entries[0] = GP64()
		MOVQ(entries[1], entries[0])
		SHRQ(U8(1), entries[0])
		ADDQ(parameterAt("tab"), entries[0])
	}
	ADDQ(parameterAt("tab"), entries[1])
	r.hi, r.dhi = GP64(), GP64()
	m.groups(b, r, half, entries, groups)
}

// groups writes the loop over the groups, and returns from the kernel.
func (m machine) groups(b butterfly, r *rows, half Register, entries [2]Register, groups Register) {
	rows := func(label string, l layout, c [3]constant) {
		for i := range c {
			if c[i].isZero() {
				continue
			}
			c[i].inSubfield = l == run
			if m.keeps(b, c[i]) {
				c[i] = m.load(planar, c[i])
			}
		}
		if l == run {
			m.runLoop(label, b, r, c)
			return
		}
		m.rowLoop(label, b, r, half, c)
	}
	c := [3]constant{1: m.rowConstantAt(entries[1], 0)}
	if b.radix == 4 {
		c[0], c[2] = m.rowConstantAt(entries[0], 0), m.rowConstantAt(entries[1], 2)
	}

	Label("group")
	offset := GP64()
	MOVQ(entries[1], offset)
	SUBQ(parameterAt("tab"), offset)
	JEQ(LabelRef("groupZero"))
	CMPQ(offset, U32(subfield<<m.entryShift()))
	JLT(LabelRef("groupSubfield"))
	rows("row", planar, c)

	Label("next")
	// The walk over dist rows has moved the addresses on by stride already.
	if b.radix == 4 {
		advance(r.thrice, r.lo, r.dlo)
		ADDQ(U32(2<<m.entryShift()), entries[0])
	} else {
		advance(r.stride, r.lo, r.dlo)
	}
	ADDQ(U32(b.radix<<m.entryShift()), entries[1])
	DECQ(groups)
	JNE(LabelRef("group"))
	Label("done")
	end()

	Label("groupSubfield")
	rows("subfieldRun", run, c)
	JMP(LabelRef("next"))

	// The first group of a transform at coset 0: w = 0, and so is w>>1.
	Label("groupZero")
	rows("zeroRun", run, [3]constant{2: c[2]})
	JMP(LabelRef("next"))
}

// keeps tells whether constant c of a group stays in registers, or is read anew
// for every product because it would not find room beside the words.
func (m machine) keeps(b butterfly, c constant) bool {
	switch {
	case m.wide && (m.gfni || c.inSubfield):
		return true
	case m.wide:
		return c.entry.Disp == 0
	case m.gfni:
		return b.radix == 2 || c.inSubfield
	default:
		return b.radix == 2 || c.inSubfield && c.entry.Disp == 0
	}
}

// runLoop writes the loop over the run of bytes that the rows of a group are, two vectors
// at a time: there are as many, or one less where vectors are wide.
func (m machine) runLoop(label string, b butterfly, r *rows, c [3]constant) {
	left := GP64()
	MOVQ(r.stride, left)
	width := m.width(runs)
	if m.wide {
		SUBQ(I32(2*width), left)
		JLT(LabelRef(label + "Last"))
	}
	Label(label)
	m.column(label, runs, b, r, c)
	advance(I32(2*width), r.lo, r.dlo)
	SUBQ(I32(2*width), left)
	if !m.wide {
		JNE(LabelRef(label))
		return
	}
	JGE(LabelRef(label))
	Label(label + "Last")
	ADDQ(I32(2*width), left)
	JEQ(LabelRef(label + "Done"))
	m.column(label+"Last", run, b, r, c)
	advance(U8(width), r.lo, r.dlo)
	Label(label + "Done")
}

// rowLoop writes the loop over the dist rows of a group, both planes at a time.
func (m machine) rowLoop(label string, b butterfly, r *rows, half Register, c [3]constant) {
	dist := parameter("dist")
	Label(label)
	for _, p := range [][2]Register{{r.lo, r.hi}, {r.dlo, r.dhi}} {
		LEAQ(Mem{Base: p[0], Index: half, Scale: 1}, p[1])
	}
	m.columns(label, half, func(label string, l layout) {
		m.column(label, l, b, r, c)
		advance(U8(m.width(l)), r.lo, r.hi, r.dlo, r.dhi)
	})
	// The next rows stand behind the planes of these.
	MOVQ(r.hi, r.lo)
	MOVQ(r.dhi, r.dlo)
	DECQ(dist)
	JNE(LabelRef(label))
}

// columns writes the loop over the vectors of a plane of half bytes, and what is left of
// it where vectors are wide: one half of a vector.
func (m machine) columns(label string, half Op, column func(label string, l layout)) {
	left := GP64()
	MOVQ(half, left)
	SHRQ(U8(log2(m.width(planar))), left)
	if m.wide {
		JEQ(LabelRef(label + "Odd"))
	}
	Label(label + "Column")
	column(label+"Column", planar)
	DECQ(left)
	JNE(LabelRef(label + "Column"))
	if m.wide {
		Label(label + "Odd")
		TESTQ(U32(narrowHalf), half)
		JEQ(LabelRef(label + "Even"))
		column(label+"Odd", narrow)
		Label(label + "Even")
	}
}

// column writes the butterflies of a group's rows at one position.
func (m machine) column(label string, l layout, b butterfly, r *rows, c [3]constant) {
	// v[i] is row i: in memory until an instruction reads it into a register.
	var v [4]words
	for i := range b.radix {
		v[i] = r.planes(m, l, r.lo, r.hi, i)
	}
	// The steps of the inverse; those of the transform are the same backwards.
	steps := []struct{ i, j, constant int }{{0, 1, 1}, {2, 3, 2}, {0, 2, 0}, {1, 3, 0}}
	if b.radix == 2 {
		steps = steps[:1]
	}
	if !b.inverse {
		slices.Reverse(steps)
	}
	for _, s := range steps {
		// The first layer's constant serves two products: loading it once is worth
		// registers, if there are.
		if k := &c[s.constant]; s.constant == 0 && (m.gfni || k.inSubfield) && !k.isZero() && k.regs == nil {
			*k = m.load(l, *k)
		}
		m.step(l, b.inverse, v[:], s.i, s.j, c[s.constant])
	}
	at := func(i int) words { return r.planes(m, l, r.dlo, r.dhi, i) }
	m.addOld(label, l, b.inverse, v[:b.radix], at)
	for i := range b.radix {
		m.store(l, v[i], at(i))
	}
}

// addOld adds to v what the rows hold already, if the kernel is asked to.
func (m machine) addOld(label string, l layout, inverse bool, v []words, at func(i int) words) {
	if !inverse {
		return
	}
	CMPQ(parameterAt("add"), U8(0))
	JEQ(LabelRef(label + "Stores"))
	for i, w := range v {
		old := at(i)
		m.xor(old.lo, w.lo, w.lo)
		if old.hi != nil {
			m.xor(old.hi, w.hi, w.hi)
		}
	}
	Label(label + "Stores")
}

// step writes the butterfly of rows i and j of v with the constant c.
func (m machine) step(l layout, inverse bool, v []words, i, j int, c constant) {
	if inverse {
		v[i] = m.inRegisters(l, v[i])
		v[j] = m.xorWords(l, v[i], v[j])
	}
	if !c.isZero() {
		v[j] = m.inRegisters(l, v[j])
		v[i] = m.addProduct(l, v[i], c, v[j])
	}
	if !inverse {
		v[i] = m.inRegisters(l, v[i])
		v[j] = m.xorWords(l, v[i], v[j])
	}
}

func log2(n int) int {
	k := 0
	for n > 1 {
		n, k = n/2, k+1
	}
	return k
}
