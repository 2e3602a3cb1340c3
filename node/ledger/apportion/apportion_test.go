package apportion

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func repeat(value uint64, count int) []uint64 { return slices.Repeat([]uint64{value}, count) }

// TestDHondt has cases with known results, those of Walrus's contract among them.
func TestDHondt(t *testing.T) {
	one := func(stake []uint64, at int, value uint64) []uint64 {
		stake[at] = value
		return stake
	}
	ones := func(count, at, value, others int) []int {
		shards := slices.Repeat([]int{others}, count)
		shards[at] = value
		return shards
	}
	even, uneven := repeat(25000, 4), []uint64{50000, 30000, 15000, 5000}
	mixed := []uint64{50000, 50000, 30000, 15000, 15000, 5000}
	for _, test := range []struct {
		name  string
		n     int
		stake []uint64
		want  []int
	}{
		{"even", 4, even, []int{1, 1, 1, 1}},
		{"even, ties", 778, even, []int{195, 195, 194, 194}},
		{"even, 1000", 1000, even, []int{250, 250, 250, 250}},
		{"uneven, few", 4, uneven, []int{2, 2, 0, 0}},
		{"uneven", 777, uneven, []int{389, 234, 116, 38}},
		{"uneven, 1000", 1000, uneven, []int{500, 300, 150, 50}},
		{"mixed, few", 4, mixed, []int{2, 1, 1, 0, 0, 0}},
		{"mixed", 777, mixed, []int{236, 236, 142, 70, 70, 23}},
		{"mixed, 1000", 1000, mixed, []int{303, 303, 182, 91, 91, 30}},
		{"tie of one in four", 7, even, []int{2, 2, 2, 1}},
		{"tie of two in four", 6, even, []int{2, 2, 1, 1}},
		{"small stake", 7, []uint64{200, 200, 200, 100}, []int{2, 2, 2, 1}},
		{"small stake, pairs", 9, []uint64{200, 200, 200, 100, 100, 100}, []int{2, 2, 2, 1, 1, 1}},
		{"many solutions", 18, []uint64{780_000, 650_000, 520_000, 390_000, 260_000}, []int{6, 5, 4, 2, 1}},
		{"no shards", 0, []uint64{100, 90, 80}, []int{0, 0, 0}},
		{"hardly any stake", 5, []uint64{1, 0, 0}, []int{4, 1, 0}},
		{"nearly equal", 3, []uint64{1_000_000, 999_999}, []int{2, 1}},
		{"large stake", 500, []uint64{1e12, 9e11, 1e11}, []int{250, 225, 25}},
		{"below the cap", 1000, []uint64{600, 100, 200, 100}, []int{500, 125, 250, 125}},
		{"capped", 1000, one(repeat(20, 21), 5, 200), ones(21, 5, 100, 45)},
		{"one node", 10, []uint64{3}, []int{10}},
		{"all the stake there can be", 10, []uint64{math.MaxUint64 - 1, 1}, []int{10, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := DHondt(test.stake, test.n)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v (%v), want %v", got, err, test.want)
			}
		})
	}
	if _, err := DHondt([]uint64{0, 0}, 5); !errors.Is(err, ErrNoStake) {
		t.Errorf("without stake: error %v, want ErrNoStake", err)
	}
	if _, err := DHondt([]uint64{math.MaxUint64, 1}, 5); !errors.Is(err, ErrStakeOverflow) {
		t.Errorf("too much stake: error %v, want ErrStakeOverflow", err)
	}
}

// naive hands out every shard by comparing fractions, from nothing on.
func naive(stake []uint64, n int) []int {
	most := MaxShards(len(stake), n)
	shards := make([]int, len(stake))
	for range n {
		best := -1
		for i := range stake {
			if shards[i] == most {
				continue
			}
			if best < 0 || claim(stake[i], shards[i]).Cmp(claim(stake[best], shards[best])) > 0 {
				best = i
			}
		}
		shards[best]++
	}
	return shards
}

