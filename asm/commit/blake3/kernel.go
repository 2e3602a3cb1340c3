package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/commit/vec"
)

// kernel describes one kernel.
//
// The state is in vectors 0 to 15, one word of every lane in each; 0 to 7 are
// the chaining values between blocks. With 32 registers the message words are
// in 16 to 31. With 16 they are in local memory, and so is state word 8, so
// that its register is free for rotations.
type kernel struct {
	vec.ISA
	*constants
	lanes  int
	locals vec.Locals

	table    Mem // pointers to the lanes' messages
	counters Mem // the lanes' chunk numbers
	delta    Mem // from a block's first half to its second
	base     Mem // chunk number of the batch's first lane
	flags    Mem // of the current block
	length   Mem // of the current block; scratch between batches

	message Mem // without EVEX only, as the following
	word8   Mem
	stage   vec.Stage
}

func newKernel(isa vec.ISA, c *constants) *kernel {
	k := &kernel{ISA: isa, constants: c, lanes: isa.Bits / 32}
	k.counters = k.locals.Alloc(k.Bytes())
	if !k.EVEX {
		k.message = k.locals.Alloc(16 * k.Bytes())
		k.word8 = k.locals.Alloc(k.Bytes())
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

// Registers beside those of package vec.
var (
	second = RDX // where the second half of the current block is, from the messages' first halves
	job    = R11
)

func (k *kernel) emit() {
	name := fmt.Sprintf("blake3x%d%s", k.lanes, k.Name)
	TEXT(name, 0, "func(dst *byte, dstStride int, a, b *byte, stride, size, count int, job *uint32)")
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
	MOVL(Mem{Base: job, Disp: jobCounter}, EAX)
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
	k.initState()
	k.rounds()
	for i := range 8 {
		k.xor(k.state(i+8), k.V(i), k.V(i))
	}
	SUBQ(Imm(blockSize), vec.Left)
	JLE(LabelRef("digests"))
	ADDQ(Imm(blockSize), vec.Offset)
	JMP(LabelRef("block"))

	Label("digests")
	k.storeDigests()
	MOVL(Mem{Base: job, Disp: jobStep}, EAX)
	IMUL3L(Imm(uint64(k.lanes)), EAX, EAX)
	ADDL(EAX, k.base)
	vec.Advance(k.lanes, "batch")
	VZEROUPPER()
	RET()
}

// beginBatch points the table at the lanes' messages and sets the chaining
// values to the key and the counters to the lanes' chunk numbers.
func (k *kernel) beginBatch() {
	vec.Lanes(k.lanes, vec.Src, vec.Stride, func(i int) { MOVQ(R14, k.table.Offset(8*i)) })
	// Lanes that repeat the last message must have its chunk number too. Where
	// the chunk numbers differ there are few messages: 32 bits will do.
	x, y := k.V(8), k.V(9)
	LEAQ(Mem{Base: vec.Count, Disp: -1}, RAX)
	MOVL(EAX, k.length)
	VPBROADCASTD(k.length, x)
	VPMINUD(k.laneNumbers, x, x)
	VPBROADCASTD(Mem{Base: job, Disp: jobStep}, y)
	VPMULLD(y, x, x)
	VPBROADCASTD(k.base, y)
	VPADDD(x, y, y)
	k.Move(y, k.counters)
	for i := range 8 {
		VPBROADCASTD(Mem{Base: job, Disp: jobKey + 4*i}, k.V(i))
	}
	XORL(vec.Offset.As32(), vec.Offset.As32())
	MOVQ(vec.Size, vec.Left)
}

// beginBlock finds the block's second half, its flags and its length.
func (k *kernel) beginBlock() {
	MOVQ(vec.Offset, second)
	ADDQ(k.delta, second)
	MOVL(Mem{Base: job, Disp: jobFlags}, EAX)
	TESTQ(vec.Offset, vec.Offset)
	JNZ(LabelRef("not_first"))
	ORL(Mem{Base: job, Disp: jobStart}, EAX)
	Label("not_first")
	MOVL(U32(blockSize), ECX)
	CMPQ(vec.Left, Imm(blockSize))
	JG(LabelRef("not_last"))
	ORL(Mem{Base: job, Disp: jobEnd}, EAX)
	MOVL(vec.Left.As32(), ECX)
	Label("not_last")
	MOVL(EAX, k.flags)
	MOVL(ECX, k.length)
}

// initState sets the state's lower half, which the loads used as scratch.
func (k *kernel) initState() {
	for i := range 4 {
		if i == 0 && !k.EVEX {
			VPBROADCASTD(k.iv, k.V(15))
			k.Move(k.V(15), k.word8)
			continue
		}
		VPBROADCASTD(k.iv.Offset(4*i), k.reg(8+i))
	}
	k.Move(k.counters, k.reg(12))
	k.xor(k.reg(13), k.reg(13), k.reg(13))
	VPBROADCASTD(k.length, k.reg(14))
	VPBROADCASTD(k.flags, k.reg(15))
}

// reg is the register of state word i, which is not 8 without EVEX.
func (k *kernel) reg(i int) VecPhysical {
	if !k.EVEX && i > 8 {
		return k.V(i - 1)
	}
	return k.V(i)
}

// state is the place of state word i.
func (k *kernel) state(i int) Op {
	if !k.EVEX && i == 8 {
		return k.word8
	}
	return k.reg(i)
}

// word is the place of message word i.
func (k *kernel) word(i int) Op {
	if k.EVEX {
		return k.V(16 + i)
	}
	return k.message.Offset(i * k.Bytes())
}

func (k *kernel) xor(x, y, z Op) {
	if k.EVEX {
		VPXORD(x, y, z)
	} else {
		VPXOR(x, y, z)
	}
}

// rotate rotates the words of r right by n bits.
func (k *kernel) rotate(r VecPhysical, n int) {
	switch {
	case k.EVEX:
		VPRORD(Imm(uint64(n)), r, r)
	case n == 16:
		VPSHUFB(k.rotate16, r, r)
	case n == 8:
		VPSHUFB(k.rotate8, r, r)
	default:
		t := k.V(15)
		VPSRLD(Imm(uint64(n)), r, t)
		VPSLLD(Imm(uint64(32-n)), r, r)
		VPOR(t, r, r)
	}
}

// rounds emits the seven rounds. The four quarter rounds of a half round are
// independent; their steps take turns, which hides their latency.
func (k *kernel) rounds() {
	order := [16]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	for range 7 {
		k.halfRound(0, order[:8])
		k.halfRound(1, order[8:])
		var next [16]int
		for i, p := range permutation {
			next[i] = order[p]
		}
		order = next
	}
}

// halfRound mixes the columns of the state, or with shift 1 its diagonals.
func (k *kernel) halfRound(shift int, words []int) {
	a := func(i int) VecPhysical { return k.reg(i) }
	b := func(i int) VecPhysical { return k.reg(4 + (i+shift)%4) }
	c := func(i int) int { return 8 + (i+2*shift)%4 }
	d := func(i int) VecPhysical { return k.reg(12 + (i+3*shift)%4) }
	each := func(f func(i int)) {
		for i := range 4 {
			f(i)
		}
	}
	for step, rotations := range [][2]int{{16, 12}, {8, 7}} {
		each(func(i int) { VPADDD(k.word(words[2*i+step]), a(i), a(i)) })
		each(func(i int) { VPADDD(b(i), a(i), a(i)) })
		each(func(i int) { k.xor(a(i), d(i), d(i)) })
		each(func(i int) { k.rotate(d(i), rotations[0]) })
		each(func(i int) {
			sum, isReg := k.state(c(i)).(VecPhysical)
			if isReg {
				VPADDD(d(i), sum, sum)
			} else {
				sum = k.V(15)
				VPADDD(k.word8, d(i), sum)
				k.Move(sum, k.word8)
			}
			k.xor(sum, b(i), b(i))
		})
		each(func(i int) { k.rotate(b(i), rotations[1]) })
	}
}
