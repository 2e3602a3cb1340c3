package main

import (
	"encoding/binary"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
	"github.com/redstuff-go/redstuff/asm/lanehash/tables"
)

const (
	blake2bBlock = 128
	// nodeSize is the length of an inner node's message: the lead byte and two
	// digests.
	nodeSize = 65
)

// writeBlake2b writes the kernels of 2 lanes. Where an argument sha3 of theirs is not 0,
// the parts of their rounds use instructions that came with SHA-3.
func writeBlake2b(f *emit.File) {
	words := func(words ...uint64) (data []byte) {
		for _, w := range words {
			data = binary.LittleEndian.AppendUint64(data, w)
		}
		return data
	}
	iv := tables.Blake2bIV
	start := iv
	start[0] ^= tables.Blake2bParameters
	f.Table("blake2bStartData", "The state before the first block.", words(start[:]...))
	f.Table("blake2bIVData", "The initial value.", words(iv[:]...))
	f.Table("blake2bNodeData", "State words 12 to 15 of the only block of 65 bytes.", words(iv[4]^nodeSize, iv[5], ^iv[6], iv[7]))
	f.Table("blake2bRotations", "The byte orders that rotate words right by 16 and by 24 bits.", append(rotation(8, 2), rotation(8, 3)...))
	writeRuns(f)
	k := writeNodes(f)
	for _, k.xar = range []bool{false, true} {
		writeParts(f, k.state)
	}
}

// blake2b is a kernel of 2 lanes being written.
type blake2b struct{ *state }

// newBlake2b takes the registers of a kernel.
func newBlake2b(fn *emit.Func, zero int) blake2b {
	s := blake2b{&state{Func: fn, hash: "blake2b", wide: true, zero: zero, rotations: [2][2]int{{32, 24}, {16, 63}}}}
	s.v, s.t, s.message = s.Vecs(16), s.Vecs(4), s.Vecs(10)
	s.shuffles[16], s.shuffles[24] = s.Vec(), s.Vec()
	r := s.GP()
	s.Op("MOVD", "$blake2bRotations<>(SB)", r)
	s.Op("FLDPQ", emit.At(r, 0), "("+s.shuffles[16].F()+", "+s.shuffles[24].F()+")")
	s.Free(r)
	return s
}

// allRounds emits the twelve rounds, of the parts that the argument sha3 asks for.
func (s blake2b) allRounds() {
	r := s.GP()
	s.Op("MOVD", s.Param("sha3"), r)
	s.Op("CBNZ", r, "sha3")
	s.Free(r)
	s.rounds("rounds")
	s.Op("B", "mixed")
	s.Label("sha3")
	s.xar = true
	s.rounds("roundsSHA3")
	s.xar = false
	s.Label("mixed")
}

// rounds emits the twelve rounds. The last two are the first two again.
func (s blake2b) rounds(label string) {
	rounds, again := tables.Blake2bRounds(), s.GP()
	s.Op("MOVD", emit.ZR, again) // set once the rounds between were
	s.Label(label)
	for i, order := range rounds[:10] {
		if i == 2 {
			s.Op("CBNZ", again, label+"Done")
		}
		s.Comment("round %d", i+1)
		s.round(order)
	}
	s.Op("MOVD", "$1", again)
	s.Op("B", label)
	s.Label(label + "Done")
	s.Free(again)
}

// feedForward sets state vector i to the state's new word i, t being its old
// word.
func (s blake2b) feedForward(i int, t emit.Vec) {
	s.xor(s.v[8+i], s.v[i], s.v[i])
	s.xor(t, s.v[i], s.v[i])
}

// storeDigests stores the digests: state vectors 0 to 3.
func (s blake2b) storeDigests(b *batch) {
	b.walk(b.dst, b.dstStride, b.lanes)
	for i, zip := range []string{"VZIP1", "VZIP2"} {
		s.Op(zip, s.v[1].D2(), s.v[0].D2(), s.t[0].D2())
		s.Op(zip, s.v[3].D2(), s.v[2].D2(), s.t[1].D2())
		s.Op("FSTPQ", "("+s.t[0].F()+", "+s.t[1].F()+")", emit.At(b.lanes[i], 0))
	}
}

// zip makes words 2i and 2i+1 of the message of two vectors, one of each lane.
func (s blake2b) zip(i int, x, y emit.Vec) {
	for n, zip := range []string{"VZIP1", "VZIP2"} {
		w := s.wordTarget(2*i+n, s.t[n])
		s.Op(zip, y.D2(), x.D2(), w.D2())
		s.keepWord(2*i+n, w)
	}
}