// claim is a quotient, rounded down to 64 binary places.
func claim(stake uint64, shards int) *big.Int {
	q := new(big.Int).Lsh(new(big.Int).SetUint64(stake), 64)
	return q.Div(q, big.NewInt(int64(shards)+1))
}

func drawStake(t *rapid.T, most int) []uint64 {
	one := rapid.OneOf(rapid.Uint64Range(0, 20), rapid.Uint64Range(0, math.MaxUint64/1000))
	stake := rapid.SliceOfN(one, 1, most).Draw(t, "stake")
	if !slices.ContainsFunc(stake, func(s uint64) bool { return s > 0 }) {
		stake[0] = 1
	}
	return stake
}

func TestDHondtNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stake, n := drawStake(t, 40), rapid.IntRange(4, 300).Draw(t, "n")
		got, err := DHondt(stake, n)
		if want := naive(stake, n); err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %v (%v), want %v", got, err, want)
		}
	})
}

// TestDHondtMonotone: more stake never means fewer shards.
func TestDHondtMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stake, n := drawStake(t, 40), rapid.IntRange(4, 300).Draw(t, "n")
		before, err := DHondt(stake, n)
		if err != nil {
			t.Fatal(err)
		}
		i := rapid.IntRange(0, len(stake)-1).Draw(t, "node")
		stake[i] += rapid.Uint64Range(0, math.MaxUint64/1000).Draw(t, "more")
		after, err := DHondt(stake, n)
		if err != nil {
			t.Fatal(err)
		}
		if after[i] < before[i] {
			t.Fatalf("node %d has %d shards after it got more stake, and had %d", i, after[i], before[i])
		}
	})
}

func node(i int) (id NodeID) {
	id[0], id[31] = byte(i*37), byte(i)
	return id
}

