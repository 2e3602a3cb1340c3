package rs2d

import (
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/lanehash"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// expansion expands and hashes slivers of one axis, several at a time, so that
// symbols of a few bytes still fill the vectors of the code and the lanes of the
// hash. It works on a tile: the same bytes, from off on, of all n symbols of the
// slivers, sliver after sliver and symbol after symbol, so that all of the tile's
// leaves are one run. Symbols that are too long for a tile pass through it in pieces.
//
// An expansion holds about a megabyte and is pooled; it belongs to one goroutine.
type expansion struct {
	line  *line
	space *rscode.Workspace
	size  int // bytes of a symbol
	width int // bytes of a symbol in the tile: all, or a multiple of lanehash.LeafPiece
	room  int // slivers in the tile

	tile, nodes []byte
	counts      [2]int                 // symbols to hash in two parts
	leaves      [2]*lanehash.LeafBatch // of each part, where symbols come in pieces

	shards, wanted [][]byte
	sources        rscode.Sources
	present        []bool
}

var expansions = sync.Pool{New: func() any { return new(expansion) }}

// scratch returns an expansion that is used for its memory alone.
func (l *line) scratch() *expansion {
	x := expansions.Get().(*expansion)
	x.line, x.space = l, l.borrow()
	return x
}

// expansion returns an expansion for slivers with symbols of size bytes, at most limit
// of them at a time.
func (l *line) expansion(size, limit int) *expansion {
	x := l.scratch()
	x.size = size
	x.width = min(size, max(l.codec.StripSize(), lanehash.LeafPiece)/lanehash.LeafPiece*lanehash.LeafPiece)
	x.room = max(1, min(limit, unitBytes/(l.n*x.width)))
	x.tile = resize(x.tile, x.room*l.n*x.width)
	x.nodes = resize(x.nodes, x.room*l.n*commit.HashSize)
	return x
}

// release returns the expansion to the pool, without what others own.
func (x *expansion) release() {
	x.line.giveBack(x.space)
	x.line, x.space, x.leaves = nil, nil, [2]*lanehash.LeafBatch{}
	clear(x.shards)
	clear(x.wanted)
	x.shards, x.wanted = x.shards[:0], x.wanted[:0]
	x.sources.Clear()
	expansions.Put(x)
}

// start begins with symbols to hash, in one part or two: one behind the other in each.
func (x *expansion) start(first, second int) {
	x.counts = [2]int{first, second}
	if x.width == x.size {
		return
	}
	for part, count := range x.counts {
		if x.leaves[part] == nil {
			x.leaves[part] = x.line.lanes.NewLeafBatch()
		}
		x.leaves[part].Reset(x.size, count)
	}
}

// load puts bytes [off, off+width) of the source symbols of a sliver into its place
// in the tile.
func (x *expansion) load(place int, sliver []byte, off, width int) {
	to := x.tile[place*x.line.n*width:]
	if width == x.size {
		copy(to[:x.line.k*width], sliver)
		return
	}
	for j := range x.line.k {
		copy(to[j*width:][:width], sliver[j*x.size+off:])
	}
}

// pattern compiles how the source symbols that are nil follow from those that are
// not, exactly as many as there are source symbols. It is nil if none is missing.
func (x *expansion) pattern(symbols [][]byte) *rscode.Pattern {
	x.present = x.present[:0]
	missing := false
	for j, symbol := range symbols {
		x.present = append(x.present, symbol != nil)
		missing = missing || symbol == nil && j < x.line.k
	}
	if !missing {
		return nil
	}
	// The one error is that there are too few.
	pattern, _ := x.line.codec.Pattern(x.present, nil)
	return pattern
}

// extend computes the parity of the tile's slivers.
func (x *expansion) extend(count, width int) {
	x.shards = x.shards[:0]
	for j := range x.line.n {
		x.shards = append(x.shards, x.tile[j*width:])
	}
	step := x.line.n * width
	for at := range strips(width, count, x.line.codec.StripSize()) {
		x.space.Encode(at.of(x.shards[x.line.k:], 0, step), at.of(x.shards[:x.line.k], 0, step))
	}
}

// hash takes width bytes of each symbol of a part into the leaves.
func (x *expansion) hash(part int, symbols []byte, stride, width int) {
	if x.width == x.size {
		x.line.lanes.Leaves(x.leavesOf(part), commit.HashSize, symbols, stride, width, x.counts[part])
	} else {
		x.leaves[part].Write(symbols, stride, width)
	}
}

// leavesOf returns where the leaves of a part belong.
func (x *expansion) leavesOf(part int) []byte { return x.nodes[part*x.counts[0]*commit.HashSize:] }

// finish writes the slivers' roots.
func (x *expansion) finish(roots []commit.Hash) {
	x.sum()
	x.fold(roots)
}

// sum ends the leaves.
func (x *expansion) sum() {
	if x.width != x.size {
		for part, count := range x.counts {
			if count > 0 {
				x.leaves[part].Sum(x.leavesOf(part), commit.HashSize)
			}
		}
	}
}

// fold folds the leaves to the slivers' roots.
func (x *expansion) fold(roots []commit.Hash) {
	n := x.line.n
	x.line.lanes.FoldRows(x.nodes, len(roots), n, commit.TreeDepth(n))
	for t := range roots {
		roots[t] = commit.Hash(x.nodes[t*commit.HashSize:][:commit.HashSize])
	}
}

// roots computes the roots of no more slivers than there is room for.
func (x *expansion) roots(roots []commit.Hash, slivers [][]byte) {
	x.start(len(slivers)*x.line.n, 0)
	for off := 0; off < x.size; off += x.width {
		width := min(x.width, x.size-off)
		for t, sliver := range slivers {
			x.load(t, sliver, off, width)
		}
		x.extend(len(slivers), width)
		x.hash(0, x.tile, width, width)
	}
	x.finish(roots)
}

// root computes the root of one sliver, which needs no copy of its source symbols.
func (x *expansion) root(sliver []byte) commit.Hash {
	n := x.line.n
	x.start(x.line.k, n-x.line.k)
	for off := 0; off < x.size; off += x.width {
		width := min(x.width, x.size-off)
		x.shards = x.shards[:0]
		for j := range x.line.k {
			x.shards = append(x.shards, sliver[j*x.size+off:])
		}
		for j := range n - x.line.k {
			x.shards = append(x.shards, x.tile[j*width:])
		}
		for at := range strips(width, 1, x.line.codec.StripSize()) {
			x.space.Encode(at.of(x.shards[x.line.k:], 0, 0), at.of(x.shards[:x.line.k], 0, 0))
		}
		x.hash(0, sliver[off:], x.size, width)
		x.hash(1, x.tile, width, width)
	}
	var root [1]commit.Hash
	x.finish(root[:])
	return root[0]
}

// rootOfRest computes the root of one sliver, where the leaves of as many symbols as it
// takes to know the sliver are known: of those that are not nil.
func (x *expansion) rootOfRest(sliver []byte, symbols [][]byte, leaf func(j int) *commit.Hash) commit.Hash {
	x.start(len(symbols)-x.line.k, 0)
	for off := 0; off < x.size; off += x.width {
		width := min(x.width, x.size-off)
		// The tile has the symbols whose leaves are not known, side by side.
		tile := x.tile
		x.shards = x.shards[:0]
		for j, symbol := range symbols {
			var shard []byte
			if j < x.line.k {
				shard = sliver[j*x.size+off:]
			}
			if symbol == nil {
				if j < x.line.k {
					copy(tile, shard[:width])
				} else {
					shard = tile
				}
				tile = tile[width:]
			}
			x.shards = append(x.shards, shard)
		}
		for at := range strips(width, 1, x.line.codec.StripSize()) {
			x.space.Encode(at.of(x.shards[x.line.k:], 0, 0), at.of(x.shards[:x.line.k], 0, 0))
		}
		x.hash(0, x.tile, width, width)
	}
	x.sum()
	next := len(symbols) - x.line.k
	for j := len(symbols) - 1; j >= 0; j-- {
		to := (*commit.Hash)(x.nodes[j*commit.HashSize:])
		if symbols[j] != nil {
			*to = *leaf(j)
		} else {
			next--
			*to = commit.Hash(x.nodes[next*commit.HashSize:])
		}
	}
	var root [1]commit.Hash
	x.fold(root[:])
	return root[0]
}
