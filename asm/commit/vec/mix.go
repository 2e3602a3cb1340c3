package vec

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// State is the 4x4 state of BLAKE3 and Blake2b, one word of every lane in each
// vector. BLAKE3 is Blake2 in this: only the word size, the rotations and the
// order of the message words differ.
//
// The state is in vectors 0 to 15. With 32 registers the message words are in
// 16 to 31. With 16 they are in local memory, and so is state word 8: vectors 8
// to 14 are then words 9 to 15, and vector 15 is free for rotations.
type State struct {
	ISA
	WordBits int
	Message  Mem       // without EVEX only
	Word8    Mem       // without EVEX only
	Zero     int       // message words from here on are 0, if not 0
	Shuffles [64]Mem   // byte shuffles that rotate by that many bits, without EVEX only
	Turns    [2][2]int // the rotations of a quarter round: of d and b, twice
}

// Alloc reserves what the state needs of the local memory.
func (s *State) Alloc(l *Locals) {
	if !s.EVEX {
		s.Message = l.Alloc(16 * s.Bytes())
		s.Word8 = l.Alloc(s.Bytes())
	}
}

// Reg is the register of state word i, which is not 8 without EVEX.
func (s *State) Reg(i int) VecPhysical {
	if !s.EVEX && i > 8 {
		return s.V(i - 1)
	}
	return s.V(i)
}

// At is the place of state word i.
func (s *State) At(i int) Op {
	if !s.EVEX && i == 8 {
		return s.Word8
	}
	return s.Reg(i)
}

// Word is the place of message word i.
func (s *State) Word(i int) Op {
	if s.EVEX {
		return s.V(16 + i)
	}
	return s.Message.Offset(i * s.Bytes())
}

// Set broadcasts a word from memory to state word i.
func (s *State) Set(i int, from Mem) {
	to := s.V(15)
	if s.EVEX || i != 8 {
		to = s.Reg(i)
	}
	if s.WordBits == 32 {
		VPBROADCASTD(from, to)
	} else {
		VPBROADCASTQ(from, to)
	}
	if place, inMemory := s.At(i).(Mem); inMemory {
		s.Move(to, place)
	}
}

func (s *State) add(x, y, z Op) {
	if s.WordBits == 32 {
		VPADDD(x, y, z)
	} else {
		VPADDQ(x, y, z)
	}
}

// rotate rotates the words of r right by n bits.
func (s *State) rotate(r VecPhysical, n int) {
	t := s.V(15)
	count, rest := Imm(uint64(n)), Imm(uint64(s.WordBits-n))
	switch {
	case s.EVEX && s.WordBits == 32:
		VPRORD(count, r, r)
	case s.EVEX:
		VPRORQ(count, r, r)
	case n == 32:
		VPSHUFD(Imm(0xB1), r, r)
	case n%8 == 0:
		VPSHUFB(s.Shuffles[n], r, r)
	case s.WordBits == 32:
		VPSRLD(count, r, t)
		VPSLLD(rest, r, r)
		VPOR(t, r, r)
	default: // by 63 bits: left by one
		VPADDQ(r, r, t)
		VPSRLQ(count, r, r)
		VPOR(t, r, r)
	}
}

// Round emits one round, which reads the message words in the given order: the
// columns of the state are mixed, then its diagonals.
func (s *State) Round(order [16]int) {
	s.halfRound(0, order[:8])
	s.halfRound(1, order[8:])
}

// halfRound mixes the columns, or with shift 1 the diagonals. The four quarter
// rounds are independent; their steps take turns, which hides their latency.
//
// The last two quarter rounds are one step behind the first two. Rotations can
// use half as many of the processor's pipes as additions; this way one pair's
// rotations run beside the other's additions, which gains 2 to 5 per cent (Zen 4).
func (s *State) halfRound(shift int, words []int) {
	var steps [4][]func()
	for i := range steps {
		b, c, d := 4+(i+shift)%4, 8+(i+2*shift)%4, 12+(i+3*shift)%4
		for turn, turns := range s.Turns {
			steps[i] = append(steps[i], s.quarter(i, b, c, d, words[2*i+turn], turns)...)
		}
	}
	behind := [4]int{0, 0, 1, 1}
	for at := range len(steps[0]) + 1 {
		for i := range steps {
			if step := at - behind[i]; 0 <= step && step < len(steps[i]) {
				steps[i][step]()
			}
		}
	}
}

// quarter returns the steps of half a quarter round on four words of the state,
// with one word of the message.
func (s *State) quarter(i, j, k, l, word int, turns [2]int) []func() {
	a, b, d := s.Reg(i), s.Reg(j), s.Reg(l)
	return []func(){
		func() {
			if s.Zero == 0 || word < s.Zero {
				s.add(s.Word(word), a, a)
			}
		},
		func() { s.add(b, a, a) },
		func() { s.Xor(a, d, d) },
		func() { s.rotate(d, turns[0]) },
		func() {
			c, isReg := s.At(k).(VecPhysical)
			if isReg {
				s.add(d, c, c)
			} else {
				c = s.V(15)
				s.add(s.At(k), d, c)
				s.Move(c, s.At(k))
			}
			s.Xor(c, b, b)
		},
		func() { s.rotate(b, turns[1]) },
	}
}
