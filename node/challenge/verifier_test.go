package challenge_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"

	"github.com/redstuff-go/redstuff/node/challenge"
)

// TestProve shows blobs of several sizes to verifiers whose own slivers are right, wrong or
// missing: an honest prover is signed for in any case.
func TestProve(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var blobs []*matrix
	for _, length := range []int{1, 70, 5000, 0, 300} {
		blobs = append(blobs, newMatrix(t, 10, length, rng))
	}
	grid := gridOf(blobs, []int{0, 4, 5}, []int{1, 9})
	tests := []struct {
		name           string
		wrong, missing map[int]bool
		proofs         int
	}{
		{"all right", nil, nil, 0},
		{"one wrong", map[int]bool{2: true}, nil, 6},
		{"one missing", nil, map[int]bool{0: true}, 6},
		{"all wrong or missing", map[int]bool{0: true, 1: true, 2: true}, map[int]bool{3: true, 4: true}, 30},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			own := ownColumns{honestRows(blobs), tt.wrong, tt.missing}
			v := challenge.NewVerifier(grid, own)
			counted := &countingRows{honestRows: blobs}
			if err := prove(t, challenge.NewProver(grid, counted), v); err != nil || !v.Done() {
				t.Fatalf("error %v, done %v", err, v.Done())
			}
			if counted.proofs != tt.proofs {
				t.Errorf("%d proofs, want %d", counted.proofs, tt.proofs)
			}
		})
	}
}

// exemptingColumns find out that blobs are inconsistent, as a node does.
type exemptingColumns struct {
	ownColumns
	exempt map[int]bool
}

func (e exemptingColumns) Exempt(blob int) bool { return e.exempt[blob] }

func (e exemptingColumns) Verify(c challenge.Cell, symbol []byte, path commit.Proof) (bool, error) {
	holds, err := e.ownColumns.Verify(c, symbol, path)
	if own, e2 := e.Symbol(c); holds && e2 == nil && !bytes.Equal(own, symbol) {
		e.exempt[c.Blob] = true
	}
	return holds, err
}

// TestProveInconsistent: blobs whose rows and columns are no parts of one matrix cost one proof
// each, however many symbols of them differ, and none for the provers that come later.
func TestProveInconsistent(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var blobs []*matrix
	all, few := make(map[int]bool), map[int]bool{3: true}
	for i := range 40 {
		blobs = append(blobs, newMatrix(t, 10, 100, rng))
		all[i] = i != 3
	}
	own := exemptingColumns{ownColumns{honestRows(blobs), all, few}, make(map[int]bool)}
	for i, rows := range [][]int{{0, 4, 5, 6, 7}, {1, 2, 3}} {
		counted := &countingRows{honestRows: blobs}
		grid := gridOf(blobs, rows, []int{1, 2, 3, 8, 9}) // of 1000 symbols, and 600
		v := challenge.NewVerifier(grid, own)
		if err := prove(t, challenge.NewProver(grid, counted), v); err != nil || !v.Done() {
			t.Fatalf("error %v, done %v", err, v.Done())
		}
		// Of the blob of which the verifier has nothing, all are proven.
		if want := len(rows)*5 + 39*(1-i); counted.proofs != want {
			t.Errorf("prover %d: %d proofs, want %d", i, counted.proofs, want)
		}
	}
}

type countingRows struct {
	honestRows
	proofs int
}

func (c *countingRows) Prove(cell challenge.Cell) ([]byte, commit.Proof, error) {
	c.proofs++
	return c.honestRows.Prove(cell)
}

// TestProveManyWrong has more symbols wrong than a verifier remembers: it takes proofs in
// between.
func TestProveManyWrong(t *testing.T) {
	m := newMatrix(t, 4, 9, rand.New(rand.NewPCG(3, 4)))
	blobs, all := make([]*matrix, challenge.MaxWrong+10), make(map[int]bool)
	for i := range blobs {
		blobs[i], all[i] = m, true
	}
	grid := gridOf(blobs, []int{2}, []int{3})
	v := challenge.NewVerifier(grid, ownColumns{honestRows: blobs, missing: all})
	if err := proveBy(t, challenge.NewProver(grid, honestRows(blobs)), v, challenge.MaxWrong); err != nil || !v.Done() {
		t.Fatalf("error %v, done %v", err, v.Done())
	}
}

