// Command blake2b writes the Blake2b kernels of package lanehash.
package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/tables"
	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

//go:generate go run . -out ../../../internal/lanehash/blake2b_amd64.s -stubs ../../../internal/lanehash/blake2b_amd64.go -pkg lanehash
//go:generate go run ../../tidy ../../../internal/lanehash/blake2b_amd64.s

func main() {
	ConstraintExpr("!purego")
	c := newConstants()
	for _, isa := range []vec.ISA{vec.AVX512, vec.AVX2} {
		newRuns(isa, c).emit()
		newNodes(isa, c).emit()
		short := newShort(isa, c)
		short.emit()
		short.Parts()
		short.function("Store", "stores the digests of a batch, words 0 to 3 of the state.", short.store)
		if isa.EVEX {
			short.function("Transpose", "brings 64 bytes of every lane into the first message words.", func() { short.transpose8(8, 16) })
		}
	}
	Generate()
}

const blockSize = 128

var iv = tables.Blake2bIV

// constants are the tables that the kernels share.
type constants struct {
	iv       Mem
	start    Mem // the state before the first block
	last     Mem // state words 13 to 15 of the last block
	rotate24 Mem
	rotate16 Mem
	shifts   Mem
	pairs    [2]Mem
	places   Mem // of the message words in memory, for the loop over the rounds
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
	c.start = words("blake2bStartData", append([]uint64{iv[0] ^ tables.Blake2bParameters}, iv[1:]...)...)
	c.last = words("blake2bLastData", iv[5], ^iv[6], iv[7])
	c.rotate24 = vec.Rotation("blake2bRotate24", 8, 3)
	c.rotate16 = vec.Rotation("blake2bRotate16", 8, 2)
	c.shifts = vec.Shifts("blake2bTailShifts")
	c.pairs = vec.Pairs("blake2bPairs")
	rounds := tables.Blake2bRounds()
	c.places = vec.Places("blake2bPlaces", vec.AVX2, rounds[:])
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
	k.State = vec.State{ISA: isa, Hash: "blake2b", WordBits: 64, Rotations: [2][2]int{{32, 24}, {16, 63}}}
	k.Shuffles[24], k.Shuffles[16] = c.rotate24, c.rotate16
	k.State.Alloc(&k.locals)
	k.table = k.locals.Alloc(8 * k.lanes)
	return k
}

// lane is the pointer to a lane's message.
func (k *kernel) lane(i int) Mem { return k.table.Offset(8 * i) }

// rounds emits the twelve rounds. The last two are the first two again.
func (k *kernel) rounds() {
	rounds := tables.Blake2bRounds()
	if !k.EVEX && k.Zero == 0 {
		k.RoundLoop(k.places, len(rounds), "round")
		return
	}
	XORL(ECX, ECX) // set once the rounds between were
	Label("rounds")
	k.Round(rounds[0])
	k.Round(rounds[1])
	TESTL(ECX, ECX)
	JNZ(LabelRef("rounds_done"))
	for _, order := range rounds[2:10] {
		k.Round(order)
	}
	INCL(ECX)
	JMP(LabelRef("rounds"))
	Label("rounds_done")
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
