package rs2d

import (
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/hugepage"
	"github.com/redstuff-go/redstuff/internal/ntstore"
	"github.com/redstuff-go/redstuff/internal/parallel"
)

// Encoder encodes blob after blob in the same memory. It is not safe for concurrent
// use; a [Code] serves any number of them.
//
// # Memory
//
// Besides its input and its result, Encode takes 2·n² bytes for the tops of the row
// trees and, for each worker, 1 KiB·n for the leaves of a tile and about 4 MiB (for
// n much above 1000, 3 KiB·n) for strips and units. Commit takes up to 40 MiB more,
// for parity columns. Once grown to the largest blob, they allocate nothing but the
// result and what hashing the blob id takes.
type Encoder struct {
	c      *Code
	copier ntstore.Copier
	group  *parallel.Group
	tiles  []*tiler // one a worker

	shape           // of the blob in work
	rows   [][]byte // the P source rows, zero padded
	whole  [][]byte // symbol j of row 0 and all that follows, for the rows that are whole
	wholes int      // how many those are
	last   [][]byte // the same for the row that the blob ends in, if it does so within
	tail   []byte   // that row
	zeros  []byte   // a row past the end

	columns      columnRange // the columns that parity has room for
	parity       []byte      // the P source symbols of those columns, column by column
	parityShards [][]byte    // the columns S, S+1, … in it, nil outside the range
	parityRows   [][]byte    // symbol i of the first column in it, and all that follows
	zeroLeaf     commit.Hash // of a symbol of zeros

	tops     []byte // per row, the nodes that its tiles fold to
	meta     commit.Metadata
	encoding *Encoding // what Encode fills, nil otherwise
	stream   *stream   // what EncodeTo reads and writes, nil otherwise

	extendPiece, tilePiece, topPiece func(worker, piece int)
}

// shape is the geometry of a blob in bytes.
type shape struct {
	size   int // of a symbol
	row    int // of a primary sliver
	column int // of a secondary sliver
}

// columnRange is a range of columns of the expanded matrix.
type columnRange struct{ from, to int }

const (
	// tileColumns is how many columns a tile has: enough to fill the lanes of every
	// hash kernel while trees are folded side by side. A power of two, so that a
	// tile is a subtree of every row.
	tileColumns = 16
	tileLevels  = 4 // log2(tileColumns)

	// parityBytes bounds the parity columns that Commit keeps at a time; when
	// there are more of them, it extends the rows once for each such group.
	parityBytes = 40 << 20
)

// NewEncoder returns an encoder of the code.
func (c *Code) NewEncoder() *Encoder {
	e := &Encoder{c: c, copier: ntstore.New(c.Backend()), group: c.crew.NewGroup()}
	e.extendPiece, e.tilePiece, e.topPiece = e.extend, e.tile, e.top
	return e
}

// Encode encodes a blob. The blob is not kept, and may be empty. The result is the
// caller's. The error is a *commit.TooLargeError for a blob that the code's shards
// cannot hold.
func (c *Code) Encode(blob []byte) (*Encoding, error) {
	encoding := new(Encoding)
	if err := c.NewEncoder().Encode(encoding, blob); err != nil {
		return nil, err
	}
	return encoding, nil
}

// Commit computes the metadata of a blob, and keeps no slivers.
func (c *Code) Commit(blob []byte) (*commit.Metadata, error) {
	e, _ := c.encoders.Get().(*Encoder)
	if e == nil {
		e = c.NewEncoder()
	}
	defer c.encoders.Put(e)
	return e.Commit(blob)
}

// ID computes the blob id of a blob, and keeps no slivers.
func (c *Code) ID(blob []byte) (commit.BlobID, error) {
	meta, err := c.Commit(blob)
	if err != nil {
		return commit.BlobID{}, err
	}
	return meta.ID(c.hasher)
}

// Encode replaces what dst holds by the encoding of the blob, in dst's memory if it
// suffices. The error is a *commit.TooLargeError, or ErrNil if dst is nil.
func (e *Encoder) Encode(dst *Encoding, blob []byte) error {
	if dst == nil {
		return fmt.Errorf("%w *Encoding", ErrNil)
	}
	if err := e.begin(uint64(len(blob))); err != nil {
		return err
	}
	p := e.c.params
	dst.code, dst.shape = e.c, e.shape
	dst.primary = resizeLarge(dst.primary, p.N*e.row)
	dst.secondary = resizeLarge(dst.secondary, p.N*e.column)
	e.encoding = dst
	defer func() { e.encoding = nil }()
	e.setRows(blob)
	// Rows of the blob are copied as they are extended.
	clear(dst.primary[e.liveRows()*e.row : p.P*e.row])
	e.setParity(columnRange{p.S, p.N}, dst.secondary[p.S*e.column:])
	e.run(columnRange{0, p.N})
	e.finish(&dst.meta, uint64(len(blob)))
	id, err := dst.meta.ID(e.c.hasher)
	dst.id = id
	return err
}

// Commit computes the metadata of a blob. The result is the caller's.
func (e *Encoder) Commit(blob []byte) (*commit.Metadata, error) {
	if err := e.begin(uint64(len(blob))); err != nil {
		return nil, err
	}
	e.setRows(blob)
	e.runGroups(parityBytes)
	meta := new(commit.Metadata)
	e.finish(meta, uint64(len(blob)))
	return meta, nil
}

