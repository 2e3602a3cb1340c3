// Command blake3 writes the BLAKE3 kernels of package lanehash.
package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	"github.com/redstuff-go/redstuff/asm/lanehash/tables"
	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

//go:generate go run . -out ../../../internal/lanehash/blake3_amd64.s -stubs ../../../internal/lanehash/blake3_amd64.go -pkg lanehash
//go:generate go run ../../tidy ../../../internal/lanehash/blake3_amd64.s

func main() {
	ConstraintExpr("!purego")
	c := newConstants()
	for _, isa := range []vec.ISA{vec.AVX512, vec.AVX512VL, vec.AVX2} {
		newRuns(isa, c).emit()
	}
	for _, isa := range []vec.ISA{vec.AVX512, vec.AVX2} {
		short := newShort(isa, c)
		short.emit()
		short.Parts()
		short.function("Store", "stores the digests of a batch.", short.store)
	}
	nodes := newInner(vec.AVX512, c)
	fold{nodes}.emit()
	climb{nodes}.emit()
	nodes.shared()
	Generate()
}

const (
	blockSize = 64
	half      = blockSize / 2 // what one pointer of a node gives
)

// constants are the tables that the kernels share.
type constants struct {
	iv          Mem
	laneNumbers Mem
	rotate16    Mem // byte shuffles, for want of a rotation
	rotate8     Mem
	shifts      Mem
	pairs       [2]Mem
}

func newConstants() *constants {
	const ro = attr.RODATA | attr.NOPTR
	c := &constants{}
	c.iv = GLOBL("blake3IVData", ro)
	for i, w := range tables.BLAKE3IV {
		DATA(4*i, U32(w))
	}
	c.laneNumbers = GLOBL("blake3LaneNumbers", ro)
	for i := range 16 {
		DATA(4*i, U32(i))
	}
	c.rotate16 = vec.Rotation("blake3Rotate16", 4, 2)
	c.rotate8 = vec.Rotation("blake3Rotate8", 4, 1)
	c.shifts = vec.Shifts("blake3TailShifts")
	c.pairs = vec.Pairs("blake3Pairs")
	return c
}
