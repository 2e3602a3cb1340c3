package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// A 4x4 transposition of 32-bit words within every 128-bit part of four
// vectors takes two steps of four interleavings. Which messages share a vector
// is decided by the loads, such that these and at most one exchange of parts
// bring every word into lane order.

// loadWhole brings a whole block of every lane into the message words.
func (k *runs) loadWhole() {
	if k.shares() {
		k.call("LoadLeft")
		k.call("LoadRight")
		return
	}
	for quarter := range 4 {
		k.loadQuarter(quarter, nil)
	}
}

// loadPartial does so with a block of fewer than 64 bytes, with masks: nothing
// past a message's end is read. Parts that have no byte are not transposed.
func (k *runs) loadPartial() {
	parts, bits := 2, half // a mask has a bit for every byte
	if k.Bits == 256 {
		parts, bits = 4, half/2
	}
	MOVQ(vec.Left, RCX)
	MOVQ(I32(1), RAX)
	SHLQ(CL, RAX)
	DECQ(RAX)
	for i := bits / 4; i < 16; i++ { // the words that the first part does not set
		k.Xor(k.V(16+i), k.V(16+i), k.V(16+i))
	}
	for part := range parts {
		if part > 0 {
			SHRQ(Imm(uint64(bits)), RAX)
			JZ(LabelRef("loaded"))
		}
		if parts == 2 {
			KMOVD(EAX, K1)
			k.loadHalf(part, []GPPhysical{vec.Offset, second}[part], K1)
		} else {
			KMOVW(EAX, K1)
			k.loadQuarter(part, K1)
		}
	}
}

// loadHalf brings half a block of 16 lanes into message words 8*part to
// 8*part+7. A vector takes lanes i and i+4.
func (k *runs) loadHalf(part int, offset GPPhysical, mask Op) {
	const t = 8
	m := 16 + 8*part
	first := [8]int{0, 1, 2, 3, 8, 9, 10, 11}
	for i, lane := range first {
		low, high := k.lane(lane), k.lane(lane+4)
		MOVQ(low, R14)
		from := Mem{Base: R14, Index: offset, Scale: 1}
		if mask == nil {
			VMOVDQU(from, vec.Y(t+i))
			MOVQ(high, R14)
			VINSERTI64X4(Imm(1), from, k.V(t+i), k.V(t+i))
			continue
		}
		VMOVDQU8_Z(from, mask, vec.Y(t+i))
		MOVQ(high, R14)
		VMOVDQU8_Z(from, mask, vec.Y(m+i))
		VINSERTI64X4(Imm(1), vec.Y(m+i), k.V(t+i), k.V(t+i))
	}
	// A part holds word w of four lanes, and the next w+4 of the same.
	for q := 0; q < 8; q += 4 {
		out := [4]VecPhysical{k.V(t + q), k.V(t + q + 1), k.V(t + q + 2), k.V(t + q + 3)}
		k.transpose4(t+q, m+q, out)
	}
	for w := range 4 {
		VSHUFI32X4(Imm(0x88), k.V(t+4+w), k.V(t+w), k.V(m+w))
		VSHUFI32X4(Imm(0xDD), k.V(t+4+w), k.V(t+w), k.V(m+4+w))
	}
}

// loadQuarter brings a quarter of a block of 8 lanes into message words 4*part
// to 4*part+3. A vector takes lanes i and i+4.
func (k *runs) loadQuarter(part int, mask Op) {
	const t, s = 8, 12
	offset := []GPPhysical{vec.Offset, second}[part/2]
	for i := range 4 {
		MOVQ(k.lane(i), R14)
		from := Mem{Base: R14, Index: offset, Scale: 1, Disp: part % 2 * 16}
		if mask == nil {
			VMOVDQU(from, vec.X(t+i))
			MOVQ(k.lane(i+4), R14)
			VINSERTI128(Imm(1), from, vec.Y(t+i), vec.Y(t+i))
			continue
		}
		VMOVDQU8_Z(from, mask, vec.X(t+i))
		MOVQ(k.lane(i+4), R14)
		VMOVDQU8_Z(from, mask, vec.X(s+i))
		VINSERTI128(Imm(1), vec.X(s+i), vec.Y(t+i), vec.Y(t+i))
	}
	var out [4]VecPhysical
	for i := range out {
		out[i] = k.V(t + i)
		if k.EVEX {
			out[i] = k.V(16 + 4*part + i)
		}
	}
	k.transpose4(t, s, out)
	if !k.EVEX {
		for i, v := range out {
			k.Move(v, k.Word(4*part+i))
		}
	}
}

// lane is the pointer to a lane's message.
func (k *runs) lane(i int) Mem { return k.table.Offset(8 * i) }
