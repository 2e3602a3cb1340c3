package lanehash

import (
	"fmt"
	"sync"

	"github.com/redstuff-go/redstuff/internal/alias"
)

// The folds here reduce many trees at once, in place and without allocation,
// for an encoder that hashes a matrix tile by tile. They follow the rules of
// the single tree in merkle.go.
//
// Why a tree may be folded in tiles: take a tree wider than 2^t leaves and cut
// its leaves into tiles of 2^t, the last one holding 1 to 2^t of them. A full
// tile has an even number of nodes on each of the t lowest levels, so none of
// its pairs straddles its edge, and a level of the whole tree is odd exactly
// when that of the last tile is. The whole tree is wider than the tile, so such
// a level is padded even when the last tile is down to one node. After t levels
// every tile is one node, and these are the leaves of the tree's upper part.
//
// A tree that is a single tile follows the same rule, folded ceil(log2 leaves)
// times: a level has ceil(leaves / 2^l) nodes, which is 1 only from the last
// level on, so padding a lone node never comes up.

// foldBatch is how many pairs the folds gather, or pad, before one call of
// Nodes: a multiple of every backend's lanes.
const foldBatch = 64

// zeroNodes are the right operands of the last nodes of odd levels. Nobody
// writes them.
var zeroNodes [foldBatch * HashSize]byte

// padNodes replaces the count nodes at src, HashSize bytes apart, by their
// hashes with the zero node to their right, written to dst. dst must be equal
// to src or lie before it.
func (h *Hasher) padNodes(dst, src []byte, count int) {
	for i := 0; i < count; i += foldBatch {
		h.Nodes(dst[i*HashSize:], src[i*HashSize:], zeroNodes[:], HashSize, min(foldBatch, count-i))
	}
}

// checkFold panics unless nodes holds rows x cols hashes.
func checkFold(what string, nodes []byte, rows, cols int) {
	if rows < 0 || cols < 0 || len(nodes) < rows*cols*HashSize {
		panic(fmt.Sprintf("commit: %s of %d x %d nodes in %d bytes", what, rows, cols, len(nodes)))
	}
}

// FoldColumns reduces each column of a matrix of rows x cols hashes, row-major,
// to the root of the tree whose leaves are the column's hashes, top to bottom.
// Column t's root ends at nodes[t*HashSize:]; the rest of nodes is spoilt. It
// works best when cols is a multiple of h.Lanes(), or one. It panics if nodes is
// shorter than rows*cols*HashSize bytes.
func (h *Hasher) FoldColumns(nodes []byte, rows, cols int) {
	h.FoldColumnsInto(nodes, nodes, rows, cols)
}

// FoldColumnsInto is FoldColumns with the roots at dst[t*HashSize:], which leaves nodes
// as it is. dst must have room for half of the rows, rounded up, and be nodes or not
// overlap it. It panics if dst is too short or begins within nodes.
func (h *Hasher) FoldColumnsInto(dst, nodes []byte, rows, cols int) {
	checkFold("FoldColumns", nodes, rows, cols)
	checkFold("FoldColumns into", dst, (rows+1)/2, cols)
	width := cols * HashSize
	if alias.Ahead(dst[:(rows+1)/2*width], nodes[:rows*width]) {
		panic("commit: FoldColumns: the roots begin within the nodes")
	}
	switch lanes := h.GroupLanes(); {
	case rows == 0 || cols == 0:
		return
	case rows == 1:
		copy(dst, nodes[:width])
		return
	case lanes > 0 && cols%lanes == 0:
		h.kernels.foldColumnsInLanes(dst, nodes, rows, cols)
		return
	}
	for from := nodes; rows > 1; rows = (rows + 1) / 2 {
		pairs := rows / 2
		if cols == 1 {
			// A single tree's pairs are contiguous.
			h.Nodes(dst, from, from[HashSize:], 2*HashSize, pairs)
		} else {
			for k := range pairs {
				two := from[2*k*width:][:2*width]
				h.Nodes(dst[k*width:], two, two[width:], HashSize, cols)
			}
		}
		if rows%2 == 1 {
			h.padNodes(dst[pairs*width:], from[2*pairs*width:], cols)
		}
		from = dst
	}
}

// FoldRows folds each row of a matrix of rows x cols hashes, row-major, by the
// given number of tree levels. Afterwards row r's nodes, ceil(cols / 2^levels)
// of them, stand side by side in a matrix of that many columns at the front of
// nodes; the rest of nodes is spoilt. An odd row, even of one node, is padded by
// the zero node on every level. So a tile of 2^levels leaves of a wider tree, or
// such a tree's last tile of fewer leaves, becomes one node, and a whole tree of
// cols leaves is folded to its root by levels = TreeDepth(cols).
// It is fastest when cols is a power of two. It panics if nodes is shorter than
// rows*cols*HashSize bytes or levels is negative.
func (h *Hasher) FoldRows(nodes []byte, rows, cols, levels int) {
	checkFold("FoldRows", nodes, rows, cols)
	if levels < 0 {
		panic(fmt.Sprintf("commit: FoldRows by %d levels", levels))
	}
	if rows == 0 || cols == 0 {
		return
	}
	lanes := h.GroupLanes()
	for ; levels > 0; levels-- {
		switch {
		case lanes > 0 && rows >= lanes && cols <= maxBand:
			done := h.kernels.foldRowsInLanes(nodes, rows, cols, levels)
			if rest := rows - done; rest > 0 {
				// No more rows than lanes: a call of this kind does not come here again.
				left, out := nodes[done*cols*HashSize:], (cols+1<<levels-1)>>levels*HashSize
				h.FoldRows(left, rest, cols, levels)
				copy(nodes[done*out:], left[:rest*out])
			}
			return
		case cols == 1:
			h.padNodes(nodes, nodes, rows)
		case cols%2 == 0:
			// The rows' pairs follow one another: the whole level is one run.
			h.Nodes(nodes, nodes, nodes[HashSize:], 2*HashSize, rows*cols/2)
		default:
			h.foldOddRows(nodes, rows, cols)
		}
		cols = (cols + 1) / 2
	}
}

// pairsPool holds the room in which foldOddRows gathers pairs.
var pairsPool = sync.Pool{New: func() any { return new([foldBatch * 2 * HashSize]byte) }}

// foldOddRows folds rows of an odd number of nodes by one level. The rows' pairs
// do not lie in a regular pattern once the zero node is among them, so they are
// gathered in batches. The pair being gathered lies at least as far along as
// the place its hash goes to, so a batch never overwrites what is still to come.
func (h *Hasher) foldOddRows(nodes []byte, rows, cols int) {
	batch := pairsPool.Get().(*[foldBatch * 2 * HashSize]byte)
	defer pairsPool.Put(batch)
	pairs := batch[:]
	gathered, done := 0, 0
	flush := func() {
		h.Nodes(nodes[done*HashSize:], pairs, pairs[HashSize:], 2*HashSize, gathered)
		done += gathered
		gathered = 0
	}
	for r := range rows {
		row := nodes[r*cols*HashSize:][:cols*HashSize]
		for len(row) > 0 {
			n := min(len(row), (foldBatch-gathered)*2*HashSize)
			to := pairs[gathered*2*HashSize:]
			copy(to, row[:n])
			if n%(2*HashSize) != 0 {
				clear(to[n:][:HashSize])
			}
			gathered += (n + HashSize) / (2 * HashSize)
			if row = row[n:]; gathered == foldBatch {
				flush()
			}
		}
	}
	if gathered > 0 {
		flush()
	}
}
