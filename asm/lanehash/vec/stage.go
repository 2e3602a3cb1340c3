package vec

import (
	"bytes"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Stage is the memory into which a kernel without masks copies the messages'
// last blocks, padded with zeros, because loading a whole block there could
// read past the messages' end.
type Stage struct {
	Lanes int
	Block int // bytes of a block
	Table Mem // the lanes' pointers: to the messages before, to the copies after
	Slots Mem // Lanes * Block bytes
}

// Shifts emits a table for byte shuffles that move the last n of 16 bytes to
// the front and clear the rest, to be read at 16-n.
func Shifts(name string) Mem {
	order := bytes.Repeat([]byte{0x80}, 32)
	for i := range 16 {
		order[i] = byte(i)
	}
	return Table(name, order)
}

// Copy emits the copying of the messages' Left bytes at Offset, and replaces
// Table by pointers such that Offset 0 is the copied block. It clobbers RAX,
// RCX, RDX, R11, R14 and the vector registers 14 and 15.
func (s Stage) Copy(shifts Mem) {
	const word = 16 // the copies are read in such pieces: store them so, to be forwarded
	data, zero := X(14), Y(15)

	VPXOR(zero, zero, zero)
	XORL(R11L, R11L)

	Label("stage_lane")
	MOVQ(s.Table.Idx(R11, 8), R14)
	IMUL3Q(Imm(uint64(s.Block)), R11, RDX)
	LEAQ(s.Slots.Idx(RDX, 1), RDX)
	MOVQ(RDX, s.Table.Idx(R11, 8))
	for at := 0; at < s.Block; at += 32 {
		VMOVDQU(zero, Mem{Base: RDX, Disp: at})
	}
	ADDQ(Offset, R14)
	MOVQ(Left, RCX)

	Label("stage_word")
	CMPQ(RCX, Imm(word))
	JL(LabelRef("stage_tail"))
	VMOVDQU(Mem{Base: R14}, data)
	VMOVDQU(data, Mem{Base: RDX})
	ADDQ(Imm(word), R14)
	ADDQ(Imm(word), RDX)
	SUBQ(Imm(word), RCX)
	JMP(LabelRef("stage_word"))

	// RCX bytes are left, fewer than a word. A message of a word or more has a
	// word that ends where it ends.
	Label("stage_tail")
	TESTQ(RCX, RCX)
	JZ(LabelRef("stage_next"))
	CMPQ(Size, Imm(word))
	JL(LabelRef("stage_short"))
	VMOVDQU(Mem{Base: R14, Index: RCX, Scale: 1, Disp: -word}, data)
	LEAQ(shifts.Offset(word), RAX)
	SUBQ(RCX, RAX)
	VPSHUFB(Mem{Base: RAX}, data, data)
	JMP(LabelRef("stage_store"))

	// A shorter one is put together from two pieces, its first and its last
	// bytes, which overlap unless the length is a power of two.
	Label("stage_short")
	CMPQ(RCX, Imm(8))
	JL(LabelRef("stage_below_8"))
	VMOVQ(Mem{Base: R14}, data)
	MOVQ(Mem{Base: R14, Index: RCX, Scale: 1, Disp: -8}, RAX)
	NEGQ(RCX) // shift out 16-n bytes, in two steps because n = 8 shifts out all
	ADDQ(Imm(15), RCX)
	SHLQ(Imm(3), RCX)
	SHRQ(CL, RAX)
	SHRQ(Imm(8), RAX)
	VPINSRQ(Imm(1), RAX, data, data)
	JMP(LabelRef("stage_store"))

	Label("stage_below_8")
	CMPQ(RCX, Imm(4))
	JL(LabelRef("stage_below_4"))
	MOVL(Mem{Base: R14, Index: RCX, Scale: 1, Disp: -4}, EAX)
	SUBQ(Imm(4), RCX)
	SHLQ(Imm(3), RCX)
	SHLQ(CL, RAX)
	MOVL(Mem{Base: R14}, R14L)
	ORQ(R14, RAX)
	VMOVQ(RAX, data)
	JMP(LabelRef("stage_store"))

	Label("stage_below_4")
	CMPQ(RCX, Imm(2))
	JL(LabelRef("stage_byte"))
	MOVWLZX(Mem{Base: R14, Index: RCX, Scale: 1, Disp: -2}, EAX)
	SUBQ(Imm(2), RCX)
	SHLQ(Imm(3), RCX)
	SHLQ(CL, RAX)
	MOVWLZX(Mem{Base: R14}, R14L)
	ORQ(R14, RAX)
	VMOVQ(RAX, data)
	JMP(LabelRef("stage_store"))

	Label("stage_byte")
	MOVBLZX(Mem{Base: R14}, EAX)
	VMOVQ(RAX, data)

	Label("stage_store")
	VMOVDQU(data, Mem{Base: RDX})

	Label("stage_next")
	INCQ(R11)
	CMPQ(R11, Imm(uint64(s.Lanes)))
	JL(LabelRef("stage_lane"))
	XORL(Offset.As32(), Offset.As32())
}