// writeNodes writes the kernel for inner nodes, the commonest messages of all.
// They are one block with 9 of 16 words, so that 7 additions fall away in every
// round, and all of the state but the message is constant.
func writeNodes(f *emit.File) blake2b {
	fn := f.Func("blake2bNodesx2NEON", "works like blake2bRunsGeneric with size 64, 2 messages at a time; count is at least 1.\n"+
		"The halves of a message are always read from left and right.",
		"dst *byte, dstStride int, left, right *byte, stride, count int, lead uint64, sha3 int", 0)
	s := newBlake2b(fn, (nodeSize+7)/8)
	b := newBatch(s.state, "left", 1)
	delta, lead := s.Load("right"), s.Load("lead")
	s.Op("SUB", b.src, delta, delta)
	s.Op("LSL", "$56", lead, lead)
	r := s.GP()

	s.Label("batch")
	b.walk(b.src, b.stride, b.lanes)
	// The lead byte shifts the message: vector i of the block is the last byte of
	// vector i-1 of the message and the first 15 bytes of vector i.
	const vectors = 4
	x := [2][]emit.Vec{s.v[0:vectors], s.v[vectors : 2*vectors]}
	before := [2]emit.Vec{s.t[2], s.t[2]}
	zero := s.t[3]
	s.xor(zero, zero, zero)
	s.Op("VMOV", lead, s.t[2].Lane("D", 1))
	for i, p := range b.lanes {
		s.Op("FLDPQ", emit.At(p, 0), "("+x[i][0].F()+", "+x[i][1].F()+")")
		s.Op("ADD", delta, p, r)
		s.Op("FLDPQ", emit.At(r, 0), "("+x[i][2].F()+", "+x[i][3].F()+")")
	}
	for i := range vectors + 1 {
		var shifted [2]emit.Vec
		for lane := range shifted {
			after := zero
			if i < vectors {
				after = x[lane][i]
			}
			shifted[lane] = s.v[8+lane]
			s.Op("VEXT", emit.Imm(15), after.B16(), before[lane].B16(), shifted[lane].B16())
			before[lane] = after
		}
		if i == vectors { // the last word has no second half
			w := s.message[2*i]
			s.Op("VZIP1", shifted[1].D2(), shifted[0].D2(), w.D2())
			continue
		}
		s.zip(i, shifted[0], shifted[1])
	}
	s.Op("MOVD", "$blake2bStartData<>(SB)", r)
	for i := range 8 {
		s.broadcast(r, s.v[i])
	}
	s.Op("MOVD", "$blake2bIVData<>(SB)", r)
	for i := range 4 {
		s.broadcast(r, s.v[8+i])
	}
	s.Op("MOVD", "$blake2bNodeData<>(SB)", r)
	for i := range 4 {
		s.broadcast(r, s.v[12+i])
	}
	s.allRounds()
	s.Op("MOVD", "$blake2bStartData<>(SB)", r)
	for i := range 4 {
		s.broadcast(r, s.t[i])
		s.feedForward(i, s.t[i])
	}
	s.storeDigests(b)
	b.next("batch")
	s.End()
	return s
}

// Local memory of the kernel for runs. A copy of a block has 16 bytes in front,
// the last of them for the byte before the message.
const (
	runsWords  = 0                // the message words without registers: 6 of them
	runsState  = runsWords + 6*16 // a batch's state, where the caller keeps none
	runsSlots  = runsState + 8*16
	runsSlot   = 16 + blake2bBlock
	runsLocals = runsSlots + 2*runsSlot
)

