package rs

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestWideStrips encodes shards that are large enough together for wide strips, and
// the same ones a little at a time.
func TestWideStrips(t *testing.T) {
	for _, shape := range [][2]int{{334, 666}, {667, 333}, {1000, 64}} {
		narrow, err := New(shape[0], shape[1], WithWorkers(1))
		if err != nil {
			t.Fatal(err)
		}
		const part = 1 << 10
		size := (narrow.wideTotal()/narrow.TotalShards()+part-1)/part*part + 64
		want, got := narrow.AllocAligned(size), narrow.AllocAligned(size)
		random := rand.NewChaCha8([32]byte{})
		for i := range shape[0] {
			_, _ = random.Read(want[i])
			copy(got[i], want[i])
		}
		for off := 0; off < size; off += part {
			parts := make([][]byte, len(want))
			for i, shard := range want {
				parts[i] = shard[off:min(off+part, size)]
			}
			if err := narrow.Encode(parts); err != nil {
				t.Fatal(err)
			}
		}
		for _, workers := range []int{1, 3} {
			wide, err := New(shape[0], shape[1], WithWorkers(workers))
			if err != nil {
				t.Fatal(err)
			}
			for _, parity := range got[shape[0]:] {
				clear(parity)
			}
			if err := wide.Encode(got); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("%v, %d workers: shard %d differs", shape, workers, i)
				}
			}
		}
	}
}
