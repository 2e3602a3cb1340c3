package challenge_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/node/challenge"
)

// TestDraw: what is drawn is ascending, below the size, and as many as there can be.
func TestDraw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint64Range(0, 3000).Draw(t, "size")
		k := rapid.Uint64Range(0, 3200).Draw(t, "k")
		seed := challenge.Seed{rapid.Byte().Draw(t, "seed")}
		drawn := challenge.Draw(seed, size, k)
		if want := min(k, size); uint64(len(drawn)) != want {
			t.Fatalf("%d drawn, want %d", len(drawn), want)
		}
		for i, v := range drawn {
			if v >= size || i > 0 && v <= drawn[i-1] {
				t.Fatalf("drawn %v of %d", drawn, size)
			}
		}
		if !slices.Equal(drawn, challenge.Draw(seed, size, k)) {
			t.Fatal("drawn again, it differs")
		}
	})
}

// TestDrawIsUniform counts the sets of 2 of 6 over many seeds. A wrong count of a set has a
// chi-square of 14 degrees of freedom above 60 with a probability of 10^-7; seeds are fixed.
func TestDrawIsUniform(t *testing.T) {
	const seeds, sets = 30_000, 15
	counts := make(map[string]float64)
	for i := range seeds {
		counts[fmt.Sprint(challenge.Draw(challenge.Seed{byte(i), byte(i >> 8), 1}, 6, 2))]++
	}
	chi, want := 0.0, float64(seeds)/sets
	for _, n := range counts {
		chi += (n - want) * (n - want) / want
	}
	if len(counts) != sets || chi > 60 {
		t.Errorf("%d sets, chi-square %.1f: %v", len(counts), chi, counts)
	}
}

func TestDraws(t *testing.T) {
	tests := []struct {
		bound challenge.Bound
		want  uint64
	}{
		// 640 and 7000 are the paper's, of which the first is a little too few.
		{challenge.Bound{Missing: 1000, Error: 30}, 656},
		{challenge.Bound{Missing: 100, Error: 30}, 6874},
		{challenge.Bound{Missing: 5000, Error: 3}, 10},
		{challenge.Bound{Missing: 10000, Error: 30}, 7},
		{challenge.Bound{Missing: 1000, Error: 30, Grinding: 10, Verifiers: 10}, 744},
		{challenge.Bound{Missing: 1000, Error: 30, Grinding: 80, Verifiers: 100}, 1226},
		{challenge.Bound{Missing: 1, Error: 30}, 690_752},
	}
	for _, tt := range tests {
		got, err := tt.bound.Draws()
		if err != nil || got != tt.want {
			t.Errorf("%+v: %d draws (%v), want %d", tt.bound, got, err, tt.want)
		}
	}
	for _, b := range []challenge.Bound{{}, {Missing: 1}, {Error: 1}, {Missing: 10_001, Error: 1}, {Missing: 1, Error: 301}, {Missing: 1, Error: 1, Grinding: 257}} {
		if k, err := b.Draws(); err == nil {
			t.Errorf("%+v: %d draws", b, k)
		}
	}
}

// TestDrawsAreEnough compares with exact fractions: K is enough, and K-1 is not.
func TestDrawsAreEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := challenge.Bound{
			Missing:   rapid.Uint16Range(300, 10_000).Draw(t, "missing"),
			Error:     rapid.Uint16Range(1, 40).Draw(t, "error"),
			Grinding:  rapid.Uint16Range(0, 100).Draw(t, "grinding"),
			Verifiers: rapid.Uint16Range(0, 1000).Draw(t, "verifiers"),
		}
		k, err := b.Draws()
		if err != nil {
			t.Fatal(err)
		}
		d := big.NewRat(int64(b.Missing), 10_000)
		share := new(big.Rat).Sub(big.NewRat(1, 1), d)
		share.Add(share, new(big.Rat).Mul(d, big.NewRat(1, 1<<16)))
		met := func(k uint64) bool { // seeds · verifiers · share^k · 10^error ≤ 1
			e := new(big.Int).SetUint64(k)
			num := new(big.Int).Exp(share.Num(), e, nil)
			num.Lsh(num, uint(b.Grinding)).Mul(num, big.NewInt(int64(max(1, b.Verifiers))))
			num.Mul(num, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(b.Error)), nil))
			return num.Cmp(new(big.Int).Exp(share.Denom(), e, nil)) <= 0
		}
		if !met(k) || met(k-1) {
			t.Fatalf("%d draws: enough %v, one less %v", k, met(k), met(k-1))
		}
	})
}

// TestDrawsCatch plays challenges against a member that lacks a share of its blobs, with a
// bound that is easily missed: it passes as often as the bound says, at most.
func TestDrawsCatch(t *testing.T) {
	b := challenge.Bound{Missing: 2000, Error: 1}
	k, err := b.Draws()
	if err != nil {
		t.Fatal(err)
	}
	const blobs, rounds = 1000, 20_000
	passed := 0
	for i := range rounds {
		drawn := challenge.Draw(challenge.Seed{byte(i), byte(i >> 8), 2}, blobs, k)
		if !slices.ContainsFunc(drawn, func(v uint64) bool { return v%5 == 0 }) {
			passed++
		}
	}
	if got, want := float64(passed)/rounds, math.Pow(0.8, float64(k)); got > 0.1 || got < want/2 {
		t.Errorf("passed with probability %.4f; the bound is 0.1, and 0.8^%d is %.4f", got, k, want)
	}
}

// BenchmarkLight is what a member with a million blobs computes in a light challenge before
// it reads any sliver: the list's digest, the draw, and the ids of what was drawn.
func BenchmarkLight(b *testing.B) {
	const blobs = 1_000_000
	b.ReportAllocs()
	for b.Loop() {
		list, err := challenge.ListOf(ids(blobs))
		if err != nil {
			b.Fatal(err)
		}
		drawn := challenge.Draw(challenge.Seed{1}, list.Blobs, 1226)
		if _, err := challenge.Pick(ids(blobs), drawn); err != nil {
			b.Fatal(err)
		}
	}
}
