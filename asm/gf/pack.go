package main

import (
	"encoding/binary"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// moves tells whether m has kernels of its own that move bytes and multiply
// nothing. The machine with affine maps uses those of the same vectors.
func moves(m machine) bool { return !m.gfni }

// moving are those kernels.
func moving(m machine) writers {
	return writers{
		{"sum", func() { sumRows(m) }},
		{"pack", func() { move(m, "pack", true) }},
		{"unpack", func() { move(m, "unpack", false) }},
	}
}

// Symbols of at most 16 bytes that follow one another are moved a vector of 16
// bytes at a time: as many whole symbols as fit, all their low bytes in the low
// half of the vector and all their high bytes in the high half. One byte shuffle
// a size does it. Entry size/2-1 of the tables packOrder and unpackOrder is that
// shuffle, the number of symbols it moves, and how many symbols there must be left
// so that 16 bytes can be read or written.
const orderSize = 32

func declarePatterns() {
	for _, packing := range []bool{true, false} {
		if packing {
			GLOBL("packOrder", RODATA|NOPTR)
		} else {
			GLOBL("unpackOrder", RODATA|NOPTR)
		}
		for size := 2; size <= 16; size += 2 {
			at := (size/2 - 1) * orderSize
			order := shuffleOrder(size, packing)
			DATA(at, U64(binary.LittleEndian.Uint64(order[:8])))
			DATA(at+8, U64(binary.LittleEndian.Uint64(order[8:])))
			DATA(at+16, U64(16/size))
			DATA(at+24, U64((16+size-1)/size))
		}
	}
}

func shuffleOrder(size int, packing bool) (order [16]byte) {
	for i := range order {
		order[i] = 0x80 // zero
	}
	half := size / 2
	for i := range 16 / size {
		for e := range half {
			lo, hi := i*half+e, 8+i*half+e
			natural := i*size + e
			if packing {
				order[lo], order[hi] = byte(natural), byte(natural+half)
			} else {
				order[natural], order[natural+half] = byte(lo), byte(hi)
			}
		}
	}
	return order
}

// move writes pack or unpack.
func move(m machine, name string, packing bool) {
	m.begin(name)
	order, slices := "packOrder", "srcs"
	if !packing {
		order, slices = "unpackOrder", "dsts"
	}
	s, rowCount := parameter(slices), parameter("rows")
	var plane GPVirtual
	if packing {
		plane = parameter("dst")
	} else {
		plane = parameter("src")
	}
	TESTQ(rowCount, rowCount)
	JEQ(LabelRef("done"))
	tail := parameter("size")
	ANDQ(U8(blockSize-1), tail)
	SHRQ(U8(1), tail)

	// mv moves from natural to planar position, or back, through register r.
	mv := func(op func(a, b Op), r Op, natural, planar Mem) {
		if packing {
			op(natural, r)
			op(r, planar)
		} else {
			op(planar, r)
			op(r, natural)
		}
	}

	mask := K()
	if m.wide {
		ones := GP32()
		MOVL(I32(-1), ones)
		BZHIL(tail.As32(), ones, ones)
		KMOVD(ones, mask)
	}

	Label("row")
	p, lo, hi, left := GP64(), GP64(), GP64(), GP64()
	Load(Param("off"), p)
	ADDQ(Mem{Base: s}, p)
	MOVQ(plane, lo)
	Load(Param("planeBytes"), hi)
	LEAQ(Mem{Base: plane, Index: hi, Scale: 2}, plane)
	ADDQ(lo, hi)
	Load(Param("count"), left)

	size := parameter("size")
	step := parameter("step")
	CMPQ(size, U8(16))
	JGT(LabelRef("symbols"))
	CMPQ(size, step)
	JNE(LabelRef("symbols"))
	{
		entry, many, need, advance := GP64(), GP64(), GP64(), GP64()
		LEAQ(data(order, -orderSize), entry)
		SHLQ(U8(4), size)
		ADDQ(size, entry)
		shuffle, v := XMM(), XMM()
		VMOVDQU(Mem{Base: entry}, shuffle)
		MOVQ(Mem{Base: entry, Disp: 16}, many)
		MOVQ(Mem{Base: entry, Disp: 24}, need)
		MOVQ(many, advance)
		IMULQ(step, advance)
		halfAdvance := GP64()
		MOVQ(advance, halfAdvance)
		SHRQ(U8(1), halfAdvance)
		Label("shuffle")
		CMPQ(left, need)
		JLT(LabelRef("symbols"))
		if packing {
			VMOVDQU(Mem{Base: p}, v)
			VPSHUFB(shuffle, v, v)
			VMOVQ(v, Mem{Base: lo})
			VMOVHPS(v, Mem{Base: hi})
		} else {
			VMOVQ(Mem{Base: lo}, v)
			VMOVHPS(Mem{Base: hi}, v, v)
			VPSHUFB(shuffle, v, v)
			VMOVDQU(v, Mem{Base: p})
		}
		ADDQ(advance, p)
		ADDQ(halfAdvance, lo)
		ADDQ(halfAdvance, hi)
		SUBQ(many, left)
		JMP(LabelRef("shuffle"))
	}

	Label("symbols")
	TESTQ(left, left)
	JEQ(LabelRef("rowDone"))
	Label("symbol")
	q, blocks := GP64(), GP64()
	MOVQ(p, q)
	Load(Param("size"), blocks)
	SHRQ(U8(log2(blockSize)), blocks)
	JEQ(LabelRef("tail"))
	Label("block")
	const half = blockSize / 2
	a, b := YMM(), YMM()
	mv(vmovdqu, a, Mem{Base: q}, Mem{Base: lo})
	mv(vmovdqu, b, Mem{Base: q, Disp: half}, Mem{Base: hi})
	ADDQ(U8(blockSize), q)
	ADDQ(U8(half), lo)
	ADDQ(U8(half), hi)
	DECQ(blocks)
	JNE(LabelRef("block"))

	Label("tail")
	TESTQ(tail, tail)
	JEQ(LabelRef("symbolDone"))
	if m.wide {
		a, b := YMM(), YMM()
		mv(func(a, b Op) { masked(a, b, mask) }, a, Mem{Base: q}, Mem{Base: lo})
		mv(func(a, b Op) { masked(a, b, mask) }, b, Mem{Base: q, Index: tail, Scale: 1}, Mem{Base: hi})
	} else {
		moveTail(mv, tail, q, lo, hi)
	}
	Label("tailDone")
	ADDQ(tail, lo)
	ADDQ(tail, hi)

	Label("symbolDone")
	ADDQ(step, p)
	DECQ(left)
	JNE(LabelRef("symbol"))
	Label("rowDone")
	ADDQ(U8(sliceSize), s)
	DECQ(rowCount)
	JNE(LabelRef("row"))
	Label("done")
	end()
}

// moveTail moves the tail of a symbol: tail < 32 words, at q. A plane of it is
// moved as two pieces of a power of two bytes, the first and the last, which may
// overlap.
func moveTail(mv func(op func(a, b Op), r Op, natural, planar Mem), tail, q, lo, hi Register) {
	for _, piece := range []struct {
		size int
		op   func(a, b Op)
		reg  func() Op
		next string
	}{
		{16, vmovdqu, func() Op { return XMM() }, "tail8"},
		{8, movq, func() Op { return GP64() }, "tail4"},
		{4, movl, func() Op { return GP32() }, "tail2"},
		{2, movw, func() Op { return GP16() }, "tail1"},
	} {
		CMPQ(tail, U8(piece.size))
		JLT(LabelRef(piece.next))
		for _, plane := range []Register{lo, hi} {
			natural := Mem{Base: q}
			last := Mem{Base: q, Index: tail, Scale: 1, Disp: -piece.size}
			if plane == hi {
				natural.Index, natural.Scale, last.Scale = tail, 1, 2
			}
			mv(piece.op, piece.reg(), natural, Mem{Base: plane})
			mv(piece.op, piece.reg(), last, Mem{Base: plane, Index: tail, Scale: 1, Disp: -piece.size})
		}
		JMP(LabelRef("tailDone"))
		Label(piece.next)
	}
	mv(movb, GP8(), Mem{Base: q}, Mem{Base: lo})
	mv(movb, GP8(), Mem{Base: q, Disp: 1}, Mem{Base: hi})
}

// masked moves the bytes that mask selects: to a register, with zeros for the
// others, or to memory, which it leaves as it is elsewhere.
func masked(src, dst Op, mask OpmaskVirtual) {
	if _, ok := dst.(Mem); ok {
		VMOVDQU8(src, mask, dst)
	} else {
		VMOVDQU8_Z(src, mask, dst)
	}
}

func vmovdqu(a, b Op) { VMOVDQU(a, b) }
func movq(a, b Op)    { MOVQ(a, b) }
func movl(a, b Op)    { MOVL(a, b) }
func movw(a, b Op)    { MOVW(a, b) }
func movb(a, b Op)    { MOVB(a, b) }
