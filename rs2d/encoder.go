package rs2d

import (
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/hugepage"
	"github.com/redstuff-go/redstuff/internal/lanehash"
	"github.com/redstuff-go/redstuff/internal/parallel"
)

// Encoder encodes blob after blob in the same memory. It is not safe for concurrent
// use; a [Code] serves any number of them.
//
// # Memory
//
// Besides its input and its result, Encode takes 2·n² bytes for the tops of the row
// trees and, for each worker, 1 KiB·n for the leaves of a tile and about 4 MiB (for
// n much above 1000, 3 KiB·n) for strips and units. Commit takes half as much as the blob
// more, but at most 512 MiB, for parity columns and leaves of symbols that come in pieces.
// Once grown to the largest blob, they allocate nothing but the result and what hashing the
// blob id takes.
type Encoder struct {
	c     *Code
	group *parallel.Group
	tiles []*tiler // one a worker

	matrix matrix        // of the blob in work
	parity parityColumns // of the columns in work
	emit   emitter       // what becomes of them
	store  storeEmitter
	buffer []byte // for parity columns, where these are not stored

	tops      []byte // per row, the nodes that its tiles fold to
	meta      commit.Metadata
	zeros     []byte      // a symbol
	zeroLeaf  commit.Hash // of it
	slab      byteRange   // of every symbol, in work
	leaves    []leafPair  // per column, where symbols come in several slabs
	firstTile int         // the tile that piece 0 is

	extendPiece, tilePiece, topPiece func(worker, piece int)
}

// parityBytes bounds the parity columns that are kept at a time where none are stored, or
// not in memory, unless [MaxMemory] says otherwise.
const parityBytes = 512 << 20

// Encode replaces what dst holds by the encoding of the blob, in dst's memory if it
// suffices. The error is a *commit.TooLargeError, or ErrNil if dst is nil.
func (e *Encoder) Encode(dst *Encoding, blob []byte) error {
	if dst == nil {
		return fmt.Errorf("%w *Encoding", ErrNil)
	}
	if err := e.begin(uint64(len(blob))); err != nil {
		return err
	}
	l := e.matrix.layout
	dst.layout = l
	dst.primary = resizeLarge(dst.primary, l.N*l.row)
	dst.secondary = resizeLarge(dst.secondary, l.N*l.column)
	e.matrix.set(blob)
	e.store.encoding = dst
	e.emit = &e.store
	// Rows of the blob are copied as they are extended.
	clear(dst.primary[e.matrix.live()*l.row : l.P*l.row])
	e.parity.set(l, columnRange{l.S, l.N}, e.slab, dst.secondary[l.S*l.column:])
	e.run(columnRange{0, l.N})
	e.finish(&dst.meta, uint64(len(blob)))
	id, err := dst.meta.ID(e.c.hasher)
	dst.id = id
	return err
}

// Commit computes the metadata of a blob, and keeps no slivers. The result is the
// caller's. The error is a *commit.TooLargeError.
func (e *Encoder) Commit(blob []byte) (*commit.Metadata, error) {
	if err := e.begin(uint64(len(blob))); err != nil {
		return nil, err
	}
	e.matrix.set(blob)
	e.emit = &e.store.memoryEmitter
	if width := e.slabWidth(parityBytes); width > 0 {
		e.runSlabs(width)
	} else {
		e.runGroups(parityBytes)
	}
	meta := new(commit.Metadata)
	e.finish(meta, uint64(len(blob)))
	return meta, nil
}

// begin sets the layout of a blob of n bytes.
func (e *Encoder) begin(n uint64) error {
	l, err := newLayout(e.c.params, n)
	if err != nil {
		return err
	}
	e.matrix.reset(l)
	e.slab = byteRange{0, l.size}
	e.tops = resize(e.tops, l.N*tilesOf(l.N)*commit.HashSize)
	e.zeros = resize(e.zeros, l.size)
	e.zeroLeaf = e.c.hasher.Leaf(e.zeros)
	e.meta.Primary, e.meta.Secondary = resize(e.meta.Primary, l.N), resize(e.meta.Secondary, l.N)
	return nil
}

// slabWidth returns how many bytes of every symbol Commit should work on at a time for
// their parity columns, and leaves that are not done, to take no more than limit bytes. It
// is the whole symbol, or a multiple of lanehash.LeafPiece, or 0 if there is no such width.
func (e *Encoder) slabWidth(limit int64) int {
	l := &e.matrix.layout
	symbols := int64(l.N-l.S) * int64(l.P)
	if symbols*int64(l.size) <= limit {
		return l.size
	}
	room := limit - int64(l.N)*int64(l.N)*int64(e.c.lanes.BatchBytes(l.size))
	return int(max(0, room/symbols)) / lanehash.LeafPiece * lanehash.LeafPiece
}

