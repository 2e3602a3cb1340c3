package main

import (
	"encoding/binary"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
	"github.com/redstuff-go/redstuff/asm/lanehash/tables"
)

// Local memory of the BLAKE3 kernel.
const (
	blake3Block = 64

	blake3Words    = 0                  // the message words without registers: 5 of them
	blake3Counters = blake3Words + 5*16 // the lanes' chunk numbers
	blake3Slots    = blake3Counters + 16
	blake3Locals   = blake3Slots + 4*blake3Block
)

// writeBlake3 writes the kernel of 4 lanes. Between blocks the chaining values
// are in state vectors 0 to 7.
func writeBlake3(f *emit.File) {
	var data []byte
	for _, w := range tables.BLAKE3IV {
		data = binary.LittleEndian.AppendUint32(data, w)
	}
	f.Table("blake3IVData", "The first half of the initial value.", data)
	f.Table("blake3Rotate8", "The byte order that rotates words right by 8 bits.", rotation(4, 1))

	fn := f.Func("blake3x4NEON", "works like blake3RunsGeneric, 4 messages at a time; count is at least 1.",
		"dst *byte, dstStride int, a, b *byte, stride, size, count int, job *uint32", blake3Locals)
	s := &state{Func: fn, hash: "blake3", zero: 16, rotations: [2][2]int{{16, 12}, {8, 7}}}
	b := newBatch(s, "a", 2)
	s.memory = b.local
	delta, size, job := s.Load("b"), s.Load("size"), s.Load("job")
	left, base, step := s.GP(), s.GP(), s.GP()
	s.v, s.t = s.Vecs(16), s.Vecs(4)
	s.shuffles[8] = s.Vec()
	s.message = s.Vecs(11)
	r := s.GP()
	s.Op("MOVD", "$blake3Rotate8<>(SB)", r)
	s.loadVec(r, 0, s.shuffles[8])
	s.Op("MOVWU", emit.At(job, tables.JobCounter), base)
	s.Op("MOVWU", emit.At(job, tables.JobStep), step)

	s.Comment("From a block's first half to its second.")
	s.Op("MOVD", emit.Imm(blake3Block/2), r)
	s.Op("SUB", b.src, delta, b.scratch)
	s.Op("CMP", emit.Imm(0), delta)
	s.Op("CSEL", "EQ", r, b.scratch, delta)

	s.Label("batch")
	b.walk(b.src, b.stride, b.lanes)
	// A lane that repeats the last message must have its chunk number too.
	numbers := []emit.GP{s.GP(), s.GP(), s.GP(), s.GP()}
	b.walk(base, step, numbers)
	for i, n := range numbers {
		s.Op("VMOV", n, s.t[0].Lane("S", i))
	}
	s.storeVec(s.t[0], b.local, blake3Counters)
	s.Free(numbers...)
	s.Op("ADD", step.String()+"<<2", base, base)
	s.Op("MOVD", job, r)
	for i := range 8 {
		s.broadcast(r, s.v[i])
	}
	s.Op("MOVD", size, left)
	flags, length := s.GP(), s.GP()
	s.Op("MOVWU", emit.At(job, tables.JobFlags), flags)
	s.Op("MOVWU", emit.At(job, tables.JobStart), r)
	s.Op("ORR", r, flags, flags)

	s.Label("block")
	s.Op("MOVD", emit.Imm(blake3Block), length)
	s.Op("CMP", length, left)
	s.Op("BGT", "whole")
	s.Op("MOVWU", emit.At(job, tables.JobEnd), r)
	s.Op("ORR", r, flags, flags)
	s.Op("MOVD", left, length)
	s.Op("BEQ", "whole")
	b.stage(left, blake3Block, blake3Slots, blake3Block)

	s.Label("whole")
	loadBlake3(s, b, delta)
	s.Op("MOVD", "$blake3IVData<>(SB)", r)
	for i := range 4 {
		s.broadcast(r, s.v[8+i])
	}
	s.loadVec(b.local, blake3Counters, s.v[12])
	s.xor(s.v[13], s.v[13], s.v[13])
	s.Op("VDUP", length, s.v[14].S4())
	s.Op("VDUP", flags, s.v[15].S4())
	for i, order := range tables.BLAKE3Rounds() {
		s.Comment("round %d", i+1)
		s.round(order)
	}
	for i := range 8 {
		s.xor(s.v[i+8], s.v[i], s.v[i])
	}
	for _, p := range b.lanes {
		s.Op("ADD", emit.Imm(blake3Block), p, p)
	}
	s.Op("MOVWU", emit.At(job, tables.JobFlags), flags)
	s.Op("SUBS", emit.Imm(blake3Block), left, left)
	s.Op("BGT", "block")

	b.walk(b.dst, b.dstStride, b.lanes)
	for half := range 2 {
		var in, out [4]emit.Vec
		copy(in[:], s.v[4*half:])
		copy(out[:], s.v[8+4*half:])
		transpose4(s, in, out)
	}
	for i, p := range b.lanes {
		s.Op("FSTPQ", "("+s.v[8+i].F()+", "+s.v[12+i].F()+")", emit.At(p, 0))
	}
	b.next("batch")
	s.End()
	writeParts(f, s)
	writeStage(f, b)
}

// rotation is the byte order that rotates words of size bytes right by n bytes.
func rotation(size, n int) []byte {
	order := make([]byte, 16)
	for i := range order {
		order[i] = byte(i/size*size + (i+n)%size)
	}
	return order
}

// transpose4 transposes four vectors of four words: out[i] is word i of each of
// in. in is lost; out may not be in.
func transpose4(s *state, in, out [4]emit.Vec) {
	// Words 0 and 2 of two lanes beside each other, and words 1 and 3.
	for i := range 2 {
		s.Op("VTRN1", in[2*i+1].S4(), in[2*i].S4(), out[i].S4())
		s.Op("VTRN2", in[2*i+1].S4(), in[2*i].S4(), in[2*i+1].S4())
	}
	s.Op("VTRN2", out[1].D2(), out[0].D2(), out[2].D2())
	s.Op("VTRN1", out[1].D2(), out[0].D2(), out[0].D2())
	s.Op("VTRN1", in[3].D2(), in[1].D2(), out[1].D2())
	s.Op("VTRN2", in[3].D2(), in[1].D2(), out[3].D2())
}

// loadBlake3 brings a whole block of every lane into the message words. Its
// scratch is state vectors 8 to 15.
func loadBlake3(s *state, b *batch, delta emit.GP) {
	second := s.GP()
	for quarter := range 4 {
		var in, out [4]emit.Vec
		for i, p := range b.lanes {
			in[i] = s.v[8+i]
			out[i] = s.wordTarget(4*quarter+i, s.v[12+i])
			if quarter >= 2 {
				s.Op("ADD", delta, p, second)
				p = second
			}
			s.loadVec(p, quarter%2*16, in[i])
		}
		transpose4(s, in, out)
		for i, v := range out {
			s.keepWord(4*quarter+i, v)
		}
	}
	s.Free(second)
}
