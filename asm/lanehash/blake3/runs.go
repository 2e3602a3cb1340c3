package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/tables"
	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// runs describes the kernel for messages of up to a chunk.
type runs struct {
	core
	table    Mem // pointers to the lanes' messages
	counters Mem // the lanes' chunk numbers
	delta    Mem // from a block's first half to its second
	base     Mem // chunk number of the batch's first lane
	flags    Mem // of the current block
	length   Mem // of the current block; scratch between batches

	stage vec.Stage // without EVEX only
}

func newRuns(isa vec.ISA, c *constants) *runs {
	k := &runs{core: newCore(isa, c)}
	k.counters = k.locals.Alloc(k.Bytes())
	if !k.EVEX {
		k.stage = vec.Stage{Lanes: k.lanes, Block: blockSize, Slots: k.locals.Alloc(k.lanes * blockSize)}
	}
	k.table = k.locals.Alloc(8 * k.lanes)
	k.stage.Table = k.table
	k.delta = k.locals.Alloc(8)
	k.base = k.locals.Alloc(4)
	k.flags = k.locals.Alloc(4)
	k.length = k.locals.Alloc(4)
	return k
}

// second leads from the messages' first halves to the current block's second half.
var second = RDX

func (k *runs) emit() {
	name := fmt.Sprintf("blake3x%d%s", k.lanes, k.Name)
	signature := "dst *byte, dstStride int, a, b *byte, stride, size, count int, job *uint32"
	TEXT(name, 0, "func("+signature+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s works like blake3RunsGeneric, %d messages at a time; count is at least 1.", name, k.lanes))
	k.locals.Begin()
	Load(Param("dst"), vec.Dst)
	Load(Param("dstStride"), vec.DstStride)
	Load(Param("a"), vec.Src)
	Load(Param("b"), RAX)
	MOVQ(I32(half), RCX)
	TESTQ(RAX, RAX)
	JZ(LabelRef("adjoining"))
	MOVQ(RAX, RCX)
	SUBQ(vec.Src, RCX)
	Label("adjoining")
	MOVQ(RCX, k.delta)
	Load(Param("stride"), vec.Stride)
	Load(Param("size"), vec.Size)
	Load(Param("count"), vec.Count)
	Load(Param("job"), job)
	MOVL(Mem{Base: job, Disp: tables.JobCounter}, EAX)
	MOVL(EAX, k.base)

	Label("batch")
	k.beginBatch()

	Label("block")
	k.beginBlock()
	CMPQ(vec.Left, Imm(blockSize))
	JGE(LabelRef("whole"))
	if k.EVEX {
		k.loadPartial()
		JMP(LabelRef("loaded"))
	} else {
		k.stage.Copy(k.shifts)
		MOVQ(I32(half), second)
		Load(Param("job"), job)
	}
	Label("whole")
	k.loadWhole()

	Label("loaded")
	k.Move(k.counters, k.Reg(12))
	k.compressBlock()
	SUBQ(Imm(blockSize), vec.Left)
	JLE(LabelRef("digests"))
	ADDQ(Imm(blockSize), vec.Offset)
	JMP(LabelRef("block"))

	Label("digests")
	k.storeDigests()
	MOVL(Mem{Base: job, Disp: tables.JobStep}, EAX)
	IMUL3L(Imm(uint64(k.lanes)), EAX, EAX)
	ADDL(EAX, k.base)
	vec.Advance(k.lanes, "batch")
	VZEROUPPER()
	RET()
}

// compressBlock compresses the block in the message words, with the counters in word 12 of
// the state, here or by a call.
func (k *runs) compressBlock() {
	if k.shares() {
		k.call("Compress")
	} else {
		k.compressHere()
	}
}

func (k *runs) compressHere() {
	k.setState(k.length, k.flags)
	k.compress()
}

// shared emits what several kernels for 64-byte vectors call. Their registers and their
// local memory are laid out alike as far as it goes.
func (k *runs) shared() {
	k.function("Compress", "compresses a block, and leaves the new chaining values in the first vectors.", k.compressHere)
	k.function("Digests", "makes the chaining values digests, for the kernels to store.", k.joinDigests)
	k.function("LoadLeft", "brings the first halves of blocks into the message words.", func() { k.loadHalf(0, vec.Offset, nil) })
	k.function("LoadRight", "does so with the second halves.", func() { k.loadHalf(1, second, nil) })
}

// beginBatch points the table at the lanes' messages and sets the chaining
// values to the key and the counters to the lanes' chunk numbers.
func (k *runs) beginBatch() {
	vec.Lanes(k.lanes, vec.Src, vec.Stride, func(i int) { MOVQ(R14, k.table.Offset(8*i)) })
	// Lanes that repeat the last message must have its chunk number too. Where
	// the chunk numbers differ there are few messages: 32 bits will do.
	x, y := k.V(8), k.V(9)
	LEAQ(Mem{Base: vec.Count, Disp: -1}, RAX)
	MOVL(EAX, k.length)
	VPBROADCASTD(k.length, x)
	VPMINUD(k.laneNumbers, x, x)
	VPBROADCASTD(Mem{Base: job, Disp: tables.JobStep}, y)
	VPMULLD(y, x, x)
	VPBROADCASTD(k.base, y)
	VPADDD(x, y, y)
	k.Move(y, k.counters)
	k.setKey()
	XORL(vec.Offset.As32(), vec.Offset.As32())
	MOVQ(vec.Size, vec.Left)
}

// beginBlock finds the block's second half, its flags and its length.
func (k *runs) beginBlock() {
	MOVQ(vec.Offset, second)
	ADDQ(k.delta, second)
	MOVL(Mem{Base: job, Disp: tables.JobFlags}, EAX)
	TESTQ(vec.Offset, vec.Offset)
	JNZ(LabelRef("not_first"))
	ORL(Mem{Base: job, Disp: tables.JobStart}, EAX)
	Label("not_first")
	MOVL(U32(blockSize), ECX)
	CMPQ(vec.Left, Imm(blockSize))
	JG(LabelRef("not_last"))
	ORL(Mem{Base: job, Disp: tables.JobEnd}, EAX)
	MOVL(vec.Left.As32(), ECX)
	Label("not_last")
	MOVL(EAX, k.flags)
	MOVL(ECX, k.length)
}
