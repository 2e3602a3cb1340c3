package main

import "github.com/redstuff-go/redstuff/asm/arm64/emit"

// xorBytes writes xor.
func xorBytes(m machine) {
	k := m.begin("xor")
	dst, src, n := k.Load("dst"), k.Load("src"), k.Load("n")
	k.Label("blocks")
	k.Op("SUBS", emit.Imm(blockSize), n, n)
	k.Op("BLT", "rest")
	w, total := k.words(), k.words()
	k.loadPair(src, 0, true, w.lo)
	k.loadPair(src, 0, true, w.hi)
	k.loadBlock(dst, 0, total)
	k.xorWords(w, total)
	k.storePair(total.lo, dst, 0, true)
	k.storePair(total.hi, dst, 0, true)
	k.Op("B", "blocks")

	// The low six bits of n still tell how many bytes are left.
	k.Label("rest")
	k.Op("AND", emit.Imm(blockSize-1), n, n)
	a, b := k.GP(), k.GP()
	for _, piece := range []struct {
		load, store string
		size        int
		label, next string
	}{{"MOVD", "MOVD", 8, "words", "bytes"}, {"MOVBU", "MOVB", 1, "bytes", "done"}} {
		k.Label(piece.label)
		k.Op("CMP", emit.Imm(piece.size), n)
		k.Op("BLT", piece.next)
		k.Op(piece.load+".P", emit.At(src, piece.size), a)
		k.Op(piece.load, emit.At(dst, 0), b)
		k.Op("EOR", a, b, b)
		k.Op(piece.store+".P", b, emit.At(dst, piece.size))
		k.Op("SUB", emit.Imm(piece.size), n, n)
		k.Op("B", piece.label)
	}
	k.Label("done")
	k.End()
}

// sumRows writes sum, the kernel of a single parity shard.
func sumRows(m machine) {
	k := m.begin("sum")
	dst, pos, left := k.Load("dst"), k.Load("off"), k.Load("n")
	srcs, count, base := k.GP(), k.GP(), k.GP()
	v, w := k.Vecs(8), k.Vecs(8)
	pairs := func(v []emit.Vec, f func(offset int, v [2]emit.Vec)) {
		for i := 0; i < len(v); i += 2 {
			f(16*i, [2]emit.Vec(v[i:]))
		}
	}
	next := func() {
		k.Op("MOVD.P", emit.At(srcs, sliceSize), base)
		k.Op("ADD", pos, base, base)
	}
	for _, vectors := range []int{8, 4} {
		size := emit.Imm(16 * vectors)
		k.Label(label("tile", vectors))
		k.Op("CMP", size, left)
		k.Op("BLT", label("tileEnd", vectors))
		k.Op("MOVD", k.Param("srcs"), srcs)
		k.Op("MOVD", k.Param("count"), count)
		next()
		pairs(v[:vectors], func(offset int, v [2]emit.Vec) { k.loadPair(base, offset, false, v) })
		k.Label(label("source", vectors))
		k.Op("SUBS", "$1", count, count)
		k.Op("BEQ", label("store", vectors))
		next()
		pairs(w[:vectors], func(offset int, w [2]emit.Vec) { k.loadPair(base, offset, false, w) })
		for i := range vectors {
			k.xor(w[i], v[i])
		}
		k.Op("B", label("source", vectors))
		k.Label(label("store", vectors))
		pairs(v[:vectors], func(_ int, v [2]emit.Vec) { k.storePair(v, dst, 0, true) })
		k.Op("ADD", size, pos, pos)
		k.Op("SUB", size, left, left)
		k.Op("B", label("tile", vectors))
		k.Label(label("tileEnd", vectors))
	}
	k.End()
}
