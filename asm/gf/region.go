package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// products are the kernels of rows and regions that multiply.
func products(m machine) writers {
	return writers{
		{"toTower", func() { toTower(m) }},
		{"scale", func() { scale(m) }},
		{"mulAdd", func() { mul(m, "mulAdd", true) }},
		{"mul", func() { mul(m, "mul", false) }},
		{"dot", func() { dot(m) }},
		{"mulAddMany", func() { mulAddMany(m) }},
	}
}

// mul writes mul or mulAdd.
func mul(of machine, name string, add bool) {
	of.begin(name)
	m := newMultiplier(of, of.natural())
	dst, src, n := parameter("dst"), parameter("src"), parameter("n")
	c := m.held(m.natural(), parameterAt("c"))
	SHRQ(U8(log2(blockSize)), n)
	JEQ(LabelRef("done"))
	Label("block")
	var total words
	if add {
		total = m.blockAt(dst, 0)
	}
	m.storeBlock(dst, 0, m.addProduct(m.natural(), total, c, m.loadBlock(src, 0)))
	ADDQ(U8(blockSize), src)
	ADDQ(U8(blockSize), dst)
	DECQ(n)
	JNE(LabelRef("block"))
	Label("done")
	end()
}

// scale writes scale.
func scale(of machine) {
	of.begin("scale")
	m := newMultiplier(of, planar)
	dlo, lo, half, coeffs := parameter("dst"), parameter("src"), parameter("planeBytes"), parameter("coeffs")
	dhi, hi := GP64(), GP64()
	LEAQ(Mem{Base: dlo, Index: half, Scale: 1}, dhi)
	LEAQ(Mem{Base: lo, Index: half, Scale: 1}, hi)
	count := parameter("rows")
	TESTQ(count, count)
	JEQ(LabelRef("done"))
	advance := func(step Op) {
		for _, p := range []Register{lo, hi, dlo, dhi} {
			ADDQ(step, p)
		}
	}
	column := func(l layout, c constant, hi, dhi Mem) {
		w := m.inRegisters(l, words{Mem{Base: lo}, hi})
		m.store(l, m.addProduct(l, words{}, c, w), words{Mem{Base: dlo}, dhi})
	}
	CMPQ(half, U8(narrowHalf))
	JEQ(LabelRef("narrow"))

	Label("row")
	c := m.heldRow(planar, Mem{Base: coeffs})
	columns := GP64()
	MOVQ(half, columns)
	SHRQ(U8(log2(m.width(planar))), columns)
	Label("column")
	column(planar, c, Mem{Base: hi}, Mem{Base: dhi})
	advance(U8(m.width(planar)))
	DECQ(columns)
	JNE(LabelRef("column"))
	if m.wide {
		TESTQ(U32(narrowHalf), half)
		JEQ(LabelRef("even"))
		column(narrow, c, Mem{Base: hi}, Mem{Base: dhi})
		advance(U8(narrowHalf))
		Label("even")
	}
	advance(half)
	ADDQ(U8(elemSize), coeffs)
	DECQ(count)
	JNE(LabelRef("row"))
	Label("done")
	end()

	Label("narrow")
	c = m.heldRow(planar, Mem{Base: coeffs})
	column(narrow, c, Mem{Base: lo, Disp: narrowHalf}, Mem{Base: dlo, Disp: narrowHalf})
	ADDQ(U8(2*narrowHalf), lo)
	ADDQ(U8(2*narrowHalf), dlo)
	ADDQ(U8(elemSize), coeffs)
	DECQ(count)
	JNE(LabelRef("narrow"))
	end()
}

// tiles is how many blocks dot and mulAddMany take at a time, as long as there are
// that many.
func tiles(m machine) []int {
	switch {
	case m.wide:
		return []int{8, 4, 2, 1}
	case m.gfni:
		return []int{4, 1}
	default:
		return []int{2, 1}
	}
}

// overTiles writes the loops over tiles of the n bytes of a region, with body for
// each size of tile; advance moves the addresses on.
func overTiles(m machine, n Register, body func(blocks int), advance func(step Op)) {
	for _, blocks := range tiles(m) {
		label := fmt.Sprintf("tile%d", blocks)
		Label(label)
		CMPQ(n, I32(blocks*blockSize))
		JLT(LabelRef(label + "Done"))
		body(blocks)
		advance(I32(blocks * blockSize))
		SUBQ(I32(blocks*blockSize), n)
		JMP(LabelRef(label))
		Label(label + "Done")
	}
	end()
}

// overSlices writes the loop over count > 0 slices and coefficients. body gets
// the address of the slice at offset off, and its constant.
func overSlices(m multiplier, label string, slices, coeffs, off Register, body func(p Register, c constant)) {
	s, k, i := GP64(), GP64(), GP64()
	MOVQ(slices, s)
	MOVQ(coeffs, k)
	Load(Param("count"), i)
	Label(label)
	p := GP64()
	MOVQ(Mem{Base: s}, p)
	ADDQ(off, p)
	body(p, m.held(m.natural(), Mem{Base: k}))
	ADDQ(U8(sliceSize), s)
	ADDQ(U8(elemSize), k)
	DECQ(i)
	JNE(LabelRef(label))
}

// dot writes dot. The sums of a tile stay in registers over all sources.
func dot(of machine) {
	of.begin("dot")
	m := newMultiplier(of, of.natural())
	dst, srcs, off, n, coeffs := parameter("dst"), parameter("srcs"), parameter("off"), parameter("n"), parameter("coeffs")
	count := parameter("count")
	TESTQ(count, count)
	JNE(LabelRef("start"))
	end()
	Label("start")
	l := m.natural()
	overTiles(of, n, func(blocks int) {
		var total [8]words
		for i := range blocks {
			total[i] = m.loadBlock(dst, i)
			if l == block {
				total[i].hi = m.vec(l)
				VPXORQ(total[i].hi, total[i].hi, total[i].hi)
			}
		}
		overSlices(m, fmt.Sprintf("source%d", blocks), srcs, coeffs, off, func(p Register, c constant) {
			for i := range blocks {
				sum := m.addProduct(l, total[i], c, m.loadBlock(p, i))
				if sum != total[i] {
					panic("the sum has left its registers")
				}
			}
		})
		for i := range blocks {
			if l == block {
				swap(total[i].hi)
				VPXORQ(total[i].hi, total[i].lo, total[i].lo)
			}
			m.storeBlock(dst, i, total[i])
		}
	}, func(step Op) {
		ADDQ(step, dst)
		ADDQ(step, off)
	})
}

// mulAddMany writes mulAddMany. A tile of the source stays in registers over all
// destinations.
func mulAddMany(of machine) {
	of.begin("mulAddMany")
	m := newMultiplier(of, of.natural())
	dsts, off, n, src, coeffs := parameter("dsts"), parameter("off"), parameter("n"), parameter("src"), parameter("coeffs")
	count := parameter("count")
	TESTQ(count, count)
	JNE(LabelRef("start"))
	end()
	Label("start")
	overTiles(of, n, func(blocks int) {
		var source [8]words
		for i := range blocks {
			source[i] = m.loadBlock(src, i)
		}
		overSlices(m, fmt.Sprintf("destination%d", blocks), dsts, coeffs, off, func(p Register, c constant) {
			for i := range blocks {
				total := m.addProduct(m.natural(), m.blockAt(p, i), c, source[i])
				m.storeBlock(p, i, total)
			}
		})
	}, func(step Op) {
		ADDQ(step, src)
		ADDQ(step, off)
	})
}
