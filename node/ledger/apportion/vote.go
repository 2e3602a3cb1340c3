package apportion

import (
	"cmp"
	"slices"
)

// Vote is what a member votes for, with the shards it owns.
type Vote struct {
	Value  uint64
	Weight int
}

// Quorum reports whether owners of so many of n shards are more than two thirds: of
// any such set, honest owners of more than n/3 shards are a part.
func Quorum(weight, n int) bool { return 3*weight >= 2*n+1 }

// OneHonest reports whether owners of so many of n shards are more than a third, so
// that one of them is honest.
func OneHonest(weight, n int) bool { return 3*weight >= n+1 }

// QuorumBelow returns the smallest value such that the votes for it or for less have a
// quorum: what prices come to. It returns 0 if there are no votes.
func QuorumBelow(votes []Vote) uint64 {
	return first(votes, func(a, b Vote) int { return cmp.Compare(a.Value, b.Value) })
}

// QuorumAbove returns the largest value such that the votes for it or for more have a
// quorum: what capacity comes to. It returns 0 if there are no votes.
func QuorumAbove(votes []Vote) uint64 {
	return first(votes, func(a, b Vote) int { return cmp.Compare(b.Value, a.Value) })
}

// first returns the value of the vote that makes up a quorum with all before it.
func first(votes []Vote, order func(a, b Vote) int) uint64 {
	n := 0
	for _, v := range votes {
		n += v.Weight
	}
	weight := 0
	for _, v := range slices.SortedFunc(slices.Values(votes), order) {
		if weight += v.Weight; n > 0 && Quorum(weight, n) {
			return v.Value
		}
	}
	return 0
}
