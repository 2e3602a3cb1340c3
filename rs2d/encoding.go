package rs2d

import (
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// Encoding is an encoded blob: its id, its metadata, and all its slivers. The
// slivers it returns share its memory.
type Encoding struct {
	layout
	id        commit.BlobID
	meta      commit.Metadata
	primary   []byte // n primary slivers; the first P are the padded blob
	secondary []byte // n secondary slivers
}

// ID returns the blob id.
func (e *Encoding) ID() commit.BlobID { return e.id }

// Metadata returns the blob's metadata, which belongs to the encoding.
func (e *Encoding) Metadata() *commit.Metadata { return &e.meta }

// SymbolSize returns the number of bytes in a symbol.
func (e *Encoding) SymbolSize() int { return e.size }

// Primary returns primary sliver i. It panics unless 0 <= i < n.
func (e *Encoding) Primary(i int) Sliver {
	e.check(i)
	return Sliver{SliverRef{Primary, i}, e.primary[i*e.row:][:e.row:e.row]}
}

// Secondary returns secondary sliver j. It panics unless 0 <= j < n.
func (e *Encoding) Secondary(j int) Sliver {
	e.check(j)
	return Sliver{SliverRef{Secondary, j}, e.secondary[j*e.column:][:e.column:e.column]}
}

// Pair returns sliver pair p: primary sliver p and secondary sliver n-1-p. It panics
// unless 0 <= p < n.
func (e *Encoding) Pair(p int) (primary, secondary Sliver) {
	return e.Primary(p), e.Secondary(e.N - 1 - p)
}

// Sliver returns the sliver that ref names. It panics if there is none.
func (e *Encoding) Sliver(ref SliverRef) Sliver {
	if ref.Axis == Secondary {
		return e.Secondary(ref.Index)
	}
	return e.Primary(ref.Index)
}

func (e *Encoding) check(i int) {
	if n := e.N; i < 0 || i >= n {
		panic(fmt.Sprintf("rs2d: sliver %d of %d", i, n))
	}
}
