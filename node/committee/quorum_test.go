package committee_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// TestQuorums draws committees and checks what certificates are taken to prove, with as
// many faulty members as there may be, all of them among the signers, and no more
// signers than it takes. A blob's point of availability leaves enough honest owners to
// decode it, and any two quorums have an honest owner in common; an honest member has
// verified what is said to be inconsistent; and honest members alone are a quorum.
func TestQuorums(t *testing.T) {
	keys := fixedKeys(t, 10)
	var all []committee.Member
	for i, key := range keys {
		all = append(all, identity.NewMember(fmt.Sprint("m", i), fmt.Sprint("host:", 1+i), key, nil))
	}
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(4, len(keys)).Draw(t, "members")
		n := count + rapid.IntRange(0, 12).Draw(t, "more shards")
		// Members of any weights.
		cuts := rapid.SliceOfNDistinct(rapid.IntRange(1, n-1), count-1, count-1, rapid.ID[int]).Draw(t, "cuts")
		cuts = append(cuts, 0, n)
		slices.Sort(cuts)
		deal := rapid.Permutation(sequence(n)).Draw(t, "deal")
		members := slices.Clone(all[:count])
		for i := range members {
			members[i].Shards = deal[cuts[i]:cuts[i+1]]
		}
		c, err := committee.New(committee.System{Network: "test", Shards: n, Scheme: commit.BLAKE3}, 1, members)
		if err != nil {
			t.Fatal(err)
		}
		p := c.Params()
		weigh := func(set []int) (weight int) {
			for _, i := range set {
				weight += c.Weight(i)
			}
			return weight
		}
		order := rapid.Permutation(sequence(count)).Draw(t, "order")
		var faulty []int
		for _, i := range order {
			if weigh(faulty)+c.Weight(i) <= p.F {
				faulty = append(faulty, i)
			}
		}
		honest := func(set []int) []int {
			return slices.DeleteFunc(slices.Clone(set), func(i int) bool { return slices.Contains(faulty, i) })
		}
		// quorum returns the faulty members and as many others, in their order, as make a
		// certificate; without the last of them there is none.
		quorum := func(kind committee.Kind, others []int) []int {
			set := slices.Clone(faulty)
			for _, i := range honest(others) {
				if weigh(set) >= c.Quorum(kind) {
					break
				}
				set = append(set, i)
			}
			return set
		}
		for _, kind := range []committee.Kind{committee.Stored, committee.Inconsistent} {
			a := committee.Attestation{Kind: kind}
			set := quorum(kind, order)
			signatures := attestAll(c, keys, a, set...)
			if _, err := c.Certify(a, signatures); err != nil {
				t.Fatalf("%v by owners of %d of %d shards: %v", kind, weigh(set), n, err)
			}
			delete(signatures, set[len(set)-1])
			if _, err := c.Certify(a, signatures); err == nil {
				t.Fatalf("%v by owners of %d of %d shards", kind, weigh(set[:len(set)-1]), n)
			}
		}
		one := quorum(committee.Stored, order)
		slices.Reverse(order)
		two := quorum(committee.Stored, order)
		if got := weigh(honest(one)); got < p.P {
			t.Fatalf("%d honest shards store a certified blob, and %d decode it", got, p.P)
		}
		if !slices.ContainsFunc(honest(one), func(i int) bool { return slices.Contains(two, i) }) {
			t.Fatalf("quorums %v and %v have no honest member in common", one, two)
		}
		if got := quorum(committee.Inconsistent, order); len(honest(got)) == 0 {
			t.Fatalf("faulty members %v alone make a blob inconsistent", got)
		}
		if got := weigh(honest(order)); got < c.Quorum(committee.Stored) {
			t.Fatalf("honest members own %d shards, too few to certify anything", got)
		}
	})
}

// sequence returns the numbers from 0 to n-1.
func sequence(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}
