package rs2d

import (
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/lanehash"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// Expand returns all n symbols of the sliver, one after another. The error is a
// *SliverError.
func (c *Code) Expand(s Sliver) ([]byte, error) {
	size, err := c.symbolSizeOf(s)
	if err != nil {
		return nil, err
	}
	return c.expandSliver(s, size), nil
}

// SliverRoot returns the root of the sliver's tree. The error is a *SliverError.
func (c *Code) SliverRoot(s Sliver) (commit.Hash, error) {
	size, err := c.symbolSizeOf(s)
	if err != nil {
		return commit.Hash{}, err
	}
	var root [1]commit.Hash
	c.sliverRoots(root[:], s.Axis, size, [][]byte{s.Data})
	return root[0], nil
}

// Symbol returns the symbol of the sliver that has index i along it: where it
// crosses sliver i of the other axis. It computes no other symbol, and gives no
// proof. The error is a *SliverError, or a *SymbolError for an index out of range.
func (c *Code) Symbol(s Sliver, i int) (Symbol, error) {
	size, err := c.symbolSizeOf(s)
	if err != nil {
		return Symbol{}, err
	}
	sym := symbolOf(s.SliverRef, i)
	if i < 0 || i >= c.params.N {
		return Symbol{}, &SymbolError{sym.Row, sym.Col, ErrIndex}
	}
	sym.Data = make([]byte, size)
	k := c.sourceSymbols(s.Axis)
	if i < k {
		copy(sym.Data, s.Data[i*size:])
		return sym, nil
	}

	codec := c.sliverCodec(s.Axis)
	x := getExpansion()
	defer x.release()
	x.shards = x.shards[:0]
	for j := range k {
		x.shards = append(x.shards, s.Data[j*size:][:size])
	}
	space := c.borrow(s.Axis)
	defer c.giveBack(s.Axis, space)
	present, wanted := make([]bool, c.params.N), make([]bool, c.params.N)
	for j := range k {
		present[j] = true
	}
	wanted[i] = true
	pattern, err := codec.Pattern(present, wanted)
	if err == nil && pattern.Restores(i) {
		x.wanted = resize(x.wanted, c.params.N)
		clear(x.wanted)
		x.wanted[i] = sym.Data
		x.shards = append(x.shards, make([][]byte, c.params.N-k)...)
		sources := pattern.Sources(&x.sources, x.shards)
		for at := range strips(size, 1, codec.StripSize()) {
			space.Reconstruct(pattern, at.of(x.wanted, 0, 0), at.of(sources, 0, 0))
		}
		return sym, nil
	}
	// Codes of few shards have nothing to gain from a sum.
	x.wanted = resize(x.wanted, c.params.N-k)
	clear(x.wanted)
	x.wanted[i-k] = sym.Data
	for at := range strips(size, 1, codec.StripSize()) {
		space.Encode(at.of(x.wanted, 0, 0), at.of(x.shards, 0, 0))
	}
	return sym, nil
}

// Prover has a sliver expanded and hashed, to give out its symbols with proofs. It
// takes n symbols and 64 bytes for each, is immutable, and safe for concurrent use.
type Prover struct {
	ref  SliverRef
	size int
	data []byte // n symbols
	tree *commit.Tree
}

// NewProver expands and hashes the sliver, which it copies. The error is a
// *SliverError.
func (c *Code) NewProver(s Sliver) (*Prover, error) {
	size, err := c.symbolSizeOf(s)
	if err != nil {
		return nil, err
	}
	n := c.params.N
	p := &Prover{ref: s.SliverRef, size: size, data: c.expandSliver(s, size)}
	digests := make([]byte, n*commit.HashSize)
	c.hasher.Leaves(digests, commit.HashSize, p.data, size, size, n)
	leaves := make([]commit.Hash, n)
	for i := range leaves {
		leaves[i] = commit.Hash(digests[i*commit.HashSize:][:commit.HashSize])
	}
	p.tree = c.hasher.NewTree(leaves)
	return p, nil
}

// Root returns the root of the sliver's tree.
func (p *Prover) Root() commit.Hash { return p.tree.Root() }

// Symbol returns the symbol of index i along the sliver, which is where it crosses
// sliver i of the other axis, with its proof in the sliver's tree. Its data is the
// prover's: do not write to it. Symbol panics if i is out of range.
func (p *Prover) Symbol(i int) Symbol {
	sym := symbolOf(p.ref, i)
	sym.Proof = p.tree.Proof(i)
	sym.Data = p.data[i*p.size:][:p.size:p.size]
	sym.ProofAxis = p.ref.Axis
	return sym
}

// symbolOf returns the place of the symbol of index i along a sliver.
func symbolOf(ref SliverRef, i int) Symbol {
	if ref.Axis == Primary {
		return Symbol{Row: ref.Index, Col: i}
	}
	return Symbol{Row: i, Col: ref.Index}
}

// sourceSymbols returns the number of symbols in a sliver of the axis, and with it
// how many of its n symbols determine the others.
func (c *Code) sourceSymbols(axis Axis) int {
	if axis == Primary {
		return c.params.S
	}
	return c.params.P
}

// sliverCodec returns the code along a sliver of the axis.
func (c *Code) sliverCodec(axis Axis) *rscode.Code {
	if axis == Primary {
		return c.rows
	}
	return c.columns
}

// borrow returns a workspace of the codec along slivers of the axis. It goes back by
// giveBack.
func (c *Code) borrow(axis Axis) *rscode.Workspace {
	if w, ok := c.spaces[axis].Get().(*rscode.Workspace); ok {
		return w
	}
	return c.sliverCodec(axis).NewWorkspace()
}

func (c *Code) giveBack(axis Axis, w *rscode.Workspace) { c.spaces[axis].Put(w) }

// checkRef returns ErrAxis or ErrIndex for a reference to no sliver of the code.
func (c *Code) checkRef(ref SliverRef) error {
	if ref.Axis > Secondary {
		return ErrAxis
	}
	if ref.Index < 0 || ref.Index >= c.params.N {
		return ErrIndex
	}
	return nil
}

// symbolSizeOf checks the form of a sliver and returns the size of its symbols.
func (c *Code) symbolSizeOf(s Sliver) (int, error) {
	if err := c.checkRef(s.SliverRef); err != nil {
		return 0, &SliverError{s.SliverRef, err}
	}
	k := c.sourceSymbols(s.Axis)
	size := len(s.Data) / k
	if size == 0 || size > commit.MaxSymbol || size%2 != 0 || len(s.Data) != k*size {
		return 0, &SliverError{s.SliverRef, ErrSize}
	}
	return size, nil
}

// expandSliver returns all symbols of a sliver of the right form.
func (c *Code) expandSliver(s Sliver, size int) []byte {
	n, k := c.params.N, c.sourceSymbols(s.Axis)
	codec := c.sliverCodec(s.Axis)
	all := make([]byte, n*size)
	copy(all, s.Data)
	x := getExpansion()
	defer x.release()
	x.shards = x.shards[:0]
	for j := range n {
		x.shards = append(x.shards, all[j*size:])
	}
	space := c.borrow(s.Axis)
	defer c.giveBack(s.Axis, space)
	for at := range strips(size, 1, codec.StripSize()) {
		space.Encode(at.of(x.shards[k:], 0, 0), at.of(x.shards[:k], 0, 0))
	}
	return all
}

// expansion expands and hashes slivers of one axis, several at a time, so that
// symbols of a few bytes still fill the vectors of the code and the lanes of the
// hash. It works on a tile: the same bytes, from off on, of all n symbols of the
// slivers, sliver after sliver and symbol after symbol, so that all of the tile's
// leaves are one run. Symbols that are too long for a tile pass through it in pieces.
//
// An expansion holds about a megabyte and is pooled; it belongs to one goroutine.
type expansion struct {
	c     *Code
	axis  Axis
	codec *rscode.Code
	space *rscode.Workspace
	k     int
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

func getExpansion() *expansion { return expansions.Get().(*expansion) }

// release returns the expansion to the pool, without what others own.
func (x *expansion) release() {
	if x.space != nil {
		x.c.giveBack(x.axis, x.space)
	}
	x.c, x.codec, x.space, x.leaves = nil, nil, nil, [2]*lanehash.LeafBatch{}
	clear(x.shards)
	clear(x.wanted)
	x.shards, x.wanted = x.shards[:0], x.wanted[:0]
	x.sources.Clear()
	expansions.Put(x)
}

// expansionFor returns an expansion for slivers of the axis with symbols of size
// bytes, at most limit of them at a time.
func (c *Code) expansionFor(axis Axis, size, limit int) *expansion {
	x := getExpansion()
	x.c, x.codec, x.k, x.size = c, c.sliverCodec(axis), c.sourceSymbols(axis), size
	x.axis, x.space = axis, c.borrow(axis)
	n := c.params.N
	x.width = min(size, max(x.codec.StripSize(), lanehash.LeafPiece)/lanehash.LeafPiece*lanehash.LeafPiece)
	x.room = max(1, min(limit, unitBytes/(n*x.width)))
	x.tile = resize(x.tile, x.room*n*x.width)
	x.nodes = resize(x.nodes, x.room*n*commit.HashSize)
	return x
}

// start begins with symbols to hash, in one part or two: one behind the other in each.
func (x *expansion) start(first, second int) {
	x.counts = [2]int{first, second}
	if x.width == x.size {
		return
	}
	for part, count := range x.counts {
		if x.leaves[part] == nil {
			x.leaves[part] = x.c.lanes.NewLeafBatch()
		}
		x.leaves[part].Reset(x.size, count)
	}
}

// load puts bytes [off, off+width) of the source symbols of a sliver into its place
// in the tile.
func (x *expansion) load(place int, sliver []byte, off, width int) {
	to := x.tile[place*x.c.params.N*width:]
	if width == x.size {
		copy(to[:x.k*width], sliver)
		return
	}
	for j := range x.k {
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
		missing = missing || symbol == nil && j < x.k
	}
	if !missing {
		return nil
	}
	// The one error is that there are too few.
	pattern, _ := x.codec.Pattern(x.present, nil)
	return pattern
}

// extend computes the parity of the tile's slivers.
func (x *expansion) extend(count, width int) {
	x.shards = x.shards[:0]
	for j := range x.c.params.N {
		x.shards = append(x.shards, x.tile[j*width:])
	}
	step := x.c.params.N * width
	for at := range strips(width, count, x.codec.StripSize()) {
		x.space.Encode(at.of(x.shards[x.k:], 0, step), at.of(x.shards[:x.k], 0, step))
	}
}

// hash takes width bytes of each symbol of a part into the leaves.
func (x *expansion) hash(part int, symbols []byte, stride, width int) {
	if x.width == x.size {
		x.c.hasher.Leaves(x.leavesOf(part), commit.HashSize, symbols, stride, width, x.counts[part])
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
	n := x.c.params.N
	x.c.lanes.FoldRows(x.nodes, len(roots), n, commit.TreeDepth(n))
	for t := range roots {
		roots[t] = commit.Hash(x.nodes[t*commit.HashSize:][:commit.HashSize])
	}
}

// roots computes the roots of no more slivers than there is room for.
func (x *expansion) roots(roots []commit.Hash, slivers [][]byte) {
	x.start(len(slivers)*x.c.params.N, 0)
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
	n := x.c.params.N
	x.start(x.k, n-x.k)
	for off := 0; off < x.size; off += x.width {
		width := min(x.width, x.size-off)
		x.shards = x.shards[:0]
		for j := range x.k {
			x.shards = append(x.shards, sliver[j*x.size+off:])
		}
		for j := range n - x.k {
			x.shards = append(x.shards, x.tile[j*width:])
		}
		for at := range strips(width, 1, x.codec.StripSize()) {
			x.space.Encode(at.of(x.shards[x.k:], 0, 0), at.of(x.shards[:x.k], 0, 0))
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
	x.start(len(symbols)-x.k, 0)
	for off := 0; off < x.size; off += x.width {
		width := min(x.width, x.size-off)
		// The tile has the symbols whose leaves are not known, side by side.
		tile := x.tile
		x.shards = x.shards[:0]
		for j, symbol := range symbols {
			var shard []byte
			if j < x.k {
				shard = sliver[j*x.size+off:]
			}
			if symbol == nil {
				if j < x.k {
					copy(tile, shard[:width])
				} else {
					shard = tile
				}
				tile = tile[width:]
			}
			x.shards = append(x.shards, shard)
		}
		for at := range strips(width, 1, x.codec.StripSize()) {
			x.space.Encode(at.of(x.shards[x.k:], 0, 0), at.of(x.shards[:x.k], 0, 0))
		}
		x.hash(0, x.tile, width, width)
	}
	x.sum()
	next := len(symbols) - x.k
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

// sliverRoots computes the roots of slivers of one axis with symbols of size bytes.
func (c *Code) sliverRoots(roots []commit.Hash, axis Axis, size int, slivers [][]byte) {
	if len(slivers) == 0 {
		return
	}
	// A leaf and a node are two blocks to hash, and each further block of a symbol
	// is another one.
	blocks := len(slivers) * c.params.N * (2 + size/64)
	workers := max(1, min(c.crew.Free(), blocks/workerBlocks))
	share := (len(slivers) + workers - 1) / workers
	spaces := make([]*expansion, workers)
	for w := range spaces {
		spaces[w] = c.expansionFor(axis, size, share)
		defer spaces[w].release()
	}
	room := spaces[0].room
	c.crew.NewGroup().Do(workers, (len(slivers)+room-1)/room, func(worker, piece int) {
		from := piece * room
		to := min(from+room, len(slivers))
		spaces[worker].roots(roots[from:to], slivers[from:to])
	})
}

// workerBlocks is the least work, in blocks to hash, to start a goroutine for: some
// tenths of a millisecond.
const workerBlocks = 16 << 10
