package challenge_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/rs2d"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// TestKnownColumnsSayNothing: 2f columns and P-1 rows of a matrix, all their symbols, do not
// tell any symbol elsewhere. There are two blobs that are equal in all that is known and
// differ there: one of zeros, and one that is made for it.
func TestKnownColumnsSayNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 15))
	for _, n := range []int{4, 7, 10, 13} {
		t.Run(fmt.Sprint(n, " shards"), func(t *testing.T) {
			code, err := rs2d.New(n, rs2d.WithWorkers(1))
			if err != nil {
				t.Fatal(err)
			}
			p := code.Params()
			row, err := rs.New(p.S, n-p.S, rs.WithVariant(rs.RS2))
			if err != nil {
				t.Fatal(err)
			}
			const size = 2
			zeros, err := code.Encode(make([]byte, size*p.P*p.S))
			if err != nil {
				t.Fatal(err)
			}
			for range 40 {
				columns, rows := rng.Perm(n), rng.Perm(n)
				known, target := columns[:2*p.F], columns[2*p.F]
				knownRows, targetRow := rows[:p.P-1], rows[p.P-1]
				// The row that is zero in the known columns, and in others as far as it can be.
				word := make([][]byte, n)
				for _, c := range columns[:p.S] {
					word[c] = make([]byte, size)
				}
				word[target][0] = 1
				if err := row.Reconstruct(word); err != nil {
					t.Fatal(err)
				}
				slivers := []rs2d.Sliver{{SliverRef: rs2d.SliverRef{Axis: rs2d.Primary, Index: targetRow}, Data: bytes.Join(word[:p.S], nil)}}
				for _, r := range knownRows {
					slivers = append(slivers, rs2d.Sliver{SliverRef: rs2d.SliverRef{Axis: rs2d.Primary, Index: r}, Data: make([]byte, size*p.S)})
				}
				blob, err := code.Decode(zeros.Metadata(), slivers, rs2d.CheckNone)
				if err != nil {
					t.Fatal(err)
				}
				made, err := code.Encode(blob)
				if err != nil {
					t.Fatal(err)
				}
				for r := range n {
					expanded, err := code.Expand(made.Primary(r))
					if err != nil {
						t.Fatal(err)
					}
					for c := range n {
						zero := bytes.Equal(expanded[c*size:][:size], []byte{0, 0})
						if seen := slices.Contains(known, c) || slices.Contains(knownRows, r); seen && !zero {
							t.Fatalf("symbol %d of row %d is known, and differs", c, r)
						}
						if r == targetRow && c == target && zero {
							t.Fatalf("symbol %d of row %d follows from columns %v and rows %v", c, r, known, knownRows)
						}
					}
				}
			}
		})
	}
}
