// Command ceiling writes loops that do nothing but load, store, look up or map bytes, as
// fast as one core can: what the kernels of package gf are measured against.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

//go:generate go run . -out ../../bench/internal/ceiling/loops_amd64.s -stubs ../../bench/internal/ceiling/loops_amd64.go -pkg ceiling
//go:generate go run ../tidy ../../bench/internal/ceiling/loops_amd64.s

// chains is how many instructions follow one another that do not depend on each other.
const chains = 12

func main() {
	for _, width := range []struct {
		suffix string
		bytes  int
		vec    func() VecVirtual
		load   func(src, dst Op)
		affine func(i, m, src, dst Op)
	}{
		{"AVX2", 32, YMM, func(a, b Op) { VMOVDQU(a, b) }, func(i, m, a, b Op) { VGF2P8AFFINEQB(i, m, a, b) }},
		{"AVX512", 64, ZMM, func(a, b Op) { VMOVDQU64(a, b) }, func(i, m, a, b Op) { VGF2P8AFFINEQB(i, m, a, b) }},
	} {
		loop := func(name, doc string, body func(buf Register, v []VecVirtual)) {
			TEXT(name+width.suffix, NOSPLIT, "func(buf *byte, rounds int)")
			Doc(name + width.suffix + " " + doc + ", chains a round, with vectors of the instruction set.")
			Pragma("noescape")
			buf, rounds := Load(Param("buf"), GP64()), Load(Param("rounds"), GP64())
			v := make([]VecVirtual, chains)
			for i := range v {
				v[i] = width.vec()
				width.load(Mem{Base: buf, Disp: i * width.bytes}, v[i])
			}
			Label("round")
			body(buf, v)
			DECQ(rounds)
			JNE(LabelRef("round"))
			// What was computed is kept, so that it has to be.
			for i := range v {
				width.load(v[i], Mem{Base: buf, Disp: i * width.bytes})
			}
			VZEROUPPER()
			RET()
		}
		loop("load", "loads", func(buf Register, v []VecVirtual) {
			for i := range v {
				width.load(Mem{Base: buf, Disp: i * width.bytes}, v[i])
			}
		})
		loop("store", "stores", func(buf Register, v []VecVirtual) {
			for i := range v {
				width.load(v[i], Mem{Base: buf, Disp: i * width.bytes})
			}
		})
		loop("shuffle", "looks bytes up in tables of 16", func(_ Register, v []VecVirtual) {
			for i := range v {
				VPSHUFB(v[i], v[i], v[i])
			}
		})
		loop("affine", "maps bytes linearly, which takes GFNI", func(_ Register, v []VecVirtual) {
			for i := range v {
				width.affine(Imm(0), v[i], v[i], v[i])
			}
		})
	}
	Generate()
}
