package rs2d

import (
	"bytes"
	"fmt"

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

// VerifyInconsistency checks the proof: nil means that the blob is inconsistent, and
// that no reader with a strict check gets bytes from it. Nothing needs to be known of
// who made the proof. The error is [ErrNotInconsistent] if the blob agrees with the
// proof's symbols, [ErrSymbolCount], a *SymbolError for one that is not proven or not
// of the target, a *SliverError for a target that there is not, ErrNil for no proof at all,
// or one of those that metadata is refused with, see [Code.VerifySliver].
func (c *Code) VerifyInconsistency(meta *commit.Metadata, proof *InconsistencyProof) error {
	size, err := c.checkMetadata(meta)
	if err != nil {
		return err
	}
	if proof == nil {
		return fmt.Errorf("%w *InconsistencyProof", ErrNil)
	}
	if err := c.checkRef(proof.Target); err != nil {
		return &SliverError{proof.Target, err}
	}
	if n := len(proof.Symbols); n != 1 && n != c.sourceSymbols(proof.Target.Axis) {
		return ErrSymbolCount
	}
	symbols := make([][]byte, c.params.N)
	for i := range proof.Symbols {
		s := &proof.Symbols[i]
		if err := c.checkSymbol(s, size); err != nil {
			return err
		}
		if s.At(proof.Target.Axis) != proof.Target {
			return &SymbolError{s.Row, s.Col, ErrElsewhere}
		}
		place := s.At(proof.Target.Axis.Other()).Index
		if symbols[place] != nil {
			return &SymbolError{s.Row, s.Col, ErrDuplicate}
		}
		symbols[place] = s.Data
	}
	for _, err := range c.verifySymbols(meta, size, proof.Symbols, nil) {
		if err != nil {
			return err
		}
	}
	if len(proof.Symbols) == 1 {
		if c.overruns(meta, size, &proof.Symbols[0]) {
			return nil
		}
	} else if _, root := c.solve(nil, proof.Target.Axis, size, symbols, nil); root != rootOf(meta, proof.Target) {
		return nil
	}
	return ErrNotInconsistent
}

// overruns reports whether the symbol has a byte past the blob's end that is not
// zero.
func (c *Code) overruns(meta *commit.Metadata, size int, s *Symbol) bool {
	if s.Row >= c.params.P || s.Col >= c.params.S {
		return false // parity
	}
	at := (uint64(s.Row)*uint64(c.params.S) + uint64(s.Col)) * uint64(size)
	for i, b := range s.Data {
		if b != 0 && at+uint64(i) >= meta.Length {
			return true
		}
	}
	return false
}

// inconsistent returns the error for a blob that failed the check although it was
// decoded from slivers that are right.
func (d *decoding) inconsistent(p plan) error {
	c, other := d.c, p.axis.Other()
	source := d.matrix(nil, p, c.params.P)
	meta, err := c.Commit(source)
	if err != nil {
		return err
	}
	sourceSliver := func(axis Axis, i int) []byte {
		if axis == Primary {
			return source[i*d.row:][:d.row]
		}
		column := make([]byte, 0, c.params.P*d.size)
		for r := range c.params.P {
			column = append(column, source[r*d.row+i*d.size:][:d.size]...)
		}
		return column
	}
	proof := &InconsistencyProof{}
	prove := func(axis Axis, i int, data []byte, place int) {
		prover, e := c.NewProver(Sliver{SliverRef{axis, i}, data})
		if e != nil {
			err = e
			return
		}
		s := prover.Symbol(place)
		s.Data = bytes.Clone(s.Data) // the prover has n symbols
		proof.Symbols = append(proof.Symbols, s)
	}

	if i := differing(meta, d.meta, other); i >= 0 {
		proof.Target = SliverRef{other, i}
		for _, u := range p.chosen {
			prove(p.axis, u, d.use[p.axis][u], i)
		}
	} else if i := differing(meta, d.meta, p.axis); i >= 0 {
		proof.Target = SliverRef{p.axis, i}
		for j := range c.sourceSymbols(p.axis) {
			prove(other, j, sourceSliver(other, j), i)
		}
	} else {
		past := int(d.meta.Length)
		for past < len(source) && source[past] == 0 {
			past++
		}
		if past == len(source) {
			return ErrChanged
		}
		cell := past / d.size
		proof.Target = SliverRef{Primary, cell / c.params.S}
		prove(Primary, proof.Target.Index, sourceSliver(Primary, proof.Target.Index), cell%c.params.S)
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
