package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Three layers of the transform in one pass over the rows: a store of 64 bytes takes
// as long as half a butterfly, and a pass less is eight rows' stores less. Eight rows
// are sixteen vectors. That leaves room for products and for seven constants of the
// subfield; of others all but the first are broadcast from the table by the
// instructions that use them.

// hasRadix8 tells whether m has the kernels of eight rows: only affine maps on 32
// registers leave room.
func (m machine) hasRadix8() bool { return m.wide && m.gfni }

// octet is where the eight rows of a group are, at the position being worked on.
type octet struct {
	stride, thrice Register    // dist rows, and three times that
	src, dst       [4]Register // low bytes of rows 0 and 4, high bytes of rows 0 and 4
	left           Mem         // how many of the dist rows are to come

	turning constant // T, where rows come from slices or go to them

	// In place of src, or of dst: a list of slices, the offset in their arrays, and
	// the list of the next group, which is prefetched. There may be none: then it is
	// the list itself. more tells how many groups there are in the list after this.
	list, offset, next Register
	more               Mem
	stream             bool // stores go past the caches
}

// octetSteps are the butterflies of three layers: rows i and j, and the constant. The
// layers of the transform in turn; those of the inverse are the same backwards.
var octetSteps = []struct{ i, j, constant int }{
	{0, 4, 0}, {1, 5, 0}, {2, 6, 0}, {3, 7, 0},
	{0, 2, 1}, {1, 3, 1}, {4, 6, 2}, {5, 7, 2},
	{0, 1, 3}, {2, 3, 4}, {4, 5, 5}, {6, 7, 6},
}

// at returns the address of row i's low and high bytes from bases.
func (o *octet) at(bases [4]Register, i int) (lo, hi Mem) {
	lo, hi = Mem{Base: bases[i/4]}, Mem{Base: bases[2+i/4]}
	switch i % 4 {
	case 0:
		return lo, hi
	case 3:
		return lo.Idx(o.thrice, 1), hi.Idx(o.thrice, 1)
	default:
		return lo.Idx(o.stride, uint8(i%4)), hi.Idx(o.stride, uint8(i%4))
	}
}

// element returns the address of what slice i of the list has at the offset, and
// prefetches as much of the one eight further on, unless the caches are not used.
func (o *octet) element(l layout, i int) Mem {
	if !o.stream {
		base := GP64()
		MOVQ(Mem{Base: o.next, Disp: 24 * i}, base)
		at := Mem{Base: base, Index: o.offset, Scale: 1}
		PREFETCHT1(at)
		if l != narrow {
			PREFETCHT1(at.Offset(64))
		}
	}
	base := GP64()
	MOVQ(Mem{Base: o.list, Disp: 24 * i}, base)
	return Mem{Base: base, Index: o.offset, Scale: 1}
}

// advance moves on by n bytes of a plane: a number or a register or in memory.
func (o *octet) advance(n Op) {
	for _, bases := range [][4]Register{o.src, o.dst} {
		for _, p := range bases {
			if p != nil {
				ADDQ(n, p)
			}
		}
	}
}

// bases makes the four addresses from that of row 0.
func (o *octet) bases(row0 Register, half Op) (b [4]Register) {
	for i := range b {
		b[i] = row0
		if i > 0 {
			b[i] = GP64()
			MOVQ(row0, b[i])
		}
	}
	for _, i := range []int{1, 3} {
		LEAQ(Mem{Base: b[i], Index: o.stride, Scale: 4}, b[i])
	}
	for _, i := range []int{2, 3} {
		ADDQ(half, b[i])
	}
	return b
}

// octets writes one kernel of the transform.
func (m machine) octets(name string, b butterfly) {
	begin(name+m.suffix, "dst, src *byte, half, dist, groups, t int, tab *byte")
	o := &octet{stride: parameter("dist"), thrice: GP64(), left: AllocLocal(8)}
	IMULQ(parameterAt("half"), o.stride)
	ADDQ(o.stride, o.stride)
	LEAQ(Mem{Base: o.stride, Index: o.stride, Scale: 2}, o.thrice)
	o.src = o.bases(parameter("src"), parameterAt("half"))
	o.dst = o.bases(parameter("dst"), parameterAt("half"))
	m.octetGroups(b, o)
}

