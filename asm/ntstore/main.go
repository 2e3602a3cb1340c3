// Command ntstore writes the kernels of package ntstore.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

//go:generate go run . -out ../../internal/ntstore/ntstore_amd64.s -stubs ../../internal/ntstore/ntstore_amd64.go -pkg ntstore
//go:generate go run ../tidy ../../internal/ntstore/ntstore_amd64.s

const (
	line = 64 // bytes of a cache line, and of a vector
	wide = 4  // lines that the inner loop moves at a time
)

func main() {
	ConstraintExpr("!purego")
	gather()
	store()
	Generate()
}

// rows are the parameters that both kernels have, and what they keep.
type rows struct {
	dst, src, dstStride, srcStride, size, count Register
	d, s, left                                  Register // within the row
}

func begin(name, signature string) *rows {
	TEXT(name, NOSPLIT, "func("+signature+")")
	Pragma("noescape")
	return &rows{
		dst: Load(Param("dst"), GP64()), src: Load(Param("src"), GP64()),
		dstStride: Load(Param("dstStride"), GP64()), srcStride: Load(Param("srcStride"), GP64()),
		size: Load(Param("size"), GP64()), count: Load(Param("count"), GP64()),
		d: GP64(), s: GP64(), left: GP64(),
	}
}

// row begins a row.
func (r *rows) row() {
	Label("row")
	MOVQ(r.dst, r.d)
	MOVQ(r.src, r.s)
	MOVQ(r.size, r.left)
}

// next ends it, and the kernel after the last.
func (r *rows) next() {
	ADDQ(r.dstStride, r.dst)
	ADDQ(r.srcStride, r.src)
	DECQ(r.count)
	JNE(LabelRef("row"))
}

// advance moves on by n bytes.
func (r *rows) advance(n Op) {
	ADDQ(n, r.s)
	ADDQ(n, r.d)
	SUBQ(n, r.left)
}

// part moves n bytes, fewer than a line.
func (r *rows) part(n Register) {
	mask, ones, v := K(), GP64(), ZMM()
	MOVQ(I32(-1), ones)
	BZHIQ(n, ones, ones)
	KMOVQ(ones, mask)
	VMOVDQU8_Z(Mem{Base: r.s}, mask, v)
	VMOVDQU8(v, mask, Mem{Base: r.d})
}

// lines moves whole lines while there are n or more of them.
func (r *rows) lines(label string, n int, store func(v, to Op), each func(at int)) {
	Label(label)
	CMPQ(r.left, U32(n*line))
	JLT(LabelRef(label + "Done"))
	var v [wide]VecVirtual
	for i := range n {
		v[i] = ZMM()
		VMOVDQU64(Mem{Base: r.s, Disp: i * line}, v[i])
		each(i * line)
	}
	for i := range n {
		store(v[i], Mem{Base: r.d, Disp: i * line})
	}
	r.advance(U32(n * line))
	JMP(LabelRef(label))
	Label(label + "Done")
}

// gather writes the kernel that brings rows together.
func gather() {
	r := begin("gatherAVX512", "dst *byte, dstStride int, src *byte, srcStride, size, count, ahead int")
	Doc("gatherAVX512 copies count rows of size bytes, prefetching the bytes that are ahead of those it reads.")
	ahead := Load(Param("ahead"), GP64())
	r.row()
	fetch := func(at int) { PREFETCHT0(Mem{Base: r.s, Index: ahead, Scale: 1, Disp: at}) }
	r.lines("lines", wide, func(v, to Op) { VMOVDQU64(v, to) }, fetch)
	r.lines("line", 1, func(v, to Op) { VMOVDQU64(v, to) }, fetch)
	TESTQ(r.left, r.left)
	JEQ(LabelRef("rowDone"))
	fetch(0)
	PREFETCHT0(Mem{Base: r.s, Index: ahead, Scale: 1, Disp: line - 1})
	r.part(r.left)
	Label("rowDone")
	r.next()
	VZEROUPPER()
	RET()
}

// store writes the kernel that stores rows past the caches.
func store() {
	r := begin("storeAVX512", "dst *byte, dstStride int, src *byte, srcStride, size, count int, carry *byte, first, last int")
	Doc("storeAVX512 copies count rows of size bytes, whole lines of dst past the caches.",
		"Unless first, the bytes that were carried precede them; unless last, those that do not fill a line are carried.")
	carry := Load(Param("carry"), GP64())
	r.row()
	edge, v := GP64(), ZMM()
	MOVQ(r.d, edge)
	CMPQ(NewParamAddr("first", 56), U8(0))
	JNE(LabelRef("first"))
	ANDQ(U8(line-1), edge)
	VMOVDQU64(Mem{Base: carry}, v)
	VMOVDQU64(v, Mem{Base: r.s, Disp: -line})
	SUBQ(edge, r.s)
	SUBQ(edge, r.d)
	ADDQ(edge, r.left)
	JMP(LabelRef("middle"))
	Label("first")
	NEGQ(edge)
	ANDQ(U8(line-1), edge)
	CMPQ(edge, r.left)
	CMOVQGT(r.left, edge)
	r.part(edge)
	r.advance(edge)
	Label("middle")
	r.lines("lines", wide, func(v, to Op) { VMOVNTDQ(v, to) }, func(int) {})
	r.lines("line", 1, func(v, to Op) { VMOVNTDQ(v, to) }, func(int) {})
	CMPQ(NewParamAddr("last", 64), U8(0))
	JNE(LabelRef("last"))
	VMOVDQU64(Mem{Base: r.s, Index: r.left, Scale: 1, Disp: -line}, v)
	VMOVDQU64(v, Mem{Base: carry})
	ADDQ(U8(line), carry)
	JMP(LabelRef("rowDone"))
	Label("last")
	ADDQ(U8(line), carry)
	r.part(r.left)
	Label("rowDone")
	r.next()
	SFENCE()
	VZEROUPPER()
	RET()
}
