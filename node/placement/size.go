package placement

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Sizes are the lengths of a blob's slivers in bytes, by axis.
type Sizes [2]int

// SizesOf returns the lengths of the slivers of a blob of length bytes. The error is a
// *commit.TooLargeError for a blob that the code cannot hold.
func SizesOf(p commit.Params, length uint64) (Sizes, error) {
	size, err := p.SymbolSize(length)
	if err != nil {
		return Sizes{}, err
	}
	var sizes Sizes
	sizes[rs2d.Primary], sizes[rs2d.Secondary] = p.S*size, p.P*size
	return sizes, nil
}

// MaxMetadata returns the length of the longest metadata of a blob in BCS for n shards,
// in bytes. All metadata of one n has the same length, at most two bytes shorter.
func MaxMetadata(n int) int {
	const hashType = 1 // each root is preceded by the kind of its hash
	return 2 + 8 + 3 + 2*n*(hashType+commit.HashSize)
}

// MaxProof returns the length of the longest proof of inconsistency, in bytes: the
// symbols of one sliver, each with a path to its root.
func MaxProof(p commit.Params) int64 {
	const head, symbolHead = 16, 24
	return head + int64(max(p.P, p.S))*(symbolHead+commit.MaxSymbol+int64(commit.TreeDepth(p.N))*(1+commit.HashSize))
}

// MaxShare returns the number of bytes of all that the member can have to store of one
// blob: the metadata, and the slivers of the largest blob.
func MaxShare(c *committee.Committee, member int) int64 {
	p := c.Params()
	return int64(MaxMetadata(p.N)) + int64(c.Weight(member))*int64(p.S+p.P)*commit.MaxSymbol
}
