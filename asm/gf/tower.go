package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// toTower writes the kernel that changes rows over to pairs over the subfield, and back:
// the low bytes take up the map T of the high ones.
func toTower(of machine) {
	of.begin("toTower")
	m := newMultiplier(of, planar)
	lo, half, tab := parameter("rows"), parameter("planeBytes"), parameter("tab")
	hi := GP64()
	LEAQ(Mem{Base: lo, Index: half, Scale: 1}, hi)
	count := parameter("count")
	TESTQ(count, count)
	JEQ(LabelRef("done"))
	t := m.loadTowerMap(tab)
	column := func(l layout) {
		w := m.inRegisters(l, words{Mem{Base: lo}, Mem{Base: hi}})
		sum := m.newSum(w.lo)
		m.addPart(l, &sum, t, 0, w.hi)
		m.mov(sum.value(), Mem{Base: lo})
		for _, p := range []Register{lo, hi} {
			ADDQ(U8(m.width(l)), p)
		}
	}
	Label("row")
	columns := GP64()
	MOVQ(half, columns)
	SHRQ(U8(log2(m.width(planar))), columns)
	JEQ(LabelRef("odd"))
	Label("column")
	column(planar)
	DECQ(columns)
	JNE(LabelRef("column"))
	Label("odd")
	if m.wide {
		TESTQ(U32(narrowHalf), half)
		JEQ(LabelRef("even"))
		column(narrow)
		Label("even")
	}
	ADDQ(half, lo)
	ADDQ(half, hi)
	DECQ(count)
	JNE(LabelRef("row"))
	Label("done")
	end()
}
