package ntstore

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

func forEachBackend(t *testing.T, f func(t *testing.T, m Copier)) {
	for _, name := range cpu.Supported() {
		t.Run(name, func(t *testing.T) { f(t, New(name)) })
	}
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// rows returns random rows in a slice that begins anywhere in a line and ends with
// the last row.
func rows(r *rand.Rand, size, count int) Rows {
	stride := size + r.IntN(3*Line)
	skip := r.IntN(Line)
	return Rows{Base: random(r, skip+(count-1)*stride+size)[skip:], Stride: stride}
}

func TestCopies(t *testing.T) {
	forEachBackend(t, func(t *testing.T, m Copier) {
		r := rand.New(rand.NewPCG(1, 0))
		for range 2000 {
			size, count := 1+r.IntN(700), 1+r.IntN(9)
			src := rows(r, size, count)
			gathered, stored := rows(r, size, count), rows(r, size, count)
			wants := [2][]byte{bytes.Clone(gathered.Base), bytes.Clone(stored.Base)}
			for i := range count {
				copy(wants[0][i*gathered.Stride:], src.Base[i*src.Stride:][:size])
				copy(wants[1][i*stored.Stride:], src.Base[i*src.Stride:][:size])
			}
			m.Gather(gathered, src, size, count)
			if !bytes.Equal(gathered.Base, wants[0]) {
				t.Fatalf("Gather of %d rows of %d bytes differs", count, size)
			}
			m.Store(stored, src, size, count)
			if !bytes.Equal(stored.Base, wants[1]) {
				t.Fatalf("Store of %d rows of %d bytes differs", count, size)
			}
		}
	})
}

// TestStorePart stores rows in parts.
func TestStorePart(t *testing.T) {
	forEachBackend(t, func(t *testing.T, m Copier) {
		r := rand.New(rand.NewPCG(2, 0))
		for range 500 {
			count, parts := 1+r.IntN(9), 1+r.IntN(5)
			var sizes []int
			total := 0
			for i := range parts {
				size := Line + r.IntN(300)
				if i == parts-1 {
					size = 1 + r.IntN(300)
				}
				sizes = append(sizes, size)
				total += size
			}
			dst := rows(r, total, count)
			want := bytes.Clone(dst.Base)
			carry := make([]byte, count*Line)
			at := 0
			for i, size := range sizes {
				stride := size + Line + r.IntN(Line)
				mem := random(r, Line+count*stride)
				src := Rows{Base: mem[Line:], Stride: stride}
				for row := range count {
					copy(want[row*dst.Stride+at:], src.Base[row*stride:][:size])
				}
				m.StorePart(Rows{Base: dst.Base[at:], Stride: dst.Stride}, src, size, count, carry, i == 0, i == parts-1)
				at += size
			}
			if !bytes.Equal(dst.Base, want) {
				t.Fatalf("%d rows of parts of %v bytes differ", count, sizes)
			}
		}
	})
}

func TestChecks(t *testing.T) {
	m := New(cpu.Generic)
	for name, f := range map[string]func(){
		"short source":      func() { m.Gather(Rows{make([]byte, 100), 10}, Rows{make([]byte, 99), 10}, 10, 10) },
		"short destination": func() { m.Store(Rows{make([]byte, 99), 10}, Rows{make([]byte, 100), 10}, 10, 10) },
		"negative size":     func() { m.Gather(Rows{}, Rows{}, -1, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			f()
		})
	}
}
