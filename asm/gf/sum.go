package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// xorBytes writes xor.
func xorBytes(m machine) {
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

// sumRows writes sum, the kernel of a single parity shard.
func sumRows(m machine) {
	m.begin("sum")
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
