package bench

import (
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gf"
)

var (
	hashSizes = []int{2, 64, 65, 128, 152, 512, 1024, 4096}
	libraries = map[commit.Scheme]string{commit.BLAKE3: "zeebo", commit.Walrus: "x-crypto"}
)

func BenchmarkLeaves(b *testing.B) {
	for _, scheme := range schemes {
		for _, size := range hashSizes {
			name := fmt.Sprintf("scheme=%v/size=%d/codec=", scheme, size)
			for _, backend := range gf.Backends() {
				run(b, name+engineName(backend), func() (*work.Op, error) {
					return work.Leaves(&arena, scheme, backend, size)
				})
			}
			run(b, name+libraries[scheme], func() (*work.Op, error) { return work.PeerHashes(&arena, scheme, size), nil })
		}
	}
}

func BenchmarkNodes(b *testing.B) {
	for _, scheme := range schemes {
		name := fmt.Sprintf("scheme=%v/codec=", scheme)
		for _, backend := range gf.Backends() {
			run(b, name+engineName(backend), func() (*work.Op, error) { return work.Nodes(&arena, scheme, backend) })
		}
		run(b, name+libraries[scheme], func() (*work.Op, error) { return work.PeerHashes(&arena, scheme, 64), nil })
	}
}

// engineName is "redstuff" for the best backend, and otherwise tells which.
func engineName(backend string) string {
	if backend == gf.Backends()[0] {
		return "redstuff"
	}
	return "redstuff-" + backend
}
