package store

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSums takes checksums of a sliver that comes in pieces.
func TestSums(t *testing.T) {
	for _, n := range []int{0, 1, blockSize - 1, blockSize, blockSize + 1, 3*blockSize + 5} {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(rand.Uint32())
		}
		for _, piece := range []int{1000, blockSize / 4, blockSize, 2*blockSize + 1} {
			s := new(Sums)
			for part := range slices.Chunk(data, piece) {
				s.Add(part)
			}
			if got, want := s.of(data), checksums(data); !slices.Equal(got, want) || len(want) != (n+blockSize-1)/blockSize {
				t.Errorf("%d bytes in pieces of %d: %x, want %x", n, piece, got, want)
			}
			if n > 0 && slices.Equal(s.of(data[1:]), s.blocks) {
				t.Errorf("%d bytes in pieces of %d: the checksums are those of other data, too", n, piece)
			}
		}
		if got, want := (*Sums)(nil).of(data), checksums(data); !slices.Equal(got, want) {
			t.Errorf("%d bytes without: %x, want %x", n, got, want)
		}
	}
}
