package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// machine is an instruction set, and the few operations on words the kernels
// are written in.
type machine struct {
	backend string // name in internal/cpu
	suffix  string // of the function names
	wide    bool   // AVX-512: 64-byte vectors, three-way XOR, 32 registers
	gfni    bool   // products by affine maps, not by nibble tables

	mask  VecVirtual    // 0x0F in every byte, for nibble tables
	parts [2]VecVirtual // which matrix parts are in direct and cross, see constant
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

const narrowHalf = 32

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

// entryShift is the binary logarithm of the size of a table entry: a matrix or
// the nibbles of gf/matrix.go.
func (m machine) entryShift() int {
	if m.gfni {
		return 5
	}
	return 7
}

// constant is a table entry, at an address and perhaps in registers.
//
// In layout block a product is direct·z + swap(cross·z), where the parts of
// direct are [ll | hh], those of cross [hl | lh], and swap exchanges the halves
// of a block. Each takes one register by affine maps and two by nibble tables.
//
// The rows of transforms are pairs over a subfield, see gf/tower.go: there a constant
// has three parts, and one in the subfield is its own only part. A part takes one
// register by affine maps and two by nibble tables.
type constant struct {
	entry      Mem
	regs       []VecVirtual
	tower      bool // of rows that are pairs over the subfield
	inSubfield bool
}

// subfield is the order of that subfield.
const subfield = 256

// isZero tells whether c is constant{}, which stands for 0.
func (c constant) isZero() bool { return c.entry.Base == nil }

// constantAt is the entry of a constant, left in memory.
func (m machine) constantAt(entries Register, index int) constant {
	return constant{entry: Mem{Base: entries, Disp: index << m.entryShift()}}
}

// rowConstantAt is the same for the rows of transforms.
func (m machine) rowConstantAt(entries Register, index int) constant {
	c := m.constantAt(entries, index)
	c.tower = true
	return c
}

// load puts a constant in registers, for products in layout l.
func (m machine) load(l layout, c constant) constant {
	switch {
	case m.gfni && l == block:
		entry, direct, cross := ZMM(), ZMM(), ZMM()
		VBROADCASTI64X4(c.entry, entry)
		VPERMQ(entry, m.parts[0], direct)
		VPERMQ(entry, m.parts[1], cross)
		c.regs = []VecVirtual{direct, cross}
	case m.gfni:
		for i := range c.parts(4) {
			r := m.vec(l)
			VPBROADCASTQ(c.entry.Offset(8*i), r)
			c.regs = append(c.regs, r)
		}
	case l == block:
		low, high := ZMM(), ZMM()
		m.mov(c.entry, low)
		m.mov(c.entry.Offset(64), high)
		const lanes0022, lanes1133 = 0b10_10_00_00, 0b11_11_01_01
		for _, s := range []struct {
			lanes       uint64
			first, last VecVirtual
		}{
			{lanes0022, low, high},
			{lanes1133, low, high},
			{lanes0022, high, low},
			{lanes1133, high, low},
		} {
			r := ZMM()
			VSHUFI32X4(Imm(s.lanes), s.last, s.first, r)
			c.regs = append(c.regs, r)
		}
	default:
		for i := range c.parts(8) {
			r := m.vec(l)
			m.broadcastTable(l, c.entry.Offset(16*i), r)
			c.regs = append(c.regs, r)
		}
	}
	return c
}

// parts is how many parts of an entry of n parts products by c need.
func (c constant) parts(n int) int {
	switch {
	case c.inSubfield:
		return n / 4
	case c.tower:
		return n / 4 * 3
	}
	return n
}

func (m machine) broadcastTable(l layout, at Mem, r VecVirtual) {
	if m.wide {
		VBROADCASTI32X4(at, r)
	} else {
		VBROADCASTI128(at, r)
	}
}

// register returns register i of c as a vector of layout l.
func (m machine) register(l layout, c constant, i int) Op {
	if l == narrow {
		return c.regs[i].AsY()
	}
	return c.regs[i]
}

// affine returns part i of a matrix applied to v: 0 … 3 are ll, lh, hl, hh.
func (m machine) affine(l layout, c constant, i int, v Op) VecVirtual {
	dst := m.vec(l)
	if c.regs != nil {
		VGF2P8AFFINEQB(Imm(0), m.register(l, c, i), v, dst)
		return dst
	}
	if m.wide {
		VGF2P8AFFINEQB_BCST(Imm(0), c.entry.Offset(8*i), v, dst)
		return dst
	}
	VPBROADCASTQ(c.entry.Offset(8*i), dst)
	VGF2P8AFFINEQB(Imm(0), dst, v, dst)
	return dst
}

// shuffle returns table i of the nibbles of c looked up at index.
func (m machine) shuffle(l layout, c constant, i int, index VecVirtual) VecVirtual {
	dst := m.vec(l)
	if c.regs != nil {
		VPSHUFB(index, m.register(l, c, i), dst)
		return dst
	}
	m.broadcastTable(l, c.entry.Offset(16*i), dst)
	VPSHUFB(index, dst, dst)
	return dst
}

// split returns the low and the high nibbles of v.
func (m machine) split(l layout, v Op) (low, high VecVirtual) {
	var mask Op = m.mask
	if l == narrow {
		mask = m.mask.AsY()
	}
	low, high = m.vec(l), m.vec(l)
	m.and(v, mask, low)
	VPSRLQ(Imm(4), v, high)
	m.and(high, mask, high)
	return low, high
}

// swap exchanges the halves of a block.
func (m machine) swap(v Op) {
	VSHUFI64X2(Imm(0b01_00_11_10), v, v, v)
}

// addProduct adds c·src to total, which may be words{} for zero, and returns the
// sum, in the registers of total if it is in registers. src is in registers. In
// layout block the cross part is swapped if total.hi is nil; else it is added to
// total.hi as it is, for the caller to swap when all is summed up.
func (m machine) addProduct(l layout, total words, c constant, src words) words {
	lo, hi := m.newSum(total.lo), m.newSum(total.hi)
	switch {
	case m.gfni && l == block:
		lo.add(m.affine(l, c, 0, src.lo))
		hi.add(m.affine(l, c, 1, src.lo))
	case c.inSubfield:
		m.addPart(l, &lo, c, 0, src.lo)
		if src.hi == nil {
			return words{lo: lo.value()}
		}
		m.addPart(l, &hi, c, 0, src.hi)
	case c.tower:
		both := m.vec(l)
		m.xor(src.lo, src.hi, both)
		first := m.newSum(nil)
		m.addPart(l, &first, c, 0, src.lo)
		shared := first.value().(VecVirtual)
		m.addPart(l, &lo, c, 1, src.hi)
		lo.add(shared)
		m.addPart(l, &hi, c, 2, both)
		hi.add(shared)
	case m.gfni:
		lo.add(m.affine(l, c, 0, src.lo))
		lo.add(m.affine(l, c, 1, src.hi))
		hi.add(m.affine(l, c, 2, src.lo))
		hi.add(m.affine(l, c, 3, src.hi))
	case l == block:
		low, high := m.split(l, src.lo)
		lo.add(m.shuffle(l, c, 0, low))
		lo.add(m.shuffle(l, c, 1, high))
		hi.add(m.shuffle(l, c, 2, low))
		hi.add(m.shuffle(l, c, 3, high))
	default:
		for i, half := range []Op{src.lo, src.hi} {
			low, high := m.split(l, half)
			lo.add(m.shuffle(l, c, 2*i, low))
			hi.add(m.shuffle(l, c, 4+2*i, low))
			lo.add(m.shuffle(l, c, 2*i+1, high))
			hi.add(m.shuffle(l, c, 4+2*i+1, high))
		}
	}
	if l == block && total.hi == nil {
		cross := hi.value().(VecVirtual)
		m.swap(cross)
		lo.add(cross)
		return words{lo: lo.value()}
	}
	return words{lo.value(), hi.value()}
}

// addPart adds part i of c, a map of bytes, applied to v.
func (m machine) addPart(l layout, s *sum, c constant, i int, v Op) {
	if m.gfni {
		s.add(m.affine(l, c, i, v))
		return
	}
	low, high := m.split(l, v)
	s.add(m.shuffle(l, c, 2*i, low))
	s.add(m.shuffle(l, c, 2*i+1, high))
}

// prepare loads what every product needs; it comes first in a kernel. It returns
// the machine with its registers known.
func (m machine) prepare() machine {
	switch {
	case !m.gfni:
		m.mask = m.vec(planar)
		VPBROADCASTQ(data("nibbleMask", 0), m.mask)
	case m.wide:
		for i := range m.parts {
			m.parts[i] = ZMM()
			VMOVDQU64(data("matrixParts", 64*i), m.parts[i])
		}
	}
	return m
}

// data is the address of a table of this file.
func data(name string, offset int) Mem {
	return NewDataAddr(Symbol{Name: name, Static: true}, offset)
}

// declareData writes the read-only tables the kernels refer to.
func (m machine) declareData() {
	switch {
	case !m.gfni:
		GLOBL("nibbleMask", RODATA|NOPTR)
		DATA(0, U64(0x0F0F0F0F0F0F0F0F))
	case m.wide:
		GLOBL("matrixParts", RODATA|NOPTR)
		for i, part := range []uint64{
			0, 0, 0, 0, 3, 3, 3, 3, // ll, hh
			2, 2, 2, 2, 1, 1, 1, 1, // hl, lh
		} {
			DATA(8*i, U64(part))
		}
	}
	if m.moves() {
		declarePatterns()
	}
}
