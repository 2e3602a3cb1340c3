package main

import (
	"fmt"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/gf/coset"
)

// fused is the kernel fused8 being written: the last pass of an inverse transform and the
// first of a forward one, fused. Three layers of the inverse, a sum, and three layers of
// the transform, each if it is asked for, are one pass over the rows. Rows that are zero
// are not loaded, and rows that nobody wants are not computed.
//
// All constants are of the subfield, so that the planes of a row are not told apart: a row
// is a run of columns, of 64 bytes each. Eight rows of a column are in eight registers, with
// seven constants of either transform in fourteen more. That leaves room for a second
// column: two at a time share the choice of what there is to do, and are fetched and stored
// as the pairs of lines that they are. By single columns, a pass that keeps its rows takes
// a twelfth longer. Which layers there are is decided anew for them every time: branches
// that are always taken the same way cost next to nothing, and code for each combination
// would be many times as long.
type fused struct {
	machine
	eight
	v                [8][2]VecVirtual // in one column, or two
	inverse, forward [7]VecVirtual    // the constants of either transform
	live, out        Mem              // which variant of both, see variants
	scaling          Mem              // the entry of the factor between them, or 0
	between          Mem              // 0 if there is nothing to be done between them
	count            Mem              // how many slices are prefetched in this row
	offset           Register         // in these slices
}

// Three layers are run with 2, 4, 6 or all 8 rows that are not zero, or wanted; with any
// constants, or such as begin with a zero. Variant 0 runs none.
const variants = 4

// begins tells which constants are zero in the first group of a transform at coset 0.
func begins(s coset.Step) bool { return s.Start == 0 }

// arg returns the address of an argument, which the kernel may change.
func arg(name string) Mem { return parameterAt("args_" + name) }

// loaded returns an argument in a new register.
func loaded(name string) GPVirtual { return parameter("args_" + name) }

// fusedPass writes the kernel.
func fusedPass(m machine) {
	m.begin("fused8")
	p := &fused{machine: m, live: AllocLocal(8), out: AllocLocal(8), scaling: AllocLocal(8), between: AllocLocal(8), count: AllocLocal(8)}
	p.left = AllocLocal(8)
	p.strides(loaded("dist"), arg("planeBytes"))
	p.src, p.dst = p.run(loaded("src")), p.run(loaded("dst"))
	p.offset = loaded("offset")
	for i := range p.v {
		p.v[i] = [2]VecVirtual{ZMM(), ZMM()}
	}
	for i := range p.inverse {
		p.inverse[i], p.forward[i] = ZMM(), ZMM()
	}
	entry := loaded("factor")
	CMPQ(entry, U8(1))
	JNE(LabelRef("scaled"))
	XORQ(entry, entry)
	JMP(LabelRef("unscaled"))
	Label("scaled")
	SHLQ(U8(entryShift(m)), entry)
	ADDQ(parameterAt("tab"), entry)
	Label("unscaled")
	MOVQ(entry, p.scaling)
	ORQ(arg("sum"), entry)
	ORQ(arg("keep"), entry)
	MOVQ(entry, p.between)

	CMPQ(arg("groups"), U8(0))
	JEQ(LabelRef("done"))
	Label("group")
	p.start("live", arg("t"), p.live, p.inverse[:])
	p.start("out", arg("u"), p.out, p.forward[:])
	MOVQ(loaded("dist"), p.left)
	Label("row")
	// As many slices as are fetched with each row, or as there are left.
	count, left := loaded("each"), GP64()
	MOVQ(arg("left"), left)
	CMPQ(left, count)
	CMOVQLT(left, count)
	MOVQ(count, p.count)
	SUBQ(count, left)
	MOVQ(left, arg("left"))

	columns := loaded("planeBytes")
	SHRQ(U8(6), columns)
	JEQ(LabelRef("last"))
	Label("column")
	p.columns("two", 2)
	DECQ(columns)
	JNE(LabelRef("column"))
	Label("last")
	TESTQ(U32(narrowHalf), arg("planeBytes"))
	JEQ(LabelRef("rowDone"))
	p.columns("one", 1)
	Label("rowDone")

	MOVQ(arg("offset"), p.offset)
	next := GP64()
	MOVQ(p.count, next)
	LEAQ(Mem{Base: next, Index: next, Scale: 2}, next)
	SHLQ(U8(3), next)
	ADDQ(next, arg("list"))
	DECQ(p.left)
	JNE(LabelRef("row"))

	rest := GP64()
	LEAQ(Mem{Base: p.thrice, Index: p.stride, Scale: 4}, rest)
	p.advance(rest)
	ADDQ(U8(8), arg("t"))
	ADDQ(U8(8), arg("u"))
	DECQ(arg("groups"))
	JNE(LabelRef("group"))
	Label("done")
	end()
}

