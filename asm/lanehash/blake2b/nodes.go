package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// nodeSize is the length of the only message of this kernel: the lead byte and
// two digests.
const nodeSize = 65

// nodes describes the kernel for inner nodes, the commonest messages of all.
// They are one block with 9 of 16 words, so that 7 additions fall away in every
// round.
type nodes struct {
	single
	ends Mem // the right children's last bytes, a word a lane
}

// delta leads from the left children to the right ones.
var delta = R13

func newNodes(isa vec.ISA, c *constants) *nodes {
	k := &nodes{single: newSingle(isa, c, (nodeSize+7)/8)}
	k.ends = k.locals.Alloc(k.Bytes())
	return k
}

func (k *nodes) emit() {
	name := fmt.Sprintf("blake2bNodesx%d%s", k.lanes, k.Name)
	TEXT(name, 0, "func(dst *byte, dstStride int, left, right *byte, stride, count int, lead uint64)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s works like blake2bRunsGeneric with size 64, %d messages at a time; count is at least 1.",
		name, k.lanes), "The halves of a message are always read from left and right.")
	k.locals.Begin()
	Load(Param("dst"), vec.Dst)
	Load(Param("dstStride"), vec.DstStride)
	Load(Param("left"), vec.Src)
	Load(Param("right"), RAX)
	SUBQ(vec.Src, RAX)
	MOVQ(RAX, delta)
	Load(Param("stride"), vec.Stride)
	Load(Param("count"), vec.Count)
	MOVQ(U32(nodeSize), vec.Size)
	k.begin(NewParamAddr("lead", 48))
	if k.EVEX {
		k.masks()
	}

	Label("batch")
	vec.Lanes(k.lanes, vec.Src, vec.Stride, func(i int) { MOVQ(R14, k.lane(i)) })
	if k.EVEX {
		k.loadMasked()
	} else {
		k.loadShifted()
	}
	k.compress()
	k.storeDigests()
	vec.Advance(k.lanes, "batch")
	VZEROUPPER()
	RET()
}

// masks sets the masks of loadMasked: of a block's first 64 bytes, bytes 1 to
// 32 are the left child, and those behind them the first of the right one.
func (k *nodes) masks() {
	MOVQ(U64(1<<33-2), RAX)
	KMOVQ(RAX, K1)
	MOVQ(I64(-1<<33), RAX)
	KMOVQ(RAX, K2)
}

// loadMasked brings the messages of 8 lanes into message words 0 to 8.
func (k *nodes) loadMasked() {
	const t = 8
	for i := range k.lanes {
		MOVQ(k.lane(i), R14)
		VMOVDQU8_Z(Mem{Base: R14, Disp: -1}, K1, k.V(t+i))
		VMOVDQU8(Mem{Base: R14, Index: delta, Scale: 1, Disp: -33}, K2, k.V(t+i))
		MOVBLZX(Mem{Base: R14, Index: delta, Scale: 1, Disp: 31}, EAX)
		MOVQ(RAX, k.ends.Offset(8*i))
	}
	k.call("Transpose")
	VPORQ(k.lead, k.V(16), k.V(16))
	k.Move(k.ends, k.V(24))
}

// loadShifted brings the messages of 4 lanes into message words 0 to 8.
func (k *nodes) loadShifted() {
	k.leadPairs(k.lead)
	for part := range 4 {
		from := Mem{Base: R14, Disp: 16 * part}
		if part >= 2 { // the right child goes on where the left one ends
			from = Mem{Base: R14, Index: delta, Scale: 1, Disp: 16*part - 32}
		}
		k.loadPairs(part, from)
		k.joinPairs(part)
	}
	k.Xor(k.V(0), k.V(0), k.V(0))
	k.Xor(k.V(1), k.V(1), k.V(1))
	k.joinPairs(4)
}
