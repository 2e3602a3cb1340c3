// Command blake2b writes the Blake2b kernels of package commit.
package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	"github.com/redstuff-go/redstuff/asm/commit/vec"
)

//go:generate go run . -out ../../../commit/blake2b_amd64.s -stubs ../../../commit/blake2b_amd64.go -pkg commit

func main() {
	ConstraintExpr("!purego")
	c := newConstants()
	for _, isa := range []vec.ISA{vec.AVX512, vec.AVX2} {
		newRuns(isa, c).emit()
		newNodes(isa, c).emit()
		newShort(isa, c).emit()
	}
	Generate()
}

const blockSize = 128

var iv = [8]uint64{
	0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
	0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
}

// parameters is the first word of the parameter block: digests of 32 bytes, no
// key, fanout and depth 1.
const parameters = 0x01010020

// sigma gives the order in which a round reads the message words (RFC 7693,
// section 2.7); rounds 10 and 11 repeat rounds 0 and 1.
var sigma = [10][16]int{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
}

const rounds = 12

// constants are the tables that the kernels share.
type constants struct {
	iv       Mem
	start    Mem // the state before the first block
	last     Mem // state words 13 to 15 of the last block
	rotate24 Mem
	rotate16 Mem
	shifts   Mem
	pairs    [2]Mem
}

func newConstants() *constants {
	c := &constants{}
	words := func(name string, w ...uint64) Mem {
		m := GLOBL(name, attr.RODATA|attr.NOPTR)
		for i := range w {
			DATA(8*i, U64(w[i]))
		}
		return m
	}
	c.iv = words("blake2bIVData", iv[:]...)
	c.start = words("blake2bStartData", append([]uint64{iv[0] ^ parameters}, iv[1:]...)...)
	c.last = words("blake2bLastData", iv[5], ^iv[6], iv[7])
	c.rotate24 = vec.Rotation("blake2bRotate24", 8, 3)
	c.rotate16 = vec.Rotation("blake2bRotate16", 8, 2)
	c.shifts = vec.Shifts("blake2bTailShifts")
	c.pairs = vec.Pairs("blake2bPairs")
	return c
}

// kernel is what the kernels have in common.
type kernel struct {
	vec.State
	*constants
	lanes  int
	locals vec.Locals
	table  Mem // pointers to the lanes' messages
}

func newKernel(isa vec.ISA, c *constants) *kernel {
	k := &kernel{constants: c, lanes: isa.Bits / 64}
	k.State = vec.State{ISA: isa, WordBits: 64, Turns: [2][2]int{{32, 24}, {16, 63}}}
	k.Shuffles[24], k.Shuffles[16] = c.rotate24, c.rotate16
	k.State.Alloc(&k.locals)
	k.table = k.locals.Alloc(8 * k.lanes)
	return k
}

// lane is the pointer to a lane's message.
func (k *kernel) lane(i int) Mem { return k.table.Offset(8 * i) }

func (k *kernel) rounds() {
	for r := range rounds {
		k.Round(sigma[r%len(sigma)])
	}
}

// feedForward sets vector i to the state's new word i, h being its old word.
func (k *kernel) feedForward(i int, h Mem) {
	if k.EVEX {
		const xor3 = 0x96
		VPTERNLOGQ(Imm(xor3), h, k.At(8+i), k.V(i))
		return
	}
	VPXOR(k.At(8+i), k.V(i), k.V(i))
	VPXOR(h, k.V(i), k.V(i))
}