// start loads the constants of a group, from w on, and chooses the variant.
func (p *fused) start(rows string, w, variant Mem, constants []VecVirtual) {
	k := 0
	for layer := range 3 {
		entry := GP64()
		MOVQ(w, entry)
		SHRQ(U8(2-layer), entry)
		SHLQ(U8(entryShift(p.machine)), entry)
		ADDQ(parameterAt("tab"), entry)
		for i := range 1 << layer {
			VPBROADCASTQ(Mem{Base: entry, Disp: 2 * i << entryShift(p.machine)}, constants[k])
			k++
		}
	}
	which := loaded(rows)
	INCQ(which)
	SHRQ(U8(1), which)
	JEQ(LabelRef(rows + "Chosen"))
	CMPQ(w, U8(0))
	JNE(LabelRef(rows + "Chosen"))
	ADDQ(U8(variants), which)
	Label(rows + "Chosen")
	MOVQ(which, variant)
}

// columns writes the work on n columns, and moves on. Its labels begin with the prefix.
func (p *fused) columns(prefix string, n int) {
	list, count := GP64(), GP64()
	MOVQ(p.count, count)
	TESTQ(count, count)
	JEQ(LabelRef(prefix + "NoneAhead"))
	MOVQ(arg("list"), list)
	Label(prefix + "Ahead")
	base := p.slice(list)
	for i := range n {
		PREFETCHT1(Mem{Base: base, Index: p.offset, Scale: 1, Disp: 64 * i})
	}
	ADDQ(U8(sliceSize), list)
	DECQ(count)
	JNE(LabelRef(prefix + "Ahead"))
	Label(prefix + "NoneAhead")

	p.choose(p.live, prefix+"Live", func(rows int, zero bool) {
		live := rows
		if rows == 0 {
			live = len(p.v)
		}
		for i := range live {
			if i > 0 && i == rows-1 {
				// There may be one row less.
				skip := fmt.Sprintf("%sLive%d%v", prefix, rows, zero)
				for k := range n {
					p.xor(p.v[i][k], p.v[i][k], p.v[i][k])
				}
				CMPQ(arg("live"), U8(rows))
				JLT(LabelRef(skip))
				for k := range n {
					p.mov(p.rowAt(p.src[i/4], i).Offset(64*k), p.v[i][k])
				}
				Label(skip)
				continue
			}
			for k := range n {
				p.mov(p.rowAt(p.src[i/4], i).Offset(64*k), p.v[i][k])
			}
		}
		p.inverseSteps(rows, zero, n)
	})

	CMPQ(p.between, U8(0))
	JEQ(LabelRef(prefix + "NoneBetween"))
	CMPQ(arg("sum"), U8(0))
	JEQ(LabelRef(prefix + "NoSum"))
	for i, r := range p.v {
		for k := range n {
			p.xor(p.rowAt(p.dst[i/4], i).Offset(64*k), r[k], r[k])
		}
	}
	Label(prefix + "NoSum")
	CMPQ(arg("keep"), U8(0))
	JEQ(LabelRef(prefix + "NotKept"))
	p.storeRows(p.src, 0, len(p.v), n)
	Label(prefix + "NotKept")
	entry := GP64()
	MOVQ(p.scaling, entry)
	TESTQ(entry, entry)
	JEQ(LabelRef(prefix + "NoneBetween"))
	for _, r := range p.v {
		for k := range n {
			VGF2P8AFFINEQB_BCST(Imm(0), Mem{Base: entry}, r[k], r[k])
		}
	}
	Label(prefix + "NoneBetween")

	p.choose(p.out, prefix+"Out", func(rows int, zero bool) {
		p.forwardSteps(rows, zero, n)
		if rows == 0 {
			p.storeRows(p.dst, 0, len(p.v), n)
			return
		}
		p.storeRows(p.dst, 0, rows-1, n)
		// There may be one row less.
		skip := fmt.Sprintf("%sOut%d%v", prefix, rows, zero)
		CMPQ(arg("out"), U8(rows))
		JLT(LabelRef(skip))
		p.storeRows(p.dst, rows-1, rows, n)
		Label(skip)
	})
	p.advance(I32(n * p.width(planar)))
	ADDQ(I32(n*p.width(planar)), p.offset)
}

