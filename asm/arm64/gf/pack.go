package main

import (
	"encoding/binary"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
)

// Symbols of at most 16 bytes that follow one another are moved 16 bytes at a
// time: as many whole symbols as fit, their low bytes in the low half of a vector
// and their high bytes in the high half. One look-up a size does it. Entry
// size/2-1 of the tables is the order of the bytes, the number of symbols it
// moves, and how many there must be left so that 16 bytes can be read or written.
const orderShift = 5

func declareOrders(m machine) {
	for _, t := range []struct {
		name, comment string
		packing       bool
	}{
		{"packOrder", "For symbols of 2, 4, ... 16 bytes: the order that parts low bytes from high bytes, how many symbols it moves, and how many there must be.", true},
		{"unpackOrder", "The inverse orders.", false},
	} {
		var data []byte
		for size := 2; size <= 16; size += 2 {
			data = append(data, order(size, t.packing)...)
			data = binary.LittleEndian.AppendUint64(data, uint64(16/size))
			data = binary.LittleEndian.AppendUint64(data, uint64((16+size-1)/size))
		}
		m.file.Table(t.name, t.comment, data)
	}
}

// order is where each of 16 bytes comes from; a byte past them is a zero.
func order(size int, packing bool) []byte {
	from := make([]byte, 16)
	for i := range from {
		from[i] = 0xFF
	}
	half := size / 2
	for i := range 16 / size {
		for e := range half {
			lo, hi := i*half+e, 8+i*half+e
			natural := i*size + e
			if packing {
				from[lo], from[hi] = byte(natural), byte(natural+half)
			} else {
				from[natural], from[natural+half] = byte(lo), byte(hi)
			}
		}
	}
	return from
}

// moving are the kernels that move bytes and multiply nothing.
func moving(m machine) writers {
	return writers{
		{"pack", func() { declareOrders(m); move(m, "pack", true) }},
		{"unpack", func() { move(m, "unpack", false) }},
		{"xor", func() { xorBytes(m) }},
		{"sum", func() { sumRows(m) }},
	}
}

// mover writes moves from natural to planar memory, or back.
type mover struct {
	*multiplier
	packing bool
}

// move writes pack or unpack.
func move(m machine, name string, packing bool) {
	slices, planes, table := "srcs", "dst", "packOrder"
	if !packing {
		slices, planes, table = "dsts", "src", "unpackOrder"
	}
	k := mover{m.begin(name), packing}
	rows := k.Load("rows")
	k.Op("CBZ", rows, "done")
	s, plane, half, off, step, size := k.Load(slices), k.Load(planes), k.Load("planeBytes"), k.Load("off"), k.Load("step"), k.Load("size")
	tail, p, lo, hi, left := k.GP(), k.GP(), k.GP(), k.GP(), k.GP()
	k.Op("AND", emit.Imm(blockSize-1), size, tail)
	k.Op("LSR", "$1", tail, tail)

	k.Label("row")
	k.Op("MOVD.P", emit.At(s, sliceSize), p)
	k.Op("ADD", off, p, p)
	k.Op("MOVD", plane, lo)
	k.Op("ADD", half, lo, hi)
	k.Op("ADD", half.String()+"<<1", plane, plane)
	k.Op("MOVD", k.Param("count"), left)
	k.Op("CMP", emit.Imm(16), size)
	k.Op("BGT", "symbols")
	k.Op("CMP", step, size)
	k.Op("BNE", "symbols")
	k.small(table, size, p, lo, hi, left)

	k.Label("symbols")
	k.Op("CBZ", left, "rowEnd")
	k.Label("symbol")
	q, blocks := k.GP(), k.GP()
	k.Op("MOVD", p, q)
	k.Op("LSR", "$6", size, blocks)
	k.Op("CBZ", blocks, "tail")
	k.Label("block")
	k.movePair(q, lo)
	k.movePair(q, hi)
	k.Op("SUBS", "$1", blocks, blocks)
	k.Op("BNE", "block")

	k.Label("tail")
	k.Op("CBZ", tail, "symbolEnd")
	k.tail(tail, q, lo, hi)

	k.Label("symbolEnd")
	k.Op("ADD", step, p, p)
	k.Op("SUBS", "$1", left, left)
	k.Op("BNE", "symbol")
	k.Label("rowEnd")
	k.Op("SUBS", "$1", rows, rows)
	k.Op("BNE", "row")
	k.Label("done")
	k.End()
}

