package main

import (
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
	"github.com/redstuff-go/redstuff/asm/gf/coset"
)

// butterflies is a kernel of one or two layers of the transform being written. An inverse
// stores what it computes, or if its argument add is not 0 adds it to dst.
type butterflies struct {
	*multiplier
	rows
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

// layers writes one kernel of the transform.
func layers(m machine, name string, radix int, inverse bool) {
	k := &butterflies{multiplier: m.begin(name), radix: radix, inverse: inverse}
	groups := k.Load("groups")
	k.Op("CBZ", groups, "done")
	half := k.Load("planeBytes")
	stride := k.Load("dist")
	k.Op("MUL", half, stride, stride)
	k.Op("LSL", "$1", stride, stride)
	for i := range k.radix {
		for _, p := range []struct {
			name   string
			lo, hi *[]emit.GP
		}{{"src", &k.lo, &k.hi}, {"dst", &k.dlo, &k.dhi}} {
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
	// The constants: w>>1 for the first layer of two, w and w^2 for the second; of a
	// single layer w.
	e := []emit.GP{k.GP(), k.GP(), k.GP()}
	tab := k.Load("tab")
	k.Op("MOVD", word, e[1])
	k.entryOf(e[1], tab)
	if k.radix == 4 {
		k.Op("LSR", "$1", word, e[0])
		k.entryOf(e[0], tab)
		k.Op("EOR", "$2", word, e[2])
		k.entryOf(e[2], tab)
	} else {
		e = e[1:2]
	}
	k.Free(tab)
	rowsLeft := k.Load("dist")
	k.Op("CBZ", word, "zero")
	k.Op("CMP", emit.Imm(subfield), word)
	k.Op("BLT", "subfield")
	k.rowLoop("row", half, rowsLeft, e, nil, pairTables)

	k.Label("next")
	// The walk over dist rows has moved the addresses on by that many already.
	jump := k.Load("dist")
	k.Op("MUL", half, jump, jump)
	k.Op("LSL", "$1", jump, jump)
	if k.radix == 4 {
		k.Op("ADD", jump.String()+"<<1", jump, jump)
	}
	for _, p := range k.all() {
		k.Op("ADD", jump, p, p)
	}
	k.Free(jump)
	k.Op("ADD", emit.Imm(k.radix), word, word)
	k.Op("SUBS", "$1", groups, groups)
	k.Op("BNE", "group")
	k.Label("done")
	k.End()

	// w is a multiple of the radix, so that w^2 is in the subfield if w is.
	k.Label("subfield")
	k.rowLoop("subfieldRow", half, rowsLeft, e, nil, subfieldTables)
	k.Op("B", "next")

	// The first group of a transform has w = 0, and products by 0 vanish.
	k.Label("zero")
	k.rowLoop("zeroRow", half, rowsLeft, e, func(s coset.Step) bool { return s.Start == 0 }, subfieldTables)
	k.Op("B", "next")
}

// rowLoop writes the loop over the rows of a group, with so many tables of the
// constants, some of which may be zero.
func (k *butterflies) rowLoop(label string, half, rowsLeft emit.GP, entries []emit.GP, zero func(coset.Step) bool, tables int) {
	steps := coset.Forward(k.radix)
	if k.inverse {
		steps = coset.Inverse(k.radix)
	}
	// One constant, or three with few tables, stay in registers. Others take turns
	// and are loaded for every column.
	keep := k.radix == 2 || tables == subfieldTables
	c := make([]constant, k.radix-1)
	if !keep {
		shared := constant(k.Vecs(tables))
		for i := range c {
			c[i] = shared
		}
	}
	for i := range c {
		first := steps[slices.IndexFunc(steps, func(s coset.Step) bool { return s.Constant(k.radix) == i })]
		if keep && (zero == nil || !zero(first)) {
			c[i] = k.Vecs(tables)
			k.loadConstant(entries[i], c[i])
		}
	}
	k.Label(label)
	columns := k.GP()
	k.Op("LSR", "$5", half, columns)
	k.Label(label + "Column")
	k.column(label, steps, c, func(i int) {
		if !keep {
			k.loadConstant(entries[i], c[i])
		}
	})
	k.Op("SUBS", "$1", columns, columns)
	k.Op("BNE", label+"Column")
	k.Free(columns)
	for _, p := range k.all() {
		k.Op("ADD", half, p, p)
	}
	k.Op("SUBS", "$1", rowsLeft, rowsLeft)
	k.Op("BNE", label)
	if !keep {
		c = c[:1]
	}
	for i := range c {
		k.FreeVec(c[i]...)
	}
}

// column writes the butterflies of a group's rows at one position. It calls load
// before it needs a constant.
func (k *butterflies) column(label string, steps []coset.Step, c []constant, load func(int)) {
	var v [4]words
	for i := range k.radix {
		v[i] = k.words()
		k.loadPair(k.lo[i], 0, true, v[i].lo)
		k.loadPair(k.hi[i], 0, true, v[i].hi)
	}
	loaded := -1
	for _, s := range steps {
		constant := s.Constant(k.radix)
		if constant != loaded {
			load(constant)
			loaded = constant
		}
		if k.inverse {
			k.xorWords(v[s.I], v[s.J])
		}
		if c[constant] != nil {
			k.Comment("row %d += c%d * row %d", s.I, constant, s.J)
			k.addProduct(v[s.I], c[constant], v[s.J], false)
		}
		if !k.inverse {
			k.xorWords(v[s.I], v[s.J])
		}
	}
	if k.inverse {
		add := k.Load("add")
		k.Op("CBZ", add, label+"Stores")
		k.Free(add)
		for i := range k.radix {
			old := k.words()
			k.loadPair(k.dlo[i], 0, false, old.lo)
			k.loadPair(k.dhi[i], 0, false, old.hi)
			k.xorWords(old, v[i])
			k.freeWords(old)
		}
		k.Label(label + "Stores")
	}
	for i := range k.radix {
		k.storePair(v[i].lo, k.dlo[i], 0, true)
		k.storePair(v[i].hi, k.dhi[i], 0, true)
	}
	k.freeWords(v[:k.radix]...)
}

// label numbers a label.
func label(name string, n int) string { return fmt.Sprintf("%s%d", name, n) }