func (p *fused) slice(list Register) Register {
	base := GP64()
	MOVQ(Mem{Base: list}, base)
	return base
}

// choose writes all variants of f and a choice among them: n rows of 0 to 8, and from
// 2 on both with constants that are zero and not.
func (p *fused) choose(variant Mem, label string, f func(n int, zero bool)) {
	name := func(i int) string { return fmt.Sprintf("%s%d", label, i) }
	const all = 2*variants + 1
	// Those that are common come first.
	which := GP64()
	MOVQ(variant, which)
	for _, i := range []int{variants, 0, 2 * variants, variants - 1, 2*variants - 1, 1, 2, variants + 1} {
		CMPQ(which, U8(i))
		JEQ(LabelRef(name(i)))
	}
	JMP(LabelRef(name(variants + 2)))
	for i := range all {
		Label(name(i))
		if i <= variants {
			f(2*i, false)
		} else {
			f(2*(i-variants), true)
		}
		if i < all-1 {
			JMP(LabelRef(label + "Done"))
		}
	}
	Label(label + "Done")
}

// storeRows stores n columns of the rows from first to end.
func (p *fused) storeRows(to [4]Register, first, end, n int) {
	for i := first; i < end; i++ {
		for k := range n {
			p.mov(p.v[i][k], p.rowAt(to[i/4], i).Offset(64*k))
		}
	}
}

// inverseSteps writes the butterflies of the inverse on n columns, of which the rows from
// the given one on are zero.
func (p *fused) inverseSteps(rows int, zero bool, n int) {
	var live [8]bool
	for i := range rows {
		live[i] = true
	}
	for _, s := range slices.Backward(radix8Steps) {
		if !live[s.I] {
			continue
		}
		for k := range n {
			if live[s.J] {
				p.xor(p.v[s.I][k], p.v[s.J][k], p.v[s.J][k])
			} else {
				VMOVDQA64(p.v[s.I][k], p.v[s.J][k])
			}
		}
		live[s.J] = true
		p.addMultiple(s, p.inverse[:], zero, n)
	}
}

// forwardSteps writes the butterflies of the transform on n columns, of which so many rows
// are wanted, from the first on.
func (p *fused) forwardSteps(rows int, zero bool, n int) {
	var wanted [8]bool
	for i := range rows {
		wanted[i] = true
	}
	// From the last to the first: which rows come out of a butterfly, and so which go in.
	var steps []coset.Step
	var second []bool
	for _, s := range slices.Backward(radix8Steps) {
		if !wanted[s.I] {
			continue
		}
		steps, second = append(steps, s), append(second, wanted[s.J])
		wanted[s.J] = true
	}
	for i, s := range slices.Backward(steps) {
		p.addMultiple(s, p.forward[:], zero, n)
		for k := range n {
			if second[i] {
				p.xor(p.v[s.I][k], p.v[s.J][k], p.v[s.J][k])
			}
		}
	}
}

// addMultiple adds the product of row J by the step's constant to row I, in n columns.
func (p *fused) addMultiple(s coset.Step, constants []VecVirtual, zero bool, n int) {
	if zero && begins(s) {
		return
	}
	for k := range n {
		product := ZMM()
		VGF2P8AFFINEQB(Imm(0), constants[s.Constant(8)], p.v[s.J][k], product)
		p.xor(product, p.v[s.I][k], p.v[s.I][k])
	}
}
