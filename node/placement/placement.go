// Package placement tells which slivers of a blob a member of a committee stores, and
// how long they can be.
//
// Shard s stores one sliver pair of every blob, a primary and a secondary sliver:
// which one follows from the blob's id, so that blobs spread their load. A member
// stores the pairs of all its shards. Everything here is computed from the committee
// and the id: nothing is read, and nothing is remembered.
package placement

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Ref names one sliver of a blob by its pair, as nodes and stores do.
type Ref struct {
	Axis rs2d.Axis
	Pair int
}

// Sliver names the same sliver by its place in the matrix of a code over n shards. The
// pair must be 0 to n-1.
func (r Ref) Sliver(n int) rs2d.SliverRef {
	primary, secondary := rs2d.PairSlivers(r.Pair, n)
	if r.Axis == rs2d.Primary {
		return primary
	}
	return secondary
}

// Of names a sliver of a code over n shards by its pair.
func Of(s rs2d.SliverRef, n int) Ref { return Ref{Axis: s.Axis, Pair: s.Pair(n)} }

// Owns reports whether the member stores the pair of the blob. It panics if the
// committee has no such pair.
func Owns(c *committee.Committee, member int, id commit.BlobID, pair int) bool {
	return c.OwnerOfPair(id, pair) == member
}

// Missing returns the slivers of the blob that the member should have and that are not
// among the stored ones: the secondary ones first, which are the shorter, each axis in
// the order of pairs. ref names what stored holds; slivers of other members in it are
// ignored.
func Missing[E any](c *committee.Committee, member int, id commit.BlobID, stored []E, ref func(E) Ref) []Ref {
	have := make(map[Ref]bool, len(stored))
	for _, e := range stored {
		have[ref(e)] = true
	}
	var missing []Ref
	pairs := c.Pairs(id, member)
	for _, axis := range []rs2d.Axis{rs2d.Secondary, rs2d.Primary} {
		for _, pair := range pairs {
			if want := (Ref{Axis: axis, Pair: pair}); !have[want] {
				missing = append(missing, want)
			}
		}
	}
	return missing
}
