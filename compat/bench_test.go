package compat

import (
	"fmt"
	"testing"

	"github.com/klauspost/reedsolomon"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// BenchmarkSwap has the calls that a program makes, with either codec in its place,
// both with default options: codec=klauspost is before the swap, codec=redstuff after.
func BenchmarkSwap(b *testing.B) {
	for _, shape := range []struct{ k, m, size int }{{10, 4, 64}, {667, 333, 1 << 10}, {667, 333, 64 << 10}, {334, 666, 1 << 10}} {
		b.Run(fmt.Sprintf("shape=%d+%d/size=%d", shape.k, shape.m, shape.size), func(b *testing.B) {
			ours, err := rs.New(shape.k, shape.m)
			if err != nil {
				b.Fatal(err)
			}
			encoder, err := reedsolomon.New(shape.k, shape.m, reedsolomon.WithLeopardGF16(true))
			if err != nil {
				b.Fatal(err)
			}
			theirs := encoder.(codec)
			for _, work := range []struct {
				name string
				lost int
			}{{"encode", 0}, {"lost=1", 1}, {"lost=most", shape.m}} {
				for _, c := range []struct {
					name string
					codec
				}{{"klauspost", theirs}, {"redstuff", ours}} {
					b.Run("work="+work.name+"/codec="+c.name, func(b *testing.B) {
						shards := c.AllocAligned(shape.size)
						for i, shard := range shards[:shape.k] {
							for j := range shard {
								shard[j] = byte(i*j + j>>8)
							}
						}
						if err := c.Encode(shards); err != nil {
							b.Fatal(err)
						}
						b.SetBytes(int64(shape.k * shape.size))
						for b.Loop() {
							if work.lost == 0 {
								if err := c.Encode(shards); err != nil {
									b.Fatal(err)
								}
								continue
							}
							for i := range work.lost {
								at := i * len(shards) / work.lost
								shards[at] = shards[at][:0]
							}
							if err := c.Reconstruct(shards); err != nil {
								b.Fatal(err)
							}
						}
					})
				}
			}
		})
	}
}
