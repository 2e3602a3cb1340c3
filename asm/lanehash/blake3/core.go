package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/lanehash/tables"
	"github.com/redstuff-go/redstuff/asm/lanehash/vec"
)

// core is what the kernels have in common. Between blocks the chaining values
// are in vectors 0 to 7.
type core struct {
	vec.State
	*constants
	lanes  int
	locals vec.Locals
	spill  Mem // of a message word that changes its place
}

func newCore(isa vec.ISA, c *constants) core {
	k := core{constants: c, lanes: isa.Bits / 32}
	k.State = vec.State{ISA: isa, Hash: "blake3", Inline: isa == vec.AVX512VL, WordBits: 32, Rotations: [2][2]int{{16, 12}, {8, 7}}}
	k.Shuffles[16], k.Shuffles[8] = c.rotate16, c.rotate8
	k.State.Alloc(&k.locals)
	if k.EVEX {
		k.spill = k.locals.Alloc(k.Bytes())
	}
	return k
}

// job points to the call's lanehash.blake3Job.
var job = R11

// setKey sets the chaining values to the key.
func (k *core) setKey() {
	for i := range 8 {
		k.Set(i, Mem{Base: job, Disp: tables.JobKey + 4*i})
	}
}

// setState sets words 8 to 15 of the state, but for the counter in 12.
func (k *core) setState(length, flags Mem) {
	for i := range 4 {
		k.Set(8+i, k.iv.Offset(4*i))
	}
	k.Xor(k.Reg(13), k.Reg(13), k.Reg(13))
	k.Set(14, length)
	k.Set(15, flags)
}

// compress emits the seven rounds, and leaves the new chaining values.
func (k *core) compress() {
	if rounds := tables.BLAKE3Rounds(); k.EVEX && k.Zero == 0 {
		k.PermuteLoop(tables.BLAKE3Permutation, len(rounds), k.spill, "round")
	} else {
		for _, order := range rounds {
			k.Round(order)
		}
	}
	for i := range 8 {
		k.Xor(k.At(i+8), k.V(i), k.V(i))
	}
}

// shares tells whether there are several kernels for these vectors, which call what they
// have in common: see runs.shared.
func (k *core) shares() bool { return k.Bits == 512 }

func (k *core) sharedName(what string) string {
	return fmt.Sprintf("blake3%sx%d%s", what, k.lanes, k.Name)
}

func (k *core) call(what string) { CALL(LabelRef("·" + k.sharedName(what) + "(SB)")) }

// storeDigests stores the chaining values as 32 bytes a lane, here or by a call.
func (k *core) storeDigests() {
	if k.Inline {
		k.store()
	} else {
		k.call("Store")
	}
}

func (k *core) store() {
	if k.shares() {
		k.call("Digests")
	} else {
		k.joinDigests()
	}
	vec.Lanes(k.lanes, vec.Dst, vec.DstStride, func(i int) {
		vec.StorePair(k.ISA, 4, i, Mem{Base: R14})
	})
}

// function emits one that the kernels of this file call.
func (k *core) function(what, doc string, emit func()) {
	name := k.sharedName(what)
	TEXT(name, attr.NOSPLIT|attr.NOFRAME, "func()")
	Doc(name + " " + doc + " The kernels of this file call it.")
	emit()
	RET()
}

// joinDigests makes the chaining values digests, where vec.StorePair finds them.
func (k *core) joinDigests() {
	// Now vector i has words 0 to 3 of lanes i, i+4, …, and i+4 words 4 to 7.
	k.transpose4(0, 8, [4]VecPhysical{k.V(0), k.V(1), k.V(2), k.V(3)})
	k.transpose4(4, 8, [4]VecPhysical{k.V(4), k.V(5), k.V(6), k.V(7)})
	vec.JoinPairs(k.ISA, 4, k.pairs)
}

// transpose4 transposes the 32-bit words within every 128-bit part of four
// vectors, numbered t to t+3, to the places out, with s to s+3 for scratch.
func (k *core) transpose4(t, s int, out [4]VecPhysical) {
	for i := 0; i < 4; i += 2 {
		VPUNPCKLDQ(k.V(t+i+1), k.V(t+i), k.V(s+i))
		VPUNPCKHDQ(k.V(t+i+1), k.V(t+i), k.V(s+i+1))
	}
	for i := range 2 {
		VPUNPCKLQDQ(k.V(s+2+i), k.V(s+i), out[2*i])
		VPUNPCKHQDQ(k.V(s+2+i), k.V(s+i), out[2*i+1])
	}
}
