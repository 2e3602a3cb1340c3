package rs2d

import (
	"bytes"
	"io"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
)

// InconsistencyProof shows to anyone who has a blob's metadata that it commits to
// no blob. It is one of two kinds:
//
//   - Symbols of the target sliver, as many as determine it, each at another place
//     and proven in the tree of one of its two slivers, which decode to a sliver that
//     has not the metadata's root. If the metadata were that of a blob, then the
//     symbols would be the blob's, and so would be what they decode to.
//   - One symbol on the target, proven, with a byte past the blob's end that is not
//     zero.
//
// # One of them always exists
//
// Let U be k slivers of one axis, say rows, with the metadata's roots, that decode to
// bytes which fail the check; they are why Decode says that the blob is inconsistent.
// They determine a codeword: an expanded matrix E, whose rows U are theirs.
//
//   - If the root of a column of E is not the metadata's, that column is the target.
//     Its symbols in the rows U are proven in the trees of U, and decode to it.
//   - If the roots of all columns are, but that of a row is not, that row is the
//     target. Its symbols in the source columns are proven in these columns' trees.
//   - If all roots are the metadata's, then E is not the encoding of its own first
//     bytes, or the check would have passed: a byte past the end is not zero, and its
//     symbol is proven in either of its trees.
type InconsistencyProof struct {
	Target  SliverRef
	Symbols []Symbol
}

// shownBy reports whether the proof shows that the blob is inconsistent. The error is
// for a proof that does not hold together.
func shownBy(b *blob, proof *InconsistencyProof) (bool, error) {
	target := proof.Target
	if err := checkRef(b.N, target); err != nil {
		return false, &SliverError{target, err}
	}
	if n := len(proof.Symbols); n != 1 && n != sourceSymbols(b.Params, target.Axis) {
		return false, ErrSymbolCount
	}
	symbols := make([][]byte, b.N)
	for i := range proof.Symbols {
		s := &proof.Symbols[i]
		if err := b.checkSymbol(s); err != nil {
			return false, err
		}
		if s.At(target.Axis) != target {
			return false, &SymbolError{s.Row, s.Col, ErrElsewhere}
		}
		place := s.At(target.Axis.Other()).Index
		if symbols[place] != nil {
			return false, &SymbolError{s.Row, s.Col, ErrDuplicate}
		}
		symbols[place] = s.Data
	}
	for _, err := range b.verifySymbols(proof.Symbols, nil) {
		if err != nil {
			return false, err
		}
	}
	if len(proof.Symbols) == 1 {
		return b.overruns(&proof.Symbols[0]), nil
	}
	_, root := b.c.along[target.Axis].solve(nil, b.size, symbols, nil)
	return root != rootOf(b.meta, target), nil
}

// inconsistent returns the error for a blob that failed the check although it was
// decoded from slivers that are right: those of the plan. matrix is the whole message
// matrix that they decode to, row after row, meta the metadata of these bytes, and
// parity returns those slivers of the plan that are not in the matrix.
func inconsistent(b *blob, p plan, meta *commit.Metadata, matrix io.ReaderAt, parity func(SliverRef) ([]byte, error)) error {
	sliver := func(ref SliverRef) ([]byte, error) {
		switch {
		case ref.Index >= sourceSymbols(b.Params, ref.Axis.Other()):
			return parity(ref)
		case ref.Axis == Primary:
			row := make([]byte, b.row)
			_, err := matrix.ReadAt(row, int64(ref.Index)*int64(b.row))
			return row, err
		}
		column := make([]byte, b.column)
		for r := range b.P {
			if _, err := matrix.ReadAt(column[r*b.size:][:b.size], int64(r)*int64(b.row)+int64(ref.Index*b.size)); err != nil {
				return nil, err
			}
		}
		return column, nil
	}
	proof := &InconsistencyProof{}
	prove := func(axis Axis, i, place int) error {
		ref := SliverRef{axis, i}
		data, err := sliver(ref)
		if err != nil {
			return err
		}
		prover, err := b.c.NewProver(Sliver{ref, data})
		if err != nil {
			return err
		}
		if prover.Root() != rootOf(b.meta, ref) {
			return ErrChanged
		}
		s := prover.Symbol(place)
		s.Data = bytes.Clone(s.Data) // the prover has n symbols
		proof.Symbols = append(proof.Symbols, s)
		return nil
	}

	other := p.axis.Other()
	if i := differing(meta, b.meta, other); i >= 0 {
		proof.Target = SliverRef{other, i}
		for _, u := range p.chosen {
			if err := prove(p.axis, u, i); err != nil {
				return err
			}
		}
	} else if i := differing(meta, b.meta, p.axis); i >= 0 {
		proof.Target = SliverRef{p.axis, i}
		for j := range sourceSymbols(b.Params, p.axis) {
			if err := prove(other, j, i); err != nil {
				return err
			}
		}
	} else {
		cell, err := pastEnd(b, matrix)
		if err == nil && cell < 0 {
			err = ErrChanged
		}
		if err != nil {
			return err
		}
		proof.Target = SliverRef{Primary, int(cell / int64(b.S))}
		if err := prove(Primary, proof.Target.Index, int(cell%int64(b.S))); err != nil {
			return err
		}
	}
	return &InconsistentError{Proof: proof}
}

// pastEnd returns the cell of the first byte past the blob's end that is not zero, or -1.
func pastEnd(b *blob, matrix io.ReaderAt) (cell int64, err error) {
	buf := make([]byte, 64<<10)
	for off, end := int64(b.meta.Length), int64(b.P)*int64(b.row); off < end; off += int64(len(buf)) {
		part := buf[:min(int64(len(buf)), end-off)]
		if _, err := matrix.ReadAt(part, off); err != nil {
			return 0, err
		}
		if at := slices.IndexFunc(part, func(v byte) bool { return v != 0 }); at >= 0 {
			return (off + int64(at)) / int64(b.size), nil
		}
	}
	return -1, nil
}

// differing returns the index of a sliver of the axis that the two have different
// roots of, or -1.
func differing(a, b *commit.Metadata, axis Axis) int {
	x, y := a.Primary, b.Primary
	if axis == Secondary {
		x, y = a.Secondary, b.Secondary
	}
	for i := range x {
		if x[i] != y[i] {
			return i
		}
	}
	return -1
}
