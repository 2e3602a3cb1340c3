package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/gf/coset"
)

// The encoders of few parity shards: a column of all rows is in registers from the
// loads of the data to the stores of the parity. Words are pairs over the subfield, and
// all constants are in it, so that a product is one map of bytes, whatever plane they
// are of. A 64-byte vector is both planes of a natural block. A 32-byte vector is one:
// the kernel does the plane of the high bytes first, and then that of the low bytes, to
// which T of the high ones is added on the way in and on the way out.

// rowsHeld is how many rows the registers hold beside what products take.
func (m machine) rowsHeld() int {
	if m.wide {
		return 24
	}
	return 12
}

// encoder is one of these kernels being written.
type encoder struct {
	machine
	coset.Kernel
	rows, sums []VecVirtual
	turning    constant
	tab        Register
	entries    []Register // of the constants of a group, by layers
	pos        Register   // where the column is in the shards' arrays, and where the last one ends
	at         Register   // where the plane is: pos, unless there are two planes
}

// encoders writes all of them.
func (m machine) encoders() {
	for _, k := range coset.Kernels(m.rowsHeld()) {
		m.encoder(k)
	}
}

func (m machine) encoder(k coset.Kernel) {
	begin(k.Name()+m.suffix, "dsts *byte, m int, srcs *byte, k, base, off, n int, from, to *byte, tab *byte")
	e := &encoder{machine: m, Kernel: k}
	if !m.gfni {
		e.machine = m.prepare()
	}
	e.tab, e.pos = parameter("tab"), parameter("off")
	e.turning = m.turningAt(e.tab)
	if m.wide || m.gfni {
		e.turning = m.load(planar, e.turning)
	}
	for range k.Group {
		e.rows = append(e.rows, m.vec(planar))
	}
	for range k.Rows {
		e.sums = append(e.sums, m.vec(planar))
	}
	for range k.Layers() {
		e.entries = append(e.entries, GP64())
	}
	end := parameter("n")
	ADDQ(e.pos, end)
	MOVQ(end, parameterAt("n"))

	Label("column")
	e.at = e.pos
	if !m.wide {
		e.at = GP64()
		LEAQ(Mem{Base: e.pos, Disp: blockSize / 2}, e.at)
		Label("plane")
	}
	e.column()
	if !m.wide {
		CMPQ(e.at, e.pos)
		MOVQ(e.pos, e.at)
		JNE(LabelRef("plane"))
	}
	ADDQ(U8(blockSize), e.pos)
	CMPQ(e.pos, parameterAt("n"))
	JLT(LabelRef("column"))
	VZEROUPPER()
	RET()
}

// column writes the work on one vector of every shard.
func (e *encoder) column() {
	srcs, left := parameter("srcs"), parameter("k")
	for layer, p := range e.entries {
		Load(Param("base"), p)
		if layer > 0 {
			SHRQ(U8(layer), p)
		}
		SHLQ(U8(e.entryShift()), p)
		ADDQ(e.tab, p)
	}
	from := parameter("from")
	TESTQ(from, from)
	JEQ(LabelRef("fromZero"))
	for i, r := range e.sums {
		e.mov(Mem{Base: from, Disp: i * e.width(planar)}, r)
	}
	ADDQ(I32(e.Rows*e.width(planar)), parameterAt("from"))
	JMP(LabelRef("group"))
	Label("fromZero")
	e.clear(e.sums)

	Label("group")
	if e.Halves() {
		// The entries have moved on by one group: that of u is one back for the first
		// half, where that of u+1 is wanted, and two back for the second.
		halves := func(back int) func() {
			return func() {
				u := e.constant(Mem{Base: e.entries[len(e.entries)-1], Disp: -back << e.entryShift()})
				for i, r := range e.rows {
					e.xor(r, e.sums[e.Group+i], e.sums[e.Group+i])
					e.addMultiple(e.sums[i], u, r)
				}
			}
		}
		e.group("", srcs, left, halves(0))
		e.group("Second", srcs, left, halves(2))
	} else {
		e.group("", srcs, left, func() {
			for i, r := range e.rows {
				e.xor(r, e.sums[i], e.sums[i])
			}
		})
	}
	TESTQ(left, left)
	JGT(LabelRef("group"))
	Label("summed")
	to := parameter("to")
	TESTQ(to, to)
	JEQ(LabelRef("whole"))
	for i, r := range e.sums {
		e.mov(r, Mem{Base: to, Disp: i * e.width(planar)})
	}
	ADDQ(I32(e.Rows*e.width(planar)), parameterAt("to"))
	JMP(LabelRef("stored"))
	Label("whole")
	for _, s := range coset.Forward(e.Rows) {
		i, j := e.sums[s.I], e.sums[s.J]
		if w := s.Start >> s.Layer; w > 0 {
			e.addMultiple(i, e.constant(Mem{Base: e.tab, Disp: w << e.entryShift()}), j)
		}
		e.xor(i, j, j)
	}
	e.stores()
}

