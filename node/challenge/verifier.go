package challenge

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

var (
	// ErrProof is returned for a proof that does not hold, and for all that comes of the
	// same prover later in the round.
	ErrProof = errors.New("challenge: wrong proof")
	// ErrProofsFirst is returned when proofs of so many places are wanted that no more
	// symbols are taken before they come.
	ErrProofsFirst = errors.New("challenge: proofs are wanted first")
)

// Verifier checks the symbols that one member shows to another. It lives as long as the
// round, whatever connections break: what it has taken it does not take again, so that
// nobody guesses a symbol twice. It remembers MaxWrong places at most.
//
// To compare with its own cells is as good as to verify proofs, for whoever sends the right
// symbols has them. Where its own cell is wrong or missing, the proof decides.
type Verifier struct {
	grid  Grid
	own   Columns
	next  uint64
	wrong []uint64 // in ascending order
	err   error    // of a wrong proof
}

// NewVerifier returns a verifier of the grid, all of whose columns are its own.
func NewVerifier(grid Grid, own Columns) *Verifier { return &Verifier{grid: grid, own: own} }

// Want returns what the verifier takes next.
func (v *Verifier) Want() Want {
	v.excuse()
	return Want{Next: v.next, Wrong: slices.Clone(v.wrong)}
}

// excuse forgets wrong symbols of blobs of which nothing has to be proven.
func (v *Verifier) excuse() {
	v.wrong = slices.DeleteFunc(v.wrong, func(place uint64) bool { return v.own.Exempt(v.grid.At(place).Blob) })
}

// Done reports whether all symbols are right: the pass may be signed.
func (v *Verifier) Done() bool {
	v.excuse()
	return v.err == nil && v.next == v.grid.Cells() && len(v.wrong) == 0
}

// Symbols takes the next symbols. The error is ErrMessage if they are not the next ones, or
// no whole ones; ErrProofsFirst if some of them were not looked at; or ErrProof.
func (v *Verifier) Symbols(m Symbols) error {
	switch {
	case v.err != nil:
		return v.err
	case m.At != v.next:
		return fmt.Errorf("%w: symbols from place %d on, and %d is the next one", ErrMessage, m.At, v.next)
	case len(m.Data) == 0:
		return fmt.Errorf("%w: no symbols", ErrMessage)
	}
	// Nothing of a message that does not fit is taken.
	size := func(place uint64) int { return v.grid.Size(v.grid.At(place).Blob) }
	for place, rest := m.At, len(m.Data); rest > 0; place++ {
		if place == v.grid.Cells() {
			return fmt.Errorf("%w: %d bytes after the last symbol", ErrMessage, rest)
		}
		if rest -= size(place); rest < 0 {
			return fmt.Errorf("%w: %d bytes lack in the symbol at place %d", ErrMessage, -rest, place)
		}
	}
	for data := m.Data; len(data) > 0; {
		if len(v.wrong) == MaxWrong {
			if v.excuse(); len(v.wrong) == MaxWrong {
				return ErrProofsFirst
			}
		}
		c := v.grid.At(v.next)
		n := v.grid.Size(c.Blob)
		if v.own.Exempt(c.Blob) {
			// whatever it is
		} else if own, err := v.own.Symbol(c); err != nil || !bytes.Equal(own, data[:n]) {
			v.wrong = append(v.wrong, v.next)
		}
		data = data[n:]
		v.next++
	}
	return nil
}

// Proof takes the proof of a symbol that was wrong. The error is ErrMessage if none is
// wanted of the place; ErrProof, and then the verifier takes nothing more; or that of Columns.
func (v *Verifier) Proof(m Proof) error {
	if v.err != nil {
		return v.err
	}
	i, wanted := slices.BinarySearch(v.wrong, m.At)
	if !wanted {
		return fmt.Errorf("%w: no proof of place %d is wanted", ErrMessage, m.At)
	}
	c := v.grid.At(m.At)
	if n := v.grid.Size(c.Blob); len(m.Symbol) != n {
		v.err = fmt.Errorf("%w: place %d: a symbol of %d bytes, and the blob's have %d", ErrProof, m.At, len(m.Symbol), n)
		return v.err
	}
	holds, err := v.own.Verify(c, m.Symbol, m.Path)
	if err != nil {
		return fmt.Errorf("challenge: proof of place %d: %w", m.At, err)
	}
	if !holds {
		v.err = fmt.Errorf("%w: place %d: the path does not lead to the root of the row of shard %d", ErrProof, m.At, c.Row)
		return v.err
	}
	v.wrong = slices.Delete(v.wrong, i, i+1)
	return nil
}