// TestLargeBlobs: messages have no more than MaxData bytes of symbols.
func TestLargeBlobs(t *testing.T) {
	m := newMatrix(t, 4, 390_000, rand.New(rand.NewPCG(5, 6)))
	large := make([]*matrix, 20)
	for i := range large {
		large[i] = m
	}
	grid := gridOf(large, []int{0, 1}, []int{2, 3})
	p := challenge.NewProver(grid, honestRows(large))
	total := 0
	for {
		s, more, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		total += len(s.Data)
		if len(s.Data) > challenge.MaxData {
			t.Fatalf("%d bytes of symbols in a message, and MaxData is %d", len(s.Data), challenge.MaxData)
		}
	}
	if want := 80 * m.blob.SymbolSize(); total != want {
		t.Errorf("%d bytes, want %d", total, want)
	}
}

// TestRefusals sends a verifier what is out of place or wrong.
func TestRefusals(t *testing.T) {
	m := newMatrix(t, 7, 400, rand.New(rand.NewPCG(7, 8)))
	other := newMatrix(t, 7, 400, rand.New(rand.NewPCG(9, 10)))
	blobs := honestRows{m, m}
	size := m.blob.SymbolSize()
	grid := gridOf(blobs, []int{0}, []int{1})
	right := m.rows[0][m.column(1)]
	wrong := make([]byte, size)
	proofOf := func(h honestRows, row, column int) challenge.Proof {
		symbol, path, err := h.Prove(challenge.Cell{Row: row, Column: column})
		if err != nil {
			t.Fatal(err)
		}
		return challenge.Proof{Symbol: symbol, Path: path}
	}
	short := proofOf(blobs, 0, 1)
	short.Path = short.Path[1:]
	cut := proofOf(blobs, 0, 1)
	cut.Symbol = cut.Symbol[1:]
	changed := proofOf(blobs, 0, 1)
	changed.Symbol = wrong
	tests := []struct {
		name string
		send []challenge.Message
		want error
	}{
		{"nothing", []challenge.Message{challenge.Symbols{}}, challenge.ErrMessage},
		{"later ones first", []challenge.Message{challenge.Symbols{At: 1, Data: right}}, challenge.ErrMessage},
		{"twice", []challenge.Message{challenge.Symbols{Data: right}, challenge.Symbols{Data: right}}, challenge.ErrMessage},
		{"half a symbol", []challenge.Message{challenge.Symbols{Data: right[:size-1]}}, challenge.ErrMessage},
		{"too many", []challenge.Message{challenge.Symbols{Data: make([]byte, 2*size+1)}}, challenge.ErrMessage},
		{"proof of a right one", []challenge.Message{challenge.Symbols{Data: right}, proofOf(blobs, 0, 1)}, challenge.ErrMessage},
		{"proof before its symbol", []challenge.Message{proofOf(blobs, 0, 1)}, challenge.ErrMessage},
		{"a second guess", []challenge.Message{challenge.Symbols{Data: wrong}, challenge.Symbols{Data: right}}, challenge.ErrMessage},
		{"proof of another column", []challenge.Message{challenge.Symbols{Data: wrong}, proofOf(blobs, 0, 2)}, challenge.ErrProof},
		{"proof of another row", []challenge.Message{challenge.Symbols{Data: wrong}, proofOf(blobs, 2, 1)}, challenge.ErrProof},
		{"proof of another blob", []challenge.Message{challenge.Symbols{Data: wrong}, proofOf(honestRows{other}, 0, 1)}, challenge.ErrProof},
		{"short path", []challenge.Message{challenge.Symbols{Data: wrong}, short}, challenge.ErrProof},
		{"short symbol", []challenge.Message{challenge.Symbols{Data: wrong}, cut}, challenge.ErrProof},
		{"wrong symbol with the path", []challenge.Message{challenge.Symbols{Data: wrong}, changed}, challenge.ErrProof},
		{"right proof after a wrong one", []challenge.Message{challenge.Symbols{Data: wrong}, changed, proofOf(blobs, 0, 1)}, challenge.ErrProof},
		{"more after a wrong proof", []challenge.Message{challenge.Symbols{Data: wrong}, changed, challenge.Symbols{At: 1, Data: right}}, challenge.ErrProof},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := challenge.NewVerifier(grid, ownColumns{honestRows: blobs})
			var err error
			for _, m := range tt.send {
				switch m := m.(type) {
				case challenge.Symbols:
					err = v.Symbols(m)
				case challenge.Proof:
					err = v.Proof(m)
				}
			}
			if !errors.Is(err, tt.want) || v.Done() {
				t.Errorf("error %v, done %v; want %v", err, v.Done(), tt.want)
			}
		})
	}
	t.Run("cannot tell", func(t *testing.T) {
		v := challenge.NewVerifier(grid, &uncertain{ownColumns: ownColumns{honestRows: blobs}})
		if err := v.Symbols(challenge.Symbols{Data: wrong}); err != nil {
			t.Fatal(err)
		}
		if err := v.Proof(proofOf(blobs, 0, 1)); !errors.Is(err, errNoSliver) {
			t.Errorf("error %v, want %v", err, errNoSliver)
		}
		if err := v.Proof(proofOf(blobs, 0, 1)); err != nil {
			t.Errorf("the prover is condemned for the verifier's fault: %v", err)
		}
	})
}

