package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// single is what the kernels for messages of one block have in common: all of
// the state but the message is constant.
type single struct {
	*kernel
	lead  Mem // the lead byte in every lane
	start Mem // the state before the block, words 0 to 3
	bytes Mem // state word 12: the count of bytes, on its constant
}

// newSingle returns the description of a kernel for messages of that many words.
func newSingle(isa vec.ISA, c *constants, words int) single {
	k := single{kernel: newKernel(isa, c)}
	k.Zero = words
	k.lead = k.locals.Alloc(k.Bytes())
	k.start = k.locals.Alloc(4 * k.Bytes())
	k.bytes = k.locals.Alloc(8)
	return k
}

// begin sets the constants of a call. The length with the lead byte is in Size.
func (k *single) begin(lead Mem) {
	VPBROADCASTQ(lead, k.V(0))
	k.Move(k.V(0), k.lead)
	for i := range 4 {
		VPBROADCASTQ(k.constants.start.Offset(8*i), k.V(0))
		k.Move(k.V(0), k.start.Offset(i*k.Bytes()))
	}
	MOVQ(U64(iv[4]), RAX)
	XORQ(vec.Size, RAX)
	MOVQ(RAX, k.bytes)
}

// compress sets the state, emits the rounds and leaves the digests' words.
func (k *single) compress() {
	for i := range 8 {
		k.Set(i, k.constants.start.Offset(8*i))
	}
	for i := range 4 {
		k.Set(8+i, k.iv.Offset(8*i))
	}
	k.Set(12, k.bytes)
	for i := range 3 {
		k.Set(13+i, k.last.Offset(8*i))
	}
	k.rounds()
	for i := range 4 {
		k.feedForward(i, k.start.Offset(i*k.Bytes()))
	}
}
