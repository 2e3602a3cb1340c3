package rs2d

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// A tile is tileColumns columns of the expanded matrix, all n rows of them. One
// worker extends the tile's columns, hashes its symbols, folds its columns' trees to
// their roots and its part of every row's tree to a node, and emits what is stored: in
// units of some columns, or some bytes of a column, that stay in cache meanwhile. See
// unit.go. Nothing of the parity of parity is ever stored.

const (
	// tileColumns is how many columns a tile has: enough to fill the lanes of every
	// hash kernel while trees are folded side by side. A power of two, so that a
	// tile is a subtree of every row.
	tileColumns = 16
	tileLevels  = 4 // log2(tileColumns)
)

// tilesOf returns how many tiles a number of columns takes.
func tilesOf(columns int) int { return (columns + tileColumns - 1) / tileColumns }

// tiler is one worker of an encoder, with its memory.
type tiler struct {
	e       *Encoder
	rows    *rscode.Workspace
	columns *rscode.Workspace
	leaves  leafPair // for symbols in pieces

	unit   unit     // in work
	cells  []byte   // the symbols of a unit that stand nowhere else
	shards [][]byte // row by row
	carry  []byte   // what the unit before left of cache lines, row by row

	read   []byte      // rows read from a stream, or parts of them
	ahead  columnRange // whose parts of all rows these are
	heads  [][]byte    // symbol j and all that follows in them
	column []byte      // a secondary sliver for a stream

	nodes   []byte // the tile's leaves, row by row
	digests []byte // those of a unit, column by column
	folded  []byte // what the column trees fold to
}

func newTiler(e *Encoder) *tiler {
	c := e.c
	return &tiler{
		e:    e,
		rows: c.along[Primary].codec.NewWorkspace(), columns: c.along[Secondary].codec.NewWorkspace(),
	}
}

// tile does one tile.
func (t *tiler) tile(tile int) {
	e, l := t.e, t.e.matrix.layout
	from := tile * tileColumns
	columns := columnRange{from, min(from+tileColumns, l.N)}
	t.nodes = resize(t.nodes, l.N*columns.len()*commit.HashSize)

	perUnit := t.unitColumns()
	for c := columns.from; c < columns.to; {
		if e.emit.failed() {
			return
		}
		end := columns.to
		if c < l.S { // no unit has columns of both the blob and parity
			end = min(l.S, end)
		}
		n := min(perUnit, end-c)
		t.unit = unit{tile: columns, first: c, count: n}
		t.do(&t.unit)
		c += n
	}
	if e.slab.to == l.size {
		t.fold(tile, columns)
	}
}

// fold folds the trees of the tile's columns to their roots, and its part of every row's
// tree to a node.
func (t *tiler) fold(tile int, columns columnRange) {
	e, n, width := t.e, t.e.matrix.N, columns.len()
	t.folded = resize(t.folded, (n+1)/2*width*commit.HashSize)
	e.c.lanes.FoldColumnsInto(t.folded, t.nodes, n, width)
	for c := range width {
		e.meta.Secondary[columns.from+c] = commit.Hash(t.folded[c*commit.HashSize:])
	}
	e.c.lanes.FoldRows(t.nodes, n, width, min(tileLevels, commit.TreeDepth(n)))
	tiles := tilesOf(n)
	for i := range n {
		copy(e.tops[(i*tiles+tile)*commit.HashSize:], t.nodes[i*commit.HashSize:][:commit.HashSize])
	}
}