// uncertain cannot verify the first proof.
type uncertain struct {
	ownColumns
	asked int
}

func (u *uncertain) Verify(c challenge.Cell, symbol []byte, path commit.Proof) (bool, error) {
	if u.asked++; u.asked == 1 {
		return false, errNoSliver
	}
	return u.ownColumns.Verify(c, symbol, path)
}

// TestVerifierTakesNoLies sends symbols and proofs, right and wrong, in any order. The
// verifier is done exactly when each place had its right symbol first, or its right proof
// later, and no proof was wrong.
func TestVerifierTakesNoLies(t *testing.T) {
	m := newMatrix(t, 4, 200, rand.New(rand.NewPCG(11, 12)))
	blobs := honestRows{m}
	grid := gridOf(blobs, []int{0, 1}, []int{2, 3})
	rapid.Check(t, func(t *rapid.T) {
		v := challenge.NewVerifier(grid, ownColumns{honestRows: blobs})
		next, wrong, refused := uint64(0), make(map[uint64]bool), false
		for range rapid.IntRange(1, 40).Draw(t, "messages") {
			place := rapid.Uint64Range(next-min(next, 2), min(next+1, grid.Cells()-1)).Draw(t, "place")
			symbol, path, err := blobs.Prove(grid.At(place))
			if err != nil {
				t.Fatal(err)
			}
			right := rapid.IntRange(0, 4).Draw(t, "right") > 0
			if !right {
				symbol = make([]byte, len(symbol))
			}
			if rapid.Bool().Draw(t, "symbols") {
				err := v.Symbols(challenge.Symbols{At: place, Data: symbol})
				if taken := !refused && place == next; taken != (err == nil) {
					t.Fatalf("symbols at %d of %d: %v", place, next, err)
				} else if taken {
					next++
					if !right {
						wrong[place] = true
					}
				}
			} else {
				err := v.Proof(challenge.Proof{At: place, Symbol: symbol, Path: path})
				switch {
				case !refused && wrong[place] && right:
					delete(wrong, place)
					if err != nil {
						t.Fatalf("right proof of %d: %v", place, err)
					}
				case !refused && wrong[place]:
					refused = true
					fallthrough
				default:
					if err == nil {
						t.Fatalf("proof of %d, right %v, wanted of %v: taken", place, right, wrong)
					}
				}
			}
			if want := !refused && next == grid.Cells() && len(wrong) == 0; v.Done() != want {
				t.Fatalf("done %v, want %v", v.Done(), want)
			}
		}
	})
}
