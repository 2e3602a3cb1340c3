package lanehash

import (
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

// benchMessages is a batch as the encoder hands it out: the symbols of one
// column of a code of 1000 shards. It is a multiple of no kernel's lanes.
const benchMessages = 1000

func benchEachHasher(b *testing.B, f func(b *testing.B, h *Hasher)) {
	for _, scheme := range []Scheme{BLAKE3, Walrus} {
		for _, backend := range cpu.Supported() {
			b.Run(fmt.Sprintf("%v/%s", scheme, backend), func(b *testing.B) {
				f(b, mustHasher(b, scheme, backend))
			})
		}
	}
}

// reportPerMessage replaces the time of a batch by that of a message.
func reportPerMessage(b *testing.B, messages int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(messages), "ns/msg")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkLeaves(b *testing.B) {
	benchEachHasher(b, func(b *testing.B, h *Hasher) {
		for _, size := range []int{2, 4, 32, 64, 152, 512, 1024, 2048, 4096} {
			b.Run(fmt.Sprint(size), func(b *testing.B) {
				count := min(benchMessages, 1<<20/size)
				src := randomBytes(1, size*count)
				dst := make([]byte, HashSize*count)
				b.SetBytes(int64(size * count))
				for b.Loop() {
					h.Leaves(dst, HashSize, src, size, size, count)
				}
				reportPerMessage(b, count)
			})
		}
	})
}

func BenchmarkNodes(b *testing.B) {
	benchEachHasher(b, func(b *testing.B, h *Hasher) {
		src := randomBytes(1, 2*HashSize*benchMessages)
		dst := make([]byte, HashSize*benchMessages)
		for _, shape := range []struct {
			name   string
			right  []byte
			stride int
		}{{"neighbours", src[HashSize:], 2 * HashSize}, {"rows", src[HashSize*benchMessages:], HashSize}} {
			b.Run(shape.name, func(b *testing.B) {
				for b.Loop() {
					h.Nodes(dst, src, shape.right, shape.stride, benchMessages)
				}
				reportPerMessage(b, benchMessages)
			})
		}
		for _, count := range []int{1, 5, 8, 15, 16} {
			b.Run(fmt.Sprintf("batch of %d", count), func(b *testing.B) {
				for b.Loop() {
					h.Nodes(dst, src, src[HashSize:], 2*HashSize, count)
				}
				reportPerMessage(b, count)
			})
		}
	})
}
