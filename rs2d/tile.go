package rs2d

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/lanehash"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// A tile is tileColumns columns of the expanded matrix, all n rows of them. One
// worker extends the tile's columns, hashes its symbols, folds its columns' trees to
// their roots and its part of every row's tree to a node, and stores what is kept: in
// units of some columns, or some bytes of a column, that stay in cache meanwhile. See
// unit.go. Nothing of the parity of parity is ever stored.

// tiler is the memory of one worker.
type tiler struct {
	rows    *rscode.Workspace
	columns *rscode.Workspace
	leaves  [2]*lanehash.LeafBatch // of source and of parity rows, for symbols in pieces
	first   int                    // the tile that piece 0 is

	source []byte   // rows read from a stream
	heads  [][]byte // symbol j and all that follows in them
	column []byte   // a secondary sliver for a stream

	carry []byte // what the unit before left of lines, row by row

	unit    []byte   // the symbols of a unit that stand nowhere else
	shards  [][]byte // row by row
	nodes   []byte   // the tile's leaves, row by row
	digests []byte   // those of a unit, column by column
	fold    []byte   // what the column trees fold to
}

func newTiler(c *Code) *tiler {
	return &tiler{
		rows: c.rows.NewWorkspace(), columns: c.columns.NewWorkspace(),
		leaves: [2]*lanehash.LeafBatch{c.lanes.NewLeafBatch(), c.lanes.NewLeafBatch()},
	}
}

// tile does one tile.
func (e *Encoder) tile(worker, piece int) {
	t, p := e.tiles[worker], e.c.params
	if e.stream.failed() {
		return
	}
	tile := t.first + piece
	from := tile * tileColumns
	to := min(from+tileColumns, p.N)
	columns := to - from
	t.nodes = resize(t.nodes, p.N*columns*commit.HashSize)

	perUnit := e.unitColumns()
	for c := from; c < to; {
		end := to
		if c < p.S { // no unit has columns of both the blob and parity
			end = min(p.S, to)
		}
		n := min(perUnit, end-c)
		e.unit(t, from, columns, c, n)
		c += n
	}

	t.fold = resize(t.fold, (p.N+1)/2*columns*commit.HashSize)
	e.c.lanes.FoldColumnsInto(t.fold, t.nodes, p.N, columns)
	for c := range columns {
		e.meta.Secondary[from+c] = commit.Hash(t.fold[c*commit.HashSize:])
	}
	e.c.lanes.FoldRows(t.nodes, p.N, columns, min(tileLevels, commit.TreeDepth(p.N)))
	tiles := tilesOf(p.N)
	for i := range p.N {
		copy(e.tops[(i*tiles+tile)*commit.HashSize:], t.nodes[i*commit.HashSize:][:commit.HashSize])
	}
}