// octetsFrom writes ifft8from.
func (m machine) octetsFrom() {
	begin("ifft8from"+m.suffix, "dst *byte, half, groups, t int, srcs *byte, off, more int, tab *byte")
	o := &octet{stride: parameter("half"), thrice: GP64(), list: parameter("srcs"), offset: parameter("off"), next: GP64(), more: parameterAt("more")}
	ADDQ(o.stride, o.stride)
	LEAQ(Mem{Base: o.stride, Index: o.stride, Scale: 2}, o.thrice)
	o.dst = o.bases(parameter("dst"), parameterAt("half"))
	o.turning = m.turning(parameter("tab"))
	m.octetGroups(butterfly{inverse: true}, o)
}

// octetsTo writes fft8to, or fft8stream.
func (m machine) octetsTo(name string, stream bool) {
	begin(name+m.suffix, "dsts *byte, off, more int, src *byte, half, groups, t int, tab *byte")
	o := &octet{stride: parameter("half"), thrice: GP64(), list: parameter("dsts"), offset: parameter("off"), next: GP64(), more: parameterAt("more"), stream: stream}
	ADDQ(o.stride, o.stride)
	LEAQ(Mem{Base: o.stride, Index: o.stride, Scale: 2}, o.thrice)
	o.src = o.bases(parameter("src"), parameterAt("half"))
	o.turning = m.turning(parameter("tab"))
	m.octetGroups(butterfly{}, o)
}

// fence writes the kernel that what fft8stream stores is ordered by.
func (m machine) fence() {
	begin("fence"+m.suffix, "")
	SFENCE()
	RET()
}

// octetGroups writes the loop over the groups, and returns from the kernel.
func (m machine) octetGroups(b butterfly, o *octet) {
	CMPQ(parameterAt("groups"), U8(0))
	JEQ(LabelRef("done"))
	// The addresses of the entries of w>>2, w>>1 and w. t is a multiple of eight, so
	// that (w>>1)^2 = (w>>1)+2, and so on.
	var entries [3]Register
	for i := range entries {
		e := parameter("t")
		SHRQ(U8(2-i), e)
		SHLQ(U8(m.entryShift()), e)
		ADDQ(parameterAt("tab"), e)
		entries[i] = e
	}
	rows := func(kind string, inSubfield bool, zero ...int) {
		var c []constant
		for i, entry := range entries {
			for k := range 1 << i {
				c = append(c, m.rowConstantAt(entry, 2*k))
			}
		}
		for _, i := range zero {
			c[i] = constant{}
		}
		// The first constant serves four products; those of one part all find room.
		for i := range c {
			if c[i].inSubfield = inSubfield; !c[i].isZero() && (inSubfield || i == 0) {
				c[i] = m.load(planar, c[i])
			}
		}
		m.octetRows(kind, b, o, c)
	}

	Label("group")
	if o.list != nil {
		MOVQ(o.list, o.next)
		DECQ(o.more)
		JLT(LabelRef("lastGroup"))
		ADDQ(U8(8*24), o.next)
		Label("lastGroup")
	}
	offset := GP64()
	MOVQ(entries[2], offset)
	SUBQ(parameterAt("tab"), offset)
	JEQ(LabelRef("groupZero"))
	CMPQ(offset, U32(subfield<<m.entryShift()))
	JLT(LabelRef("groupSubfield"))
	rows("row", false)

	Label("next")
	if o.list == nil {
		// The walk over dist rows has moved the addresses on by stride already.
		rest := GP64()
		LEAQ(Mem{Base: o.thrice, Index: o.stride, Scale: 4}, rest)
		o.advance(rest)
	} else {
		o.advance(o.stride)
		o.advance(o.thrice)
		o.advance(o.thrice)
		ADDQ(U8(8*24), o.list)
	}
	for i, e := range entries {
		ADDQ(U32(2<<i<<m.entryShift()), e)
	}
	DECQ(parameterAt("groups"))
	JNE(LabelRef("group"))
	Label("done")
	end()

	Label("groupSubfield")
	rows("rowSubfield", true)
	JMP(LabelRef("next"))

	// The first group of a transform at coset 0: w, w>>1 and w>>2 are zero.
	Label("groupZero")
	rows("rowZero", true, 0, 1, 3)
	JMP(LabelRef("next"))
}

