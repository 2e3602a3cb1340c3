package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/gf/coset"
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
}

// octetSteps are the butterflies of three layers. The constants of a group are seven: of
// the outermost layer one, then two, then four.
var octetSteps = coset.Forward(8)

// octetConstant returns which of the seven constants a step has.
func octetConstant(s coset.Step) int { return 4>>s.Layer - 1 + s.Start>>(s.Layer+1) }

// at returns the address of row i's low and high bytes from bases.
func (o *octet) at(bases [4]Register, i int) words {
	w := words{lo: o.rowAt(bases[i/4], i)}
	if bases[2] != nil {
		w.hi = o.rowAt(bases[2+i/4], i)
	}
	return w
}

func (o *octet) rowAt(base Register, i int) Mem {
	switch i % 4 {
	case 0:
		return Mem{Base: base}
	case 3:
		return Mem{Base: base, Index: o.thrice, Scale: 1}
	default:
		return Mem{Base: base, Index: o.stride, Scale: uint8(i % 4)}
	}
}

// element returns the address of what slice i of a list has at the offset.
func (o *octet) element(list Register, i int) Mem {
	base := GP64()
	MOVQ(Mem{Base: list, Disp: sliceSize * i}, base)
	return Mem{Base: base, Index: o.offset, Scale: 1}
}

// fetch prefetches what slice i of the next group has at the offset.
func (o *octet) fetch(l layout, i int) {
	at := o.element(o.next, i)
	PREFETCHT1(at)
	if l != narrow {
		PREFETCHT1(at.Offset(blockSize))
	}
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
	b = o.run(row0)
	for i := range 2 {
		b[2+i] = GP64()
		MOVQ(b[i], b[2+i])
		ADDQ(half, b[2+i])
	}
	return b
}

// run makes the two addresses of rows whose planes are not told apart.
func (o *octet) run(row0 Register) (b [4]Register) {
	b[0], b[1] = row0, GP64()
	LEAQ(Mem{Base: row0, Index: o.stride, Scale: 4}, b[1])
	return b
}

// strides makes the distances between rows from how many rows there are between two.
func (o *octet) strides(dist Register, half Op) {
	o.stride, o.thrice = dist, GP64()
	IMULQ(half, o.stride)
	ADDQ(o.stride, o.stride)
	LEAQ(Mem{Base: o.stride, Index: o.stride, Scale: 2}, o.thrice)
}

// octets writes one kernel of the transform. Its constants are any, those of the
// subfield being pass8's.
func (m machine) octets(name string, b butterfly) {
	m.begin(name)
	m = m.prepare()
	o := &octet{left: AllocLocal(8)}
	o.strides(parameter("dist"), parameterAt("half"))
	o.src = o.bases(parameter("src"), parameterAt("half"))
	o.dst = o.bases(parameter("dst"), parameterAt("half"))
	m.octetGroups(b, o)
}

// octetsFrom writes ifft8from.
func (m machine) octetsFrom() {
	m.begin("ifft8from")
	m = m.prepare()
	o := &octet{list: parameter("srcs"), offset: parameter("off"), next: GP64(), more: parameterAt("more")}
	one := GP64()
	MOVQ(U64(1), one)
	o.strides(one, parameterAt("half"))
	o.dst = o.bases(parameter("dst"), parameterAt("half"))
	o.turning = m.turning(parameter("tab"))
	m.octetGroups(butterfly{inverse: true}, o)
}

// octetsTo writes fft8to.
func (m machine) octetsTo() {
	m.begin("fft8to")
	m = m.prepare()
	o := &octet{list: parameter("dsts"), offset: parameter("off"), next: GP64(), more: parameterAt("more")}
	one := GP64()
	MOVQ(U64(1), one)
	o.strides(one, parameterAt("half"))
	o.src = o.bases(parameter("src"), parameterAt("half"))
	o.turning = m.turning(parameter("tab"))
	m.octetGroups(butterfly{}, o)
}

