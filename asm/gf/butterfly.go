package main

import (
	"slices"

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

// rows walks over the rows of one group: the addresses of row 0 at the position
// being worked on, and how far apart rows are.
type rows struct {
	lo, hi         Register // low and high bytes in src
	dlo, dhi       Register // in dst
	stride, thrice Register // dist rows, and three times that
}

// planes returns the addresses of the low and the high bytes of row i from base
// lo and hi. Rows of half 32 need no base hi.
func (r *rows) planes(l layout, lo, hi Register, i int) (low, high Mem) {
	low, high = Mem{Base: lo}, Mem{Base: hi}
	if l == narrow {
		high = Mem{Base: lo, Disp: narrowHalf}
	}
	switch i {
	case 0:
		return low, high
	case 3:
		return low.Idx(r.thrice, 1), high.Idx(r.thrice, 1)
	default:
		return low.Idx(r.stride, uint8(i)), high.Idx(r.stride, uint8(i))
	}
}

// advance moves on by step: a register or a constant.
func (r *rows) advance(l layout, step Op) {
	bases := []Register{r.lo, r.dlo, r.hi, r.dhi}
	if l == narrow {
		bases = bases[:2]
	}
	for _, p := range bases {
		ADDQ(step, p)
	}
}

// butterflies writes one kernel of the transform.
func (m machine) butterflies(name string, b butterfly) {
	begin(name+m.suffix, "dst, src *byte, half, dist, groups, t int, tab *byte")
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

	CMPQ(half, U8(narrowHalf))
	JEQ(LabelRef("narrow"))
	r.hi, r.dhi = GP64(), GP64()
	LEAQ(Mem{Base: r.lo, Index: half, Scale: 1}, r.hi)
	LEAQ(Mem{Base: r.dlo, Index: half, Scale: 1}, r.dhi)
	m.groups(planar, b, r, half, entries, groups)
	Label("narrow")
	m.groups(narrow, b, r, half, entries, groups)
	Label("done")
	end()
}

// groups writes the loop over the groups, and returns from the kernel. In layout
// narrow half is 32.
func (m machine) groups(l layout, b butterfly, r *rows, half Register, entries [2]Register, groups Register) {
	label := [...]string{planar: "wideGroup", narrow: "narrowGroup"}[l]
	rows := func(kind string, c [3]constant, inSubfield bool) {
		for i := range c {
			if c[i].isZero() {
				continue
			}
			c[i].inSubfield = inSubfield
			if m.keeps(b, c[i]) {
				c[i] = m.load(l, c[i])
			}
		}
		m.rowLoop(l, label+kind, b, r, half, c)
	}
	c := [3]constant{1: m.rowConstantAt(entries[1], 0)}
	if b.radix == 4 {
		c[0], c[2] = m.rowConstantAt(entries[0], 0), m.rowConstantAt(entries[1], 2)
	}

	Label(label)
	offset := GP64()
	MOVQ(entries[1], offset)
	SUBQ(parameterAt("tab"), offset)
	JEQ(LabelRef(label + "Zero"))
	CMPQ(offset, U32(subfield<<m.entryShift()))
	JLT(LabelRef(label + "Subfield"))
	rows("Row", c, false)

	Label(label + "Next")
	// The walk over dist rows has moved the addresses on by stride already.
	if b.radix == 4 {
		r.advance(l, r.thrice)
		ADDQ(U32(2<<m.entryShift()), entries[0])
	} else {
		r.advance(l, r.stride)
	}
	ADDQ(U32(b.radix<<m.entryShift()), entries[1])
	DECQ(groups)
	JNE(LabelRef(label))
	end()

	Label(label + "Subfield")
	rows("SubfieldRow", c, true)
	JMP(LabelRef(label + "Next"))

	// The first group of a transform at coset 0: w = 0, and so is w>>1.
	Label(label + "Zero")
	rows("ZeroRow", [3]constant{2: c[2]}, true)
	JMP(LabelRef(label + "Next"))
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
		return b.radix == 2
	}
}

// rowLoop writes the loop over the dist rows of a group. A constant{} is 0.
func (m machine) rowLoop(l layout, label string, b butterfly, r *rows, half Register, c [3]constant) {
	dist := parameter("dist")
	Label(label)
	if l == narrow {
		m.column(narrow, narrow, b, r, c)
		r.advance(l, U8(2*narrowHalf))
	} else {
		columns := GP64()
		MOVQ(half, columns)
		SHRQ(U8(log2(m.width(planar))), columns)
		Label(label + "Column")
		m.column(planar, planar, b, r, c)
		r.advance(l, U8(m.width(planar)))
		DECQ(columns)
		JNE(LabelRef(label + "Column"))
		if m.wide {
			TESTQ(U32(narrowHalf), half)
			JEQ(LabelRef(label + "Even"))
			m.column(narrow, planar, b, r, c)
			r.advance(l, U8(narrowHalf))
			Label(label + "Even")
		}
		r.advance(l, half)
	}
	DECQ(dist)
	JNE(LabelRef(label))
}

// column writes the butterflies of a group's rows at one position: vectors of
// layout l in rows of layout of.
func (m machine) column(l, of layout, b butterfly, r *rows, c [3]constant) {
	// v[i] is row i: in memory until an instruction reads it into a register.
	var v [4]words
	for i := range b.radix {
		lo, hi := r.planes(of, r.lo, r.hi, i)
		v[i] = words{lo, hi}
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
		m.step(l, b, v[:], s.i, s.j, c[s.constant])
	}
	for i := range b.radix {
		lo, hi := r.planes(of, r.dlo, r.dhi, i)
		if b.add {
			v[i] = m.xorWords(l, v[i], words{lo, hi})
		}
		m.store(l, v[i], lo, hi)
	}
}

// step writes the butterfly of rows i and j of v with the constant c.
func (m machine) step(l layout, b butterfly, v []words, i, j int, c constant) {
	if b.inverse {
		v[i] = m.inRegisters(l, v[i])
		v[j] = m.xorWords(l, v[i], v[j])
	}
	if !c.isZero() {
		v[j] = m.inRegisters(l, v[j])
		v[i] = m.addProduct(l, v[i], c, v[j])
	}
	if !b.inverse {
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
