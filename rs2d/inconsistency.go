package rs2d

import (
	"bytes"

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
// decoded from slivers that are right: those of the plan. source is the whole matrix that
// they decode to.
func inconsistent(b *blob, p plan, slivers [][]byte, source []byte) error {
	other := p.axis.Other()
	meta, err := commitRows(b.c, source)
	if err != nil {
		return err
	}
	sourceSliver := func(axis Axis, i int) []byte {
		if axis == Primary {
			return source[i*b.row:][:b.row]
		}
		column := make([]byte, 0, b.column)
		for r := range b.P {
			column = append(column, source[r*b.row+i*b.size:][:b.size]...)
		}
		return column
	}
	proof := &InconsistencyProof{}
	prove := func(axis Axis, i int, data []byte, place int) {
		prover, e := b.c.NewProver(Sliver{SliverRef{axis, i}, data})
		if e != nil {
			err = e
			return
		}
		s := prover.Symbol(place)
		s.Data = bytes.Clone(s.Data) // the prover has n symbols
		proof.Symbols = append(proof.Symbols, s)
	}

	if i := differing(meta, b.meta, other); i >= 0 {
		proof.Target = SliverRef{other, i}
		for _, u := range p.chosen {
			prove(p.axis, u, slivers[u], i)
		}
	} else if i := differing(meta, b.meta, p.axis); i >= 0 {
		proof.Target = SliverRef{p.axis, i}
		for j := range sourceSymbols(b.Params, p.axis) {
			prove(other, j, sourceSliver(other, j), i)
		}
	} else {
		past := int(b.meta.Length)
		for past < len(source) && source[past] == 0 {
			past++
		}
		if past == len(source) {
			return ErrChanged
		}
		cell := past / b.size
		proof.Target = SliverRef{Primary, cell / b.S}
		prove(Primary, proof.Target.Index, sourceSliver(Primary, proof.Target.Index), cell%b.S)
	}
	if err != nil {
		return err
	}
	return &InconsistentError{Proof: proof}
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
