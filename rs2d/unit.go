package rs2d

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/lanehash"
	"github.com/redstuff-go/redstuff/internal/ntstore"
)

const (
	// unitBytes is the size of a unit that workers aim at: with the strips of the
	// extension, an L2 cache.
	unitBytes = 512 << 10
	// maxUnitBytes is what a unit of one column may have, before its symbols are
	// taken in pieces: short ones cost more than caches save.
	maxUnitBytes = 2 << 20
)

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
	if p.N*width > maxUnitBytes && e.stream == nil {
		// A symbol of every row does not fit: n is 1.
		width = min(width, max(1, unitBytes/p.N/lanehash.LeafPiece)*lanehash.LeafPiece)
	}
	parity := e.makeRoom(t, n, width)
	source := e.sourceCells(t, c, n, width)

	// Digests of symbol (i, c) of the unit: digests[(i*columns+c)*HashSize:].
	digests, next := t.nodes[(c-from)*commit.HashSize:], columns*commit.HashSize
	parityDigests := digests[p.P*next:]
	if width == e.size {
		e.extendUnit(t, &source, &parity, c, n, 0, width)
		e.keep(t, &source, &parity, from, c, n, 0, width)
		e.hashUnit(t, digests, next, &source, n)
		e.hashUnit(t, parityDigests, next, &parity, n)
	} else {
		t.leaves[0].Reset(e.size, source.even)
		t.leaves[1].Reset(e.size, parity.even)
		for a := 0; a < e.size; a += width {
			b := min(e.size, a+width)
			e.extendUnit(t, &source, &parity, c, 1, a, b)
			e.keep(t, &source, &parity, from, c, 1, a, b)
			t.leaves[0].Write(tailOf(source.base, source.at(a)-source.off), source.stride, b-a)
			t.leaves[1].Write(parity.base[parity.at(a)-parity.off:], parity.stride, b-a)
		}
		t.leaves[0].Sum(digests, next)
		t.leaves[1].Sum(parityDigests, next)
	}
	e.hashRest(digests, next, &source, c, n)
}

// hashUnit hashes the symbols of the evenly spaced rows of n columns, that of row i and
// column c to digests[i*next+c*HashSize:]. Symbols are hashed together that fill the lanes
// of the hash best: those of a column; those of a row, if they are side by side; or all,
// if columns are. To put the digests of all where they belong takes a quarter of what
// it takes to hash symbols of one block, about 64 bytes, in full lanes.
func (e *Encoder) hashUnit(t *tiler, digests []byte, next int, s *cells, n int) {
	h, rows := e.c.lanes, s.even
	if rows == 0 {
		return
	}
	byColumn, byRow := n*h.Cost(rows), rows*h.Cost(n)
	together := h.Cost(n*rows) * (4 + 64/max(e.size, 64)) / 4
	switch {
	case s.stride == e.size && s.step == rows*e.size && together < byColumn:
		t.digests = resize(t.digests, n*rows*commit.HashSize)
		h.Leaves(t.digests, commit.HashSize, s.base, e.size, e.size, n*rows)
		for c := range n {
			for i := range rows {
				*(*commit.Hash)(digests[i*next+c*commit.HashSize:]) = commit.Hash(t.digests[(c*rows+i)*commit.HashSize:])
			}
		}
	case s.step == e.size && byRow < byColumn:
		for i := range rows {
			h.Leaves(digests[i*next:], commit.HashSize, s.base[i*s.stride:], e.size, e.size, n)
		}
	default:
		for c := range n {
			h.Leaves(digests[c*commit.HashSize:], next, s.base[c*s.step:], s.stride, e.size, rows)
		}
	}
}

// makeRoom makes room for n columns of a unit, width bytes of each: for the source
// symbols, and for the parity that it returns, each row of which has a line before it.
func (e *Encoder) makeRoom(t *tiler, n, width int) (parity cells) {
	p := e.c.params
	source, stride := p.P*n*width, (ntstore.Line+n*width+ntstore.Line-1)&^(ntstore.Line-1)
	t.unit, t.shards = resize(t.unit, source+(p.N-p.P)*stride), resize(t.shards, p.N)
	base := t.unit[source+ntstore.Line:]
	for i := range p.N - p.P {
		t.shards[p.P+i] = base[i*stride:][:n*width]
	}
	return cells{shards: t.shards[p.P:], step: width, base: base, stride: stride, even: p.N - p.P, buffered: true}
}

// hashRest hashes the source rows that are not evenly spaced: the one that the blob
// ends in, and the zeros after it.
func (e *Encoder) hashRest(digests []byte, next int, source *cells, c, n int) {
	row := source.even
	if row == e.wholes && len(e.last) > 0 {
		e.c.lanes.Leaves(digests[row*next:], commit.HashSize, e.tail[c*e.size:], e.size, e.size, n)
		row++
	}
	for ; row < e.c.params.P; row++ {
		for i := range n {
			copy(digests[row*next+i*commit.HashSize:], e.zeroLeaf[:])
		}
	}
}

// sourceCells returns where the source symbols of n columns from c on are, or will be
// gathered, width bytes of each at a time.
func (e *Encoder) sourceCells(t *tiler, c, n, width int) cells {
	p := e.c.params
	switch {
	case c >= p.S:
		off := (c - e.columns.from) * e.column
		return cells{shards: e.parityRows, off: off, step: e.column, base: e.parity[off:], stride: e.size, even: p.P}
	case e.stream != nil:
		for i := range p.P {
			t.shards[i] = t.unit[i*n*e.size:][:n*e.size]
			e.stream.read(t.shards[i], int64(i)*int64(e.row)+int64(c*e.size))
		}
		return cells{shards: t.shards[:p.P], step: e.size, base: t.unit, stride: n * e.size, even: p.P}
	case e.encoding != nil:
		// Column by column, as they are kept.
		for i := range p.P {
			t.shards[i] = t.unit[i*width:]
		}
		return cells{shards: t.shards[:p.P], step: p.P * width, base: t.unit, stride: width, even: e.liveRows(), buffered: true}
	}
	return cells{shards: e.rows, off: c * e.size, step: e.size, base: e.whole[c], stride: e.row, even: e.wholes}
}

// extendUnit computes the bytes a to b of the parity symbols of a unit.
func (e *Encoder) extendUnit(t *tiler, source, parity *cells, c, n, a, b int) {
	if e.encoding != nil && c < e.c.params.S {
		e.gather(t, source, c, n, a, b)
	}
	for s := range strips(b-a, n, e.c.columns.StripSize()) {
		t.columns.Encode(s.of(parity.shards, parity.at(a), parity.step), s.of(source.shards, source.at(a), source.step))
	}
}
