package main

import (
	"fmt"
	"math/bits"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
)

// batch walks over the messages: the parameters every kernel has, and registers
// for the lanes' addresses.
type batch struct {
	s                  *state
	dst, dstStride     emit.GP
	src, stride, count emit.GP
	lanes              []emit.GP // the lanes' messages
	scratch            emit.GP
	laneShift          int
	local              emit.GP
}

// newBatch loads the parameters of a batch; src is the name of the messages'.
func newBatch(s *state, src string, laneShift int) *batch {
	b := &batch{s: s, laneShift: laneShift}
	b.local = s.Local()
	b.dst, b.dstStride = s.Load("dst"), s.Load("dstStride")
	b.src, b.stride, b.count = s.Load(src), s.Load("stride"), s.Load("count")
	for range 1 << laneShift {
		b.lanes = append(b.lanes, s.GP())
	}
	b.scratch = s.GP()
	return b
}

// walk sets each address to base, base+stride, … and no further than the last
// message.
func (b *batch) walk(base, stride emit.GP, addresses []emit.GP) {
	for i, p := range addresses {
		if i == 0 {
			b.s.Op("MOVD", base, p)
			continue
		}
		b.s.Op("CMP", emit.Imm(i), b.count)
		b.s.Op("CSEL", "GT", stride, emit.ZR, b.scratch)
		b.s.Op("ADD", b.scratch, addresses[i-1], p)
	}
}

// next moves on to the next batch and jumps to the label if there is one.
func (b *batch) next(label string) {
	b.s.Op("ADD", fmt.Sprintf("%v<<%d", b.stride, b.laneShift), b.src, b.src)
	b.s.Op("ADD", fmt.Sprintf("%v<<%d", b.dstStride, b.laneShift), b.dst, b.dst)
	b.s.Op("SUBS", emit.Imm(1<<b.laneShift), b.count, b.count)
	b.s.Op("BGT", label)
}

// stage copies the size bytes at each lane's address, fewer than twice block, to
// block bytes of local memory of which the rest is cleared, because loading a
// whole block could read past the messages' end. The addresses become those of
// the copies: offset bytes into the local memory, and each copy slot bytes after
// the one before.
func (b *batch) stage(size emit.GP, block, offset, slot int) {
	s := b.s
	pair := func(v, w emit.Vec) string { return "(" + v.F() + ", " + w.F() + ")" }
	zero, data, to, r := s.t[0], s.t[1], s.GP(), s.GP()
	s.xor(zero, zero, zero)
	for lane, from := range b.lanes {
		at := offset + lane*slot
		for i := 0; i < block; i += 32 {
			s.Op("FSTPQ", pair(zero, zero), emit.At(b.local, at+i))
		}
		s.Op("ADD", emit.Imm(at), b.local, to)
		for n := block; n > 0; n /= 2 {
			skip := fmt.Sprintf("lane%dBelow%d", lane, n)
			s.Op("TBZ", emit.Imm(bits.TrailingZeros(uint(n))), size, skip)
			for range n / 32 {
				s.Op("FLDPQ.P", emit.At(from, 32), pair(data, s.t[2]))
				s.Op("FSTPQ.P", pair(data, s.t[2]), emit.At(to, 32))
			}
			for _, piece := range []struct {
				size        int
				load, store string
				reg         any
			}{
				{16, "FMOVQ.P", "FMOVQ.P", data.F()},
				{8, "MOVD.P", "MOVD.P", r},
				{4, "MOVWU.P", "MOVW.P", r},
				{2, "MOVHU.P", "MOVH.P", r},
				{1, "MOVBU.P", "MOVB.P", r},
			} {
				if piece.size == n {
					s.Op(piece.load, emit.At(from, n), piece.reg)
					s.Op(piece.store, piece.reg, emit.At(to, n))
				}
			}
			s.Label(skip)
		}
		s.Op("ADD", emit.Imm(at), b.local, from)
	}
	s.Free(to, r)
}
