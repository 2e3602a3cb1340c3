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
func hasRadix8(m machine) bool { return m.wide && m.gfni }

// eight is where the eight rows of a group are, at the position being worked on.
type eight struct {
	stride, thrice Register    // dist rows, and three times that
	src, dst       [4]Register // low bytes of rows 0 and 4, high bytes of rows 0 and 4
	left           Mem         // how many of the dist rows are to come
}

// radix8Steps are the butterflies of three layers. The constants of a group are seven: of
// the outermost layer one, then two, then four.
var radix8Steps = coset.Forward(8)

// at returns the address of row i's low and high bytes from bases.
func (e *eight) at(bases [4]Register, i int) words {
	w := words{lo: e.rowAt(bases[i/4], i)}
	if bases[2] != nil {
		w.hi = e.rowAt(bases[2+i/4], i)
	}
	return w
}

func (e *eight) rowAt(base Register, i int) Mem {
	switch i % 4 {
	case 0:
		return Mem{Base: base}
	case 3:
		return Mem{Base: base, Index: e.thrice, Scale: 1}
	default:
		return Mem{Base: base, Index: e.stride, Scale: uint8(i % 4)}
	}
}

// advance moves on by n bytes of a plane: a number or a register or in memory.
func (e *eight) advance(n Op) {
	for _, bases := range [][4]Register{e.src, e.dst} {
		for _, p := range bases {
			if p != nil {
				ADDQ(n, p)
			}
		}
	}
}

// bases makes the four addresses from that of row 0.
func (e *eight) bases(row0 Register, half Op) (b [4]Register) {
	b = e.run(row0)
	for i := range 2 {
		b[2+i] = GP64()
		MOVQ(b[i], b[2+i])
		ADDQ(half, b[2+i])
	}
	return b
}

// run makes the two addresses of rows whose planes are not told apart.
func (e *eight) run(row0 Register) (b [4]Register) {
	b[0], b[1] = row0, GP64()
	LEAQ(Mem{Base: row0, Index: e.stride, Scale: 4}, b[1])
	return b
}

// strides makes the distances between rows from how many rows there are between two.
func (e *eight) strides(dist Register, half Op) {
	e.stride, e.thrice = dist, GP64()
	IMULQ(half, e.stride)
	ADDQ(e.stride, e.stride)
	LEAQ(Mem{Base: e.stride, Index: e.stride, Scale: 2}, e.thrice)
}

// radix8 is a kernel of three layers being written. Its constants are any, those of the
// subfield being the fused pass's.
type radix8 struct {
	multiplier
	eight
	inverse bool

	towerMap constant // T, where rows come from slices or go to them

	// In place of src, or of dst: a list of slices, the offset in their arrays, and
	// the list of the next group, which is prefetched. There may be none: then it is
	// the list itself. more tells how many groups there are in the list after this.
	list, offset, next Register
	more               Mem
	outside            Mem // negative where the constants of the group are of the subfield
}

// threeLayers writes one kernel of the transform.
func threeLayers(m machine, name string, inverse bool) {
	m.begin(name)
	k := &radix8{multiplier: newMultiplier(m, planar), inverse: inverse}
	k.left = AllocLocal(8)
	k.strides(parameter("dist"), parameterAt("planeBytes"))
	k.src = k.bases(parameter("src"), parameterAt("planeBytes"))
	k.dst = k.bases(parameter("dst"), parameterAt("planeBytes"))
	k.groups()
}

// gatherLayers writes ifft8gather.
func gatherLayers(m machine) {
	m.begin("ifft8gather")
	k := slicedLayers(m, "srcs", true)
	k.dst = k.bases(parameter("dst"), parameterAt("planeBytes"))
	k.towerMap = k.loadTowerMap(parameter("tab"))
	k.groups()
}

