package main

import (
	"slices"

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

// ahead is how far on, in bytes, data is fetched into the first cache: what comes from
// the second takes some columns' work.
const ahead = 1024

// rowsHeld is how many rows the registers hold beside what products take.
func rowsHeld(m machine) int {
	if m.wide {
		return 24
	}
	return 12
}

// encoder is one of these kernels being written.
type encoder struct {
	multiplier
	coset.Kernel
	rows, sums [][]VecVirtual // of a column; of two together, of their low and of their high bytes
	body       string         // prefix of labels: the code for so many columns
	towerMap   constant
	tab        Register
	first      []Register // entries, at a column's beginning, where columns are worked on in pairs
	entries    []Register // of the constants of a group, by layers
	summed     Register   // of a pair: 0 as long as nothing is in the sums
	pos        Register   // where the column is in the shards' arrays, and where the last one ends
	at         Register   // where the plane is: pos, unless there are two planes
}

// few are the kernels of a machine.
func few(m machine) writers {
	var list writers
	for _, k := range coset.Kernels(rowsHeld(m)) {
		list = append(list, writers{{k.Name(), func() { encode(m, k) }}}...)
	}
	return list
}

func encode(m machine, k coset.Kernel) {
	m.begin(k.Name())
	e := &encoder{multiplier: newMultiplier(m, planar), Kernel: k}
	e.tab, e.pos = parameter("tab"), parameter("off")
	e.towerMap = towerMapAt(m, e.tab)
	if m.wide || m.gfni {
		e.towerMap = e.load(planar, e.towerMap)
	}
	columns := columnsHeld(m, k)
	for range columns {
		rows, sums := make([]VecVirtual, k.Group), make([]VecVirtual, k.Rows)
		for _, list := range [][]VecVirtual{rows, sums} {
			for i := range list {
				list[i] = m.vec(planar)
			}
		}
		e.rows, e.sums = append(e.rows, rows), append(e.sums, sums)
	}
	for range k.Layers() {
		e.entries = append(e.entries, GP64())
	}
	if columns > 1 {
		for range e.entries {
			e.first = append(e.first, GP64())
		}
		e.firstEntries(e.first)
	}
	past := parameter("n")
	ADDQ(e.pos, past)
	MOVQ(past, parameterAt("n"))

	e.at = e.pos
	if columns > 1 {
		Label("columns")
		next := GP64()
		LEAQ(Mem{Base: e.pos, Disp: columns * blockSize}, next)
		CMPQ(next, parameterAt("n"))
		JGT(LabelRef("last"))
		e.body = pairBody
		e.column()
		ADDQ(U32(columns*blockSize), e.pos)
		JMP(LabelRef("columns"))
		Label("last")
		CMPQ(e.pos, parameterAt("n"))
		JGE(LabelRef("done"))
		e.rows, e.sums, e.body = e.rows[:1], e.sums[:1], ""
		e.column()
		Label("done")
		end()
		return
	}
	Label("column")
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
	end()
}

// firstEntries writes the computation of where the constants of the first group are.
func (e *encoder) firstEntries(entries []Register) {
	for layer, p := range entries {
		Load(Param("base"), p)
		if layer > 0 {
			SHRQ(U8(layer), p)
		}
		SHLQ(U8(entryShift(e.machine)), p)
		ADDQ(e.tab, p)
	}
}

// columnsHeld is how many columns are worked on together: few rows leave registers for
// two, see fewpair.go. Where products take more than an instruction, that would gain little
// of the whole.
func columnsHeld(m machine, k coset.Kernel) int {
	if m.wide && m.gfni && 2*(k.Rows+k.Group) <= rowsHeld(m) {
		return 2
	}
	return 1
}

// column writes the work on one vector of every shard.
func (e *encoder) column() {
	srcs, left := parameter("srcs"), parameter("k")
	if e.first == nil {
		e.firstEntries(e.entries)
	}
	for layer, p := range e.first {
		MOVQ(p, e.entries[layer])
	}
	from := parameter("from")
	if e.paired() {
		e.summed = GP64()
		MOVQ(from, e.summed)
	}
	TESTQ(from, from)
	JEQ(LabelRef(e.body + "fromZero"))
	for i, r := range slices.Concat(e.sums...) {
		e.mov(Mem{Base: from, Disp: i * e.width(planar)}, r)
	}
	ADDQ(I32(len(e.sums)*e.Rows*e.width(planar)), parameterAt("from"))
	if !e.paired() {
		JMP(LabelRef(e.body + "group"))
	}
	Label(e.body + "fromZero")
	if !e.paired() {
		e.clear(slices.Concat(e.sums...))
	}

	Label(e.body + "group")
	e.group(srcs, left)
	to := parameter("to")
	TESTQ(to, to)
	JEQ(LabelRef(e.body + "whole"))
	for i, r := range slices.Concat(e.sums...) {
		e.mov(r, Mem{Base: to, Disp: i * e.width(planar)})
	}
	ADDQ(I32(len(e.sums)*e.Rows*e.width(planar)), parameterAt("to"))
	JMP(LabelRef(e.body + "stored"))
	Label(e.body + "whole")
	for _, s := range coset.Forward(e.Rows) {
		for _, sums := range e.sums {
			i, j := sums[s.I], sums[s.J]
			if w := s.Start >> s.Layer; w > 0 {
				e.addMultiple(i, e.constant(Mem{Base: e.tab, Disp: w << entryShift(e.machine)}), j)
			}
			e.xor(i, j, j)
		}
	}
	e.stores()
}

// group writes the inverse transform of a group's rows, and their sums.
func (e *encoder) group(srcs, left Register) {
	CMPQ(left, U8(e.Group))
	if e.wide {
		// What a full group's rows of odd number add up to comes with the row before.
		JLT(LabelRef(e.body + "part"))
		for i := range e.Group {
			at := e.row(srcs, i)
			if e.paired() {
				e.loadPair(i, at, true)
				continue
			}
			PREFETCHT0(at.Offset(ahead))
			row := e.rows[0][i]
			e.mov(at, row)
			if i%2 == 1 {
				e.addTowerMap(row, at.Offset(blockSize/2), e.rows[0][i-1])
			} else {
				e.addTowerMap(row, at.Offset(blockSize/2), nil)
			}
		}
		JMP(LabelRef(e.body + "begun"))
		Label(e.body + "part")
		for _, rows := range e.rows {
			e.clear(rows[1:])
		}
	} else {
		JGE(LabelRef(e.body + "full"))
		e.clear(e.rows[0][1:])
		Label(e.body + "full")
	}
	load := func(low bool) {
		for i := range e.Group {
			if e.wide && i == e.Group-1 {
				break // the group would be full
			}
			if i > 0 {
				CMPQ(left, U8(i))
				if e.hasHalf() && i <= e.Group/2 {
					JLE(LabelRef(e.body + "half"))
				} else {
					JLE(LabelRef(e.body + "loaded"))
				}
			}
			at := e.row(srcs, i)
			if e.paired() {
				e.loadPair(i, at, false)
				continue
			}
			e.mov(at, e.rows[0][i])
			if low {
				e.addTowerMap(e.rows[0][i], at.Offset(blockSize/2), nil)
			}
		}
	}
	if !e.wide {
		CMPQ(e.at, e.pos)
		JEQ(LabelRef(e.body + "low"))
		load(false)
		JMP(LabelRef(e.body + "loaded"))
		Label(e.body + "low")
	}
	load(true)
	Label(e.body + "loaded")
	for _, rows := range e.rows {
		for i := 1; i < e.Group; i += 2 {
			e.xor(rows[i-1], rows[i], rows[i])
		}
	}
	Label(e.body + "begun")
	ADDQ(U32(sliceSize*e.Group), srcs)
	SUBQ(U8(e.Group), left)
	steps, last := coset.Inverse(e.Group), []coset.Step(nil)
	if !e.Halves() {
		n := len(steps) - e.Group/2
		steps, last = steps[:n], steps[n:]
	}
	for _, s := range steps {
		for _, rows := range e.rows {
			if s.Layer > 0 {
				e.xor(rows[s.I], rows[s.J], rows[s.J])
			}
			e.addMultiple(rows[s.I], e.stepConstant(s), rows[s.J])
		}
	}
	if e.paired() {
		e.firstSums(last)
	}
	// The last layer's butterflies add to the sums.
	for _, s := range last {
		for k, rows := range e.rows {
			i, j := rows[s.I], rows[s.J]
			if s.Layer > 0 {
				e.xor(i, j, j)
			}
			e.addToSums(s, i, j, e.sums[k])
		}
	}
	if e.Halves() {
		// The entry of this half's constant in the last layer: u+1 or u, where the
		// entries are at u and u+1.
		entry := GP64()
		MOVQ(e.entries[len(e.entries)-1], entry)
		SUBQ(e.tab, entry)
		XORQ(U32(1<<entryShift(e.machine)), entry)
		ADDQ(e.tab, entry)
		for k, rows := range e.rows {
			sums := e.sums[k]
			for i, r := range rows {
				e.xor(r, sums[e.Group+i], sums[e.Group+i])
				e.addMultiple(sums[i], e.constant(Mem{Base: entry}), r)
			}
		}
	}
	if e.paired() {
		Label(e.body + "added")
	}
	for layer, p := range e.entries {
		ADDQ(U32(e.Group>>layer<<entryShift(e.machine)), p)
	}
	TESTQ(left, left)
	JGT(LabelRef(e.body + "group"))
	if e.hasHalf() {
		JMP(LabelRef(e.body + "summed"))
		e.half()
		Label(e.body + "summed")
	}
}

// addToSums adds what comes of a butterfly of the last layer to the sums: of rows that are i, and
// j, which is i and the other one added up.
func (e *encoder) addToSums(s coset.Step, i, j VecVirtual, sums []VecVirtual) {
	total := e.newSum(sums[s.I])
	e.addPart(planar, &total, e.stepConstant(s), 0, j)
	total.add(i)
	total.value()
	e.xor(j, sums[s.J], sums[s.J])
}

// stepConstant is the constant of a step of the inverse transform of a group.
func (e *encoder) stepConstant(s coset.Step) constant {
	return e.constant(Mem{Base: e.entries[s.Layer], Disp: s.Start >> s.Layer << entryShift(e.machine)})
}

// row returns the address of the vector of row i of a list.
func (e *encoder) row(list Register, i int) Mem {
	base := GP64()
	MOVQ(Mem{Base: list, Disp: sliceSize * i}, base)
	return Mem{Base: base, Index: e.at, Scale: 1}
}

// stores writes the stores of the rows of parity.
func (e *encoder) stores() {
	dsts, rows := parameter("dsts"), parameter("m")
	store := func(low bool) {
		for i := range e.Rows {
			if i > 0 {
				CMPQ(rows, U8(i))
				JLE(LabelRef(e.body + "stored"))
			}
			at := e.row(dsts, i)
			switch r := e.sums[0][i]; {
			case e.paired():
				e.storePair(i, at)
				continue
			case e.wide:
				high := YMM()
				VEXTRACTI64X4(U8(1), r, high)
				e.addTowerMap(r, high, nil)
			case low:
				e.addTowerMap(r, at.Offset(blockSize/2), nil)
			}
			e.mov(e.sums[0][i], at)
		}
	}
	if !e.wide {
		CMPQ(e.at, e.pos)
		JEQ(LabelRef(e.body + "storeLow"))
		store(false)
		JMP(LabelRef(e.body + "stored"))
		Label(e.body + "storeLow")
	}
	store(true)
	Label(e.body + "stored")
}

// addTowerMap adds T of the high bytes, in memory or in the low half of a vector, to r, and
// another row if there is one. Of a vector of 64 bytes T changes the low half: T of
// nothing is nothing.
func (e *encoder) addTowerMap(r VecVirtual, high Op, other Op) {
	half := YMM()
	if _, ok := high.(Mem); ok {
		e.mov(high, half)
	} else {
		half = high.(VecVirtual)
	}
	t := e.newSum(nil)
	e.addPart(narrow, &t, e.towerMap, 0, half)
	v := t.value().(VecVirtual)
	if !e.wide {
		e.xor(v, r, r)
		return
	}
	if other == nil {
		e.xor(v.AsZ(), r, r)
		return
	}
	VPTERNLOGQ(Imm(0x96), other, v.AsZ(), r)
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
