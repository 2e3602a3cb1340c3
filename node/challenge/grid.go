package challenge

import (
	"github.com/redstuff-go/redstuff/commit"
)

// Grid is the symbols that the rows of one member have in common with the columns of
// another, for all drawn blobs. Symbols are numbered by places: blob by blob, of each blob
// row by row.
type Grid struct {
	Blobs   int
	Size    func(blob int) int // of the blob's symbols, in bytes
	Rows    []int              // shards of the prover
	Columns []int              // shards of the verifier
}

// Cell is one of the symbols: the one that the primary sliver of shard Row and the
// secondary sliver of shard Column have in common.
type Cell struct {
	Blob        int // in the order in which they were drawn
	Row, Column int // shards
}

// each returns how many symbols there are of a blob.
func (g Grid) each() uint64 { return uint64(len(g.Rows)) * uint64(len(g.Columns)) }

// Cells returns how many symbols there are.
func (g Grid) Cells() uint64 { return uint64(g.Blobs) * g.each() }

// At returns the symbol at a place, which must be less than Cells.
func (g Grid) At(place uint64) Cell {
	blob, rest := place/g.each(), place%g.each()
	columns := uint64(len(g.Columns))
	return Cell{Blob: int(blob), Row: g.Rows[rest/columns], Column: g.Columns[rest%columns]}
}

// room returns how many bytes of symbols there are from a place on, at most those of a message.
func (g Grid) room(place uint64) int {
	sum := uint64(0)
	for place < g.Cells() && sum < MaxData {
		blob := place / g.each()
		next := (blob + 1) * g.each()
		sum += (next - place) * uint64(g.Size(int(blob)))
		place = next
	}
	return int(min(sum, MaxData))
}

// Rows are a prover's primary slivers.
type Rows interface {
	// Symbol returns the symbol of a cell, which is read before the next call only.
	Symbol(c Cell) ([]byte, error)
	// Prove returns it with the path that leads from it to the root of its row.
	Prove(c Cell) (symbol []byte, path commit.Proof, err error)
}

// Columns are a verifier's secondary slivers, and the metadata.
type Columns interface {
	// Symbol returns the symbol of a cell of its own column, which is read before the next
	// call only. After an error the verifier asks for a proof.
	Symbol(c Cell) ([]byte, error)
	// Verify reports whether the path leads from the symbol to the root of its row, as the
	// metadata has it. An error says that this cannot be told now.
	Verify(c Cell, symbol []byte, path commit.Proof) (bool, error)
	// Exempt reports whether the blob is known to be inconsistent: nobody has to prove anything
	// of it. That is so at the latest when a path has led from a symbol to the root of its row
	// which is another one than the symbol of the own column, whose root was verified.
	Exempt(blob int) bool
}
