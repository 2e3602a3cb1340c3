package rs2d

import (
	"github.com/redstuff-go/redstuff/commit"
)

// layout is the geometry of a blob in a code of n shards.
type layout struct {
	commit.Params
	size   int // bytes of a symbol
	row    int // of a primary sliver
	column int // of a secondary sliver
}

// newLayout returns the layout of a blob of length bytes. The error is a
// *commit.TooLargeError.
func newLayout(p commit.Params, length uint64) (layout, error) {
	size, err := p.SymbolSize(length)
	return layout{Params: p, size: size, row: p.S * size, column: p.P * size}, err
}

// layoutOf returns the layout of the blob that the metadata is of. The error is one of
// those of [commit.Metadata.Validate].
func layoutOf(meta *commit.Metadata) (layout, error) {
	if err := meta.Validate(); err != nil {
		return layout{}, err
	}
	p, err := commit.NewParams(meta.Shards())
	if err != nil {
		return layout{}, err
	}
	return newLayout(p, meta.Length)
}

// sourceSymbols returns the number of symbols in a sliver of the axis, and with it
// how many of its n symbols determine the others.
func sourceSymbols(p commit.Params, axis Axis) int {
	if axis == Primary {
		return p.S
	}
	return p.P
}

// sliver returns the number of bytes in a sliver of the axis.
func (l *layout) sliver(axis Axis) int { return sourceSymbols(l.Params, axis) * l.size }

// live returns how many rows have bytes of a blob of that length. The others up to P
// are zero.
func (l *layout) live(length uint64) int {
	return int((length + uint64(l.row) - 1) / uint64(l.row))
}

// checkRef returns ErrAxis or ErrIndex for a reference to no sliver of n shards.
func checkRef(n int, ref SliverRef) error {
	if ref.Axis > Secondary {
		return ErrAxis
	}
	if ref.Index < 0 || ref.Index >= n {
		return ErrIndex
	}
	return nil
}

// symbolSizeOf checks the form of a sliver of any blob, and returns the size of its
// symbols.
func symbolSizeOf(p commit.Params, s Sliver) (int, error) {
	if err := checkRef(p.N, s.SliverRef); err != nil {
		return 0, &SliverError{s.SliverRef, err}
	}
	k := sourceSymbols(p, s.Axis)
	size := len(s.Data) / k
	if size == 0 || size > commit.MaxSymbol || size%2 != 0 || len(s.Data) != k*size {
		return 0, &SliverError{s.SliverRef, ErrSize}
	}
	return size, nil
}

// checkSliver checks the form of a sliver of the blob.
func (l *layout) checkSliver(s Sliver) error {
	if err := checkRef(l.N, s.SliverRef); err != nil {
		return &SliverError{s.SliverRef, err}
	}
	if len(s.Data) != l.sliver(s.Axis) {
		return &SliverError{s.SliverRef, ErrSize}
	}
	return nil
}

// checkSymbol checks the form of a symbol of the blob.
func (l *layout) checkSymbol(s *Symbol) error {
	var err error
	switch {
	case s.Row < 0 || s.Row >= l.N || s.Col < 0 || s.Col >= l.N:
		err = ErrIndex
	case s.ProofAxis > Secondary:
		err = ErrAxis
	case len(s.Data) != l.size:
		err = ErrSize
	default:
		return nil
	}
	return &SymbolError{s.Row, s.Col, err}
}

// symbolOf returns the place of the symbol of index i along a sliver.
func symbolOf(ref SliverRef, i int) Symbol {
	if ref.Axis == Primary {
		return Symbol{Row: ref.Index, Col: i}
	}
	return Symbol{Row: i, Col: ref.Index}
}

// rootOf returns the root that the metadata has for a sliver.
func rootOf(meta *commit.Metadata, ref SliverRef) commit.Hash {
	if ref.Axis == Primary {
		return meta.Primary[ref.Index]
	}
	return meta.Secondary[ref.Index]
}

// columnRange is a range of columns of the expanded matrix.
type columnRange struct{ from, to int }

func (r columnRange) len() int { return r.to - r.from }

func (r columnRange) has(c int) bool { return c >= r.from && c < r.to }

// byteRange is a range of the bytes of a symbol.
type byteRange struct{ from, to int }

func (r byteRange) len() int { return r.to - r.from }
