package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/gf/signature"
)

const (
	blockSize = 64 // bytes of a natural block
	sliceSize = 24 // bytes of a slice header
	elemSize  = 2
)

// begin starts a kernel.
func (m machine) begin(name string) {
	TEXT(name+m.suffix, NOSPLIT, fmt.Sprintf("func(%s)", signature.Plain(name)))
}

// parameter loads a parameter into a new register.
func parameter(name string) GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// end returns from a kernel.
func end() {
	VZEROUPPER()
	RET()
}

// parameterAt is the address of a parameter.
func parameterAt(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// coefficient is the constant that stands at an address.
func (m machine) coefficient(at Mem) constant {
	e := GP64()
	MOVWQZX(at, e)
	SHLQ(U8(m.entryShift()), e)
	ADDQ(parameterAt("tab"), e)
	return m.constantAt(e, 0)
}

// held is a coefficient for products in layout l, in registers if there are
// enough of them beside tiles of words.
func (m machine) held(l layout, at Mem) constant {
	c := m.coefficient(at)
	if m.wide || m.gfni {
		c = m.load(l, c)
	}
	return c
}

// heldRow is the same for the rows of transforms.
func (m machine) heldRow(l layout, at Mem) constant {
	c := m.coefficient(at)
	c.tower = true
	if m.wide || m.gfni {
		c = m.load(l, c)
	}
	return c
}

// turn writes the kernel that changes rows over to pairs over the subfield, and back:
// the low bytes take up the map T of the high ones.
func (m machine) turn() {
	m.begin("turn")
	m = m.prepare()
	lo, half, tab := parameter("rows"), parameter("half"), parameter("tab")
	hi := GP64()
	LEAQ(Mem{Base: lo, Index: half, Scale: 1}, hi)
	count := parameter("count")
	TESTQ(count, count)
	JEQ(LabelRef("done"))
	t := m.turning(tab)
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

// turning is the map T, which stands in the last place of entry 0, in registers.
func (m machine) turning(tab Register) constant { return m.load(planar, m.turningAt(tab)) }

// turningAt is the same in memory.
func (m machine) turningAt(tab Register) constant {
	t := m.rowConstantAt(tab, 0)
	t.entry.Disp += 3 << m.entryShift() / 4
	t.inSubfield = true
	return t
}

// blockAt is block i at base.
func (m machine) blockAt(base Register, i int) words {
	at := Mem{Base: base, Disp: i * blockSize}
	if m.natural() == block {
		return words{lo: at}
	}
	return words{at, at.Offset(blockSize / 2)}
}

// loadBlock loads block i at base.
func (m machine) loadBlock(base Register, i int) words {
	return m.inRegisters(m.natural(), m.blockAt(base, i))
}

// storeBlock stores block i at base.
func (m machine) storeBlock(base Register, i int, w words) {
	at := Mem{Base: base, Disp: i * blockSize}
	m.store(m.natural(), w, words{at, at.Offset(blockSize / 2)})
}

// mul writes mul or mulAdd.
func (m machine) mul(name string, add bool) {
	m.begin(name)
	m = m.prepare()
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
func (m machine) scale() {
	m.begin("scale")
	m = m.prepare()
	dlo, lo, half, coeffs := parameter("dst"), parameter("src"), parameter("half"), parameter("coeffs")
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

// tiles is how many blocks dot and spread take at a time, as long as there are
// that many.
func (m machine) tiles() []int {
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
func (m machine) overTiles(n Register, body func(blocks int), advance func(step Op)) {
	for _, blocks := range m.tiles() {
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
func (m machine) overSlices(label string, slices, coeffs, off Register, body func(p Register, c constant)) {
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
func (m machine) dot() {
	m.begin("dot")
	m = m.prepare()
	dst, srcs, off, n, coeffs := parameter("dst"), parameter("srcs"), parameter("off"), parameter("n"), parameter("coeffs")
	count := parameter("count")
	TESTQ(count, count)
	JNE(LabelRef("start"))
	end()
	Label("start")
	l := m.natural()
	m.overTiles(n, func(blocks int) {
		var total [8]words
		for i := range blocks {
			total[i] = m.loadBlock(dst, i)
			if l == block {
				total[i].hi = m.vec(l)
				VPXORQ(total[i].hi, total[i].hi, total[i].hi)
			}
		}
		m.overSlices(fmt.Sprintf("source%d", blocks), srcs, coeffs, off, func(p Register, c constant) {
			for i := range blocks {
				sum := m.addProduct(l, total[i], c, m.loadBlock(p, i))
				if sum != total[i] {
					panic("the sum has left its registers")
				}
			}
		})
		for i := range blocks {
			if l == block {
				m.swap(total[i].hi)
				VPXORQ(total[i].hi, total[i].lo, total[i].lo)
			}
			m.storeBlock(dst, i, total[i])
		}
	}, func(step Op) {
		ADDQ(step, dst)
		ADDQ(step, off)
	})
}

// spread writes spread. A tile of the source stays in registers over all
// destinations.
func (m machine) spread() {
	m.begin("spread")
	m = m.prepare()
	dsts, off, n, src, coeffs := parameter("dsts"), parameter("off"), parameter("n"), parameter("src"), parameter("coeffs")
	count := parameter("count")
	TESTQ(count, count)
	JNE(LabelRef("start"))
	end()
	Label("start")
	m.overTiles(n, func(blocks int) {
		var source [8]words
		for i := range blocks {
			source[i] = m.loadBlock(src, i)
		}
		m.overSlices(fmt.Sprintf("destination%d", blocks), dsts, coeffs, off, func(p Register, c constant) {
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

// xorBytes writes xor.
func (m machine) xorBytes() {
	m.begin("xor")
	dst, src, n := parameter("dst"), parameter("src"), parameter("n")
	const step = 128
	Label("wide")
	CMPQ(n, U32(step))
	JLT(LabelRef("words"))
	var v [step / 32]VecVirtual
	for i := range v {
		v[i] = YMM()
		VMOVDQU(Mem{Base: src, Disp: 32 * i}, v[i])
		VPXOR(Mem{Base: dst, Disp: 32 * i}, v[i], v[i])
	}
	for i := range v {
		VMOVDQU(v[i], Mem{Base: dst, Disp: 32 * i})
	}
	ADDQ(U32(step), src)
	ADDQ(U32(step), dst)
	SUBQ(U32(step), n)
	JMP(LabelRef("wide"))

	narrow := func(label, next string, size int, one func()) {
		Label(label)
		CMPQ(n, U8(size))
		JLT(LabelRef(next))
		one()
		ADDQ(U8(size), src)
		ADDQ(U8(size), dst)
		SUBQ(U8(size), n)
		JMP(LabelRef(label))
	}
	narrow("words", "bytes", 8, func() {
		r := GP64()
		MOVQ(Mem{Base: src}, r)
		XORQ(r, Mem{Base: dst})
	})
	narrow("bytes", "done", 1, func() {
		r := GP8()
		MOVB(Mem{Base: src}, r)
		XORB(r, Mem{Base: dst})
	})
	Label("done")
	end()
}
