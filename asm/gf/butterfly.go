package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/gf/coset"
)

// butterflies is a kernel of one or two layers of the transform being written. An inverse
// stores what it computes, or if its argument add is not 0 adds it to dst.
type butterflies struct {
	multiplier
	radix   int  // rows a group has at each distance: 2 or 4
	inverse bool // undo the transform
	rows
}

// transforms are the kernels of passes over rows.
func transforms(m machine) writers {
	four := writers{
		{"fft4", func() { layers(m, "fft4", 4, false) }},
		{"ifft4", func() { layers(m, "ifft4", 4, true) }},
	}
	if hasRadix8(m) {
		return append(four, writers{
			{"fft8", func() { threeLayers(m, "fft8", false) }},
			{"ifft8", func() { threeLayers(m, "ifft8", true) }},
			{"ifft8gather", func() { gatherLayers(m) }},
			{"fft8scatter", func() { scatterLayers(m) }},
			{"sfence", func() { storeFence(m) }},
			{"fused8", func() { fusedPass(m) }},
		}...)
	}
	return append(four, singleLayers(m)...)
}

// singleLayers are the kernels of one layer. A machine with passes of eight rows takes
// those of narrower vectors: it needs them for transforms of two rows only.
func singleLayers(m machine) writers {
	return writers{
		{"fft2", func() { layers(m, "fft2", 2, false) }},
		{"ifft2", func() { layers(m, "ifft2", 2, true) }},
	}
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

// layers writes one kernel of the transform.
func layers(m machine, name string, radix int, inverse bool) {
	m.begin(name)
	k := &butterflies{multiplier: newMultiplier(m, planar), radix: radix, inverse: inverse}
	k.lo, k.dlo, k.stride = parameter("src"), parameter("dst"), parameter("dist")
	half := parameter("planeBytes")
	IMULQ(half, k.stride)
	ADDQ(k.stride, k.stride)
	if radix == 4 {
		k.thrice = GP64()
		LEAQ(Mem{Base: k.stride, Index: k.stride, Scale: 2}, k.thrice)
	}
	// entries are those of w>>1, for the first layer, and of w. t is a multiple
	// of the radix, so that w^2 = w+2.
	entries := [2]Register{nil, parameter("t")}
	SHLQ(U8(entryShift(m)), entries[1])
	groups := parameter("groups")
	TESTQ(groups, groups)
	JEQ(LabelRef("done"))
	if radix == 4 {
		entries[0] = GP64()
		MOVQ(entries[1], entries[0])
		SHRQ(U8(1), entries[0])
		ADDQ(parameterAt("tab"), entries[0])
	}
	ADDQ(parameterAt("tab"), entries[1])
	k.hi, k.dhi = GP64(), GP64()
	k.groups(half, entries, groups)
}

// groups writes the loop over the groups, and returns from the kernel.
func (k *butterflies) groups(half Register, entries [2]Register, groups Register) {
	rows := func(label string, l layout, c []constant) {
		c = slices.Clone(c)
		for i := range c {
			if c[i].isZero() {
				continue
			}
			c[i].inSubfield = l == run
			if k.keeps(c[i]) {
				c[i] = k.load(planar, c[i])
			}
		}
		if l == run {
			k.runLoop(label, c)
			return
		}
		k.rowLoop(label, half, c)
	}
	c := []constant{rowConstantAt(k.machine, entries[1], 0)}
	zeros := []constant{{}}
	if k.radix == 4 {
		c = []constant{rowConstantAt(k.machine, entries[0], 0), c[0], rowConstantAt(k.machine, entries[1], 2)}
		zeros = []constant{2: c[2]}
	}

	Label("group")
	offset := GP64()
	MOVQ(entries[1], offset)
	SUBQ(parameterAt("tab"), offset)
	JEQ(LabelRef("groupZero"))
	CMPQ(offset, U32(subfield<<entryShift(k.machine)))
	JLT(LabelRef("groupSubfield"))
	rows("row", planar, c)

	Label("next")
	// The walk over dist rows has moved the addresses on by stride already.
	if k.radix == 4 {
		advance(k.thrice, k.lo, k.dlo)
		ADDQ(U32(2<<entryShift(k.machine)), entries[0])
	} else {
		advance(k.stride, k.lo, k.dlo)
	}
	ADDQ(U32(k.radix<<entryShift(k.machine)), entries[1])
	DECQ(groups)
	JNE(LabelRef("group"))
	Label("done")
	end()

	Label("groupSubfield")
	rows("subfieldRun", run, c)
	JMP(LabelRef("next"))

	// The first group of a transform at coset 0: w = 0, and so is w>>1.
	Label("groupZero")
	rows("zeroRun", run, zeros)
	JMP(LabelRef("next"))
}

// keeps tells whether constant c of a group stays in registers, or is read anew
// for every product because it would not find room beside the words.
func (k *butterflies) keeps(c constant) bool {
	switch {
	case k.wide && (k.gfni || c.inSubfield):
		return true
	case k.wide:
		return c.entry.Disp == 0
	case k.gfni:
		return k.radix == 2 || c.inSubfield
	default:
		return k.radix == 2 || c.inSubfield && c.entry.Disp == 0
	}
}

// runLoop writes the loop over the run of bytes that the rows of a group are, two vectors
// at a time: there are as many, or one less where vectors are wide.
func (k *butterflies) runLoop(label string, c []constant) {
	left := GP64()
	MOVQ(k.stride, left)
	width := k.width(runs)
	if k.wide {
		SUBQ(I32(2*width), left)
		JLT(LabelRef(label + "Last"))
	}
	Label(label)
	k.column(label, runs, c)
	advance(I32(2*width), k.lo, k.dlo)
	SUBQ(I32(2*width), left)
	if !k.wide {
		JNE(LabelRef(label))
		return
	}
	JGE(LabelRef(label))
	Label(label + "Last")
	ADDQ(I32(2*width), left)
	JEQ(LabelRef(label + "Done"))
	k.column(label+"Last", run, c)
	advance(U8(width), k.lo, k.dlo)
	Label(label + "Done")
}

// rowLoop writes the loop over the dist rows of a group, both planes at a time.
func (k *butterflies) rowLoop(label string, half Register, c []constant) {
	dist := parameter("dist")
	Label(label)
	for _, p := range [][2]Register{{k.lo, k.hi}, {k.dlo, k.dhi}} {
		LEAQ(Mem{Base: p[0], Index: half, Scale: 1}, p[1])
	}
	overColumns(k.machine, label, half, func(label string, l layout) {
		k.column(label, l, c)
		advance(U8(k.width(l)), k.lo, k.hi, k.dlo, k.dhi)
	})
	// The next rows stand behind the planes of these.
	MOVQ(k.hi, k.lo)
	MOVQ(k.dhi, k.dlo)
	DECQ(dist)
	JNE(LabelRef(label))
}

// overColumns writes the loop over the vectors of a plane of half bytes, and what is left of
// it where vectors are wide: one half of a vector.
func overColumns(m machine, label string, half Op, column func(label string, l layout)) {
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
func (k *butterflies) column(label string, l layout, c []constant) {
	// v[i] is row i: in memory until an instruction reads it into a register.
	var v [4]words
	for i := range k.radix {
		v[i] = k.planes(k.machine, l, k.lo, k.hi, i)
	}
	c = slices.Clone(c)
	// The steps of the transform are those of the inverse backwards.
	steps := coset.Inverse(k.radix)
	if !k.inverse {
		slices.Reverse(steps)
	}
	for _, s := range steps {
		// The first layer's constant serves two products: loading it once is worth
		// registers, if there are.
		c := &c[s.Constant(k.radix)]
		if s.Layer == 1 && (k.gfni || c.inSubfield) && !c.isZero() && c.regs == nil {
			*c = k.load(l, *c)
		}
		k.step(l, k.inverse, v[:], s.I, s.J, *c)
	}
	at := func(i int) words { return k.planes(k.machine, l, k.dlo, k.dhi, i) }
	if k.inverse {
		addOld(k.machine, label, v[:k.radix], at)
	}
	for i := range k.radix {
		k.store(l, v[i], at(i))
	}
}

// addOld adds to v what the rows hold already, if the kernel is asked to.
func addOld(m machine, label string, v []words, at func(i int) words) {
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

func log2(n int) int {
	k := 0
	for n > 1 {
		n, k = n/2, k+1
	}
	return k
}
