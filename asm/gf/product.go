package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// multiplier is a machine that has in registers what every product needs.
type multiplier struct {
	machine
	mask  VecVirtual    // 0x0F in every byte, for nibble tables
	parts [2]VecVirtual // which matrix parts are in direct and cross, see constant
}

// newMultiplier writes what comes first in a kernel that multiplies words in layout l, or
// in layout narrow.
func newMultiplier(of machine, l layout) multiplier {
	m := multiplier{machine: of}
	switch {
	case !m.gfni:
		m.mask = m.vec(planar)
		VPBROADCASTQ(data("nibbleMask", 0), m.mask)
	case l == block:
		for i := range m.parts {
			m.parts[i] = ZMM()
			VMOVDQU64(data("matrixParts", 64*i), m.parts[i])
		}
	}
	return m
}

// load puts a constant in registers, for products in layout l.
func (m multiplier) load(l layout, c constant) constant {
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

func (m multiplier) broadcastTable(l layout, at Mem, r VecVirtual) {
	if m.wide {
		VBROADCASTI32X4(at, r)
	} else {
		VBROADCASTI128(at, r)
	}
}

// register returns register i of c as a vector of layout l.
func (m multiplier) register(l layout, c constant, i int) Op {
	if l == narrow {
		return c.regs[i].AsY()
	}
	return c.regs[i]
}

// affine returns part i of a matrix applied to v: 0 … 3 are ll, lh, hl, hh.
func (m multiplier) affine(l layout, c constant, i int, v Op) VecVirtual {
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
func (m multiplier) shuffle(l layout, c constant, i int, index VecVirtual) VecVirtual {
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
func (m multiplier) split(l layout, v Op) (low, high VecVirtual) {
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
func swap(v Op) {
	VSHUFI64X2(Imm(0b01_00_11_10), v, v, v)
}

// addProduct adds c·src to total, which may be words{} for zero, and returns the
// sum, in the registers of total if it is in registers. src is in registers. In
// layout block the cross part is swapped if total.hi is nil; else it is added to
// total.hi as it is, for the caller to swap when all is summed up.
func (m multiplier) addProduct(l layout, total words, c constant, src words) words {
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
		swap(cross)
		lo.add(cross)
		return words{lo: lo.value()}
	}
	return words{lo.value(), hi.value()}
}

// addPart adds part i of c, a map of bytes, applied to v.
func (m multiplier) addPart(l layout, s *sum, c constant, i int, v Op) {
	if m.gfni {
		s.add(m.affine(l, c, i, v))
		return
	}
	low, high := m.split(l, v)
	s.add(m.shuffle(l, c, 2*i, low))
	s.add(m.shuffle(l, c, 2*i+1, high))
}

// held is a coefficient for products in layout l, in registers if there are
// enough of them beside tiles of words.
func (m multiplier) held(l layout, at Mem) constant {
	c := coefficient(m.machine, at)
	if m.wide || m.gfni {
		c = m.load(l, c)
	}
	return c
}

// heldRow is the same for the rows of transforms.
func (m multiplier) heldRow(l layout, at Mem) constant {
	c := coefficient(m.machine, at)
	c.tower = true
	if m.wide || m.gfni {
		c = m.load(l, c)
	}
	return c
}

// loadTowerMap puts the map T in registers.
func (m multiplier) loadTowerMap(tab Register) constant {
	return m.load(planar, towerMapAt(m.machine, tab))
}

// step writes the butterfly of rows i and j of v with the constant c.
func (m multiplier) step(l layout, inverse bool, v []words, i, j int, c constant) {
	if inverse {
		v[i] = m.inRegisters(l, v[i])
		v[j] = m.xorWords(l, v[i], v[j])
	}
	if !c.isZero() {
		v[j] = m.inRegisters(l, v[j])
		v[i] = m.addProduct(l, v[i], c, v[j])
	}
	if !inverse {
		v[i] = m.inRegisters(l, v[i])
		v[j] = m.xorWords(l, v[i], v[j])
	}
}
