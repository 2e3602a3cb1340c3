package main

import (
	"fmt"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
)

// butterfly says which of the transform's kernels to write. An inverse stores what it
// computes, or if its argument add is not 0 adds it to dst.
type butterfly struct {
	radix   int  // rows a group has at each distance: 2 or 4
	inverse bool // undo the transform
}

// rows walks over the rows of one group: for each of its radix rows the address
// of the low and of the high bytes at the position being worked on, in src and
// in dst. There are registers enough to give every one its own, and then the
// loads and stores move them on for nothing.
type rows struct {
	lo, hi   []emit.GP // in src
	dlo, dhi []emit.GP // in dst
}

func (r *rows) all() []emit.GP {
	return append(append(append(append([]emit.GP{}, r.lo...), r.hi...), r.dlo...), r.dhi...)
}

// butterflies writes one kernel of the transform.
func (m machine) butterflies(name string, b butterfly) {
	k := m.begin(name)
	groups := k.Load("groups")
	k.Op("CBZ", groups, "done")
	half := k.Load("half")
	r := new(rows)
	stride := k.Load("dist")
	k.Op("MUL", half, stride, stride)
	k.Op("LSL", "$1", stride, stride)
	for i := range b.radix {
		for _, p := range []struct {
			name   string
			lo, hi *[]emit.GP
		}{{"src", &r.lo, &r.hi}, {"dst", &r.dlo, &r.dhi}} {
			lo, hi := emit.GP(0), k.GP()
			if i == 0 {
				lo = k.Load(p.name)
			} else {
				lo = k.GP()
				k.Op("ADD", stride, (*p.lo)[i-1], lo)
			}
			k.Op("ADD", half, lo, hi)
			*p.lo, *p.hi = append(*p.lo, lo), append(*p.hi, hi)
		}
	}
	k.Free(stride)
	word := k.Load("t")
	k.nibbleMask()

	k.Label("group")
	// The constants: w>>1 for the first layer of two, w and w^2 for the second.
	e := []emit.GP{k.GP(), k.GP(), k.GP()}
	tab := k.Load("tab")
	k.Op("MOVD", word, e[1])
	k.entryOf(e[1], tab)
	if b.radix == 4 {
		k.Op("LSR", "$1", word, e[0])
		k.entryOf(e[0], tab)
		k.Op("EOR", "$2", word, e[2])
		k.entryOf(e[2], tab)
	}
	k.Free(tab)
	rowsLeft := k.Load("dist")
	k.Op("CBZ", word, "zero")
	k.Op("CMP", emit.Imm(subfield), word)
	k.Op("BLT", "subfield")
	k.rowLoop("row", b, r, half, rowsLeft, e, [3]bool{true, true, true}, pairTables)

	k.Label("next")
	// The walk over dist rows has moved the addresses on by that many already.
	jump := k.Load("dist")
	k.Op("MUL", half, jump, jump)
	k.Op("LSL", "$1", jump, jump)
	if b.radix == 4 {
		k.Op("ADD", jump.String()+"<<1", jump, jump)
	}
	for _, p := range r.all() {
		k.Op("ADD", jump, p, p)
	}
	k.Free(jump)
	k.Op("ADD", emit.Imm(b.radix), word, word)
	k.Op("SUBS", "$1", groups, groups)
	k.Op("BNE", "group")
	k.Label("done")
	k.End()

	// w is a multiple of the radix, so that w^2 is in the subfield if w is.
	k.Label("subfield")
	k.rowLoop("subfieldRow", b, r, half, rowsLeft, e, [3]bool{true, true, true}, subfieldTables)
	k.Op("B", "next")

	// The first group of a transform has w = 0, and products by 0 vanish.
	k.Label("zero")
	k.rowLoop("zeroRow", b, r, half, rowsLeft, e, [3]bool{2: b.radix == 4}, subfieldTables)
	k.Op("B", "next")
}

// rowLoop writes the loop over the rows of a group, with so many tables of the
// constants that are not zero.
func (k *kernel) rowLoop(label string, b butterfly, r *rows, half, rowsLeft emit.GP, entries []emit.GP, nonzero [3]bool, tables int) {
	// One constant, or three with few tables, stay in registers. Others take turns
	// and are loaded for every column.
	keep := b.radix == 2 || tables == subfieldTables
	var c [3]constant
	for i := range c {
		switch {
		case keep && nonzero[i] && (b.radix == 4 || i == 1):
			c[i] = k.Vecs(tables)
			k.loadConstant(entries[i], c[i])
		case !keep && i == 0:
			c[i] = k.Vecs(tables)
		case !keep:
			c[i] = c[0]
		}
	}
	k.Label(label)
	columns := k.GP()
	k.Op("LSR", "$5", half, columns)
	k.Label(label + "Column")
	k.column(label, b, r, c, nonzero, func(i int) {
		if !keep {
			k.loadConstant(entries[i], c[i])
		}
	})
	k.Op("SUBS", "$1", columns, columns)
	k.Op("BNE", label+"Column")
	k.Free(columns)
	for _, p := range r.all() {
		k.Op("ADD", half, p, p)
	}
	k.Op("SUBS", "$1", rowsLeft, rowsLeft)
	k.Op("BNE", label)
	if !keep {
		c[1], c[2] = nil, nil
	}
	for i := range c {
		k.FreeVec(c[i]...)
	}
}

// column writes the butterflies of a group's rows at one position. It calls load
// before it needs a constant.
func (k *kernel) column(label string, b butterfly, r *rows, c [3]constant, nonzero [3]bool, load func(int)) {
	var v [4]words
	for i := range b.radix {
		v[i] = k.words()
		k.loadPair(r.lo[i], 0, true, v[i].lo)
		k.loadPair(r.hi[i], 0, true, v[i].hi)
	}
	stepOf := func(i, j, constant int) {
		if b.inverse {
			k.xorWords(v[i], v[j])
		}
		if nonzero[constant] {
			k.Comment("row %d += c%d * row %d", i, constant, j)
			k.addProduct(v[i], c[constant], v[j], false)
		}
		if !b.inverse {
			k.xorWords(v[i], v[j])
		}
	}
	first := func() {
		load(0)
		stepOf(0, 2, 0)
		stepOf(1, 3, 0)
	}
	second := func() {
		load(1)
		stepOf(0, 1, 1)
		load(2)
		stepOf(2, 3, 2)
	}
	switch {
	case b.radix == 2:
		stepOf(0, 1, 1)
	case b.inverse:
		second()
		first()
	default:
		first()
		second()
	}
	if b.inverse {
		add := k.Load("add")
		k.Op("CBZ", add, label+"Stores")
		k.Free(add)
		for i := range b.radix {
			old := k.words()
			k.loadPair(r.dlo[i], 0, false, old.lo)
			k.loadPair(r.dhi[i], 0, false, old.hi)
			k.xorWords(old, v[i])
			k.freeWords(old)
		}
		k.Label(label + "Stores")
	}
	for i := range b.radix {
		k.storePair(v[i].lo, r.dlo[i], 0, true)
		k.storePair(v[i].hi, r.dhi[i], 0, true)
	}
	k.freeWords(v[:b.radix]...)
}

// label numbers a label.
func label(name string, n int) string { return fmt.Sprintf("%s%d", name, n) }
