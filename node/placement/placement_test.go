package placement_test

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

const shards = 40

func build(t testing.TB) *committee.Committee {
	t.Helper()
	var list []committee.Member
	for i, s := range committee.Spread(shards, 7) {
		list = append(list, identity.NewMember(fmt.Sprint("node-", i), fmt.Sprint("127.0.0.1:", 1+i), identity.GenerateKey(), s))
	}
	c, err := committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3}, 1, list)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func blobID() *rapid.Generator[commit.BlobID] {
	return rapid.Custom(func(t *rapid.T) commit.BlobID {
		return commit.BlobID(rapid.SliceOfN(rapid.Byte(), commit.HashSize, commit.HashSize).Draw(t, "id"))
	})
}

// TestEverySliverHasOneOwner compares all that is said of a blob's placement: what
// members miss of nothing is all there is, each sliver at one of them.
func TestEverySliverHasOneOwner(t *testing.T) {
	c := build(t)
	rapid.Check(t, func(t *rapid.T) {
		id := blobID().Draw(t, "id")
		owner := make(map[placement.Ref]int)
		for m := range c.Len() {
			all := placement.Missing(c, m, id, nil, func(r placement.Ref) placement.Ref { return r })
			if got, want := len(all), 2*c.Weight(m); got != want {
				t.Fatalf("member %d stores %d slivers, want %d", m, got, want)
			}
			for _, ref := range all {
				if other, twice := owner[ref]; twice {
					t.Fatalf("%v is stored by %d and by %d", ref, other, m)
				}
				owner[ref] = m
				if got := placement.Of(ref.Sliver(shards), shards); got != ref {
					t.Fatalf("%v there and back is %v", ref, got)
				}
			}
		}
		if got, want := len(owner), 2*shards; got != want {
			t.Fatalf("%d slivers have an owner, want %d", got, want)
		}
		for ref, of := range owner {
			for m := range c.Len() {
				if got, want := placement.Owns(c, m, id, ref.Pair), of == m; got != want {
					t.Fatalf("member %d owns pair %d: %v, want %v", m, ref.Pair, got, want)
				}
			}
		}
	})
}

func TestMissing(t *testing.T) {
	c := build(t)
	same := func(r placement.Ref) placement.Ref { return r }
	rapid.Check(t, func(t *rapid.T) {
		id := blobID().Draw(t, "id")
		m := rapid.IntRange(0, c.Len()-1).Draw(t, "member")
		all := placement.Missing(c, m, id, nil, same)
		stored := rapid.SliceOfDistinct(rapid.SampledFrom(all), same).Draw(t, "stored")
		have := make(map[placement.Ref]bool)
		for _, ref := range stored {
			have[ref] = true
		}
		// What another member stores says nothing of this one's.
		stored = append(stored, placement.Missing(c, (m+1)%c.Len(), id, nil, same)...)
		var want []placement.Ref
		for _, axis := range []rs2d.Axis{rs2d.Secondary, rs2d.Primary} {
			for _, pair := range c.Pairs(id, m) {
				if ref := (placement.Ref{Axis: axis, Pair: pair}); !have[ref] {
					want = append(want, ref)
				}
			}
		}
		if got := placement.Missing(c, m, id, stored, same); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("missing %v, want %v", got, want)
		}
	})
}

// TestSizes compares lengths with those of what the code makes.
func TestSizes(t *testing.T) {
	for _, n := range []int{4, 7, 10, 130} {
		code, err := rs2d.New(n)
		if err != nil {
			t.Fatal(err)
		}
		p := code.Params()
		for _, length := range []int{0, 1, 1000, 50_000} {
			e, err := code.Encode(make([]byte, length))
			if err != nil {
				t.Fatal(err)
			}
			sizes, err := placement.SizesOf(p, uint64(length))
			if err != nil {
				t.Fatal(err)
			}
			primary, secondary := e.Pair(n - 1)
			if got, want := sizes, (placement.Sizes{len(primary.Data), len(secondary.Data)}); got != want {
				t.Errorf("n=%d, %d bytes: slivers of %v bytes, want %v", n, length, got, want)
			}
			raw, err := e.Metadata().MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if got, limit := len(raw), placement.MaxMetadata(n); got > limit || got < limit-2 {
				t.Errorf("n=%d, %d bytes: metadata of %d bytes, at most %d", n, length, got, limit)
			}
		}
		var tooLarge *commit.TooLargeError
		if _, err := placement.SizesOf(p, p.MaxBlob()+1); !errors.As(err, &tooLarge) {
			t.Errorf("n=%d, too large a blob: %v, want a %T", n, err, tooLarge)
		}
	}
}

// TestMaxProof has the longest proofs of either axis.
func TestMaxProof(t *testing.T) {
	for _, n := range []int{4, 10, 130} {
		p, err := commit.NewParams(n)
		if err != nil {
			t.Fatal(err)
		}
		longest := 0
		data := make([]byte, commit.MaxSymbol)
		for axis, symbols := range map[rs2d.Axis]int{rs2d.Primary: p.S, rs2d.Secondary: p.P} {
			proof := &rs2d.InconsistencyProof{Target: rs2d.SliverRef{Axis: axis, Index: n - 1}}
			for i := range symbols {
				s := rs2d.Symbol{Row: n - 1, Col: i, Data: data, Proof: make(commit.Proof, commit.TreeDepth(n)), ProofAxis: axis.Other()}
				if axis == rs2d.Secondary {
					s.Row, s.Col = s.Col, s.Row
				}
				proof.Symbols = append(proof.Symbols, s)
			}
			raw, err := proof.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			longest = max(longest, len(raw))
		}
		if got, limit := int64(longest), placement.MaxProof(p); got > limit || limit > got+got/100+100 {
			t.Errorf("n=%d: the longest proof has %d bytes, and the bound is %d", n, got, limit)
		}
	}
}

// TestMaxShare: what all members store of the largest blob is all slivers and, at each,
// the metadata.
func TestMaxShare(t *testing.T) {
	c := build(t)
	p := c.Params()
	sizes, err := placement.SizesOf(p, p.MaxBlob())
	if err != nil {
		t.Fatal(err)
	}
	got, want := int64(0), int64(p.N*(sizes[rs2d.Primary]+sizes[rs2d.Secondary])+c.Len()*placement.MaxMetadata(p.N))
	for m := range c.Len() {
		got += placement.MaxShare(c, m)
	}
	if got != want {
		t.Errorf("all shares have %d bytes, want %d", got, want)
	}
}
