package main

import (
	"fmt"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
)

// state is the 4x4 state of BLAKE3 and Blake2b in 16 vectors, a word of every
// lane in each, and the message words, in the vectors left over and for the rest
// in local memory. The two hashes differ in the size of words, the rotations and
// the order of message words only.
type state struct {
	*emit.Func
	hash     string     // names of functions begin with it
	v        []emit.Vec // the state
	t        []emit.Vec // scratch, one for each of the quarter rounds side by side
	message  []emit.Vec // words 0, 1, … as far as they have registers
	memory   emit.GP    // the words after those
	zero     int        // message words from here on are 0
	wide     bool       // words of 64 bits
	xar      bool       // XOR and rotate in one: 64-bit words on CPUs with SHA-3
	shuffles [32]emit.Vec
	// The rotations of a quarter round, to the right: of d and b, twice.
	rotations [2][2]int
}

// words is the register as a vector of the hash's words.
func (s *state) words(v emit.Vec) string {
	if s.wide {
		return v.D2()
	}
	return v.S4()
}

func (s *state) add(x, y, z emit.Vec) { s.Op("VADD", s.words(x), s.words(y), s.words(z)) }
func (s *state) xor(x, y, z emit.Vec) { s.Op("VEOR", x.B16(), y.B16(), z.B16()) }

// loadVec and storeVec move a vector.
func (s *state) loadVec(p emit.GP, offset int, v emit.Vec) {
	s.Op("FMOVQ", emit.At(p, offset), v.F())
}

func (s *state) storeVec(v emit.Vec, p emit.GP, offset int) {
	s.Op("FMOVQ", v.F(), emit.At(p, offset))
}

// broadcast fills v with the word that p points to, and moves p on.
func (s *state) broadcast(p emit.GP, v emit.Vec) {
	size := 4
	if s.wide {
		size = 8
	}
	s.Op("VLD1R.P", emit.At(p, size), "["+s.words(v)+"]")
}

// wordTarget is where to compute message word i: its register, or t.
func (s *state) wordTarget(i int, t emit.Vec) emit.Vec {
	if i < len(s.message) {
		return s.message[i]
	}
	return t
}

// keepWord stores message word i if its target was not its register.
func (s *state) keepWord(i int, v emit.Vec) {
	if i >= len(s.message) {
		s.storeVec(v, s.memory, 16*(i-len(s.message)))
	}
}

// xorRotate sets x to the XOR of x and y, rotated right by n bits.
func (s *state) xorRotate(x, y emit.Vec, n int, t emit.Vec) {
	size := 32
	if s.wide {
		size = 64
	}
	switch {
	case s.xar:
		s.Op("VXAR", emit.Imm(n), y.D2(), x.D2(), x.D2())
	case n == size/2:
		s.xor(y, x, x)
		if s.wide {
			s.Op("VREV64", x.S4(), x.S4())
		} else {
			s.Op("VREV32", x.H8(), x.H8())
		}
	case n%8 == 0:
		s.xor(y, x, x)
		s.Op("VTBL", s.shuffles[n].B16(), emit.List(x), x.B16())
	default:
		s.xor(y, x, t)
		if n == size-1 {
			s.add(t, t, x)
		} else {
			s.Op("VSHL", emit.Imm(size-n), s.words(t), s.words(x))
		}
		s.Op("VSRI", emit.Imm(n), s.words(t), s.words(x))
	}
}

// round emits one round, which reads the message words in the given order: the
// columns of the state are mixed, then its diagonals. The words are added where the
// round stands; the rest of it is the parts that writeParts wrote.
func (s *state) round(order [16]int) {
	for shift, words := range [][]int{order[:8], order[8:]} {
		for step := range s.rotations {
			for i := range 4 {
				if w := words[2*i+step]; w < s.zero && w >= len(s.message) {
					s.loadVec(s.memory, 16*(w-len(s.message)), s.t[i])
				}
			}
			for i := range 4 {
				if w := words[2*i+step]; w < s.zero {
					s.add(s.wordTarget(w, s.t[i]), s.v[i], s.v[i])
				}
			}
			s.Call(s.partName(shift, step))
		}
	}
}

func (s *state) partName(shift, step int) string {
	set := "NEON"
	if s.xar {
		set = "NEONSHA3"
	}
	return fmt.Sprintf("%s%s%d%s", s.hash, [2]string{"Columns", "Diagonals"}[shift], step+1, set)
}

// writeParts writes what rounds consist of but for the additions of message words: halves
// of the quarter rounds of the columns and of the diagonals, four functions that the
// kernels call. They are for kernels whose vectors are those of the given one.
func writeParts(f *emit.File, kernel *state) {
	for shift := range 2 {
		for step := range kernel.rotations {
			name, s := kernel.partName(shift, step), *kernel
			s.Func = f.Func(name, "is a part of a round. The kernels of this file call it, with the state in their vectors.", "", 0)
			s.part(shift, step)
			s.End()
		}
	}
}

// part mixes the columns, or with shift 1 the diagonals, by half a quarter round without a
// message word. The four quarter rounds are independent; their steps take turns, which
// hides their latency.
func (s *state) part(shift, step int) {
	a := func(i int) emit.Vec { return s.v[i] }
	b := func(i int) emit.Vec { return s.v[4+(i+shift)%4] }
	c := func(i int) emit.Vec { return s.v[8+(i+2*shift)%4] }
	d := func(i int) emit.Vec { return s.v[12+(i+3*shift)%4] }
	by := s.rotations[step]
	for _, f := range []func(i int){
		func(i int) { s.add(b(i), a(i), a(i)) },
		func(i int) { s.xorRotate(d(i), a(i), by[0], s.t[i]) },
		func(i int) { s.add(d(i), c(i), c(i)) },
		func(i int) { s.xorRotate(b(i), c(i), by[1], s.t[i]) },
	} {
		for i := range 4 {
			f(i)
		}
	}
}
