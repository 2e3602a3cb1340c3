package bitset

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBitset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "shards")
		from := rapid.IntRange(0, n).Draw(t, "from")
		to := rapid.IntRange(from, n).Draw(t, "to")
		base := rapid.IntRange(0, from).Draw(t, "base")
		set, first := make(Set, Words(n)), make(Set, Words(n))
		first.AddAll(to)
		var members, others []int
		for i := range n {
			member := rapid.Bool().Draw(t, "member")
			if member {
				set.Add(i)
			}
			if set.Has(i) != member || first.Has(i) != (i < to) {
				t.Fatalf("shard %d: %v, %v", i, set.Has(i), first.Has(i))
			}
			switch {
			case i < from || i >= to:
			case member:
				members = append(members, i-base)
			default:
				others = append(others, i-base)
			}
		}
		if got := set.Count(from, to); got != len(members) {
			t.Fatalf("%d members, want %d", got, len(members))
		}
		if got := set.AppendTo(nil, from, to, base); !slices.Equal(got, members) {
			t.Fatalf("members %v, want %v", got, members)
		}
		if got := set.AppendOthers(nil, from, to, base); !slices.Equal(got, others) {
			t.Fatalf("others %v, want %v", got, others)
		}
	})
}