// runSlabs runs all columns, width bytes of every symbol after width bytes: no row is
// extended twice.
func (e *Encoder) runSlabs(width int) {
	l := e.matrix.layout
	if width < l.size {
		e.leaves = resize(e.leaves, l.N)
	}
	for from := 0; from < l.size; from += width {
		e.slab = byteRange{from, min(l.size, from+width)}
		e.runColumns(columnRange{0, l.N}, columnRange{l.S, l.N})
	}
}

// runGroups runs all columns, in groups whose parity takes no more than limit bytes, or
// has as many columns as a tile. It extends the rows once for each of them.
func (e *Encoder) runGroups(limit int) {
	l := e.matrix.layout
	group := max(tileColumns, limit/l.column)
	from := 0
	for to := l.S; from < l.N; {
		if to += group; to >= l.N {
			to = l.N
		} else {
			to &^= tileColumns - 1 // a tile's end
		}
		e.runColumns(columnRange{from, to}, columnRange{max(from, l.S), to})
		from = to
	}
}

// runColumns runs columns, with parity columns that are kept no longer.
func (e *Encoder) runColumns(columns, parity columnRange) {
	l := e.matrix.layout
	e.buffer = resizeLarge(e.buffer, parity.len()*l.P*e.slab.len())
	e.parity.set(l, parity, e.slab, e.buffer)
	e.run(columns)
	if columns.to == l.N {
		e.emit.done()
	}
}

// run extends the rows into the parity columns, then all tiles of the given columns.
func (e *Encoder) run(columns columnRange) {
	workers := e.c.crew.Size()
	for len(e.tiles) < workers {
		e.tiles = append(e.tiles, newTiler(e))
	}
	// Rows past the blob's end are zero, and so is their parity.
	e.parity.clearFrom(e.matrix.live())
	batch := e.rowBatch()
	e.group.Do(workers, (e.matrix.whole+batch-1)/batch+min(len(e.matrix.tailHeads), 1), e.extendPiece)

	e.firstTile = columns.from / tileColumns
	e.group.Do(workers, tilesOf(columns.to)-e.firstTile, e.tilePiece)
}

// rowBatch returns how many rows are extended at a time: as many as fill a strip,
// but a share for every worker.
func (e *Encoder) rowBatch() int {
	share := (e.matrix.whole + e.c.crew.Size() - 1) / e.c.crew.Size()
	return min(packed(e.slab.len(), e.c.along[Primary].codec.StripSize()), max(1, share))
}

// extend extends a batch of rows, or past the last batch the row the blob ends in.
func (e *Encoder) extend(worker, piece int) {
	m, batch := &e.matrix, e.rowBatch()
	first := piece * batch
	count := min(batch, m.whole-first)
	if count <= 0 {
		first, count = m.whole, 1
	}
	t := e.tiles[worker]
	heads, offset, step := e.emit.rows(t, first, count)
	if heads == nil {
		return
	}
	strip, width := e.c.along[Primary].codec.StripSize(), e.slab.len()
	for s := range strips(width, count, strip) {
		t.rows.Encode(s.of(e.parity.shards, first*width, width), s.of(heads, offset, step))
	}
	e.emit.emitRows(first, count, heads[0][offset:])
}

// finish folds the tops of the row trees and hands the metadata over.
func (e *Encoder) finish(meta *commit.Metadata, length uint64) {
	n := e.matrix.N
	e.group.Do(e.c.crew.Size(), (n+topRows-1)/topRows, e.topPiece)
	meta.Scheme, meta.Length = e.c.Scheme(), length
	meta.Primary, meta.Secondary = resize(meta.Primary, n), resize(meta.Secondary, n)
	copy(meta.Primary, e.meta.Primary)
	copy(meta.Secondary, e.meta.Secondary)
	e.forget()
}

// topRows is how many row trees are folded at a time: enough to fill the lanes of every
// hash kernel up to their roots.
const topRows = 64

// top folds the tops of some row trees to their roots.
func (e *Encoder) top(_, piece int) {
	n := e.matrix.N
	tiles, first := tilesOf(n), piece*topRows
	rows := min(topRows, n-first)
	nodes := e.tops[first*tiles*commit.HashSize:][:rows*tiles*commit.HashSize]
	e.c.lanes.FoldRows(nodes, rows, tiles, commit.TreeDepth(tiles))
	for i := range rows {
		e.meta.Primary[first+i] = commit.Hash(nodes[i*commit.HashSize:])
	}
}

// forget drops the references to the caller's memory.
func (e *Encoder) forget() {
	e.emit, e.store.encoding = nil, nil
	e.matrix.forget()
	e.parity.forget()
}

// resizeLarge is resize for bytes that are worth large pages.
func resizeLarge(b []byte, n int) []byte {
	if cap(b) >= n {
		return b[:n]
	}
	return hugepage.Make(n)
}

// resize returns a slice of n elements, in the memory of s if it has room.
func resize[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n)
}
