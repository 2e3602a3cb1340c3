package rs2d

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// A tile is tileColumns columns of the expanded matrix, all n rows of them. One
// worker brings in the tile's source symbols, extends its columns, hashes its
// symbols, folds its columns' trees to their roots and its part of every row's tree
// to a node, and stores what is kept: all while the tile is in cache. Large symbols
// are taken some columns, or some bytes of a column, at a time: a unit. Nothing of
// the parity of parity is ever stored.

// unitBytes is the size of a unit that workers aim at.
const unitBytes = 512 << 10

// tiler is the memory of one worker.
type tiler struct {
	rows    *rs.Workspace
	columns *rs.Workspace
	leaves  *commit.LeafBatch
	first   int // the tile that piece 0 is

	source []byte   // rows read from a stream
	heads  [][]byte // symbol j and all that follows in them
	column []byte   // a secondary sliver for a stream

	unit   []byte   // a unit, row by row
	shards [][]byte // its rows
	nodes  []byte   // the tile's leaves, row by row
	fold   []byte   // the same for the column trees
}

func newTiler(c *Code) *tiler {
	return &tiler{rows: c.rows.NewWorkspace(), columns: c.columns.NewWorkspace(), leaves: c.hasher.NewLeafBatch()}
}

// tile does one tile.
func (e *Encoder) tile(worker, piece int) {
	t, p := e.tiles[worker], e.c.params
	if e.stream.failed() {
		return
	}
	tile := t.first + piece
	from := tile * tileColumns
	columns := min(tileColumns, p.N-from)
	t.nodes = resize(t.nodes, p.N*columns*commit.HashSize)

	perUnit := max(1, min(columns, unitBytes/(p.N*e.size)))
	for c := 0; c < columns; c += perUnit {
		n := min(perUnit, columns-c)
		e.unit(t, from, c, n, columns)
	}

	t.fold = append(t.fold[:0], t.nodes...)
	e.c.hasher.FoldColumns(t.fold, p.N, columns)
	for c := range columns {
		e.meta.Secondary[from+c] = commit.Hash(t.fold[c*commit.HashSize:])
	}
	e.c.hasher.FoldRows(t.nodes, p.N, columns, min(tileLevels, commit.TreeDepth(p.N)))
	tiles := tilesOf(p.N)
	for i := range p.N {
		copy(e.tops[(i*tiles+tile)*commit.HashSize:], t.nodes[i*commit.HashSize:][:commit.HashSize])
	}
}

// unit hashes n columns of a tile of the given number of columns, from its column c
// on, into the tile's leaves.
func (e *Encoder) unit(t *tiler, from, c, n, columns int) {
	width, rows := e.size, e.c.params.N
	if rows*width > 2*unitBytes && e.stream == nil {
		width = max(1, unitBytes/rows/commit.LeafPiece) * commit.LeafPiece
	}
	digests := t.nodes[c*commit.HashSize:]
	if width >= e.size {
		e.fill(t, from+c, n, 0, e.size)
		if n == columns {
			e.c.hasher.Leaves(digests, commit.HashSize, t.unit, e.size, e.size, rows*n)
			return
		}
		for i := range n {
			e.c.hasher.Leaves(digests[i*commit.HashSize:], columns*commit.HashSize, t.unit[i*e.size:], n*e.size, e.size, rows)
		}
		return
	}
	// n is 1 here: a symbol of every row does not fit a unit.
	t.leaves.Reset(e.size, rows)
	for a := 0; a < e.size; a += width {
		b := min(e.size, a+width)
		e.fill(t, from+c, 1, a, b)
		t.leaves.Write(t.unit, b-a, b-a)
	}
	t.leaves.Sum(digests, columns*commit.HashSize)
}

// fill makes the unit of the bytes a to b of the symbols of n columns: source rows,
// then the parity they extend to; and stores what of it is kept.
func (e *Encoder) fill(t *tiler, from, n, a, b int) {
	p, width := e.c.params, b-a
	t.unit = resize(t.unit, p.N*n*width)
	t.shards = resize(t.shards, p.N)
	for i := range t.shards {
		t.shards[i] = t.unit[i*n*width:][:n*width]
	}
	source := max(0, min(n, p.S-from)) // columns of the blob itself, then parity
	for i, dst := range t.shards[:p.P] {
		switch {
		case source == 0:
		case e.stream != nil:
			e.stream.read(dst[:source*width], int64(i)*int64(e.row)+int64(from*e.size))
		default: // whole symbols, or a part of one
			copy(dst[:source*width], e.rows[i][from*e.size+a:])
		}
		for c := source; c < n; c++ {
			copy(dst[c*width:][:width], e.parityShards[from+c-p.S][i*e.size+a:])
		}
	}
	for s := range strips(width, n, e.c.columns.StripSize()) {
		t.columns.Encode(s.of(t.shards[p.P:], 0, width), s.of(t.shards[:p.P], 0, width))
	}
	switch {
	case e.encoding != nil:
		e.encoding.store(t, from, source, a, b)
	case e.stream != nil:
		e.write(t, from, source, n)
	}
}
