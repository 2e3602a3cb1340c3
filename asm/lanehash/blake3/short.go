package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/tables"
	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// short describes the kernel for messages of 2 or 4 bytes, the symbols of small
// blobs: one block, of which only the first word is not zero. It does without
// the transposition and without 105 of the 784 operations of the rounds.
type short struct {
	core
	words  Mem // the lanes' messages
	flags  Mem
	length Mem
}

func newShort(isa vec.ISA, c *constants) *short {
	k := &short{core: newCore(isa, c)}
	k.Zero = 1
	k.words = k.Message // where word 0 is
	if k.EVEX {
		k.words = k.locals.Alloc(k.Bytes())
	}
	k.flags = k.locals.Alloc(4)
	k.length = k.locals.Alloc(4)
	return k
}

func (k *short) emit() {
	name := fmt.Sprintf("blake3Shortx%d%s", k.lanes, k.Name)
	TEXT(name, 0, "func(dst *byte, dstStride int, src *byte, stride, size, count int, job *uint32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s works like blake3RunsGeneric for messages of 2 or 4 bytes and a counter of 0,", name),
		fmt.Sprintf("%d messages at a time; count is at least 1.", k.lanes))
	k.locals.Begin()
	Load(Param("dst"), vec.Dst)
	Load(Param("dstStride"), vec.DstStride)
	Load(Param("src"), vec.Src)
	Load(Param("stride"), vec.Stride)
	Load(Param("size"), vec.Size)
	Load(Param("count"), vec.Count)
	Load(Param("job"), job)
	MOVL(Mem{Base: job, Disp: tables.JobFlags}, EAX)
	ORL(Mem{Base: job, Disp: tables.JobStart}, EAX)
	ORL(Mem{Base: job, Disp: tables.JobEnd}, EAX)
	MOVL(EAX, k.flags)
	MOVL(vec.Size.As32(), k.length)

	Label("batch")
	CMPQ(vec.Size, Imm(2))
	JNE(LabelRef("four"))
	vec.Lanes(k.lanes, vec.Src, vec.Stride, func(i int) {
		MOVWLZX(Mem{Base: R14}, ECX)
		MOVL(ECX, k.words.Offset(4*i))
	})
	JMP(LabelRef("loaded"))
	Label("four")
	vec.Lanes(k.lanes, vec.Src, vec.Stride, func(i int) {
		MOVL(Mem{Base: R14}, ECX)
		MOVL(ECX, k.words.Offset(4*i))
	})
	Label("loaded")
	k.setKey()
	k.setState(k.length, k.flags)
	k.Xor(k.Reg(12), k.Reg(12), k.Reg(12))
	if k.EVEX {
		k.Move(k.words, k.Word(0))
	}
	k.compress()
	k.storeDigests()
	vec.Advance(k.lanes, "batch")
	VZEROUPPER()
	RET()
}
