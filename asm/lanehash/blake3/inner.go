package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/tables"
	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// Trees are folded, and proofs are followed, a level after the other. Transposing the
// nodes of every level into lanes and back takes a sixth of the time of a node, so
// these kernels leave them in lanes: a group of nodes is word 0 of every lane, then
// word 1, and so on, which takes the same bytes as the digests.

// inner is what the kernels for inner nodes have in common.
type inner struct {
	runs
}

func newInner(isa vec.ISA, c *constants) *inner { return &inner{*newRuns(isa, c)} }

// begin sets what all nodes share.
func (k *inner) begin() {
	Load(Param("job"), job)
	MOVL(Mem{Base: job, Disp: tables.JobFlags}, EAX)
	ORL(Mem{Base: job, Disp: tables.JobStart}, EAX)
	ORL(Mem{Base: job, Disp: tables.JobEnd}, EAX)
	MOVL(EAX, k.flags)
	MOVL(U32(blockSize), k.length)
}

// point points the table at lanes that are stride bytes apart, from R14 on.
func (k *inner) point(stride Op) {
	for i := range k.lanes {
		MOVQ(R14, k.lane(i))
		ADDQ(stride, R14)
	}
}

// node hashes the message words.
func (k *inner) node() {
	k.setKey()
	k.Xor(k.Reg(12), k.Reg(12), k.Reg(12))
	k.compressBlock()
}

// store stores the digests of the lanes stride bytes apart.
func (k *inner) store(stride Op) {
	k.call("Digests")
	MOVQ(vec.Dst, R14)
	for i := range k.lanes {
		vec.StorePair(k.ISA, 4, i, Mem{Base: R14})
		ADDQ(stride, R14)
	}
}

// fold describes the kernel that folds groups of nodes.
type fold struct{ *inner }

func (k fold) emit() {
	next, dstNext := vec.Size, vec.Left
	name := fmt.Sprintf("blake3Foldx%d%s", k.lanes, k.Name)
	TEXT(name, 0, "func(dst *byte, dstStride, dstNext int, a, b *byte, stride, next, count int, job *uint32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s hashes count groups of %d pairs of nodes; count is at least 1.", name, k.lanes),
		"The children of lane i of group g are at a[g*next+i*stride:] and at b[g*next+i*stride:], or with",
		"stride 0 those of all lanes are groups at a[g*next:] and b[g*next:]; dst and dstStride say likewise",
		"where the nodes go.")
	k.locals.Begin()
	Load(Param("dst"), vec.Dst)
	Load(Param("dstStride"), vec.DstStride)
	Load(Param("dstNext"), dstNext)
	Load(Param("a"), vec.Src)
	Load(Param("b"), second)
	SUBQ(vec.Src, second)
	Load(Param("stride"), vec.Stride)
	Load(Param("next"), next)
	Load(Param("count"), vec.Count)
	k.begin()
	MOVQ(vec.Src, R14)
	k.point(vec.Stride)
	XORL(vec.Offset.As32(), vec.Offset.As32())

	Label("group")
	TESTQ(vec.Stride, vec.Stride)
	JZ(LabelRef("in_lanes"))
	k.loadWhole()
	JMP(LabelRef("loaded"))
	Label("in_lanes")
	for i := range 8 {
		k.Move(Mem{Base: vec.Src, Index: vec.Offset, Scale: 1, Disp: i * k.Bytes()}, k.Word(i))
		k.Move(Mem{Base: vec.Src, Index: second, Scale: 1, Disp: i * k.Bytes()}, k.Word(8+i))
	}
	Label("loaded")
	k.node()
	TESTQ(vec.DstStride, vec.DstStride)
	JZ(LabelRef("to_lanes"))
	k.store(vec.DstStride)
	JMP(LabelRef("stored"))
	Label("to_lanes")
	for i := range 8 {
		k.Move(k.V(i), Mem{Base: vec.Dst, Disp: i * k.Bytes()})
	}
	Label("stored")
	ADDQ(dstNext, vec.Dst)
	ADDQ(next, vec.Offset)
	ADDQ(next, second)
	DECQ(vec.Count)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// climb describes the kernel that follows proofs.
type climb struct{ *inner }

func (k climb) emit() {
	turns := vec.Size
	name := fmt.Sprintf("blake3Climbx%d%s", k.lanes, k.Name)
	TEXT(name, 0, "func(nodes *byte, siblings **byte, turns *uint16, levels int, job *uint32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s replaces %d nodes by those that they lead to, levels above; levels is at least 1.", name, k.lanes),
		"The siblings of lane i on its way are side by side at siblings[i]. Where bit i of turns[l] is set, its",
		"sibling of level l is the left one.")
	k.locals.Begin()
	Load(Param("nodes"), vec.Dst)
	Load(Param("siblings"), vec.Src)
	Load(Param("turns"), turns)
	Load(Param("levels"), vec.Count)
	k.begin()
	XORL(vec.Offset.As32(), vec.Offset.As32())
	MOVQ(vec.Dst, R14)
	k.point(Imm(half))
	k.call("LoadLeft")
	for w := range 8 {
		k.Move(k.Word(w), k.V(w))
	}
	for i := range k.lanes {
		MOVQ(Mem{Base: vec.Src, Disp: 8 * i}, RAX)
		MOVQ(RAX, k.lane(i))
	}

	Label("level")
	MOVQ(vec.Offset, second)
	k.call("LoadRight")
	KMOVW(Mem{Base: turns}, K1)
	for w := range 8 {
		VPBLENDMD(k.Word(8+w), k.V(w), K1, k.Word(w))
		VMOVDQU32(k.V(w), K1, k.Word(8+w))
	}
	k.node()
	ADDQ(Imm(half), vec.Offset)
	ADDQ(Imm(2), turns)
	DECQ(vec.Count)
	JNZ(LabelRef("level"))
	k.store(Imm(half))
	VZEROUPPER()
	RET()
}
