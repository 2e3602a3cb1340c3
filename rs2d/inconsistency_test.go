package rs2d

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
)

// malice changes an encoding before its trees are built.
var malice = []struct {
	name   string
	change func(t *rapid.T, m *naive)
}{
	{"a cell differs in one of the views", func(t *rapid.T, m *naive) {
		axis := Axis(rapid.IntRange(0, 1).Draw(t, "axis"))
		flip(t, m, m.view[axis])
	}},
	{"a cell differs in both views", func(t *rapid.T, m *naive) {
		i, j := rapid.IntRange(0, m.c.params.N-1).Draw(t, "row"), rapid.IntRange(0, m.c.params.N-1).Draw(t, "column")
		m.view[Primary][i][j][0] ^= 1
		m.view[Secondary][i][j][0] ^= 1
	}},
	{"a row is of another codeword", func(t *rapid.T, m *naive) {
		i := rapid.IntRange(0, m.c.params.N-1).Draw(t, "row")
		s := m.sliver(SliverRef{Primary, i})
		s.Data = bytes.Clone(s.Data)
		s.Data[rapid.IntRange(0, len(s.Data)-1).Draw(t, "at")] ^= 1
		all, err := m.c.Expand(s)
		if err != nil {
			t.Fatal(err)
		}
		for j := range m.c.params.N {
			copy(m.view[Primary][i][j], all[j*m.size:])
		}
	}},
	{"a column is of another codeword", func(t *rapid.T, m *naive) {
		j := rapid.IntRange(0, m.c.params.N-1).Draw(t, "column")
		s := m.sliver(SliverRef{Secondary, j})
		s.Data = bytes.Clone(s.Data)
		s.Data[rapid.IntRange(0, len(s.Data)-1).Draw(t, "at")] ^= 1
		all, err := m.c.Expand(s)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.c.params.N {
			copy(m.view[Secondary][i][j], all[i*m.size:])
		}
	}},
	{"rows and columns are of two blobs", func(t *rapid.T, m *naive) {
		columns := m.view[Secondary]
		other := newNaive(t, m.c, pattern(m.c.params.P*m.c.params.S*m.size, 77))
		m.view = other.view
		m.view[Secondary] = columns
	}},
}

func flip(t *rapid.T, m *naive, view [][][]byte) {
	i, j := rapid.IntRange(0, m.c.params.N-1).Draw(t, "row"), rapid.IntRange(0, m.c.params.N-1).Draw(t, "column")
	view[i][j][rapid.IntRange(0, m.size-1).Draw(t, "byte")] ^= 1
}

// TestInconsistent plays malicious encoders: every strict reader refuses the blob,
// whichever slivers it has, and those who say that it is inconsistent can prove it.
func TestInconsistent(t *testing.T) {
	code := codes(t)
	for _, kind := range malice {
		t.Run(kind.name, func(t *testing.T) {
			proven := 0
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.IntRange(4, 16).Draw(t, "n")
				length := rapid.IntRange(1, 300).Draw(t, "length")
				c := code(n)
				m := newNaive(t, c, pattern(length, n))
				kind.change(t, m)
				if refuses(t, m, m.metadata(length)) {
					proven++
				}
			})
			if proven == 0 {
				t.Error("no reader proved anything")
			}
		})
	}
}

// codes returns what makes codes of one worker, one for each number of shards: the memory
// that a code works in is worth keeping from one check to the next, and workers would wait
// for each other most of the time.
func codes(t *testing.T) func(n int) *Code {
	made := map[int]*Code{}
	return func(n int) *Code {
		if made[n] == nil {
			made[n] = newCode(t, n, WithWorkers(1))
		}
		return made[n]
	}
}

// TestPadding takes encodings of matrices that do not end in zeros.
func TestPadding(t *testing.T) {
	proven := 0
	code := codes(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 16).Draw(t, "n")
		length := rapid.IntRange(1, 300).Draw(t, "length")
		c := code(n)
		size, err := c.params.SymbolSize(uint64(length))
		if err != nil {
			t.Fatal(err)
		}
		padded := make([]byte, c.params.P*c.params.S*size)
		copy(padded, pattern(length, n))
		if length == len(padded) {
			t.Skip("no padding")
		}
		padded[rapid.IntRange(length, len(padded)-1).Draw(t, "at")] = 1
		m := newNaive(t, c, padded)
		if refuses(t, m, m.metadata(length)) {
			proven++
		}
	})
	if proven == 0 {
		t.Error("no reader proved anything")
	}
}