// scatterLayers writes fft8scatter.
func scatterLayers(m machine) {
	m.begin("fft8scatter")
	k := slicedLayers(m, "dsts", false)
	k.src = k.bases(parameter("src"), parameterAt("planeBytes"))
	k.towerMap = k.loadTowerMap(parameter("tab"))
	k.groups()
}

// slicedLayers begins a kernel whose rows come from slices or go to them.
func slicedLayers(m machine, list string, inverse bool) *radix8 {
	k := &radix8{multiplier: newMultiplier(m, planar), inverse: inverse}
	k.list, k.offset, k.next, k.more = parameter(list), parameter("off"), GP64(), parameterAt("more")
	k.outside = AllocLocal(8)
	one := GP64()
	MOVQ(U64(1), one)
	k.strides(one, parameterAt("planeBytes"))
	return k
}

// storeFence writes the kernel that what fft8scatter stores past the caches is ordered by.
func storeFence(m machine) {
	m.begin("sfence")
	SFENCE()
	RET()
}

// element returns the address of what slice i of a list has at the offset.
func (k *radix8) element(list Register, i int) Mem {
	base := GP64()
	MOVQ(Mem{Base: list, Disp: sliceSize * i}, base)
	return Mem{Base: base, Index: k.offset, Scale: 1}
}

// fetch prefetches what slice i of the next group has at the offset.
func (k *radix8) fetch(l layout, i int) {
	at := k.element(k.next, i)
	PREFETCHT1(at)
	if l != narrow {
		PREFETCHT1(at.Offset(blockSize))
	}
}

// groups writes the loop over the groups, and returns from the kernel.
func (k *radix8) groups() {
	CMPQ(parameterAt("groups"), U8(0))
	JEQ(LabelRef("done"))
	// The addresses of the entries of w>>2, w>>1 and w. t is a multiple of eight, so
	// that (w>>1)^2 = (w>>1)+2, and so on.
	var entries [3]Register
	for i := range entries {
		e := parameter("t")
		SHRQ(U8(2-i), e)
		SHLQ(U8(entryShift(k.machine)), e)
		ADDQ(parameterAt("tab"), e)
		entries[i] = e
	}
	// The first constant serves four products and is in registers, in which all seven of
	// the subfield find room.
	any := make([]constant, 7)
	inSubfield := make([]constant, 7)
	for _, step := range radix8Steps {
		i := step.Constant(8)
		any[i] = rowConstantAt(k.machine, entries[2-step.Layer], step.Start>>step.Layer)
		inSubfield[i] = any[i]
		inSubfield[i].inSubfield = true
	}
	room := make([]VecVirtual, 7)
	for i := range room {
		room[i] = ZMM()
	}

	Label("group")
	if k.list != nil {
		MOVQ(k.list, k.next)
		DECQ(k.more)
		JLT(LabelRef("lastGroup"))
		ADDQ(U8(8*sliceSize), k.next)
		Label("lastGroup")
		offset := GP64()
		MOVQ(entries[2], offset)
		SUBQ(parameterAt("tab"), offset)
		SUBQ(U32(subfield<<entryShift(k.machine)), offset)
		MOVQ(offset, k.outside)
		JGE(LabelRef("outside"))
		for i := range inSubfield {
			inSubfield[i] = k.loadTo(room[i:i+1], inSubfield[i])
		}
		if k.src[0] == nil {
			JMP(LabelRef("row"))
		} else {
			k.rows("rowSubfield", inSubfield)
			JMP(LabelRef("next"))
		}
		Label("outside")
	}
	any[0] = k.loadTo(room[:3], any[0])
	if k.src[0] == nil {
		k.rows("row", any, inSubfield)
	} else {
		k.rows("row", any)
	}

	Label("next")
	if k.list == nil {
		// The walk over dist rows has moved the addresses on by stride already.
		rest := GP64()
		LEAQ(Mem{Base: k.thrice, Index: k.stride, Scale: 4}, rest)
		k.advance(rest)
	} else {
		k.advance(k.stride)
		k.advance(k.thrice)
		k.advance(k.thrice)
		ADDQ(U8(8*sliceSize), k.list)
	}
	for i, e := range entries {
		ADDQ(U32(2<<i<<entryShift(k.machine)), e)
	}
	DECQ(parameterAt("groups"))
	JNE(LabelRef("group"))
	Label("done")
	end()
}

