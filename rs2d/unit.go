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

// unit is some columns of a tile that are worked on together, or of a single column some
// bytes of every symbol.
type unit struct {
	tile         columnRange
	first, count int // columns
	a, b         int // bytes of each symbol
	source       cells
	parity       cells
}

// bytes returns how many bytes of each symbol the unit has.
func (u *unit) bytes() int { return u.b - u.a }

// cells says where the symbols of some rows of a unit are, from the byte from on: that of
// row i and the unit's column c at shards[i][off+c*step:]. Rows up to even are evenly spaced
// too: at base[i*stride+c*step:].
type cells struct {
	shards    [][]byte
	off, step int
	from      int

	base         []byte
	stride, even int
	buffered     bool // in the worker's memory, which has the current piece only
}

// at returns the offset of byte a of the symbols of column 0.
func (c *cells) at(a int) int {
	if c.buffered {
		return c.off
	}
	return c.off + a - c.from
}

// piece returns base from byte a of the symbols on.
func (c *cells) piece(a int) []byte { return tailOf(c.base, c.at(a)-c.off) }

// unitColumns returns how many columns a unit has: whole strips of them.
func (t *tiler) unitColumns() int {
	size := t.e.matrix.size
	if t.e.slab.len() < size {
		return 1
	}
	perStrip := packed(size, t.e.c.along[Secondary].codec.StripSize())
	return max(1, unitBytes/(t.e.matrix.N*size)/perStrip) * perStrip
}

// do extends and hashes what the slab in work has of a unit, into the leaves of its tile,
// and emits it.
func (t *tiler) do(u *unit) {
	e, l := t.e, &t.e.matrix.layout
	slab := e.slab
	width, leaves := slab.len(), &t.leaves
	if width < l.size {
		leaves = &e.leaves[u.first]
	}
	pieces := width < l.size || l.N*width > maxUnitBytes && e.emit.inPieces()
	if pieces {
		// A symbol of every row does not fit: the unit is a single column.
		width = min(width, max(1, unitBytes/l.N/lanehash.LeafPiece)*lanehash.LeafPiece)
	}
	u.parity = t.makeRoom(u.count, width)
	if u.first >= l.S {
		u.source = e.parity.cells(u.first)
	} else {
		u.source = e.emit.columns(t, u, width)
	}

	// Digests of symbol (i, c) of the unit: digests[i*next+c*HashSize:].
	digests, next := t.nodes[(u.first-u.tile.from)*commit.HashSize:], u.tile.len()*commit.HashSize
	parityDigests := digests[l.P*next:]
	if !pieces {
		u.b = width
		t.extend(u)
		e.emit.emit(t, u)
		t.hash(digests, next, &u.source, u.count)
		t.hash(parityDigests, next, &u.parity, u.count)
		t.hashZeros(digests, next, u)
		return
	}
	if slab.from == 0 {
		leaves.reset(e.c.lanes, l.size, u.source.even, u.parity.even)
	}
	for u.a = slab.from; u.a < slab.to; u.a = u.b {
		u.b = min(slab.to, u.a+width)
		t.extend(u)
		e.emit.emit(t, u)
		leaves.source.Write(u.source.piece(u.a), u.source.stride, u.bytes())
		leaves.parity.Write(u.parity.piece(u.a), u.parity.stride, u.bytes())
	}
	if slab.to == l.size {
		leaves.source.Sum(digests, next)
		leaves.parity.Sum(parityDigests, next)
		t.hashZeros(digests, next, u)
	}
}

// leafPair hashes the symbols of a column that come in pieces.
type leafPair struct{ source, parity *lanehash.LeafBatch }

// reset begins with the symbols of so many source and parity rows.
func (p *leafPair) reset(h *lanehash.Hasher, size, source, parity int) {
	if p.source == nil {
		p.source, p.parity = h.NewLeafBatch(), h.NewLeafBatch()
	}
	p.source.Reset(size, source)
	p.parity.Reset(size, parity)
}

// makeRoom makes room for n columns of a unit, width bytes of each: for the source
// symbols, and for the parity that it returns, each row of which has a line before it.
func (t *tiler) makeRoom(n, width int) (parity cells) {
	l := &t.e.matrix.layout
	source, stride := l.P*n*width, (ntstore.Line+n*width+ntstore.Line-1)&^(ntstore.Line-1)
	t.cells, t.shards = resize(t.cells, source+(l.N-l.P)*stride), resize(t.shards, l.N)
	base := t.cells[source+ntstore.Line:]
	for i := range l.N - l.P {
		t.shards[l.P+i] = base[i*stride:][:n*width]
	}
	return cells{shards: t.shards[l.P:], step: width, base: base, stride: stride, even: l.N - l.P, buffered: true}
}

// extend computes the parity symbols of a unit.
func (t *tiler) extend(u *unit) {
	if u.first < t.e.matrix.S {
		t.e.emit.gather(t, u)
	}
	for s := range strips(u.bytes(), u.count, t.e.c.along[Secondary].codec.StripSize()) {
		t.columns.Encode(s.of(u.parity.shards, u.parity.at(u.a), u.parity.step), s.of(u.source.shards, u.source.at(u.a), u.source.step))
	}
}

// hash hashes the symbols of the evenly spaced rows of n columns, that of row i and
// column c to digests[i*next+c*HashSize:]. Symbols are hashed together that fill the lanes
// of the hash best: those of a column; those of a row, if they are side by side; or all,
// if columns are. To put the digests of all where they belong takes a quarter of what
// it takes to hash symbols of one block, about 64 bytes, in full lanes.
func (t *tiler) hash(digests []byte, next int, s *cells, n int) {
	h, rows, size := t.e.c.lanes, s.even, t.e.matrix.size
	if rows == 0 {
		return
	}
	byColumn, byRow := n*h.Cost(rows), rows*h.Cost(n)
	together := h.Cost(n*rows) * (4 + 64/max(size, 64)) / 4
	switch {
	case s.stride == size && s.step == rows*size && together < byColumn:
		t.digests = resize(t.digests, n*rows*commit.HashSize)
		h.Leaves(t.digests, commit.HashSize, s.base, size, size, n*rows)
		for c := range n {
			for i := range rows {
				*(*commit.Hash)(digests[i*next+c*commit.HashSize:]) = commit.Hash(t.digests[(c*rows+i)*commit.HashSize:])
			}
		}
	case s.step == size && byRow < byColumn:
		for i := range rows {
			h.Leaves(digests[i*next:], commit.HashSize, s.base[i*s.stride:], size, size, n)
		}
	default:
		for c := range n {
			h.Leaves(digests[c*commit.HashSize:], next, s.base[c*s.step:], s.stride, size, rows)
		}
	}
}

// hashZeros has the leaves of the source rows past the blob's end.
func (t *tiler) hashZeros(digests []byte, next int, u *unit) {
	for row := u.source.even; row < t.e.matrix.P; row++ {
		for c := range u.count {
			copy(digests[row*next+c*commit.HashSize:], t.e.zeroLeaf[:])
		}
	}
}
