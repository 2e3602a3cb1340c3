package peer

import (
	"bytes"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
)

// Reach returns the blob up to which the owners of so many shards have listed theirs, as
// far on as can be, or nil if that is the end. Who lists very many blobs holds up
// nobody so. ends are where lists go on, nil for those that are complete; weights are
// the shards of their owners, at least need in all.
func Reach(ends []*commit.BlobID, weights []int, need int) *commit.BlobID {
	order := make([]int, len(ends))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return CompareEnds(ends[b], ends[a]) })
	for _, i := range order {
		if need -= weights[i]; need <= 0 {
			return ends[i]
		}
	}
	panic("peer: lists of too few")
}

// CompareEnds compares ends of lists; nil is past all blobs.
func CompareEnds(a, b *commit.BlobID) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return bytes.Compare(a[:], b[:])
}
