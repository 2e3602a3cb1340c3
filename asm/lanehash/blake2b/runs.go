package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// runs describes the kernel for messages of any length, or pieces of them.
//
// The byte in front of every message makes the blocks begin one byte before a
// multiple of their size: block b is bytes 128b-1 to 128b+126 of the message.
type runs struct {
	*kernel
	start   Mem // a batch's state, where the caller keeps none
	leads   Mem // the batch's lead bytes, a word a lane
	vector  Mem // pointer to the next batch's lead bytes, or 0
	states  Mem // pointer to the next batch's state, or 0
	current Mem // pointer to this batch's state
	bytes   Mem // state word 12: the count of bytes, on its constant
	last    Mem // state word 14: whether this is the last block, on its constant
	stage   vec.Stage
}

func newRuns(isa vec.ISA, c *constants) *runs {
	k := &runs{kernel: newKernel(isa, c)}
	k.start = k.locals.Alloc(8 * k.Bytes())
	k.leads = k.locals.Alloc(k.Bytes())
	if !k.EVEX {
		k.stage = vec.Stage{
			Lanes: k.lanes, Block: blockSize, Table: k.table,
			Slots: k.locals.Alloc(k.lanes * blockSize),
		}
	}
	k.vector = k.locals.Alloc(8)
	k.states = k.locals.Alloc(8)
	k.current = k.locals.Alloc(8)
	k.bytes = k.locals.Alloc(8)
	k.last = k.locals.Alloc(8)
	return k
}

// h points to the batch's state: the vectors of its eight words.
var h = R11

func (k *runs) emit() {
	name := fmt.Sprintf("blake2bx%d%s", k.lanes, k.Name)
	signature := "dst *byte, dstStride int, src *byte, stride, size, count int, lead uint64, leads, state *uint64, offset uint64"
	TEXT(name, 0, "func("+signature+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s works like blake2bRunsGeneric where b is nil, %d messages at a time; count is at least 1.",
		name, k.lanes), "The messages end with the run unless dst is nil.")
	k.locals.Begin()
	Load(Param("dst"), vec.Dst)
	Load(Param("dstStride"), vec.DstStride)
	Load(Param("src"), vec.Src)
	Load(Param("stride"), vec.Stride)
	Load(Param("size"), vec.Size)
	Load(Param("count"), vec.Count)
	Load(Param("leads"), RAX)
	MOVQ(RAX, k.vector)
	Load(Param("state"), RAX)
	MOVQ(RAX, k.states)

	Label("batch")
	k.beginBatch()

	Label("block")
	k.beginBlock()
	if k.EVEX {
		k.loadMasked()
	} else {
		k.loadShifted()
	}
	k.initState()
	k.rounds()
	CMPQ(vec.Left, Imm(blockSize-1))
	JLE(LabelRef("digests"))
	for i := range 8 {
		word := Mem{Base: h, Disp: i * k.Bytes()}
		k.feedForward(i, word)
		k.Move(k.V(i), word)
	}
	// After the last whole block of a message a byte is left, which the lead
	// byte pushed out.
	ADDQ(Imm(blockSize), vec.Offset)
	ADDQ(I8(-blockSize), vec.Left)
	JG(LabelRef("block"))
	TESTQ(vec.Dst, vec.Dst)
	JNZ(LabelRef("block"))
	JMP(LabelRef("next"))

	Label("digests")
	for i := range 4 {
		k.feedForward(i, Mem{Base: h, Disp: i * k.Bytes()})
	}
	k.storeDigests()
	Label("next")
	vec.Advance(k.lanes, "batch")
	VZEROUPPER()
	RET()
}

// beginBatch finds the batch's messages, its state and its lead bytes.
func (k *runs) beginBatch() {
	vec.Lanes(k.lanes, vec.Src, vec.Stride, func(i int) { MOVQ(R14, k.lane(i)) })
	XORL(vec.Offset.As32(), vec.Offset.As32())
	MOVQ(vec.Size, vec.Left)

	MOVQ(k.states, h)
	TESTQ(h, h)
	JNZ(LabelRef("given_state"))
	LEAQ(k.start, h)
	for i := range 8 {
		VPBROADCASTQ(k.constants.start.Offset(8*i), k.V(i))
		k.Move(k.V(i), k.start.Offset(i*k.Bytes()))
	}
	JMP(LabelRef("have_state"))
	Label("given_state")
	ADDQ(U32(8*k.Bytes()), k.states)
	Label("have_state")
	MOVQ(h, k.current)

	VPBROADCASTQ(NewParamAddr("lead", 48), k.V(8))
	MOVQ(k.vector, RAX)
	TESTQ(RAX, RAX)
	JZ(LabelRef("have_leads"))
	k.Move(Mem{Base: RAX}, k.V(8))
	ADDQ(Imm(uint64(k.Bytes())), k.vector)
	Label("have_leads")
	k.Move(k.V(8), k.leads)
}

// beginBlock counts the bytes up to the block's end. The lead byte included,
// one more than Left are left; the block is the last if that fits.
func (k *runs) beginBlock() {
	LEAQ(Mem{Base: vec.Left, Disp: 1}, RAX)
	MOVQ(U32(blockSize), RCX)
	CMPQ(RAX, RCX)
	CMOVQGT(RCX, RAX)
	ADDQ(vec.Offset, RAX)
	ADDQ(NewParamAddr("offset", 72), RAX)
	MOVQ(U64(iv[4]), RCX)
	XORQ(RCX, RAX)
	MOVQ(RAX, k.bytes)
	MOVQ(U64(iv[6]), RAX)
	CMPQ(vec.Left, Imm(blockSize-1))
	JG(LabelRef("not_last"))
	NOTQ(RAX)
	Label("not_last")
	MOVQ(RAX, k.last)
}

// initState sets the state's words, after the loads used them for scratch.
func (k *runs) initState() {
	for i := range 8 {
		k.Move(Mem{Base: h, Disp: i * k.Bytes()}, k.V(i))
	}
	for i := range 4 {
		k.Set(8+i, k.iv.Offset(8*i))
	}
	k.Set(12, k.bytes)
	k.Set(13, k.iv.Offset(8*5))
	k.Set(14, k.last)
	k.Set(15, k.iv.Offset(8*7))
}
