package apportion

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTolerant(t *testing.T) {
	for _, test := range []struct {
		name      string
		stake     []uint64
		held      []int
		n         int
		tolerance int
		want      []int
	}{
		{"nothing changes", []uint64{100, 100}, []int{5, 5}, 10, 0, []int{5, 5}},
		{"a little more, no tolerance", []uint64{121, 100}, []int{5, 5}, 10, 0, []int{6, 4}},
		{"a little more, at the edge", []uint64{126, 100}, []int{5, 5}, 10, 500, []int{5, 5}},
		{"a little more, past the edge", []uint64{127, 100}, []int{5, 5}, 10, 500, []int{6, 4}},
		{"it does not go back at once", []uint64{119, 100}, []int{6, 4}, 10, 500, []int{6, 4}},
		{"one comes", []uint64{100, 100, 100}, []int{5, 5, 0}, 10, 500, []int{4, 3, 3}},
		{"one has left", []uint64{100, 100}, []int{3, 3}, 10, 10_000, []int{5, 5}},
		{"no stake any more", []uint64{0, 100, 100}, []int{4, 3, 3}, 10, 10_000, []int{0, 5, 5}},
		{"more than the cap", append([]uint64{500}, repeat(20, 20)...), append([]int{900}, slices.Repeat([]int{5}, 20)...), 1000, 10_000, append([]int{100}, slices.Repeat([]int{45}, 20)...)},
		{"all the stake there can be", []uint64{math.MaxUint64 - 1, 1}, []int{5, 5}, 10, 10_000, []int{10, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Tolerant(test.stake, test.held, test.n, test.tolerance)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v (%v), want %v", got, err, test.want)
			}
		})
	}
	for _, test := range []struct {
		name      string
		stake     []uint64
		held      []int
		tolerance int
		want      error
	}{
		{"no stake", []uint64{0, 0}, []int{5, 5}, 0, ErrNoStake},
		{"too much stake", []uint64{math.MaxUint64, 1}, []int{5, 5}, 0, ErrStakeOverflow},
		{"other nodes", []uint64{1, 2}, []int{5}, 0, ErrShares},
		{"more than there are", []uint64{1, 2, 3}, []int{5, 5, 5}, 0, ErrShares},
		{"less than nothing", []uint64{1, 2}, []int{-1, 5}, 0, ErrShares},
		{"a negative tolerance", []uint64{1, 2}, []int{5, 5}, -1, ErrTolerance},
		{"more than twice", []uint64{1, 2}, []int{5, 5}, MaxTolerance + 1, ErrTolerance},
	} {
		if _, err := Tolerant(test.stake, test.held, 10, test.tolerance); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
	}
}

// drawHeld returns what D'Hondt gave nodes for stake, of which some may be gone since.
func drawHeld(t *rapid.T, stake []uint64, n int) []int {
	held, err := DHondt(stake, n)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// TestTolerantJitter: no shard moves when no stake grows by more than the tolerance against
// any other one.
func TestTolerantJitter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tolerance := rapid.IntRange(1, MaxTolerance).Draw(t, "tolerance")
		n := rapid.IntRange(4, 300).Draw(t, "n")
		stake := rapid.SliceOfN(rapid.Uint64Range(1, math.MaxUint64/1000), 1, 40).Draw(t, "stake")
		held := drawHeld(t, stake, n)
		after := slices.Clone(stake)
		for i, s := range stake {
			// Up to s * (1 + tolerance/10000), rounded down.
			most := new(big.Int).Mul(new(big.Int).SetUint64(s), big.NewInt(int64(10_000+tolerance)))
			after[i] = rapid.Uint64Range(s, most.Div(most, big.NewInt(10_000)).Uint64()).Draw(t, "after")
		}
		got, err := Tolerant(after, held, n, tolerance)
		if err != nil || !slices.Equal(got, held) {
			t.Fatalf("stake %v became %v, and shards %v became %v (%v), want no move", stake, after, held, got, err)
		}
	})
}

// TestTolerantBounds: over any history of stake, all shards are handed out, nobody has more
// than the cap, no claim exceeds the worth of anybody's last shard by more than the tolerance,
// and no more shards move than by D'Hondt's method.
func TestTolerantBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tolerance := rapid.IntRange(0, MaxTolerance).Draw(t, "tolerance")
		n := rapid.IntRange(4, 300).Draw(t, "n")
		stake := drawStake(t, 40)
		held := drawHeld(t, stake, n)
		for range rapid.IntRange(1, 5).Draw(t, "epochs") {
			// Some leave, some come, others jitter.
			for i := 0; i < len(stake); i++ {
				switch rapid.IntRange(0, 9).Draw(t, "what") {
				case 0:
					if len(stake) > 1 {
						stake, held = slices.Delete(stake, i, i+1), slices.Delete(held, i, i+1)
					}
				case 1:
					stake, held = append(stake, rapid.Uint64Range(1, 1<<50).Draw(t, "new")), append(held, 0)
				case 2, 3, 4:
					stake[i] = stake[i]/100*rapid.Uint64Range(50, 200).Draw(t, "percent") + 1
				}
			}
			stake[0] = max(1, stake[0])
			got, err := Tolerant(stake, held, n, tolerance)
			if err != nil {
				t.Fatal(err)
			}
			exact, err := DHondt(stake, n)
			if err != nil {
				t.Fatal(err)
			}
			sum, most, moves, exactMoves := 0, MaxShards(len(stake), n), 0, 0
			for i, count := range got {
				sum += count
				moves += max(0, count-held[i])
				exactMoves += max(0, exact[i]-held[i])
				if count < 0 || count > most {
					t.Fatalf("node %d has %d shards, and may have %d", i, count, most)
				}
				for j, other := range got {
					if i == j || count == most || other == 0 {
						continue
					}
					claim := new(big.Rat).SetFrac(new(big.Int).SetUint64(stake[i]), big.NewInt(int64(count)+1))
					worth := new(big.Rat).SetFrac(new(big.Int).SetUint64(stake[j]), big.NewInt(int64(other)))
					if claim.Cmp(worth.Mul(worth, big.NewRat(int64(10_000+tolerance), 10_000))) > 0 {
						t.Fatalf("node %d claims a shard of node %d: stake %v, shards %v, tolerance %d", i, j, stake, got, tolerance)
					}
				}
			}
			if sum != n {
				t.Fatalf("%d shards are handed out, want %d", sum, n)
			}
			if moves > exactMoves {
				t.Fatalf("%d shards move, and %d without tolerance", moves, exactMoves)
			}
			held = got
		}
	})
}