func TestTransition(t *testing.T) {
	a, b, c, d := NodeID{1}, NodeID{2}, NodeID{3}, NodeID{4}
	for _, test := range []struct {
		name   string
		old    []Owner
		shares []Share
		want   []Owner
	}{
		{"nothing changes", []Owner{{a, []int{0, 1}}, {b, []int{2, 3}}}, []Share{{b, 2}, {a, 2}}, []Owner{{a, []int{0, 1}}, {b, []int{2, 3}}}},
		{"one leaves", []Owner{{a, []int{0, 1}}, {b, []int{2, 3}}}, []Share{{b, 4}}, []Owner{{b, []int{2, 3, 1, 0}}}},
		{"one comes", []Owner{{a, []int{0, 1}}, {b, []int{2, 3}}}, []Share{{c, 2}, {b, 1}, {a, 1}}, []Owner{{a, []int{0}}, {b, []int{2}}, {c, []int{3, 1}}}},
		{
			"new ones before those that grow",
			[]Owner{{a, []int{0, 1, 2}}, {b, []int{3}}, {c, []int{4, 5}}},
			[]Share{{b, 3}, {a, 1}, {d, 2}},
			[]Owner{{a, []int{0}}, {b, []int{3, 1, 2}}, {d, []int{5, 4}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Transition(test.old, test.shares)
			if err != nil {
				t.Fatal(err)
			}
			same := slices.EqualFunc(got, test.want, func(a, b Owner) bool { return a.Node == b.Node && slices.Equal(a.Shards, b.Shards) })
			if !same {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	for _, test := range []struct {
		name   string
		shares []Share
	}{{"too few", []Share{{a, 1}}}, {"too many", []Share{{a, 3}}}, {"twice", []Share{{a, 1}, {a, 1}}}, {"negative", []Share{{a, 3}, {b, -1}}}} {
		if _, err := Transition([]Owner{{a, []int{0, 1}}}, test.shares); !errors.Is(err, ErrShares) {
			t.Errorf("%s: error %v, want ErrShares", test.name, err)
		}
	}
}

// TestTransitionMinimal: over any history of committees, each node has its share, each
// shard one owner, and no shard moves but those that must.
func TestTransitionMinimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 120).Draw(t, "n")
		var owners []Owner
		for epoch := range rapid.IntRange(1, 6).Draw(t, "epochs") {
			nodes := rapid.SliceOfNDistinct(rapid.IntRange(1, 12), 1, 12, rapid.ID[int]).Draw(t, "nodes")
			stake := make([]uint64, len(nodes))
			for i := range stake {
				stake[i] = rapid.Uint64Range(1, 100).Draw(t, "stake")
			}
			counts, err := DHondt(stake, n)
			if err != nil {
				t.Fatal(err)
			}
			shares := make([]Share, len(nodes))
			for i := range nodes {
				shares[i] = Share{node(nodes[i]), counts[i]}
			}
			next := First(shares)
			if epoch > 0 {
				if next, err = Transition(owners, shares); err != nil {
					t.Fatal(err)
				}
			}
			must := 0
			seen := make([]bool, n)
			for _, s := range shares {
				had := 0
				if i := slices.IndexFunc(owners, func(o Owner) bool { return o.Node == s.Node }); i >= 0 {
					had = len(owners[i].Shards)
				}
				must += max(0, s.Shards-had)
				i := slices.IndexFunc(next, func(o Owner) bool { return o.Node == s.Node })
				if s.Shards == 0 != (i < 0) || i >= 0 && len(next[i].Shards) != s.Shards {
					t.Fatalf("node %x has not its share of %d: %v", s.Node, s.Shards, next)
				}
			}
			for _, o := range next {
				for _, shard := range o.Shards {
					if seen[shard] {
						t.Fatalf("shard %d has two owners", shard)
					}
					seen[shard] = true
				}
			}
			if slices.Contains(seen, false) {
				t.Fatal("a shard has no owner")
			}
			if moves := Moves(owners, next); epoch > 0 && moves != must {
				t.Fatalf("%d shards move, and %d must", moves, must)
			}
			owners = next
		}
	})
}

func TestVotes(t *testing.T) {
	weigh := func(weights ...int) (votes []Vote) {
		for i, w := range weights {
			votes = append(votes, Vote{uint64(i + 1), w})
		}
		return votes
	}
	for _, test := range []struct {
		name         string
		votes        []Vote
		below, above uint64
	}{
		{"no votes", nil, 0, 0},
		{"one", []Vote{{9, 4}}, 9, 9},
		{"of the contract's tests, prices", weigh(5, 5, 4, 6, 3, 7, 4, 6, 1, 9), 7, 4},
		{"of the contract's tests, capacity", weigh(5, 5, 4, 6, 3, 7, 2, 8, 1, 9), 8, 4},
		{"four equal weights", weigh(1, 1, 1, 1), 3, 2},
		{"a third cannot move it", []Vote{{1, 33}, {50, 34}, {1000, 33}}, 50, 50},
		{"ties", []Vote{{5, 1}, {5, 1}, {7, 1}, {7, 1}}, 7, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := QuorumBelow(test.votes); got != test.below {
				t.Errorf("QuorumBelow %d, want %d", got, test.below)
			}
			if got := QuorumAbove(test.votes); got != test.above {
				t.Errorf("QuorumAbove %d, want %d", got, test.above)
			}
		})
	}
}

// TestVotesBound: who owns a third of the shards or less moves no result beyond what
// the others voted for.
func TestVotesBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		honest := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Vote {
			return Vote{rapid.Uint64().Draw(t, "value"), rapid.IntRange(1, 50).Draw(t, "weight")}
		}), 1, 10).Draw(t, "honest")
		weight, least, most := 0, uint64(math.MaxUint64), uint64(0)
		for _, v := range honest {
			weight += v.Weight
			least, most = min(least, v.Value), max(most, v.Value)
		}
		votes := append(honest, Vote{rapid.Uint64().Draw(t, "foreign"), (weight - 1) / 2})
		for name, got := range map[string]uint64{"below": QuorumBelow(votes), "above": QuorumAbove(votes)} {
			if got < least || got > most {
				t.Fatalf("%s: %d, and the honest votes lie between %d and %d", name, got, least, most)
			}
		}
	})
}
