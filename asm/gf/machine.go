package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/redstuff-go/redstuff/asm/gf/kernel"
)

// machine is an instruction set, and the few operations on words the kernels
// are written in.
type machine struct {
	backend string // name in internal/cpu
	suffix  string // of the function names
	wide    bool   // AVX-512: 64-byte vectors, three-way XOR, 32 registers
	gfni    bool   // products by affine maps, not by nibble tables
	known   *kernel.Set
}

// begin starts a kernel.
func (m machine) begin(name string) {
	TEXT(name+m.suffix, NOSPLIT, fmt.Sprintf("func(%s)", m.known.Of(name).Plain))
}

// layout tells where the low and the high bytes of words are.
type layout int

const (
	// planar: low bytes in one vector, high bytes in another.
	planar layout = iota
	// narrow is planar in 32-byte vectors, also on a machine that has 64-byte
	// ones: for the odd half vector at the end of a row.
	narrow
	// run is bytes of either plane, one behind the other, as planar rows have them, and
	// runs two vectors of them in the places of the planes.
	run
	runs
	// block: a natural block of 64 bytes in one vector, [32 low | 32 high].
	block
)

// Sizes in bytes.
const (
	blockSize  = 64 // of a natural block
	narrowHalf = 32 // of a vector in layout narrow
	sliceSize  = 24 // of a slice header
	elemSize   = 2
)

// words is a vector of words, in registers or in memory. In layouts block and run, hi
// is not used.
type words struct{ lo, hi Op }

// natural is the layout in which this machine takes 64-byte blocks. With 32-byte
// vectors the two halves of a block are two planes.
func (m machine) natural() layout {
	if m.wide {
		return block
	}
	return planar
}

func (m machine) vec(l layout) VecVirtual {
	if m.wide && l != narrow {
		return ZMM()
	}
	return YMM()
}

// width is how many bytes a vector of layout l has.
func (m machine) width(l layout) int {
	if m.wide && l != narrow {
		return 64
	}
	return 32
}

// inRegisters loads what of w is in memory.
func (m machine) inRegisters(l layout, w words) words {
	for _, p := range []*Op{&w.lo, &w.hi} {
		if at, ok := (*p).(Mem); ok {
			r := m.vec(l)
			m.mov(at, r)
			*p = r
		}
	}
	return w
}

func (m machine) store(l layout, w, at words) {
	m.mov(w.lo, at.lo)
	if l != block && l != run {
		m.mov(w.hi, at.hi)
	}
}

// xorWords returns a + b, where a is in registers: in the registers of b, or in
// new ones if b is in memory.
func (m machine) xorWords(l layout, a, b words) words {
	sum := b
	for _, p := range []struct {
		sum *Op
		a   Op
	}{{&sum.lo, a.lo}, {&sum.hi, a.hi}} {
		b := *p.sum
		if b == nil {
			continue
		}
		if _, ok := b.(Mem); ok {
			*p.sum = m.vec(l)
		}
		m.xor(b, p.a, *p.sum)
	}
	return sum
}

func (m machine) xor(a, b, dst Op) {
	if m.wide {
		VPXORQ(a, b, dst)
	} else {
		VPXOR(a, b, dst)
	}
}

func (m machine) mov(src, dst Op) {
	if m.wide {
		VMOVDQU64(src, dst)
	} else {
		VMOVDQU(src, dst)
	}
}

func (m machine) and(a, b, dst Op) {
	if m.wide {
		VPANDQ(a, b, dst)
	} else {
		VPAND(a, b, dst)
	}
}

// sum adds up terms. A machine with three-way XOR adds two at a time.
type sum struct {
	m       machine
	total   Op // a register; nil: no term yet that may be overwritten
	pending Op // a register or in memory; nil: none
}

// newSum returns the sum whose first term is v: nil for none, a register to add
// to, or memory, which is read when the first terms are added.
func (m machine) newSum(v Op) sum {
	if at, ok := v.(Mem); ok {
		return sum{m: m, pending: at}
	}
	return sum{m: m, total: v}
}

// add adds v, a register, which becomes the sum's to overwrite.
func (s *sum) add(v VecVirtual) {
	switch {
	case s.total == nil:
		s.total = v
		if s.pending != nil && !s.m.wide {
			VPXOR(s.pending, s.total, s.total)
			s.pending = nil
		}
	case !s.m.wide:
		VPXOR(v, s.total, s.total)
	case s.pending == nil:
		s.pending = v
	default:
		VPTERNLOGQ(Imm(0x96), s.pending, v, s.total)
		s.pending = nil
	}
}

func (s *sum) value() Op {
	if s.pending != nil {
		VPXORQ(s.pending, s.total, s.total)
		s.pending = nil
	}
	return s.total
}

// blockAt is block i at base.
func (m machine) blockAt(base Register, i int) words {
	at := Mem{Base: base, Disp: i * blockSize}
	if m.natural() == block {
		return words{lo: at}
	}
	return words{at, at.Offset(blockSize / 2)}
}

// loadBlock loads block i at base.
func (m machine) loadBlock(base Register, i int) words {
	return m.inRegisters(m.natural(), m.blockAt(base, i))
}

// storeBlock stores block i at base.
func (m machine) storeBlock(base Register, i int, w words) {
	at := Mem{Base: base, Disp: i * blockSize}
	m.store(m.natural(), w, words{at, at.Offset(blockSize / 2)})
}

// parameter loads a parameter into a new register.
func parameter(name string) GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// end returns from a kernel.
func end() {
	VZEROUPPER()
	RET()
}

// parameterAt is the address of a parameter.
func parameterAt(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}
