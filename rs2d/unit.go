package rs2d

import "github.com/redstuff-go/redstuff/commit"

// unitBytes is the size of a unit that workers aim at: with the strips of the
// extension, an L2 cache.
const unitBytes = 512 << 10

// unitColumns returns how many columns a unit has: whole strips of them.
func (e *Encoder) unitColumns() int {
	perStrip := packed(e.size, e.c.columns.StripSize())
	return max(1, unitBytes/(e.c.params.N*e.size)/perStrip) * perStrip
}

// cells says where the symbols of some rows of a unit are: that of row i and the
// unit's column c at shards[i][off+c*step:]. Rows up to even are evenly spaced too:
// at base[i*stride+c*step:].
type cells struct {
	shards    [][]byte
	off, step int

	base         []byte
	stride, even int
	buffered     bool // in the worker's memory, which has the current piece only
}

// at returns the offset of byte a of the symbols of column 0.
func (c *cells) at(a int) int {
	if c.buffered {
		return c.off
	}
	return c.off + a
}

// unit extends and hashes n columns from column c on, into the leaves of a tile of
// the given number of columns that begins at from; and stores what is kept of them.
func (e *Encoder) unit(t *tiler, from, columns, c, n int) {
	p := e.c.params
	width := e.size
	if p.N*width > 2*unitBytes && e.stream == nil {
		// A symbol of every row does not fit: n is 1.
		width = min(width, max(1, unitBytes/p.N/commit.LeafPiece)*commit.LeafPiece)
	}
	t.unit, t.shards = resize(t.unit, p.N*n*width), resize(t.shards, p.N)
	for i := range t.shards {
		t.shards[i] = t.unit[i*n*width:][:n*width]
	}
	source, parity := e.sourceCells(t, c, n), e.parityCells(t, c, n, width)

	// Digests of symbol (i, c) of the unit: digests[(i*columns+c)*HashSize:].
	digests, next := t.nodes[(c-from)*commit.HashSize:], columns*commit.HashSize
	parityDigests := digests[p.P*next:]
	if width == e.size {
		e.extendUnit(t, &source, &parity, c, n, 0, width)
		for i := range n {
			at := i * commit.HashSize
			e.c.hasher.Leaves(digests[at:], next, tailOf(source.base, i*source.step), source.stride, e.size, source.even)
			e.c.hasher.Leaves(parityDigests[at:], next, parity.base[i*parity.step:], parity.stride, e.size, parity.even)
		}
	} else {
		t.leaves[0].Reset(e.size, source.even)
		t.leaves[1].Reset(e.size, parity.even)
		for a := 0; a < e.size; a += width {
			b := min(e.size, a+width)
			e.extendUnit(t, &source, &parity, c, 1, a, b)
			t.leaves[0].Write(tailOf(source.base, source.at(a)-source.off), source.stride, b-a)
			t.leaves[1].Write(parity.base[parity.at(a)-parity.off:], parity.stride, b-a)
		}
		t.leaves[0].Sum(digests, next)
		t.leaves[1].Sum(parityDigests, next)
	}
	e.hashRest(digests, next, &source, c, n)
}

// hashRest hashes the source rows that are not evenly spaced: the one that the blob
// ends in, and the zeros after it.
func (e *Encoder) hashRest(digests []byte, next int, source *cells, c, n int) {
	row := source.even
	if row < e.c.params.P && len(e.last) > 0 {
		for i := range n {
			e.c.hasher.Leaves(digests[row*next+i*commit.HashSize:], next, e.tail[(c+i)*e.size:], e.size, e.size, 1)
		}
		row++
	}
	for ; row < e.c.params.P; row++ {
		for i := range n {
			copy(digests[row*next+i*commit.HashSize:], e.zeroLeaf[:])
		}
	}
}

// sourceCells returns where the source symbols of n columns from c on are.
func (e *Encoder) sourceCells(t *tiler, c, n int) cells {
	p := e.c.params
	switch {
	case c >= p.S:
		off := (c - e.columns.from) * e.column
		return cells{shards: e.parityRows, off: off, step: e.column, base: e.parity[off:], stride: e.size, even: p.P}
	case e.stream != nil:
		for i, row := range t.shards[:p.P] {
			e.stream.read(row, int64(i)*int64(e.row)+int64(c*e.size))
		}
		return cells{shards: t.shards[:p.P], step: e.size, base: t.unit, stride: n * e.size, even: p.P}
	}
	return cells{shards: e.rows, off: c * e.size, step: e.size, base: e.whole[c], stride: e.row, even: e.wholes}
}

// parityCells returns where the parity rows of n columns from c on go, of width bytes
// at a time.
func (e *Encoder) parityCells(t *tiler, c, n, width int) cells {
	p := e.c.params
	if e.encoding != nil && c < p.S {
		shards := e.encoding.parityRows
		return cells{shards: shards, off: c * e.size, step: e.size, base: shards[0][c*e.size:], stride: e.row, even: p.N - p.P}
	}
	return cells{shards: t.shards[p.P:], step: width, base: t.unit[p.P*n*width:], stride: n * width, even: p.N - p.P, buffered: true}
}

// extendUnit computes the bytes a to b of the parity symbols of a unit, and stores
// what is kept and not in place already.
func (e *Encoder) extendUnit(t *tiler, source, parity *cells, c, n, a, b int) {
	for s := range strips(b-a, n, e.c.columns.StripSize()) {
		t.columns.Encode(s.of(parity.shards, parity.at(a), parity.step), s.of(source.shards, source.at(a), source.step))
	}
	switch {
	case e.stream != nil:
		e.write(t, c, n)
	case e.encoding != nil && c < e.c.params.S:
		// Rows of the blob, columns of parity and parity rows are in place.
		e.encoding.storeColumns(e.rows, c, n, a, b)
	}
}