// rows writes the loop over the dist rows of a group: one, where the rows come
// from slices or go to them.
func (k *radix8) rows(label string, ways ...[]constant) {
	if k.list == nil {
		dist := GP64()
		Load(Param("dist"), dist)
		MOVQ(dist, k.left)
	}
	Label(label)
	overColumns(k.machine, label, parameterAt("planeBytes"), func(label string, l layout) { k.column(label, l, ways) })
	// Rows are two planes; the addresses have moved on by one.
	k.advance(parameterAt("planeBytes"))
	if k.list != nil {
		bytes := parameter("planeBytes")
		ADDQ(bytes, bytes)
		SUBQ(bytes, k.offset)
		return
	}
	DECQ(k.left)
	JNE(LabelRef(label))
}

// column writes the butterflies of a group's rows at one position, and moves on.
func (k *radix8) column(label string, l layout, ways [][]constant) {
	var v [8]words
	for i := range v {
		if k.src[0] == nil {
			k.fetch(l, i)
			v[i] = k.overTower(l, gather(k.machine, l, k.element(k.list, i)))
			continue
		}
		v[i] = k.at(k.src, i)
	}
	if len(ways) > 1 {
		CMPQ(k.outside, U8(0))
		JLT(LabelRef(label + "Subfield"))
	}
	k.steps(l, v[:], ways[0])
	if len(ways) > 1 {
		JMP(LabelRef(label + "Done"))
		Label(label + "Subfield")
		k.steps(l, v[:], ways[1])
		Label(label + "Done")
	}
	if k.dst[0] == nil {
		for i := range v {
			v[i] = k.overTower(l, v[i])
		}
		k.scatter(label, l, v[:])
	} else {
		at := func(i int) words { return k.at(k.dst, i) }
		if k.inverse && k.list == nil {
			addOld(k.machine, label, v[:], at)
		}
		for i := range v {
			k.store(l, v[i], at(i))
		}
	}
	k.advance(U8(k.width(l)))
	if k.list != nil {
		ADDQ(I32(2*k.width(l)), k.offset)
	}
}

// steps writes the butterflies of eight rows.
func (k *radix8) steps(l layout, v []words, c []constant) {
	steps := radix8Steps
	if k.inverse {
		steps = slices.Clone(steps)
		slices.Reverse(steps)
	}
	for _, s := range steps {
		k.step(l, k.inverse, v, s.I, s.J, c[s.Constant(8)])
	}
}

// loadTo puts a constant in the given registers.
func (k *radix8) loadTo(regs []VecVirtual, c constant) constant {
	for i, r := range regs {
		VPBROADCASTQ(c.entry.Offset(8*i), r)
	}
	c.regs = regs
	return c
}

// overTower changes words over to pairs over the subfield, or back.
func (k *radix8) overTower(l layout, w words) words {
	sum := k.newSum(w.lo)
	k.addPart(l, &sum, k.towerMap, 0, w.hi)
	return words{sum.value(), w.hi}
}

// gather loads the words of two natural blocks, or in layout narrow those of one.
func gather(m machine, l layout, at Mem) words {
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
func (k *radix8) scatter(label string, l layout, v []words) {
	if l != narrow {
		CMPQ(parameterAt("stream"), U8(0))
		JNE(LabelRef(label + "Stream"))
	}
	for i, w := range v {
		k.fetch(l, i)
		at := k.element(k.list, i)
		lo, hi := w.lo.(VecVirtual), w.hi.(VecVirtual)
		k.mov(lo.AsY(), at)
		k.mov(hi.AsY(), at.Offset(narrowHalf))
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
		at := k.element(k.list, i)
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