// writeRuns writes the kernel for messages of any length, or pieces of them.
//
// The byte in front of every message makes the blocks begin one byte before a
// multiple of their size: block b is bytes 128b-1 to 128b+126 of the message.
func writeRuns(f *emit.File) {
	fn := f.Func("blake2bx2NEON", "works like blake2bRunsGeneric where b is nil, 2 messages at a time; count is at least 1.\n"+
		"The messages end with the run unless dst is nil.",
		"dst *byte, dstStride int, src *byte, stride, size, count int, lead uint64, leads, state *uint64, offset uint64, sha3 int", runsLocals)
	s := newBlake2b(fn, 16)
	b := newBatch(s.state, "src", 1)
	s.memory = b.local
	leads, states := s.Load("leads"), s.Load("state")
	h, left, at, r := s.GP(), s.GP(), s.GP(), s.GP()
	lead := []emit.GP{s.GP(), s.GP()}

	s.Label("batch")
	s.Op("MOVD", s.Param("lead"), lead[0])
	s.Op("MOVD", lead[0], lead[1])
	s.Op("CBZ", leads, "haveLeads")
	s.Op("MOVD.P", emit.At(leads, 8), lead[0])
	s.Op("MOVD.P", emit.At(leads, 8), lead[1])
	s.Label("haveLeads")
	s.Op("CBZ", states, "start")
	s.Op("MOVD", states, h)
	s.Op("ADD", emit.Imm(8*16), states, states)
	s.Op("B", "haveState")
	s.Label("start")
	s.Op("ADD", emit.Imm(runsState), b.local, h)
	s.Op("MOVD", "$blake2bStartData<>(SB)", r)
	for i := range 8 {
		s.broadcast(r, s.t[0])
		s.storeVec(s.t[0], h, 16*i)
	}
	s.Label("haveState")
	s.Op("MOVD", s.Param("size"), left)
	s.Op("MOVD", emit.ZR, at)

	s.Label("block")
	b.walk(b.src, b.stride, b.lanes)
	for _, p := range b.lanes {
		s.Op("ADD", at, p, p)
	}
	s.Comment("Only whole blocks that are not the first can be loaded as they are.")
	s.Op("CBZ", at, "copy")
	for i, p := range b.lanes {
		s.Op("MOVBU", emit.At(p, -1), lead[i])
	}
	s.Op("CMP", emit.Imm(blake2bBlock-1), left)
	s.Op("BGE", "load")
	s.Label("copy")
	n := s.GP()
	s.Op("MOVD", emit.Imm(blake2bBlock), n)
	s.Op("CMP", n, left)
	s.Op("CSEL", "LT", left, n, n)
	b.stage(n, blake2bBlock, runsSlots+16, runsSlot)
	s.Free(n)
	for i, p := range b.lanes {
		s.Op("MOVB", lead[i], emit.At(p, -1))
	}

	s.Label("load")
	for _, p := range b.lanes {
		s.Op("SUB", "$1", p, p)
	}
	for i := range 8 {
		x, y := s.v[0], s.v[1]
		s.loadVec(b.lanes[0], 16*i, x)
		s.loadVec(b.lanes[1], 16*i, y)
		s.zip(i, x, y)
	}
	for i := range 8 {
		s.loadVec(h, 16*i, s.v[i])
	}
	s.Op("MOVD", "$blake2bIVData<>(SB)", r)
	for i := range 8 {
		s.broadcast(r, s.v[8+i])
	}
	// The lead byte included, one more than left are left; the block is the last
	// if that fits.
	s.Op("ADD", "$1", left, r)
	s.Op("MOVD", emit.Imm(blake2bBlock), b.scratch)
	s.Op("CMP", b.scratch, r)
	s.Op("CSEL", "GT", b.scratch, r, r)
	s.Op("ADD", at, r, r)
	s.Op("MOVD", s.Param("offset"), b.scratch)
	s.Op("ADD", b.scratch, r, r)
	s.Op("VDUP", r, s.t[0].D2())
	s.xor(s.t[0], s.v[12], s.v[12])
	s.Op("CMP", emit.Imm(blake2bBlock-1), left)
	s.Op("CSETM", "LE", r)
	s.Op("VDUP", r, s.t[0].D2())
	s.xor(s.t[0], s.v[14], s.v[14])
	s.allRounds()
	s.Op("CMP", emit.Imm(blake2bBlock-1), left)
	s.Op("BLE", "digests")
	for i := range 8 {
		s.loadVec(h, 16*i, s.t[i%4])
		s.feedForward(i, s.t[i%4])
		s.storeVec(s.v[i], h, 16*i)
	}
	// After the last whole block of a message a byte is left, which the lead byte
	// pushed out.
	s.Op("ADD", emit.Imm(blake2bBlock), at, at)
	s.Op("SUBS", emit.Imm(blake2bBlock), left, left)
	s.Op("BGT", "block")
	s.Op("CBNZ", b.dst, "block")
	s.Op("B", "next")

	s.Label("digests")
	for i := range 4 {
		s.loadVec(h, 16*i, s.t[i])
		s.feedForward(i, s.t[i])
	}
	s.storeDigests(b)
	s.Label("next")
	b.next("batch")
	s.End()
	writeStage(f, b)
}
