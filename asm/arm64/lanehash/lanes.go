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
	copied             copied
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
// the one before. The function that writeStage writes does it for a lane.
func (b *batch) stage(size emit.GP, block, offset, slot int) {
	s := b.s
	b.copied = copied{size, s.GP(), s.GP(), s.GP(), block}
	for lane, p := range b.lanes {
		at := emit.Imm(offset + lane*slot)
		s.Op("MOVD", p, b.copied.from)
		s.Op("ADD", at, b.local, b.copied.to)
		s.Call(b.stageName())
		s.Op("ADD", at, b.local, p)
	}
	s.Free(b.copied.from, b.copied.to, b.copied.scratch)
}

// copied is where the function behind stage finds what it copies.
type copied struct {
	size, from, to, scratch emit.GP
	block                   int
}

func (b *batch) stageName() string { return b.s.hash + "StageNEON" }

// writeStage writes the function that copies a message's last bytes, for the kernel of b.
func writeStage(f *emit.File, b *batch) {
	fn := f.Func(b.stageName(), "copies the last bytes of a lane's message. The kernels of this file call it.", "", 0)
	pair := func(v, w emit.Vec) string { return "(" + v.F() + ", " + w.F() + ")" }
	zero, data, more, c := b.s.t[0], b.s.t[1], b.s.t[2], b.copied
	fn.Op("VEOR", zero.B16(), zero.B16(), zero.B16())
	for i := 0; i < c.block; i += 32 {
		fn.Op("FSTPQ", pair(zero, zero), emit.At(c.to, i))
	}
	for n := c.block; n > 0; n /= 2 {
		skip := fmt.Sprintf("below%d", n)
		fn.Op("TBZ", emit.Imm(bits.TrailingZeros(uint(n))), c.size, skip)
		for range n / 32 {
			fn.Op("FLDPQ.P", emit.At(c.from, 32), pair(data, more))
			fn.Op("FSTPQ.P", pair(data, more), emit.At(c.to, 32))
		}
		for _, piece := range []struct {
			size        int
			load, store string
			reg         any
		}{
			{16, "FMOVQ.P", "FMOVQ.P", data.F()},
			{8, "MOVD.P", "MOVD.P", c.scratch},
			{4, "MOVWU.P", "MOVW.P", c.scratch},
			{2, "MOVHU.P", "MOVH.P", c.scratch},
			{1, "MOVBU.P", "MOVB.P", c.scratch},
		} {
			if piece.size == n {
				fn.Op(piece.load, emit.At(c.from, n), piece.reg)
				fn.Op(piece.store, piece.reg, emit.At(c.to, n))
			}
		}
		fn.Label(skip)
	}
	fn.End()
}