// fence writes the kernel that what fft8to stores past the caches is ordered by.
func (m machine) fence() {
	m.begin("fence")
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
	rows := func(label string, inSubfield bool) {
		var c []constant
		for i, entry := range entries {
			for k := range 1 << i {
				c = append(c, m.rowConstantAt(entry, 2*k))
			}
		}
		// The first constant serves four products; those of one part all find room.
		for i := range c {
			if c[i].inSubfield = inSubfield; inSubfield || i == 0 {
				c[i] = m.load(planar, c[i])
			}
		}
		m.octetRows(label, b, o, c)
	}

	Label("group")
	if o.list != nil {
		MOVQ(o.list, o.next)
		DECQ(o.more)
		JLT(LabelRef("lastGroup"))
		ADDQ(U8(8*sliceSize), o.next)
		Label("lastGroup")
		offset := GP64()
		MOVQ(entries[2], offset)
		SUBQ(parameterAt("tab"), offset)
		CMPQ(offset, U32(subfield<<m.entryShift()))
		JLT(LabelRef("groupSubfield"))
	}
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
		ADDQ(U8(8*sliceSize), o.list)
	}
	for i, e := range entries {
		ADDQ(U32(2<<i<<m.entryShift()), e)
	}
	DECQ(parameterAt("groups"))
	JNE(LabelRef("group"))
	Label("done")
	end()

	if o.list != nil {
		Label("groupSubfield")
		rows("rowSubfield", true)
		JMP(LabelRef("next"))
	}
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
	m.columns(label, parameterAt("half"), func(label string, l layout) { m.octetColumn(label, l, b, o, c) })
	// Rows are two planes; the addresses have moved on by one.
	o.advance(parameterAt("half"))
	if o.list != nil {
		bytes := parameter("half")
		ADDQ(bytes, bytes)
		SUBQ(bytes, o.offset)
		return
	}
	DECQ(o.left)
	JNE(LabelRef(label))
}

// octetColumn writes the butterflies of a group's rows at one position, and moves on.
func (m machine) octetColumn(label string, l layout, b butterfly, o *octet, c []constant) {
	var v [8]words
	for i := range v {
		if o.src[0] == nil {
			o.fetch(l, i)
			v[i] = m.turned(l, o, m.gather(l, o.element(o.list, i)))
			continue
		}
		v[i] = o.at(o.src, i)
	}
	steps := octetSteps
	if b.inverse {
		steps = slices.Clone(steps)
		slices.Reverse(steps)
	}
	for _, s := range steps {
		m.step(l, b.inverse, v[:], s.I, s.J, c[octetConstant(s)])
	}
	if o.dst[0] == nil {
		for i := range v {
			v[i] = m.turned(l, o, v[i])
		}
		m.scatter(label, l, o, v[:])
	} else {
		at := func(i int) words { return o.at(o.dst, i) }
		m.addOld(label, l, b.inverse && o.list == nil, v[:], at)
		for i := range v {
			m.store(l, v[i], at(i))
		}
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

// gather loads the words of two natural blocks, or in layout narrow those of one.
func (m machine) gather(l layout, at Mem) words {
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

// scatter stores words in the slices of a group: two natural blocks, or in layout narrow
// one.
func (m machine) scatter(label string, l layout, o *octet, v []words) {
	if l != narrow {
		CMPQ(parameterAt("stream"), U8(0))
		JNE(LabelRef(label + "Stream"))
	}
	for i, w := range v {
		o.fetch(l, i)
		at := o.element(o.list, i)
		lo, hi := w.lo.(VecVirtual), w.hi.(VecVirtual)
		m.mov(lo.AsY(), at)
		m.mov(hi.AsY(), at.Offset(narrowHalf))
		if l != narrow {
			VEXTRACTI64X4(U8(1), lo, at.Offset(64))
			VEXTRACTI64X4(U8(1), hi, at.Offset(64+narrowHalf))
		}
	}
	if l == narrow {
		return
	}
	JMP(LabelRef(label + "Stored"))
	// Only whole lines go out at once: the lanes 0 and 1 of both, then 2 and 3.
	Label(label + "Stream")
	for i, w := range v {
		at := o.element(o.list, i)
		lo, hi := w.lo.(VecVirtual), w.hi.(VecVirtual)
		for _, half := range []struct {
			lanes  uint8
			offset int
		}{{0b01_00_01_00, 0}, {0b11_10_11_10, blockSize}} {
			line := ZMM()
			VSHUFI64X2(U8(half.lanes), hi, lo, line)
			VMOVNTDQ(line, at.Offset(half.offset))
		}
	}
	Label(label + "Stored")
}
