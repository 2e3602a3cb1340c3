package gf

import (
	"errors"
	"testing"
)

func TestOverlap(t *testing.T) {
	e, err := NewEngine("")
	if err != nil {
		t.Fatal(err)
	}
	const n = 512
	for _, test := range []struct {
		name string
		call func(m []byte)
		want int // the region that overlaps, or -1
	}{
		{"Mul: the same", func(m []byte) { e.Mul(m[:n], m[:n], 3) }, -1},
		{"Mul: side by side", func(m []byte) { e.Mul(m[:n], m[n:2*n], 3) }, -1},
		{"Mul: a block behind", func(m []byte) { e.Mul(m[64:n+64], m[:n], 3) }, 0},
		{"Mul: a byte before", func(m []byte) { e.Mul(m[:n], m[1:n+1], 3) }, 0},
		{"MulAdd: a block behind", func(m []byte) { e.MulAdd(m[64:n+64], m[:n], 3) }, 0},
		{"Xor: the same", func(m []byte) { e.Xor(m[:9], m[:9]) }, -1},
		{"Xor: a byte behind", func(m []byte) { e.Xor(m[1:10], m[:9]) }, 0},
		{"Dot: side by side", func(m []byte) { e.Dot(m[:64], [][]byte{m[:128], m}, 64, []Elem{1, 2}) }, -1},
		{"Dot: into the second source", func(m []byte) { e.Dot(m[:64], [][]byte{m[64:], m}, 0, []Elem{1, 2}) }, 1},
		{"Pack: side by side", func(m []byte) { e.Pack(m, 32, [][]byte{m[128:], m[192:]}, 0, 0, 64, 1) }, -1},
		{"Pack: into the second source", func(m []byte) { e.Pack(m, 32, [][]byte{m[128:], m[64:]}, 0, 0, 64, 1) }, 1},
		{"Unpack: out of the first destination", func(m []byte) { e.Unpack([][]byte{m[60:], m[192:]}, 0, 0, 64, 1, m, 32) }, 0},
		{"Unpack: side by side", func(m []byte) { e.Unpack([][]byte{m[128:], m[192:]}, 0, 0, 64, 1, m, 32) }, -1},
		{"Scale: the same", func(m []byte) { e.Scale(m, m, 32, []Elem{1, 2}) }, -1},
		{"Scale: the next row", func(m []byte) { e.Scale(m[64:], m, 32, []Elem{1, 2}) }, 0},
		{"FFT: the same", func(m []byte) { e.FFT(m, m, 32, 4, 0, 4) }, -1},
		{"FFT: the next row", func(m []byte) { e.FFT(m[64:], m, 32, 4, 0, 4) }, 0},
		{"FFT: side by side", func(m []byte) { e.FFT(m[256:], m, 32, 4, 0, 4) }, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				got := recover()
				if test.want < 0 {
					if got != nil {
						t.Errorf("panics with %v", got)
					}
					return
				}
				err, _ := got.(error)
				var overlap *OverlapError
				if !errors.As(err, &overlap) || overlap.Region != test.want {
					t.Errorf("panics with %v, want an OverlapError of region %d", got, test.want)
				}
			}()
			test.call(make([]byte, 2*n))
		})
	}
}
