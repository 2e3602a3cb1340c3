package commit_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/redstuff-go/redstuff/commit"
)

// A tree over the symbols of a sliver lets its holder prove any one of them.
func ExampleHasher_VerifyProof() {
	h, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		log.Fatal(err)
	}
	symbols := []string{"the", "walrus", "and", "the", "carpenter"}
	leaves := make([]commit.Hash, len(symbols))
	for i, symbol := range symbols {
		leaves[i] = h.Leaf([]byte(symbol))
	}
	tree := h.NewTree(leaves)
	proof := tree.Proof(1)

	fmt.Println(h.VerifyProof(tree.Root(), h.Leaf([]byte("walrus")), 1, tree.Len(), proof))
	err = h.VerifyProof(tree.Root(), h.Leaf([]byte("oyster")), 1, tree.Len(), proof)
	fmt.Println(errors.Is(err, commit.ErrProofRoot))
	// Output:
	// <nil>
	// true
}

// The file form carries its blob id, and reading it checks the one by the other.
func ExampleParseFile() {
	h, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		log.Fatal(err)
	}
	roots := make([]commit.Hash, 10)
	for i := range roots {
		roots[i] = h.Leaf([]byte{byte(i)})
	}
	m := &commit.Metadata{Scheme: commit.Walrus, Length: 33, Primary: roots, Secondary: roots}
	file, err := m.AppendFile(nil, h)
	if err != nil {
		log.Fatal(err)
	}

	back, id, err := commit.ParseFile(file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(back.Shards(), back.Length, len(id.String()))

	file[len(file)-1] ^= 1
	_, _, err = commit.ParseFile(file)
	fmt.Println(errors.Is(err, commit.ErrIDMismatch))
	// Output:
	// 10 33 43
	// true
}

// Every blob starts at another shard.
func ExampleBlobID_ShardOfPair() {
	id, err := commit.ParseBlobID("RcU82Mwf-CFkv1LaI_2qcpANwpGUuG3TMwnVzZxD2kY")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id.ShardOfPair(0, 10), id.PairOfShard(8, 10))
	// Output: 8 0
}

// Parameters say how a blob is cut.
func ExampleParams_SymbolSize() {
	p, err := commit.NewParams(1000)
	if err != nil {
		log.Fatal(err)
	}
	size, err := p.SymbolSize(32 << 20)
	fmt.Println(p.P, p.S, size, err)
	// Output: 334 667 152 <nil>
}
