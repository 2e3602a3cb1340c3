package main

import "github.com/redstuff-go/redstuff/asm/arm64/emit"

const (
	blockSize = 64 // bytes of a natural block
	sliceSize = 24 // bytes of a slice header
	elemSize  = 2
)

// mul writes mul or mulAdd.
func mul(m machine, name string, add bool) {
	k := m.begin(name)
	dst, src, n := k.Load("dst"), k.Load("src"), k.Load("n")
	k.Op("LSR", "$6", n, n)
	k.Op("CBZ", n, "done")
	k.nibbleMask()
	entry := k.GP()
	k.Op("MOVHU", k.Param("c"), entry)
	k.entryOf(entry, k.Load("tab"))
	c := constant(k.Vecs(naturalTables))
	k.loadConstant(entry, c)
	k.Label("block")
	w, total := k.words(), k.words()
	k.loadPair(src, 0, true, w.lo)
	k.loadPair(src, 0, true, w.hi)
	if add {
		k.loadBlock(dst, 0, total)
	}
	k.addProduct(total, c, w, !add)
	k.storePair(total.lo, dst, 0, true)
	k.storePair(total.hi, dst, 0, true)
	k.Op("SUBS", "$1", n, n)
	k.Op("BNE", "block")
	k.Label("done")
	k.End()
}

// scale writes scale.
func scale(m machine) {
	k := m.begin("scale")
	rows := k.Load("rows")
	k.Op("CBZ", rows, "done")
	dlo, lo, half := k.Load("dst"), k.Load("src"), k.Load("planeBytes")
	dhi, hi := k.GP(), k.GP()
	k.Op("ADD", half, dlo, dhi)
	k.Op("ADD", half, lo, hi)
	coeffs, tab := k.Load("coeffs"), k.Load("tab")
	k.nibbleMask()
	entry, columns := k.GP(), k.GP()
	c := constant(k.Vecs(pairTables))
	k.Label("row")
	k.Op("MOVHU.P", emit.At(coeffs, elemSize), entry)
	k.entryOf(entry, tab)
	k.loadConstant(entry, c)
	k.Op("LSR", "$5", half, columns)
	k.Label("column")
	w, total := k.words(), k.words()
	k.loadPair(lo, 0, true, w.lo)
	k.loadPair(hi, 0, true, w.hi)
	k.addProduct(total, c, w, true)
	k.storePair(total.lo, dlo, 0, true)
	k.storePair(total.hi, dhi, 0, true)
	k.Op("SUBS", "$1", columns, columns)
	k.Op("BNE", "column")
	for _, p := range []emit.GP{lo, hi, dlo, dhi} {
		k.Op("ADD", half, p, p)
	}
	k.Op("SUBS", "$1", rows, rows)
	k.Op("BNE", "row")
	k.Label("done")
	k.End()
}

// toTower writes toTower: T of the high bytes, looked up, is added to the low bytes.
func toTower(m machine) {
	k := m.begin("toTower")
	count := k.Load("count")
	k.Op("CBZ", count, "done")
	lo, half, tab, hi, columns := k.Load("rows"), k.Load("planeBytes"), k.Load("tab"), k.GP(), k.GP()
	k.nibbleMask()
	tables := k.Vecs(towerMapTables)
	k.loadPair(tab, 16*pairTables, false, [2]emit.Vec(tables))
	k.Label("row")
	k.Op("ADD", half, lo, hi)
	k.Op("LSR", "$5", half, columns)
	k.Label("column")
	w := k.words()
	low, high := k.Vec(), k.Vec()
	k.loadPair(lo, 0, false, w.lo)
	k.loadPair(hi, 0, true, w.hi)
	for j, v := range w.hi {
		k.Op("VAND", k.mask.B16(), v.B16(), low.B16())
		k.Op("VUSHR", emit.Imm(4), v.B16(), high.B16())
		k.look(tables, 0, low, low)
		k.look(tables, 1, high, high)
		k.xor3(low, high, w.lo[j])
	}
	k.storePair(w.lo, lo, 0, true)
	k.Op("SUBS", "$1", columns, columns)
	k.Op("BNE", "column")
	k.Op("MOVD", hi, lo)
	k.Op("SUBS", "$1", count, count)
	k.Op("BNE", "row")
	k.Label("done")
	k.End()
}