// group writes the inverse transform of a group's rows, and what is done with them.
func (e *encoder) group(name string, srcs, left Register, sum func()) {
	if name != "" {
		TESTQ(left, left)
		JLE(LabelRef("summed"))
	}
	CMPQ(left, U8(e.Group))
	JGE(LabelRef("full" + name))
	e.clear(e.rows[1:])
	Label("full" + name)
	load := func(label string, turned bool) {
		for i, r := range e.rows {
			if i > 0 {
				CMPQ(left, U8(i))
				JLE(LabelRef("loaded" + name))
			}
			base := GP64()
			MOVQ(Mem{Base: srcs, Disp: sliceSize * i}, base)
			at := Mem{Base: base, Index: e.at, Scale: 1}
			e.mov(at, r)
			if turned {
				e.turnBy(r, at.Offset(blockSize/2))
			}
		}
	}
	if !e.wide {
		CMPQ(e.at, e.pos)
		JEQ(LabelRef("low" + name))
		load("high", false)
		JMP(LabelRef("loaded" + name))
		Label("low" + name)
	}
	load("low", true)
	Label("loaded" + name)
	ADDQ(U32(sliceSize*e.Group), srcs)
	SUBQ(U8(e.Group), left)
	for _, s := range coset.Inverse(e.Group) {
		i, j := e.rows[s.I], e.rows[s.J]
		e.xor(i, j, j)
		e.addMultiple(i, e.constant(Mem{Base: e.entries[s.Layer], Disp: s.Start >> s.Layer << e.entryShift()}), j)
	}
	for layer, p := range e.entries {
		ADDQ(U32(e.Group>>layer<<e.entryShift()), p)
	}
	sum()
}

// stores writes the stores of the rows of parity.
func (e *encoder) stores() {
	dsts, rows := parameter("dsts"), parameter("m")
	store := func(turned bool) {
		for i, r := range e.sums {
			if i > 0 {
				CMPQ(rows, U8(i))
				JLE(LabelRef("stored"))
			}
			base := GP64()
			MOVQ(Mem{Base: dsts, Disp: sliceSize * i}, base)
			at := Mem{Base: base, Index: e.at, Scale: 1}
			switch {
			case e.wide:
				high := YMM()
				VEXTRACTI64X4(U8(1), r, high)
				e.turnBy(r, high)
			case turned:
				e.turnBy(r, at.Offset(blockSize/2))
			}
			e.mov(r, at)
		}
	}
	if !e.wide {
		CMPQ(e.at, e.pos)
		JEQ(LabelRef("storeLow"))
		store(false)
		JMP(LabelRef("stored"))
		Label("storeLow")
	}
	store(true)
	Label("stored")
}

// turnBy adds T of the high bytes, in memory or in the low half of a vector, to r. Of a
// vector of 64 bytes it changes the low half: T of nothing is nothing.
func (e *encoder) turnBy(r VecVirtual, high Op) {
	half := YMM()
	if _, ok := high.(Mem); ok {
		e.mov(high, half)
	} else {
		half = high.(VecVirtual)
	}
	sum := e.newSum(nil)
	e.addPart(narrow, &sum, e.turning, 0, half)
	var t Op = sum.value()
	if e.wide {
		t = t.(VecVirtual).AsZ()
	}
	e.xor(t, r, r)
}

func (e *encoder) constant(entry Mem) constant {
	return constant{entry: entry, tower: true, inSubfield: true}
}

// addMultiple adds c·j to i.
func (e *encoder) addMultiple(i VecVirtual, c constant, j VecVirtual) {
	sum := e.newSum(i)
	e.addPart(planar, &sum, c, 0, j)
	if sum.value() != Op(i) {
		panic("the sum has left its register")
	}
}

func (e *encoder) clear(regs []VecVirtual) {
	for _, r := range regs {
		e.xor(r, r, r)
	}
}

// sum writes the kernel of a single parity shard.
func (m machine) sumRows() {
	begin("sum"+m.suffix, "dst *byte, srcs *byte, count int, off, n int")
	dst, pos, left := parameter("dst"), parameter("off"), parameter("n")
	width := m.width(planar)
	for _, vectors := range []int{8, blockSize / width} {
		label := fmt.Sprintf("tile%d", vectors)
		step := I32(vectors * width)
		Label(label)
		CMPQ(left, step)
		JLT(LabelRef(label + "Done"))
		srcs, count, base := parameter("srcs"), parameter("count"), GP64()
		v := make([]VecVirtual, vectors)
		MOVQ(Mem{Base: srcs}, base)
		for i := range v {
			v[i] = m.vec(planar)
			m.mov(Mem{Base: base, Index: pos, Scale: 1, Disp: i * width}, v[i])
		}
		JMP(LabelRef(label + "Next"))
		Label(label + "Source")
		MOVQ(Mem{Base: srcs}, base)
		for i := range v {
			m.xor(Mem{Base: base, Index: pos, Scale: 1, Disp: i * width}, v[i], v[i])
		}
		Label(label + "Next")
		ADDQ(U8(sliceSize), srcs)
		DECQ(count)
		JNE(LabelRef(label + "Source"))
		for i := range v {
			m.mov(v[i], Mem{Base: dst, Disp: i * width})
		}
		ADDQ(step, dst)
		ADDQ(step, pos)
		SUBQ(step, left)
		JMP(LabelRef(label))
		Label(label + "Done")
	}
	end()
}
