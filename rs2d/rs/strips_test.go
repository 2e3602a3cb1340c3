package rs

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// TestWideStrips encodes shards that are large enough together for wide strips, and
// the same ones a little at a time.
func TestWideStrips(t *testing.T) {
	for _, shape := range [][2]int{{334, 666}, {667, 333}, {1000, 64}, {2100, 64}} {
		narrow, err := New(shape[0], shape[1], WithWorkers(1))
		if err != nil {
			t.Fatal(err)
		}
		if narrow.code.WideTotal() == math.MaxInt {
			continue // no shards are large enough for the backend's wide strips
		}
		const part = 1 << 10
		size := max(2*part, (narrow.code.WideTotal()/narrow.TotalShards()+part-1)/part*part) + 64
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

// TestFewParity encodes long shards with few of parity, on one worker and on several, and
// the same ones a little at a time, which takes neither passes nor pieces.
func TestFewParity(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {5, 1}, {9, 2}, {40, 3}, {10, 4}, {33, 8}, {7, 13}, {64, 16}, {200, 9}} {
		const part = 1 << 10
		size := 130<<10 + 64
		short, err := New(shape[0], shape[1])
		if err != nil {
			t.Fatal(err)
		}
		want := short.AllocAligned(size)
		random := rand.NewChaCha8([32]byte{1})
		for i := range shape[0] {
			_, _ = random.Read(want[i])
		}
		for off := 0; off < size; off += part {
			parts := make([][]byte, len(want))
			for i, shard := range want {
				parts[i] = shard[off:min(off+part, size)]
			}
			if err := short.Encode(parts); err != nil {
				t.Fatal(err)
			}
		}
		for _, workers := range []int{1, 3} {
			long, err := New(shape[0], shape[1], WithWorkers(workers))
			if err != nil {
				t.Fatal(err)
			}
			got := long.AllocAligned(size)
			copy(got, want[:shape[0]])
			if err := long.Encode(got); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("%v, %d workers: shard %d differs", shape, workers, i)
				}
			}
			ok, err := long.Verify(got)
			if err != nil || !ok {
				t.Fatalf("%v, %d workers: Verify says %v, %v of what Encode made", shape, workers, ok, err)
			}
			got[len(got)-1][size-1] ^= 1
			if ok, err := long.Verify(got); err != nil || ok {
				t.Fatalf("%v, %d workers: Verify says %v, %v of parity with a flipped bit", shape, workers, ok, err)
			}
		}
	}
}

// Short calls take nothing from the heap, whatever the code.
func TestShortEncodesAllocateNothing(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {2, 1}, {10, 4}, {16, 16}} {
		c, err := New(shape[0], shape[1])
		if err != nil {
			t.Fatal(err)
		}
		shards := c.AllocAligned(64)
		if n := testing.AllocsPerRun(100, func() {
			if err := c.Encode(shards); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%v: an encode of 64 bytes a shard allocates %v times", shape, n)
		}
	}
}