// octetRows writes the loop over the dist rows of a group: one, where the rows come
// from slices or go to them.
func (m machine) octetRows(label string, b butterfly, o *octet, c []constant) {
	if o.list == nil {
		dist := GP64()
		Load(Param("dist"), dist)
		MOVQ(dist, o.left)
		Label(label)
	}
	columns := GP64()
	Load(Param("half"), columns)
	SHRQ(U8(6), columns)
	JEQ(LabelRef(label + "Odd"))
	Label(label + "Column")
	m.octetColumn(planar, b, o, c)
	DECQ(columns)
	JNE(LabelRef(label + "Column"))
	Label(label + "Odd")
	TESTQ(U32(narrowHalf), parameterAt("half"))
	JEQ(LabelRef(label + "Even"))
	m.octetColumn(narrow, b, o, c)
	Label(label + "Even")
	// Rows are two planes; the addresses have moved on by one.
	o.advance(parameterAt("half"))
	if o.list != nil {
		bytes := GP64()
		Load(Param("half"), bytes)
		ADDQ(bytes, bytes)
		SUBQ(bytes, o.offset)
		return
	}
	DECQ(o.left)
	JNE(LabelRef(label))
}

// octetColumn writes the butterflies of a group's rows at one position, and moves on.
func (m machine) octetColumn(l layout, b butterfly, o *octet, c []constant) {
	var v [8]words
	for i := range v {
		if o.src[0] == nil {
			v[i] = m.turned(l, o, m.gather(l, o, i))
			continue
		}
		lo, hi := o.at(o.src, i)
		v[i] = words{lo, hi}
	}
	steps := slices.Clone(octetSteps)
	if b.inverse {
		slices.Reverse(steps)
	}
	for _, s := range steps {
		m.step(l, b, v[:], s.i, s.j, c[s.constant])
	}
	for i := range v {
		if o.dst[0] == nil {
			m.scatter(l, o, i, m.turned(l, o, v[i]))
			continue
		}
		lo, hi := o.at(o.dst, i)
		if b.add {
			v[i] = m.xorWords(l, v[i], words{lo, hi})
		}
		m.store(l, v[i], lo, hi)
	}
	o.advance(U8(m.width(l)))
	if o.list != nil {
		ADDQ(I32(2*m.width(l)), o.offset)
	}
}

// turned changes words over to pairs over the subfield, or back.
func (m machine) turned(l layout, o *octet, w words) words {
	sum := m.newSum(w.lo)
	m.addPart(l, &sum, o.turning, 0, w.hi)
	return words{sum.value(), w.hi}
}

// gather loads words of slice i: those of two natural blocks, or in layout narrow
// those of one.
func (m machine) gather(l layout, o *octet, i int) words {
	at := o.element(l, i)
	if l == narrow {
		lo, hi := YMM(), YMM()
		m.mov(at, lo)
		m.mov(at.Offset(narrowHalf), hi)
		return words{lo, hi}
	}
	lo, hi := ZMM(), ZMM()
	VBROADCASTI64X4(at, lo)
	VBROADCASTI64X4(at.Offset(narrowHalf), hi)
	VINSERTI64X4(U8(1), at.Offset(64), lo, lo)
	VINSERTI64X4(U8(1), at.Offset(64+narrowHalf), hi, hi)
	return words{lo, hi}
}

// scatter stores words in slice i: two natural blocks, or in layout narrow one.
func (m machine) scatter(l layout, o *octet, i int, w words) {
	at := o.element(l, i)
	lo, hi := w.lo.(VecVirtual), w.hi.(VecVirtual)
	switch {
	case l == narrow && o.stream:
		VMOVNTDQ(lo, at)
		VMOVNTDQ(hi, at.Offset(narrowHalf))
	case l == narrow:
		m.mov(lo, at)
		m.mov(hi, at.Offset(narrowHalf))
	case o.stream:
		// The lanes 0 and 1 of both, then 2 and 3: only whole lines go out at once.
		block := ZMM()
		VSHUFI64X2(U8(0b01_00_01_00), hi, lo, block)
		VMOVNTDQ(block, at)
		block = ZMM()
		VSHUFI64X2(U8(0b11_10_11_10), hi, lo, block)
		VMOVNTDQ(block, at.Offset(64))
	default:
		m.mov(lo.AsY(), at)
		m.mov(hi.AsY(), at.Offset(narrowHalf))
		VEXTRACTI64X4(U8(1), lo, at.Offset(64))
		VEXTRACTI64X4(U8(1), hi, at.Offset(64+narrowHalf))
	}
}
