package apportion

import (
	"container/heap"
	"errors"
	"math/bits"
)

// ErrNoStake is returned when nobody has any stake.
var ErrNoStake = errors.New("apportion: nobody has stake")

// ErrStakeOverflow is returned when all stake together does not fit into 64 bits.
var ErrStakeOverflow = errors.New("apportion: the sum of all stake overflows")

// From cappedFrom nodes on, no node gets more than one in capShare of the shards. With
// fewer nodes, the cap grows so that all shards can still be handed out.
const (
	cappedFrom = 20
	capShare   = 10
)

// MaxShards returns the most shards that one of so many nodes gets: n/10 from 20 nodes
// on, and 2n/nodes, rounded up, below. It is never less than an equal part, rounded up:
// where n is below 10, nobody could have the shards otherwise.
func MaxShards(nodes, n int) int {
	switch {
	case nodes <= 0:
		return 0
	case nodes >= cappedFrom:
		return max(n/capShare, (n+nodes-1)/nodes)
	}
	return (n*cappedFrom + nodes*capShare - 1) / (nodes * capShare)
}

// DHondt apportions n shards to stake by the method of D'Hondt, and returns how many
// each node gets. Nodes are in the order of their precedence: of two with equal claims,
// the earlier one comes first. The error is ErrNoStake or ErrStakeOverflow.
//
// The method hands out shards one after another, each to the node with the largest
// quotient stake/(shards+1). It begins with what the method is certain to give: with
// total stake T, a node gets at least floor(stake/q) shards for every q > T/(n+1)
// (Hagenbach-Bischoff).
func DHondt(stake []uint64, n int) ([]int, error) {
	total, err := sum(stake)
	if err != nil {
		return nil, err
	}
	most := MaxShards(len(stake), n)
	certain := total/uint64(n+1) + 1
	shards := make([]int, len(stake))
	open := make(quotients, 0, len(stake))
	left := n
	for i, s := range stake {
		shards[i] = int(min(s/certain, uint64(most)))
		left -= shards[i]
		if shards[i] < most {
			open = append(open, newQuotient(s, shards[i], i))
		}
	}
	heap.Init(&open)
	for ; left > 0; left-- {
		next := &open[0]
		i := next.node
		shards[i]++
		if shards[i] == most {
			heap.Pop(&open)
			continue
		}
		*next = newQuotient(stake[i], shards[i], i)
		heap.Fix(&open, 0)
	}
	return shards, nil
}

// sum returns all stake together. The error is ErrNoStake or ErrStakeOverflow.
func sum(stake []uint64) (total uint64, err error) {
	for _, s := range stake {
		var carry uint64
		if total, carry = bits.Add64(total, s, 0); carry != 0 {
			return 0, ErrStakeOverflow
		}
	}
	if total == 0 {
		return 0, ErrNoStake
	}
	return total, nil
}

// quotient is a node's claim to the next shard: its stake over its shards and one more,
// in 64 bits before and 64 after the point.
type quotient struct {
	whole, fraction uint64
	node            int
}

func newQuotient(stake uint64, shards, node int) quotient {
	by := uint64(shards) + 1
	whole, rest := stake/by, stake%by
	fraction, _ := bits.Div64(rest, 0, by)
	return quotient{whole, fraction, node}
}

// quotients is a heap with the largest claim on top, and the earlier of equal ones.
type quotients []quotient

func (q quotients) Len() int      { return len(q) }
func (q quotients) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q quotients) Less(i, j int) bool {
	a, b := q[i], q[j]
	switch {
	case a.whole != b.whole:
		return a.whole > b.whole
	case a.fraction != b.fraction:
		return a.fraction > b.fraction
	}
	return a.node < b.node
}

// Push is there for container/heap. Nothing is pushed.
func (q *quotients) Push(x any) { *q = append(*q, x.(quotient)) }

// Pop is there for container/heap.
func (q *quotients) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
