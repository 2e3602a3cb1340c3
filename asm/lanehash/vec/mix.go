package vec

import (
	"fmt"
	"slices"

	"github.com/mmcloughlin/avo/attr"
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
//
// There are three ways to emit rounds (the figures are of Sapphire Rapids):
//
//   - RoundLoop, for Blake2b with the message in memory: a table says where each round
//     finds its words. It takes as long as unrolled rounds; in BLAKE3, whose rotations
//     leave fewer pipes free, 3 per cent longer.
//   - PermuteLoop, for BLAKE3 with the message in registers, where all rounds permute it
//     alike: the words move, which takes 1 to 1.5 per cent. Blake2b has no such rule, and
//     would have to keep its message in memory, which takes 9 per cent.
//   - Round after Round, for the others, and for messages of which many words are zero:
//     those that are not are added where the round stands, and what all rounds have alike
//     is in functions of its own, which Parts emits. The calls cost nothing that can be
//     measured beside unrolled rounds, for want of a thousand lines a kernel.
type State struct {
	ISA
	Hash      string // prefix of the names of Parts
	Inline    bool   // rounds of loops call no Parts: there are none for these vectors
	WordBits  int
	Message   Mem       // without EVEX only
	Word8     Mem       // without EVEX only
	Zero      int       // message words from here on are 0, if not 0
	Shuffles  [64]Mem   // byte shuffles that rotate by that many bits, without EVEX only
	Rotations [2][2]int // the rotations of a quarter round: of d and b, twice
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

// Places emits a table of where each round finds the message words that it reads, for
// RoundLoop: eighths of the offsets in the message, a byte each.
func Places(name string, isa ISA, rounds [][16]int) Mem {
	var places []byte
	for _, order := range rounds {
		for _, word := range order {
			places = append(places, byte(word*isa.Bytes()/8))
		}
	}
	return Table(name, places)
}

// RoundLoop emits so many rounds as a loop over a table that Places made, for a message in
// memory. It clobbers RAX, RCX and R14.
func (s *State) RoundLoop(places Mem, rounds int, label string) {
	LEAQ(places, R14)
	LEAQ(places.Offset(16*rounds), RCX)
	Label(label)
	s.eachPart(func(first, step int) {
		for i := range 4 {
			MOVBLZX(Mem{Base: R14, Disp: first + 2*i + step}, EAX)
			s.add(s.Message.Idx(RAX, 8), s.Reg(i), s.Reg(i))
		}
	})
	ADDQ(Imm(16), R14)
	CMPQ(R14, RCX)
	JB(LabelRef(label))
}

// PermuteLoop emits so many rounds as a loop, each of which but the first reads the message
// words in the order that the permutation makes of the order before: word i of the message
// becomes word order[i]. The message is in registers; spill has room for a word of it. It
// clobbers RAX.
func (s *State) PermuteLoop(order [16]int, rounds int, spill Mem, label string) {
	MOVL(U32(rounds), EAX)
	Label(label)
	var as [16]int
	var adds [16]func(a VecPhysical)
	for i := range as {
		as[i], adds[i] = i, func(a VecPhysical) { s.add(s.Word(i), a, a) }
	}
	if s.Inline {
		s.round(adds)
	} else {
		s.Round(as)
	}
	// Cycle by cycle, so that one word at a time has no register. Moves between registers
	// are done by renaming.
	var moved [16]bool
	for first := range order {
		if moved[first] {
			continue
		}
		s.Move(s.Word(first), spill)
		to := first
		for ; order[to] != first; to = order[to] {
			s.Move(s.Word(order[to]), s.Word(to))
			moved[to] = true
		}
		s.Move(spill, s.Word(to))
		moved[to] = true
	}
	DECL(EAX)
	JNZ(LabelRef(label))
}

// Round emits one round, which reads the message words in the given order: the
// columns of the state are mixed, then its diagonals. The words are added where the
// round stands; the rest of it is the parts that Parts emitted.
func (s *State) Round(order [16]int) {
	s.eachPart(func(first, step int) {
		for i := range 4 {
			if word := order[first+2*i+step]; s.Zero == 0 || word < s.Zero {
				s.add(s.Word(word), s.Reg(i), s.Reg(i))
			}
		}
	})
}

// eachPart emits the calls of a round's parts, and before each what add adds: the words
// at the places first+step, first+2+step, … of the round's order, to state words 0 to 3.
func (s *State) eachPart(add func(first, step int)) {
	for shift := range 2 {
		for step := range s.Rotations {
			add(8*shift, step)
			CALL(LabelRef("·" + s.partName(shift, step) + "(SB)"))
		}
	}
}

// Parts emits what rounds consist of but for the additions of message words: halves of
// the quarter rounds of the columns and of the diagonals, four functions that the
// kernels call. A call takes a few of the processor's slots and none of its vector pipes.
func (s *State) Parts() {
	for shift := range 2 {
		for step := range s.Rotations {
			name := s.partName(shift, step)
			TEXT(name, attr.NOSPLIT|attr.NOFRAME, "func()")
			Doc(name + " is a part of a round. The kernels of this file call it, with the state in their vectors.")
			s.part(shift, func(i, b, c, d int) []func() { return s.quarter(i, b, c, d, nil, s.Rotations[step]) })
			RET()
		}
	}
}

func (s *State) partName(shift, step int) string {
	return fmt.Sprintf("%s%s%d%s", s.Hash, [2]string{"Columns", "Diagonals"}[shift], step+1, s.Name)
}

// round emits one round; add i adds the message word that is read at place i to a register.
func (s *State) round(adds [16]func(a VecPhysical)) {
	for shift := range 2 {
		s.part(shift, func(i, b, c, d int) (steps []func()) {
			for step, by := range s.Rotations {
				steps = append(steps, s.quarter(i, b, c, d, adds[8*shift+2*i+step], by)...)
			}
			return steps
		})
	}
}

// part mixes the columns, or with shift 1 the diagonals, by the steps of each quarter
// round. The four quarter rounds are independent; their steps take turns, which hides
// their latency.
//
// The last two quarter rounds are one step behind the first two. Rotations can
// use half as many of the processor's pipes as additions; this way one pair's
// rotations run beside the other's additions, which gains 2 to 5 per cent (Zen 4).
func (s *State) part(shift int, quarter func(i, b, c, d int) []func()) {
	var steps [4][]func()
	for i := range steps {
		steps[i] = quarter(i, 4+(i+shift)%4, 8+(i+2*shift)%4, 12+(i+3*shift)%4)
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
// with one word of the message, which addWord adds if there is one.
func (s *State) quarter(i, j, k, l int, addWord func(a VecPhysical), by [2]int) []func() {
	a, b, d := s.Reg(i), s.Reg(j), s.Reg(l)
	steps := []func(){
		func() { s.add(b, a, a) },
		func() { s.Xor(a, d, d) },
		func() { s.rotate(d, by[0]) },
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
		func() { s.rotate(b, by[1]) },
	}
	if addWord != nil {
		steps = slices.Insert(steps, 0, func() { addWord(a) })
	}
	return steps
}
