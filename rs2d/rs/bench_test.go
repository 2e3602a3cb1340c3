package rs_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// benchmarkShapes are the codes that benchmarks run, and what they run them on.
func benchmarkShapes(b *testing.B, f func(b *testing.B, c *rs.Codec, shards [][]byte)) {
	for _, shape := range [][2]int{{1, 1}, {10, 4}, {334, 666}, {667, 333}} {
		for _, size := range []int{64, 1 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%d+%d/%d", shape[0], shape[1], size), func(b *testing.B) {
				c, err := rs.New(shape[0], shape[1], rs.WithWorkers(1))
				if err != nil {
					b.Fatal(err)
				}
				shards := c.AllocAligned(size)
				random := rand.NewChaCha8([32]byte{})
				for _, shard := range shards[:shape[0]] {
					_, _ = random.Read(shard)
				}
				b.SetBytes(int64(shape[0] * size))
				f(b, c, shards)
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	benchmarkShapes(b, func(b *testing.B, c *rs.Codec, shards [][]byte) {
		for b.Loop() {
			if err := c.Encode(shards); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkReconstruct brings back as many data shards as there are parity shards, or all
// but a third.
func BenchmarkReconstruct(b *testing.B) {
	benchmarkShapes(b, func(b *testing.B, c *rs.Codec, shards [][]byte) {
		if err := c.Encode(shards); err != nil {
			b.Fatal(err)
		}
		lost := min(c.ParityShards(), (c.DataShards()+1)*2/3)
		for b.Loop() {
			for i := range lost {
				shards[i] = shards[i][:0]
			}
			if err := c.ReconstructData(shards); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	benchmarkShapes(b, func(b *testing.B, c *rs.Codec, shards [][]byte) {
		if err := c.Encode(shards); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if ok, err := c.Verify(shards); err != nil || !ok {
				b.Fatal(ok, err)
			}
		}
	})
}
