package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// short describes the kernel for messages of 2 or 4 bytes, the symbols of small
// blobs. Lead byte and message are one word: there is nothing to transpose, and
// 15 additions fall away in every round.
type short struct {
	single
	words Mem // the lanes' messages
}

func newShort(isa vec.ISA, c *constants) *short {
	k := &short{single: newSingle(isa, c, 1)}
	k.words = k.Message // where word 0 is
	if k.EVEX {
		k.words = k.locals.Alloc(k.Bytes())
	}
	return k
}

func (k *short) emit() {
	name := fmt.Sprintf("blake2bShortx%d%s", k.lanes, k.Name)
	TEXT(name, 0, "func(dst *byte, dstStride int, src *byte, stride, size, count int, lead uint64)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s works like blake2bRunsGeneric for whole messages of 2 or 4 bytes,", name),
		fmt.Sprintf("%d at a time; count is at least 1.", k.lanes))
	k.locals.Begin()
	Load(Param("dst"), vec.Dst)
	Load(Param("dstStride"), vec.DstStride)
	Load(Param("src"), vec.Src)
	Load(Param("stride"), vec.Stride)
	Load(Param("size"), vec.Size)
	Load(Param("count"), vec.Count)
	INCQ(vec.Size)
	k.begin(NewParamAddr("lead", 48))

	Label("batch")
	load := func(move func(from, to Op)) {
		vec.Lanes(k.lanes, vec.Src, vec.Stride, func(i int) {
			move(Mem{Base: R14}, ECX)
			SHLQ(Imm(8), RCX)
			MOVQ(RCX, k.words.Offset(8*i))
		})
	}
	CMPQ(vec.Size, Imm(3))
	JNE(LabelRef("four"))
	load(MOVWLZX)
	JMP(LabelRef("loaded"))
	Label("four")
	load(MOVL)
	Label("loaded")
	k.Move(k.words, k.V(0))
	if k.EVEX {
		VPORQ(k.lead, k.V(0), k.V(16))
	} else {
		VPOR(k.lead, k.V(0), k.V(0))
		k.Move(k.V(0), k.Word(0))
	}
	k.compress()
	k.storeDigests()
	vec.Advance(k.lanes, "batch")
	VZEROUPPER()
	RET()
}
