// Package vec holds what the hash kernels' generators share: the instruction
// sets, and the parts of a kernel that do not depend on the hash.
//
// A kernel gives every message of a batch a lane. Where a batch has fewer
// messages than lanes, the lanes left over repeat its last message, and store
// the same digest to the same place: no kernel needs a second code path for
// partial batches, nor a mask, nor a byte beyond its slices.
package vec

import (
	"encoding/binary"
	"math/bits"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// ISA is an instruction set at one vector length.
type ISA struct {
	Name string // suffix of the kernels' names
	Bits int    // of a vector
	EVEX bool   // 32 registers, rotations, ternary logic, masks: AVX-512 F, BW, DQ, VL
}

// The sets for which kernels are made.
var (
	AVX2   = ISA{Name: "AVX2", Bits: 256}
	AVX512 = ISA{Name: "AVX512", Bits: 512, EVEX: true}
	// AVX512VL is for batches that would leave half of the lanes empty.
	AVX512VL = ISA{Name: "AVX512", Bits: 256, EVEX: true}
)

// Bytes is the length of a vector.
func (s ISA) Bytes() int { return s.Bits / 8 }

// V returns vector register i.
func (s ISA) V(i int) reg.VecPhysical {
	if s.Bits == 512 {
		return zmm[i]
	}
	return ymm[i]
}

// X returns the low quarter or half of vector register i.
func X(i int) reg.VecPhysical { return xmm[i] }

// Y returns the low half, or the whole, of vector register i.
func Y(i int) reg.VecPhysical { return ymm[i] }

var (
	xmm = [...]reg.VecPhysical{
		reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7,
		reg.X8, reg.X9, reg.X10, reg.X11, reg.X12, reg.X13, reg.X14, reg.X15,
		reg.X16, reg.X17, reg.X18, reg.X19, reg.X20, reg.X21, reg.X22, reg.X23,
		reg.X24, reg.X25, reg.X26, reg.X27, reg.X28, reg.X29, reg.X30, reg.X31,
	}
	ymm = [...]reg.VecPhysical{
		reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
		reg.Y16, reg.Y17, reg.Y18, reg.Y19, reg.Y20, reg.Y21, reg.Y22, reg.Y23,
		reg.Y24, reg.Y25, reg.Y26, reg.Y27, reg.Y28, reg.Y29, reg.Y30, reg.Y31,
	}
	zmm = [...]reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
		reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
		reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
	}
)

// The general registers that keep their meaning through a kernel. Scratch
// registers are RAX, RCX and R14.
var (
	Dst       = reg.RDI // digest of the batch's first message
	Src       = reg.RSI // the batch's first message
	Stride    = reg.R8
	Size      = reg.R9  // of a message, in bytes
	Count     = reg.R10 // messages left, this batch's included
	DstStride = reg.R12
	Offset    = reg.R13 // of the current block in every message
	Left      = reg.RBX // bytes from there to the messages' end
	Frame     = reg.R15 // local memory, aligned to a cache line
)

// Locals lays out a kernel's local memory.
type Locals struct{ size int }

// Alloc reserves size bytes, a multiple of a vector's or at the end, and
// returns their place.
func (l *Locals) Alloc(size int) operand.Mem {
	m := operand.Mem{Base: Frame, Disp: l.size}
	l.size += size
	return m
}

// Begin points Frame at the local memory reserved so far.
func (l *Locals) Begin() {
	const line = 64
	LEAQ(AllocLocal((l.size+7)&^7+line).Offset(line-1), Frame)
	ANDQ(operand.I32(-line), Frame)
}

// Lanes calls each with the scratch register R14 pointing to lane 0's row, then
// to lane 1's, and so on, from base in steps of stride, and no further than the
// last message. It clobbers RAX.
func Lanes(lanes int, base, stride reg.GPPhysical, each func(lane int)) {
	MOVQ(base, reg.R14)
	for i := range lanes {
		if i > 0 {
			XORL(reg.EAX, reg.EAX)
			CMPQ(Count, operand.Imm(uint64(i)))
			CMOVQGT(stride, reg.RAX)
			ADDQ(reg.RAX, reg.R14)
		}
		each(i)
	}
}

// Advance moves on to the next batch and jumps to the label if there is one.
// It clobbers RAX.
func Advance(lanes int, label string) {
	shift := operand.Imm(uint64(bits.TrailingZeros(uint(lanes))))
	MOVQ(Stride, reg.RAX)
	SHLQ(shift, reg.RAX)
	ADDQ(reg.RAX, Src)
	MOVQ(DstStride, reg.RAX)
	SHLQ(shift, reg.RAX)
	ADDQ(reg.RAX, Dst)
	SUBQ(operand.Imm(uint64(lanes)), Count)
	JG(operand.LabelRef(label))
}

// Move copies a vector to or from memory, or between registers.
func (s ISA) Move(from, to operand.Op) {
	if s.EVEX {
		VMOVDQU32(from, to)
	} else {
		VMOVDQU(from, to)
	}
}

// Xor sets z to the exclusive or of x and y.
func (s ISA) Xor(x, y, z operand.Op) {
	if s.EVEX {
		VPXORD(x, y, z)
	} else {
		VPXOR(x, y, z)
	}
}

// Rotation emits the byte shuffle that rotates words of size bytes right by n bytes.
func Rotation(name string, size, n int) operand.Mem {
	var order [32]byte
	for i := range order {
		order[i] = byte(i%16/size*size + (i+n)%size)
	}
	return Table(name, order[:])
}

// Table emits a table of bytes, a multiple of eight of them.
func Table(name string, data []byte) operand.Mem {
	m := GLOBL(name, attr.RODATA|attr.NOPTR)
	for i := 0; i < len(data); i += 8 {
		DATA(i, operand.U64(binary.LittleEndian.Uint64(data[i:])))
	}
	return m
}

// Pairs emits the two permutations that JoinPairs needs: of the 128-bit parts
// of two vectors they interleave the lower halves, and the upper halves.
func Pairs(name string) (tables [2]operand.Mem) {
	m := GLOBL(name, attr.RODATA|attr.NOPTR)
	for i, q := range []int{0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15} {
		DATA(8*i, operand.U64(q))
	}
	return [2]operand.Mem{m, m.Offset(64)}
}

// JoinPairs makes digests whole. Part p of vector i, for i below sets, holds
// the first 16 bytes of the digest of lane sets*p + i, and of vector 4+i the
// last 16. The digests end up in vectors i and 8+i, where StorePair finds them.
func JoinPairs(s ISA, sets int, pairs [2]operand.Mem) {
	if s.Bits == 512 {
		s.Move(pairs[0], s.V(12))
		s.Move(pairs[1], s.V(13))
	}
	for i := range sets {
		low, high, joined := s.V(i), s.V(4+i), s.V(8+i)
		if s.Bits == 512 {
			s.Move(low, joined)
			VPERMT2Q(high, s.V(12), joined)
			VPERMT2Q(high, s.V(13), low)
			continue
		}
		VPERM2I128(operand.Imm(0x20), high, low, joined)
		VPERM2I128(operand.Imm(0x31), high, low, low)
	}
}

// StorePair stores a lane's digest.
func StorePair(s ISA, sets, lane int, to operand.Mem) {
	set, part := lane%sets, lane/sets
	if s.Bits == 256 {
		VMOVDQU(Y([]int{8, 0}[part]+set), to)
		return
	}
	from := []int{8, 0}[part/2] + set
	if part%2 == 0 {
		VMOVDQU(Y(from), to)
	} else {
		VEXTRACTI64X4(operand.Imm(1), s.V(from), to)
	}
}
