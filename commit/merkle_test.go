package commit

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// randomHashes returns n hashes, none of them zero, the same ones every time.
func randomHashes(n int, seed uint64) []Hash {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	hashes := make([]Hash, n)
	for i := range hashes {
		for j := range hashes[i] {
			hashes[i][j] = byte(rng.Uint32())
		}
	}
	return hashes
}

// oracleRoot is the tree's definition, on other people's hash functions.
func oracleRoot(s Scheme, level []Hash) Hash {
	if len(level) == 0 {
		return Hash{}
	}
	for len(level) > 1 {
		var next []Hash
		for k := 0; k < len(level); k += 2 {
			var right Hash
			if k+1 < len(level) {
				right = level[k+1]
			}
			next = append(next, oracleNode(s, level[k][:], right[:]))
		}
		level = next
	}
	return level[0]
}

// treeSizes are numbers of leaves around every kind of odd level.
func treeSizes() []int {
	var sizes []int
	for n := range 41 {
		sizes = append(sizes, n)
	}
	return append(sizes, 63, 64, 65, 100, 127, 128, 129, 300, 1000)
}

func TestRootAndTree(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for _, n := range treeSizes() {
			leaves := randomHashes(n, 1)
			want := oracleRoot(h.Scheme(), leaves)
			before := append([]Hash(nil), leaves...)
			if got := h.Root(leaves); got != want {
				t.Fatalf("Root of %d leaves = %v, want %v", n, got, want)
			}
			tree := h.NewTree(leaves)
			if tree.Root() != want || tree.Len() != n {
				t.Fatalf("tree of %d leaves: root %v, want %v; length %d", n, tree.Root(), want, tree.Len())
			}
			for i := range leaves {
				if leaves[i] != before[i] {
					t.Fatalf("leaf %d of %d was changed", i, n)
				}
			}
		}
	})
}

func TestTreeDepth(t *testing.T) {
	for _, tt := range []struct{ leaves, want int }{
		{0, 0}, {1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {8, 3}, {9, 4},
		{1000, 10}, {1024, 10}, {1025, 11}, {MaxShards, maxProof},
	} {
		if got := TreeDepth(tt.leaves); got != tt.want {
			t.Errorf("TreeDepth(%d) = %d, want %d", tt.leaves, got, tt.want)
		}
	}
}

func TestProofPanics(t *testing.T) {
	h := mustHasher(t, BLAKE3, "")
	for _, n := range []int{0, 1, 5} {
		for _, i := range []int{-1, n} {
			t.Run(fmt.Sprintf("leaf %d of %d", i, n), func(t *testing.T) {
				mustPanic(t, func() { h.NewTree(randomHashes(n, 2)).Proof(i) })
			})
		}
	}
}

func BenchmarkRoot(b *testing.B) {
	for _, s := range []Scheme{BLAKE3, Walrus} {
		h := mustHasher(b, s, "")
		leaves := randomHashes(1000, 4)
		b.Run(fmt.Sprintf("%v/%s/leaves=1000", s, h.Backend()), func(b *testing.B) {
			for b.Loop() {
				h.Root(leaves)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/node")
		})
	}
}
