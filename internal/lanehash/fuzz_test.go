package lanehash

import (
	"bytes"
	"testing"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

// FuzzLeaves compares every backend with the generic one, whole and in pieces.
func FuzzLeaves(f *testing.F) {
	f.Add([]byte("a symbol"), uint16(2), uint8(3), uint8(0))
	f.Add(bytes.Repeat([]byte{1, 2, 3}, 700), uint16(65), uint8(17), uint8(1))
	f.Add(bytes.Repeat([]byte{0xFF}, 5000), uint16(2500), uint8(2), uint8(0))
	f.Add([]byte{}, uint16(0), uint8(9), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, size uint16, count, gap uint8) {
		stride, n := int(size)+int(gap), int(count%64)
		if !holdsRows(len(data), stride, int(size), max(n, 1)) {
			stride = 0 // the same message in every lane
			if len(data) < int(size) {
				return
			}
		}
		for _, scheme := range []Scheme{BLAKE3, Walrus} {
			want := make([]byte, n*HashSize)
			mustHasher(t, scheme, cpu.Generic).Leaves(want, HashSize, data, stride, int(size), n)
			for _, backend := range cpu.Supported() {
				h := mustHasher(t, scheme, backend)
				got := make([]byte, n*HashSize)
				h.Leaves(got, HashSize, data, stride, int(size), n)
				if !bytes.Equal(got, want) {
					t.Fatalf("%v on %s: %d symbols of %d bytes, %d apart, differ", scheme, backend, n, size, stride)
				}
				batch := h.NewLeafBatch()
				batch.Reset(int(size), n)
				for at := 0; at < int(size); at += LeafPiece {
					batch.Write(data[at:], stride, min(LeafPiece, int(size)-at))
				}
				batch.Sum(got, HashSize)
				if !bytes.Equal(got, want) {
					t.Fatalf("%v on %s: %d symbols of %d bytes differ in pieces", scheme, backend, n, size)
				}
			}
		}
	})
}

// FuzzNodes compares every backend with the generic one on two rows that may
// overlap in any way.
func FuzzNodes(f *testing.F) {
	f.Add(bytes.Repeat([]byte{7, 9}, 200), uint8(32), uint8(32), uint8(5))
	f.Add(bytes.Repeat([]byte{1}, 3000), uint8(32), uint8(64), uint8(33))
	f.Fuzz(func(t *testing.T, data []byte, right, stride, count uint8) {
		if stride < HashSize || len(data) < int(right) || count == 0 ||
			!holdsRows(len(data)-int(right), int(stride), HashSize, int(count)) {
			return
		}
		for _, scheme := range []Scheme{BLAKE3, Walrus} {
			want := make([]byte, int(count)*HashSize)
			mustHasher(t, scheme, cpu.Generic).Nodes(want, data, data[right:], int(stride), int(count))
			for _, backend := range cpu.Supported() {
				got := make([]byte, int(count)*HashSize)
				mustHasher(t, scheme, backend).Nodes(got, data, data[right:], int(stride), int(count))
				if !bytes.Equal(got, want) {
					t.Fatalf("%v on %s: %d nodes, %d apart, differ", scheme, backend, count, stride)
				}
			}
		}
	})
}