// overTiles writes the loops over tiles of the n bytes of a region, with body for
// each size of tile; the registers of moving follow the position.
func overTiles(k *multiplier, tiles []int, n emit.GP, moving []emit.GP, body func(blocks int)) {
	for _, blocks := range tiles {
		bytes := emit.Imm(blocks * blockSize)
		k.Label(label("tile", blocks))
		k.Op("CMP", bytes, n)
		k.Op("BLT", label("tileEnd", blocks))
		body(blocks)
		for _, p := range moving {
			k.Op("ADD", bytes, p, p)
		}
		k.Op("SUB", bytes, n, n)
		k.Op("B", label("tile", blocks))
		k.Label(label("tileEnd", blocks))
	}
	k.End()
}

// many is the slices and coefficients of dot and mulAddMany.
type many struct{ slices, coeffs, off, count, tab emit.GP }

// loadMany loads the parameters; with no slice there is nothing to do.
func loadMany(k *multiplier, slices string) many {
	a := many{count: k.Load("count")}
	k.Op("CBZ", a.count, "done")
	a.slices, a.coeffs, a.off, a.tab = k.Load(slices), k.Load("coeffs"), k.Load("off"), k.Load("tab")
	return a
}

// overSlices writes the loop over the slices. body gets the address of the slice
// at offset off, with its constant in c.
func overSlices(k *multiplier, name string, a many, c constant, body func(p emit.GP)) {
	s, e, left, p, entry := k.GP(), k.GP(), k.GP(), k.GP(), k.GP()
	k.Op("MOVD", a.slices, s)
	k.Op("MOVD", a.coeffs, e)
	k.Op("MOVD", a.count, left)
	k.Label(name)
	k.Op("MOVHU.P", emit.At(e, elemSize), entry)
	k.entryOf(entry, a.tab)
	k.loadConstant(entry, c)
	k.Op("MOVD.P", emit.At(s, sliceSize), p)
	k.Op("ADD", a.off, p, p)
	body(p)
	k.Op("SUBS", "$1", left, left)
	k.Op("BNE", name)
	k.Free(s, e, left, p, entry)
}

// dot writes dot. The sums of a tile stay in registers over all sources: of the
// 32, 16 hold the sums of 4 blocks and 8 the tables.
func dot(m machine) {
	k := m.begin("dot")
	a := loadMany(k, "srcs")
	dst, n := k.Load("dst"), k.Load("n")
	k.nibbleMask()
	c := constant(k.Vecs(naturalTables))
	overTiles(k, []int{4, 1}, n, []emit.GP{dst, a.off}, func(blocks int) {
		total := make([]words, blocks)
		for i := range total {
			total[i] = k.words()
			k.loadBlock(dst, blockSize*i, total[i])
		}
		overSlices(k, label("source", blocks), a, c, func(p emit.GP) {
			// The words are needed only as nibbles, so that 16 at a time take
			// four registers.
			index := indices(k.Vecs(4))
			for i := range total {
				for j := range 2 {
					at := blockSize*i + 16*j
					var w words
					w.lo[j], w.hi[j] = index[1], index[3]
					k.Op("FMOVQ", emit.At(p, at), w.lo[j].F())
					k.Op("FMOVQ", emit.At(p, at+step), w.hi[j].F())
					k.split(w, j, index)
					k.addLooked(total[i], j, c, index, false)
				}
			}
			k.FreeVec(index[:]...)
		})
		for i := range total {
			k.storeBlock(total[i], dst, blockSize*i)
		}
		k.freeWords(total...)
	})
	k.Label("done")
	k.End()
}

// mulAddMany writes mulAddMany. A tile of the source stays in registers as nibbles over
// all destinations: they are split once.
func mulAddMany(m machine) {
	k := m.begin("mulAddMany")
	a := loadMany(k, "dsts")
	src, n := k.Load("src"), k.Load("n")
	c := constant(k.Vecs(naturalTables))
	overTiles(k, []int{2, 1}, n, []emit.GP{src, a.off}, func(blocks int) {
		source := make([][2]indices, blocks)
		k.nibbleMask()
		for i := range source {
			w := k.words()
			k.loadBlock(src, blockSize*i, w)
			for j := range 2 {
				source[i][j] = indices{k.Vec(), w.lo[j], k.Vec(), w.hi[j]}
				k.split(w, j, source[i][j])
			}
		}
		k.FreeVec(k.mask)
		overSlices(k, label("destination", blocks), a, c, func(p emit.GP) {
			for i := range source {
				total := k.words()
				k.loadBlock(p, blockSize*i, total)
				for j := range 2 {
					k.addLooked(total, j, c, source[i][j], false)
				}
				k.storeBlock(total, p, blockSize*i)
				k.freeWords(total)
			}
		})
		for i := range source {
			for j := range 2 {
				k.FreeVec(source[i][j][:]...)
			}
		}
	})
	k.Label("done")
	k.End()
}