// small writes the loop over small symbols that follow one another. It leaves
// the last ones.
func (k mover) small(table string, size, p, lo, hi, left emit.GP) {
	entry, many, need, bytes, half := k.GP(), k.GP(), k.GP(), k.GP(), k.GP()
	// Symbols of two bytes are a structure of two, which the hardware parts.
	k.Op("CMP", emit.Imm(2), size)
	k.Op("BNE", "order")
	k.Label("pairs")
	k.Op("CMP", emit.Imm(16), left)
	k.Op("BLT", "order")
	even, odd := k.Vec(), k.Vec()
	if k.packing {
		k.Op("VLD2.P", emit.At(p, 32), emit.List(even, odd))
		k.Op("VST1.P", emit.List(even), emit.At(lo, 16))
		k.Op("VST1.P", emit.List(odd), emit.At(hi, 16))
	} else {
		k.Op("VLD1.P", emit.At(lo, 16), emit.List(even))
		k.Op("VLD1.P", emit.At(hi, 16), emit.List(odd))
		k.Op("VST2.P", emit.List(even, odd), emit.At(p, 32))
	}
	k.Op("SUB", emit.Imm(16), left, left)
	k.Op("B", "pairs")

	k.Label("order")
	k.Op("MOVD", "$"+table+"<>(SB)", entry)
	k.Op("ADD", size.String()+"<<4", entry, entry)
	k.Op("SUB", emit.Imm(1<<orderShift), entry, entry)
	k.Op("FMOVQ", emit.At(entry, 0), even.F())
	k.Op("MOVD", emit.At(entry, 16), many)
	k.Op("MOVD", emit.At(entry, 24), need)
	k.Op("MUL", many, size, bytes)
	k.Op("LSR", "$1", bytes, half)
	k.Label("small")
	k.Op("CMP", need, left)
	k.Op("BLT", "symbols")
	if k.packing {
		k.Op("VLD1.P", "("+p.String()+")("+bytes.String()+")", emit.List(odd))
		k.Op("VTBL", even.B16(), emit.List(odd), odd.B16())
		k.Op("VST1", odd.Lane("D", 0), emit.At(lo, 0))
		k.Op("VST1", odd.Lane("D", 1), emit.At(hi, 0))
	} else {
		k.Op("VLD1", emit.At(lo, 0), odd.Lane("D", 0))
		k.Op("VLD1", emit.At(hi, 0), odd.Lane("D", 1))
		k.Op("VTBL", even.B16(), emit.List(odd), odd.B16())
		k.Op("VST1.P", emit.List(odd), "("+p.String()+")("+bytes.String()+")")
	}
	k.Op("ADD", half, lo, lo)
	k.Op("ADD", half, hi, hi)
	k.Op("SUB", many, left, left)
	k.Op("B", "small")
	k.Free(entry, many, need, bytes, half)
	k.FreeVec(even, odd)
}

// movePair moves half a block, and both addresses on.
func (k mover) movePair(natural, planar emit.GP) {
	v := [2]emit.Vec{k.Vec(), k.Vec()}
	if k.packing {
		k.loadPair(natural, 0, true, v)
		k.storePair(v, planar, 0, true)
	} else {
		k.loadPair(planar, 0, true, v)
		k.storePair(v, natural, 0, true)
	}
	k.FreeVec(v[:]...)
}

// tail moves a symbol's last words, fewer than 32. A plane of them is moved as
// two pieces of a power of two bytes, the first and the last, which may overlap.
// q may be lost; lo and hi move on.
func (k mover) tail(tail, q, lo, hi emit.GP) {
	natural, planar := k.GP(), k.GP()
	v, r := k.Vec(), k.GP()
	for _, piece := range []struct {
		size        int
		load, store string
		reg         any
		next        string
	}{
		{16, "FMOVQ", "FMOVQ", v.F(), "tail8"},
		{8, "MOVD", "MOVD", r, "tail4"},
		{4, "MOVWU", "MOVW", r, "tail2"},
		{2, "MOVHU", "MOVH", r, "tail1"},
		{1, "MOVBU", "MOVB", r, ""},
	} {
		move := func(natural, planar emit.GP) {
			from, to := natural, planar
			if !k.packing {
				from, to = planar, natural
			}
			k.Op(piece.load, emit.At(from, 0), piece.reg)
			k.Op(piece.store, piece.reg, emit.At(to, 0))
		}
		if piece.size > 1 {
			k.Op("CMP", emit.Imm(piece.size), tail)
			k.Op("BLT", piece.next)
		}
		for _, plane := range []emit.GP{lo, hi} {
			move(q, plane)
			k.Op("ADD", tail, q, q)
			k.Op("ADD", tail, plane, plane)
			if piece.size > 1 {
				k.Op("SUB", emit.Imm(piece.size), q, natural)
				k.Op("SUB", emit.Imm(piece.size), plane, planar)
				move(natural, planar)
			}
		}
		if piece.size > 1 {
			k.Op("B", "symbolEnd")
			k.Label(piece.next)
		}
	}
	k.Free(natural, planar, r)
	k.FreeVec(v)
}
