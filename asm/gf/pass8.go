package main

import (
	"fmt"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// octetPass is what the kernel pass8 is written from. There two transforms meet: three
// layers of an inverse, a sum, and three layers of a transform, each if it is asked
// for, are one pass over the rows. Rows that are zero are not loaded, and rows that
// nobody wants not computed.
//
// The rows stay in sixteen registers, with seven constants of either transform, all of
// the subfield, in fourteen more. Which layers there are is decided at every column:
// branches that are always taken the same way cost next to nothing, and code for each
// combination would be eight times as long.
type octetPass struct {
	machine
	o           *octet
	v           [8]words
	there, back [7]VecVirtual // the constants of the inverse, and of the transform
	live, out   Mem           // which variant of both, see variants
	scaling     Mem           // the entry of the factor between them, or 0
	list, count Mem           // what is prefetched in this row: how many slices
	offset      Register      // in these slices
	flags       [2]Mem        // sum, keep
}

// variants is how many ways there are to run three layers: with one to eight rows
// that are not zero, or wanted; with any constants, or such as begin with a zero.
const variants = 16

// zeros are the constants that are zero in the first group of a transform at coset 0.
var zeros = []int{0, 1, 3}

// pass8 writes the kernel.
func (m machine) pass8() {
	begin("pass8"+m.suffix, "dst, src *byte, half, dist, groups, live, t, sum, keep, factor, out, u int, ahead *byte, offset, each, left int, tab *byte")
	p := &octetPass{
		machine: m,
		live:    AllocLocal(8), out: AllocLocal(8), scaling: AllocLocal(8),
		list: AllocLocal(8), count: AllocLocal(8),
		flags: [2]Mem{parameterAt("sum"), parameterAt("keep")},
	}
	o := &octet{stride: parameter("dist"), thrice: GP64(), left: AllocLocal(8)}
	p.o = o
	IMULQ(parameterAt("half"), o.stride)
	ADDQ(o.stride, o.stride)
	LEAQ(Mem{Base: o.stride, Index: o.stride, Scale: 2}, o.thrice)
	o.src = o.bases(parameter("src"), parameterAt("half"))
	o.dst = o.bases(parameter("dst"), parameterAt("half"))
	p.offset = parameter("offset")
	for i := range p.v {
		p.v[i] = words{ZMM(), ZMM()}
	}
	for i := range p.there {
		p.there[i], p.back[i] = ZMM(), ZMM()
	}
	entry := parameter("factor")
	CMPQ(entry, U8(1))
	JNE(LabelRef("scaled"))
	XORQ(entry, entry)
	JMP(LabelRef("unscaled"))
	Label("scaled")
	SHLQ(U8(m.entryShift()), entry)
	ADDQ(parameterAt("tab"), entry)
	Label("unscaled")
	MOVQ(entry, p.scaling)
	list := parameter("ahead")
	MOVQ(list, p.list)

	CMPQ(parameterAt("groups"), U8(0))
	JEQ(LabelRef("done"))
	Label("group")
	p.begin("t", "live", p.live, p.there[:])
	p.begin("u", "out", p.out, p.back[:])
	dist := parameter("dist")
	MOVQ(dist, o.left)
	Label("row")
	// As many slices as each row has its turn for, or as there are left.
	count, left := parameter("each"), parameter("left")
	CMPQ(left, count)
	CMOVQLT(left, count)
	MOVQ(count, p.count)
	SUBQ(count, left)
	Store(left, Param("left"))

	columns := parameter("half")
	SHRQ(U8(6), columns)
	JEQ(LabelRef("odd"))
	Label("column")
	p.column(planar)
	DECQ(columns)
	JNE(LabelRef("column"))
	Label("odd")
	TESTQ(U32(narrowHalf), parameterAt("half"))
	JEQ(LabelRef("even"))
	p.column(narrow)
	Label("even")

	// Rows are two planes; the addresses have moved on by one.
	o.advance(parameterAt("half"))
	Load(Param("offset"), p.offset)
	next := GP64()
	MOVQ(p.count, next)
	LEAQ(Mem{Base: next, Index: next, Scale: 2}, next)
	SHLQ(U8(3), next)
	ADDQ(next, p.list)
	DECQ(o.left)
	JNE(LabelRef("row"))

	rest := GP64()
	LEAQ(Mem{Base: o.thrice, Index: o.stride, Scale: 4}, rest)
	o.advance(rest)
	ADDQ(U8(8), parameterAt("t"))
	ADDQ(U8(8), parameterAt("u"))
	DECQ(parameterAt("groups"))
	JNE(LabelRef("group"))
	Label("done")
	end()
}

// begin loads the constants of a group, from w on, and chooses the variant.
func (p *octetPass) begin(w, rows string, variant Mem, constants []VecVirtual) {
	k := 0
	for layer := range 3 {
		entry := parameter(w)
		SHRQ(U8(2-layer), entry)
		SHLQ(U8(p.entryShift()), entry)
		ADDQ(parameterAt("tab"), entry)
		for i := range 1 << layer {
			VPBROADCASTQ(Mem{Base: entry, Disp: 2 * i << p.entryShift()}, constants[k])
			k++
		}
	}
	which := parameter(rows)
	TESTQ(which, which)
	JEQ(LabelRef(w + "Chosen"))
	CMPQ(parameterAt(w), U8(0))
	JNE(LabelRef(w + "Chosen"))
	ADDQ(U8(variants/2), which)
	Label(w + "Chosen")
	MOVQ(which, variant)
}

// column writes the work at one position, and moves on.
func (p *octetPass) column(l layout) {
	label := [...]string{planar: "wide", narrow: "narrow"}[l]
	o := p.o

	list, count, base := GP64(), GP64(), GP64()
	MOVQ(p.count, count)
	TESTQ(count, count)
	JEQ(LabelRef(label + "NoneAhead"))
	MOVQ(p.list, list)
	Label(label + "Ahead")
	MOVQ(Mem{Base: list}, base)
	for i := range 2 * p.width(l) / 64 {
		PREFETCHT1(Mem{Base: base, Index: p.offset, Scale: 1, Disp: 64 * i})
	}
	ADDQ(U8(sliceSize), list)
	DECQ(count)
	JNE(LabelRef(label + "Ahead"))
	Label(label + "NoneAhead")

	p.choose(p.live, label+"Live", func(n int, zero bool) {
		live := n
		if n == 0 {
			live = len(p.v)
		}
		for i := range live {
			lo, hi := o.at(o.src, i)
			p.mov(lo, p.register(l, i, 0))
			p.mov(hi, p.register(l, i, 1))
		}
		p.inverse(l, n, zero)
	})

	CMPQ(p.flags[0], U8(0))
	JEQ(LabelRef(label + "NoSum"))
	for i := range p.v {
		lo, hi := o.at(o.dst, i)
		for plane, at := range []Mem{lo, hi} {
			r := p.register(l, i, plane)
			p.xor(at, r, r)
		}
	}
	Label(label + "NoSum")
	CMPQ(p.flags[1], U8(0))
	JEQ(LabelRef(label + "NotKept"))
	p.storeRows(l, o.src, len(p.v))
	Label(label + "NotKept")
	entry := GP64()
	MOVQ(p.scaling, entry)
	TESTQ(entry, entry)
	JEQ(LabelRef(label + "NotScaled"))
	for i := range p.v {
		for plane := range 2 {
			r := p.register(l, i, plane)
			VGF2P8AFFINEQB_BCST(Imm(0), Mem{Base: entry}, r, r)
		}
	}
	Label(label + "NotScaled")

	p.choose(p.out, label+"Out", func(n int, zero bool) {
		p.forward(l, n, zero)
		if n == 0 {
			n = len(p.v)
		}
		p.storeRows(l, o.dst, n)
	})
	o.advance(U8(p.width(l)))
	ADDQ(I32(2*p.width(l)), p.offset)
}

// choose writes all variants of f and a search among them: n rows of 0 to 8, and from
// 1 on both with constants that are zero and not.
func (p *octetPass) choose(variant Mem, label string, f func(n int, zero bool)) {
	name := func(i int) string { return fmt.Sprintf("%s%d", label, i) }
	var search func(from, to int)
	search = func(from, to int) {
		if to-from == 1 {
			JMP(LabelRef(name(from)))
			return
		}
		middle := (from + to) / 2
		half := fmt.Sprintf("%sFrom%d", label, middle)
		CMPQ(variant, U8(middle))
		JGE(LabelRef(half))
		search(from, middle)
		Label(half)
		search(middle, to)
	}
	search(0, variants+1)
	for i := range variants + 1 {
		Label(name(i))
		if i <= variants/2 {
			f(i, false)
		} else {
			f(i-variants/2, true)
		}
		if i < variants {
			JMP(LabelRef(label + "Done"))
		}
	}
	Label(label + "Done")
}

// register returns one plane of row i.
func (p *octetPass) register(l layout, i, plane int) Op {
	r := [2]Op{p.v[i].lo, p.v[i].hi}[plane].(VecVirtual)
	if l == narrow {
		return r.AsY()
	}
	return r
}

func (p *octetPass) storeRows(l layout, to [4]Register, n int) {
	for i := range n {
		lo, hi := p.o.at(to, i)
		p.mov(p.register(l, i, 0), lo)
		p.mov(p.register(l, i, 1), hi)
	}
}

// inverse writes the butterflies of the inverse, of which the rows from n on are zero.
func (p *octetPass) inverse(l layout, n int, zero bool) {
	var live [8]bool
	for i := range n {
		live[i] = true
	}
	steps := slices.Clone(octetSteps)
	slices.Reverse(steps)
	for _, s := range steps {
		if !live[s.i] {
			continue
		}
		for plane := range 2 {
			a, b := p.register(l, s.i, plane), p.register(l, s.j, plane)
			if live[s.j] {
				p.xor(a, b, b)
			} else {
				p.copyWide(a, b)
			}
		}
		live[s.j] = true
		p.addMultiple(l, s.i, s.j, p.there[s.constant], zero && slices.Contains(zeros, s.constant))
	}
}

// forward writes the butterflies of the transform, of which the first n rows are wanted.
func (p *octetPass) forward(l layout, n int, zero bool) {
	var wanted [8]bool
	for i := range n {
		wanted[i] = true
	}
	// From the last to the first: which rows come out of a butterfly, and so which go in.
	type step struct{ i, j, constant int }
	var steps []step
	var second []bool
	for _, s := range slices.Backward(octetSteps) {
		if !wanted[s.i] {
			continue
		}
		steps, second = append(steps, step(s)), append(second, wanted[s.j])
		wanted[s.j] = true
	}
	for i, s := range slices.Backward(steps) {
		p.addMultiple(l, s.i, s.j, p.back[s.constant], zero && slices.Contains(zeros, s.constant))
		for plane := range 2 {
			if second[i] {
				a, b := p.register(l, s.i, plane), p.register(l, s.j, plane)
				p.xor(a, b, b)
			}
		}
	}
}

// addMultiple adds the product of row j by the constant to row i.
func (p *octetPass) addMultiple(l layout, i, j int, c VecVirtual, isZero bool) {
	if isZero {
		return
	}
	for plane := range 2 {
		product := p.vec(l)
		var by Op = c
		if l == narrow {
			by = c.AsY()
		}
		VGF2P8AFFINEQB(Imm(0), by, p.register(l, j, plane), product)
		a := p.register(l, i, plane)
		p.xor(product, a, a)
	}
}

func (p *octetPass) copyWide(src, dst Op) { VMOVDQA64(src, dst) }