// runGroups runs all columns, in groups whose parity takes no more than limit bytes.
func (e *Encoder) runGroups(limit int) {
	p := e.c.params
	group := max(1, limit/e.column/tileColumns) * tileColumns
	e.parity = resizeLarge(e.parity, min(p.N-p.S, group)*e.column)
	from := 0
	for to := p.S; from < p.N; {
		// Every group ends at a tile's end.
		to = min(p.N, (to+group)&^(tileColumns-1))
		parity := columnRange{max(from, p.S), to}
		e.setParity(parity, e.parity[:(parity.to-parity.from)*e.column])
		e.run(columnRange{from, to})
		from = to
	}
}

// begin sets the shape of a blob of n bytes.
func (e *Encoder) begin(n uint64) error {
	size, err := e.c.params.SymbolSize(n)
	if err != nil {
		return err
	}
	p := e.c.params
	e.shape = shape{size: size, row: p.S * size, column: p.P * size}
	e.tops = resize(e.tops, p.N*tilesOf(p.N)*commit.HashSize)
	e.zeros = resize(e.zeros, e.row)
	clear(e.zeros)
	e.zeroLeaf = e.c.hasher.Leaf(e.zeros[:size])
	e.meta.Primary, e.meta.Secondary = resize(e.meta.Primary, p.N), resize(e.meta.Secondary, p.N)
	return nil
}

// setRows makes the source rows of a blob, without copying more than its last row.
func (e *Encoder) setRows(blob []byte) {
	p := e.c.params
	e.rows, e.whole, e.last = resize(e.rows, p.P), resize(e.whole, p.S), e.last[:0]
	e.wholes = len(blob) / e.row
	for j := range e.whole {
		e.whole[j] = tailOf(blob, j*e.size)
	}
	for i := range e.wholes {
		e.rows[i] = blob[i*e.row:][:e.row]
	}
	if e.wholes == p.P {
		return
	}
	next := e.wholes
	if rest := blob[next*e.row:]; len(rest) > 0 {
		e.tail = resize(e.tail, e.row)
		clear(e.tail[copy(e.tail, rest):])
		e.rows[next] = e.tail
		next++
		for j := range p.S {
			e.last = append(e.last, e.tail[j*e.size:])
		}
	}
	for ; next < p.P; next++ {
		e.rows[next] = e.zeros
	}
}

// setParity says where parity columns go.
func (e *Encoder) setParity(columns columnRange, buf []byte) {
	p := e.c.params
	e.columns, e.parity = columns, buf
	e.parityRows = resize(e.parityRows, p.P)
	for i := range e.parityRows {
		e.parityRows[i] = tailOf(buf, i*e.size)
	}
	e.parityShards = resize(e.parityShards, p.N-p.S)
	for j := range e.parityShards {
		e.parityShards[j] = nil
		if c := p.S + j; c >= columns.from && c < columns.to {
			e.parityShards[j] = buf[(c-columns.from)*e.column:][:e.column]
		}
	}
}

// run extends the rows into the parity columns, then all tiles of the given columns.
func (e *Encoder) run(columns columnRange) {
	for len(e.tiles) < e.c.crew.Size() {
		e.tiles = append(e.tiles, newTiler(e.c))
	}
	// Rows past the blob's end are zero, and so is their parity.
	live := e.liveRows()
	for _, shard := range e.parityShards {
		if shard != nil {
			clear(shard[live*e.size:])
		}
	}
	batch := e.rowBatch()
	e.group.Do(e.c.crew.Size(), (e.wholes+batch-1)/batch+min(len(e.last), 1), e.extendPiece)

	first := columns.from / tileColumns
	for _, t := range e.tiles {
		t.first = first
	}
	e.group.Do(e.c.crew.Size(), tilesOf(columns.to)-first, e.tilePiece)
}

// liveRows returns how many rows have bytes of the blob.
func (e *Encoder) liveRows() int { return e.wholes + min(len(e.last), 1) }

// rowBatch returns how many rows are extended at a time: as many as fill a strip,
// but a share for every worker.
func (e *Encoder) rowBatch() int {
	share := (e.wholes + e.c.crew.Size() - 1) / e.c.crew.Size()
	return min(packed(e.size, e.c.rows.StripSize()), max(1, share))
}

// extend extends a batch of rows, or past the last batch the row the blob ends in.
func (e *Encoder) extend(worker, piece int) {
	batch := e.rowBatch()
	first := piece * batch
	source, n := e.whole, min(batch, e.wholes-first)
	offset := first * e.row
	if n <= 0 {
		source, n, offset, first = e.last, 1, 0, e.wholes
	}
	t := e.tiles[worker]
	if e.stream != nil {
		if source, offset = e.readRows(t, first, n), 0; source == nil {
			return
		}
	}
	for s := range strips(e.size, n, e.c.rows.StripSize()) {
		data, parity := s.of(source, offset, e.row), s.of(e.parityShards, first*e.size, e.size)
		t.rows.Encode(parity, data)
	}
	if e.encoding != nil {
		e.copier.Store(ntstore.Rows{Base: e.encoding.primary[first*e.row:]}, ntstore.Rows{Base: source[0][offset:]}, n*e.row, 1)
	}
}

// finish folds the tops of the row trees and hands the metadata over.
func (e *Encoder) finish(meta *commit.Metadata, length uint64) {
	n := e.c.params.N
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
	n := e.c.params.N
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
	e.stream = nil
	clear(e.rows)
	clear(e.whole)
	clear(e.parityShards)
	clear(e.parityRows)
	if e.encoding != nil {
		e.parity = nil
	}
}

// tilesOf returns how many tiles a number of columns takes.
func tilesOf(columns int) int { return (columns + tileColumns - 1) / tileColumns }

// tailOf returns b from off on, nothing if b ends before.
func tailOf(b []byte, off int) []byte { return b[min(off, len(b)):] }

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