// refuses checks that readers with any slivers refuse, and reports whether one could
// prove it.
func refuses(t *rapid.T, m *naive, meta *commit.Metadata) (proven bool) {
	c := m.c
	order := rapid.Permutation(allSlivers(m)).Draw(t, "slivers")
	for _, slivers := range [][]Sliver{
		order, order[:len(order)/2], order[len(order)/2:], ofAxis(order, Primary), ofAxis(order, Secondary),
	} {
		_, err := c.Decode(meta, slivers, CheckStrict)
		proven = refused(t, m, meta, err) || proven
		if streamed := decodeTo(c, io.Discard, meta, slivers, CheckStrict, MaxMemory(1)); err == nil || streamed == nil {
			t.Fatalf("Decode: %v; DecodeTo: %v", err, streamed)
		} else {
			proven = refused(t, m, meta, streamed) || proven
		}
		// Systematic readers may accept, but all who do accept one blob.
		if _, err := c.Decode(meta, slivers, CheckSystematic); err != nil {
			refused(t, m, meta, err)
		}
	}
	var accepted []byte
	for _, axis := range []Axis{Primary, Secondary} {
		for _, slivers := range [][]Sliver{ofAxis(order, axis), ofAxis(order[len(order)/2:], axis)} {
			if got, err := c.Decode(meta, slivers, CheckSystematic); err == nil {
				if accepted != nil && !bytes.Equal(accepted, got) {
					t.Fatal("two systematic readers accept different blobs")
				}
				accepted = got
			}
		}
	}
	return proven
}

func ofAxis(slivers []Sliver, axis Axis) (list []Sliver) {
	for _, s := range slivers {
		if s.Axis == axis {
			list = append(list, s)
		}
	}
	return list
}

// refused checks a refusal, and the proof if there is one.
func refused(t *rapid.T, m *naive, meta *commit.Metadata, err error) bool {
	var few *NotEnoughError
	var inconsistent *InconsistentError
	if !errors.As(err, &few) && !errors.As(err, &inconsistent) {
		t.Fatalf("%v", err)
	}
	if inconsistent == nil {
		return false
	}
	if err := m.c.VerifyInconsistency(meta, inconsistent.Proof); err != nil {
		t.Fatalf("the proof is refused: %v", err)
	}
	return true
}

// TestForgedProofs checks that honest blobs cannot be accused.
func TestForgedProofs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 16).Draw(t, "n")
		length := rapid.IntRange(1, 300).Draw(t, "length")
		c, err := New(n)
		if err != nil {
			t.Fatal(err)
		}
		m := newNaive(t, c, pattern(length, n))
		meta := m.metadata(length)
		target := SliverRef{Axis(rapid.IntRange(0, 1).Draw(t, "axis")), rapid.IntRange(0, n-1).Draw(t, "target")}
		proof := &InconsistencyProof{Target: target}
		k := sourceSymbols(c.params, target.Axis)
		if rapid.Bool().Draw(t, "single") {
			k = 1
		}
		for _, i := range rapid.Permutation(indices(n)).Draw(t, "places")[:k] {
			from := SliverRef{target.Axis.Other(), i}
			place := target.Index
			if rapid.Bool().Draw(t, "own tree") {
				from, place = target, i
			}
			s := m.symbol(from, place)
			s.Data = bytes.Clone(s.Data)
			proof.Symbols = append(proof.Symbols, s)
		}
		if err := c.VerifyInconsistency(meta, proof); !errors.Is(err, ErrNotInconsistent) {
			t.Fatalf("right symbols: %v", err)
		}

		var symbolErr *SymbolError
		victim := &proof.Symbols[rapid.IntRange(0, k-1).Draw(t, "victim")]
		original := *victim
		victim.Data = bytes.Clone(victim.Data)
		victim.Data[0] ^= 1
		if err := c.VerifyInconsistency(meta, proof); !errors.As(err, &symbolErr) {
			t.Fatalf("a symbol changed: %v", err)
		}
		*victim = original
		if k > 1 {
			proof.Symbols[0] = proof.Symbols[1]
			if err := c.VerifyInconsistency(meta, proof); !errors.Is(err, ErrDuplicate) {
				t.Fatalf("a symbol twice: %v", err)
			}
			proof.Symbols = proof.Symbols[1:]
		} else {
			proof.Symbols = nil
		}
		// One symbol less is 1 at n = 4, where it is judged as the other kind.
		err = c.VerifyInconsistency(meta, proof)
		if !errors.Is(err, ErrSymbolCount) && !(len(proof.Symbols) == 1 && errors.Is(err, ErrNotInconsistent)) {
			t.Fatalf("a symbol less: %v", err)
		}
		var sliverErr *SliverError
		proof.Target.Index = n
		if err := c.VerifyInconsistency(meta, proof); !errors.As(err, &sliverErr) {
			t.Fatalf("no such target: %v", err)
		}
		proof.Target.Index = (target.Index + 1) % n
		if len(proof.Symbols) == sourceSymbols(c.params, target.Axis) {
			if err := c.VerifyInconsistency(meta, proof); !errors.Is(err, ErrElsewhere) {
				t.Fatalf("another target: %v", err)
			}
		}
	})
}
