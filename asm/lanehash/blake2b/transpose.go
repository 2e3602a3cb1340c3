package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// transpose8 transposes vectors t to t+7, each 8 words of a lane, into vectors
// m to m+7, each a word of 8 lanes.
func (k *kernel) transpose8(t, m int) {
	const even, odd = 0x88, 0xDD // which parts of the two sources to take
	for i := 0; i < 8; i += 2 {
		VPUNPCKLQDQ(k.V(t+i+1), k.V(t+i), k.V(m+i))   // words 0, 2, 4, 6 of two lanes
		VPUNPCKHQDQ(k.V(t+i+1), k.V(t+i), k.V(m+i+1)) // words 1, 3, 5, 7
	}
	for w := range 2 {
		for i := range 2 {
			a, b := k.V(m+4*i+w), k.V(m+4*i+2+w)
			VSHUFI64X2(Imm(even), b, a, k.V(t+4*w+i))  // words w and w+4 of four lanes
			VSHUFI64X2(Imm(odd), b, a, k.V(t+4*w+2+i)) // words w+2 and w+6
		}
	}
	for w := range 4 {
		from := t + w%2*4 + w/2*2
		VSHUFI64X2(Imm(even), k.V(from+1), k.V(from), k.V(m+w))
		VSHUFI64X2(Imm(odd), k.V(from+1), k.V(from), k.V(m+w+4))
	}
}

// loadMasked brings a block of 8 lanes, or its beginning, into the message
// words. Masked bytes are not read, and are zero.
func (k *runs) loadMasked() {
	const t, m = 8, 16
	// mask leaves in RAX a bit for each of the RCX bytes, 64 at most, that are left.
	mask := func(label string) {
		MOVQ(I32(-1), RAX)
		CMPQ(RCX, Imm(64))
		JGE(LabelRef(label))
		MOVQ(I32(1), RAX)
		SHLQ(CL, RAX)
		DECQ(RAX)
		Label(label)
	}
	LEAQ(Mem{Base: vec.Left, Disp: 1}, RCX)
	mask("have_mask")
	TESTQ(vec.Offset, vec.Offset)
	JNZ(LabelRef("have_first_mask"))
	ANDQ(I8(-2), RAX)
	Label("have_first_mask")
	KMOVQ(RAX, K1)
	load := func(disp int) {
		for i := range k.lanes {
			MOVQ(k.lane(i), R14)
			VMOVDQU8_Z(Mem{Base: R14, Index: vec.Offset, Scale: 1, Disp: disp}, K1, k.V(t+i))
		}
	}
	load(-1)
	k.call("Transpose")
	TESTQ(vec.Offset, vec.Offset)
	JNZ(LabelRef("have_lead"))
	VPORQ(k.leads, k.V(m), k.V(m))
	Label("have_lead")

	ADDQ(I8(-64), RCX)
	JG(LabelRef("second_half"))
	for i := range 8 {
		k.Xor(k.V(m+8+i), k.V(m+8+i), k.V(m+8+i))
	}
	JMP(LabelRef("loaded"))
	Label("second_half")
	mask("have_second_mask")
	KMOVQ(RAX, K1)
	load(63)
	k.transpose8(t, m+8)
	Label("loaded")
}

// The 16-register loads take 16 bytes of lanes i and i+2 into one vector, and
// shift them by the one byte that they are off: with the vector before, whose
// last byte belongs to the block. The vectors of part p, two for the four
// lanes, are 0 and 1 where p is even, and 2 and 3 where it is odd.

// leadPairs makes the vectors before the first: of the lead bytes.
func (k *kernel) leadPairs(leads Mem) {
	k.Move(leads, k.V(4))
	VPSLLDQ(Imm(15), k.V(4), k.V(2))
	VPSRLDQ(Imm(8), k.V(4), k.V(3))
	VPSLLDQ(Imm(15), k.V(3), k.V(3))
}

// loadPairs loads the vectors of a part from an address relative to R14.
func (k *kernel) loadPairs(part int, from Mem) {
	for i := range 2 {
		v := part&1*2 + i
		MOVQ(k.lane(i), R14)
		VMOVDQU(from, vec.X(v))
		MOVQ(k.lane(i+2), R14)
		VINSERTI128(Imm(1), from, k.V(v), k.V(v))
	}
}

// joinPairs stores the message words 2*part and 2*part+1.
func (k *kernel) joinPairs(part int) {
	this, before := part&1*2, 2-part&1*2
	for i := range 2 {
		VPALIGNR(Imm(15), k.V(before+i), k.V(this+i), k.V(4+i))
	}
	VPUNPCKLQDQ(k.V(5), k.V(4), k.V(6))
	k.Move(k.V(6), k.Word(2*part))
	if k.Zero == 0 || 2*part+1 < k.Zero {
		VPUNPCKHQDQ(k.V(5), k.V(4), k.V(7))
		k.Move(k.V(7), k.Word(2*part+1))
	}
}

// loadShifted brings a block of 4 lanes into the message words.
func (k *runs) loadShifted() {
	from := func(part int) Mem { return Mem{Base: R14, Index: vec.Offset, Scale: 1, Disp: 16 * part} }
	TESTQ(vec.Offset, vec.Offset)
	JNZ(LabelRef("not_first"))
	k.leadPairs(k.leads)
	JMP(LabelRef("have_lead"))
	Label("not_first")
	k.loadPairs(-1, from(-1))
	Label("have_lead")
	CMPQ(vec.Left, U32(blockSize))
	JGE(LabelRef("whole"))
	k.stage.Copy(k.shifts)
	MOVQ(k.current, h)
	Label("whole")
	for part := range 8 {
		k.loadPairs(part, from(part))
		k.joinPairs(part)
	}
}

// storeDigests stores words 0 to 3 of the new state, in vectors 0 to 3.
func (k *kernel) storeDigests() { k.call("Store") }

func (k *kernel) sharedName(what string) string {
	return fmt.Sprintf("blake2b%sx%d%s", what, k.lanes, k.Name)
}

func (k *kernel) call(what string) { CALL(LabelRef("·" + k.sharedName(what) + "(SB)")) }

// function emits one that the kernels of this file call.
func (k *kernel) function(what, doc string, emit func()) {
	name := k.sharedName(what)
	TEXT(name, attr.NOSPLIT|attr.NOFRAME, "func()")
	Doc(name + " " + doc + " The kernels of this file call it.")
	emit()
	RET()
}

// store emits the function that stores digests.
func (k *kernel) store() {
	VPUNPCKLQDQ(k.V(3), k.V(2), k.V(4))
	VPUNPCKHQDQ(k.V(3), k.V(2), k.V(5))
	VPUNPCKLQDQ(k.V(1), k.V(0), k.V(2))
	VPUNPCKHQDQ(k.V(1), k.V(0), k.V(1))
	k.Move(k.V(2), k.V(0))
	vec.JoinPairs(k.ISA, 2, k.pairs)
	vec.Lanes(k.lanes, vec.Dst, vec.DstStride, func(i int) {
		vec.StorePair(k.ISA, 2, i, Mem{Base: R14})
	})
}
