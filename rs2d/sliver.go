package rs2d

import (
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// Axis is the direction of a sliver.
type Axis uint8

const (
	// Primary slivers are rows of the expanded matrix.
	Primary Axis = iota
	// Secondary slivers are its columns.
	Secondary
)

func (a Axis) String() string {
	switch a {
	case Primary:
		return "primary"
	case Secondary:
		return "secondary"
	}
	return fmt.Sprintf("Axis(%d)", uint8(a))
}

// Other returns the other direction.
func (a Axis) Other() Axis { return a ^ 1 }

// SliverRef names a sliver: its axis and its row or column, 0 to n-1.
type SliverRef struct {
	Axis  Axis
	Index int
}

func (r SliverRef) String() string { return fmt.Sprintf("%v sliver %d", r.Axis, r.Index) }

// Pair returns the sliver pair, of n, that the sliver belongs to.
func (r SliverRef) Pair(n int) int {
	if r.Axis == Secondary {
		return n - 1 - r.Index
	}
	return r.Index
}

// PairSlivers returns the two slivers of pair p of n.
func PairSlivers(p, n int) (primary, secondary SliverRef) {
	return SliverRef{Primary, p}, SliverRef{Secondary, n - 1 - p}
}

// Sliver is what a shard keeps of a row or column: its source symbols one after
// another, S of them in a primary sliver and P in a secondary one.
type Sliver struct {
	SliverRef
	Data []byte
}

// Symbol is one cell of the expanded matrix, with a proof or without one.
type Symbol struct {
	Row, Col int // primary sliver Row and secondary sliver Col cross here
	Data     []byte

	// Proof shows that Data is in the tree of one of the two slivers: of primary
	// sliver Row (as leaf Col) if ProofAxis is Primary, of secondary sliver Col (as
	// leaf Row) if it is Secondary. Without a proof it is nil.
	Proof     commit.Proof
	ProofAxis Axis
}

// At returns the symbol's sliver along the axis.
func (s *Symbol) At(axis Axis) SliverRef {
	if axis == Primary {
		return SliverRef{Primary, s.Row}
	}
	return SliverRef{Secondary, s.Col}
}
