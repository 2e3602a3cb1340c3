package steady

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func content(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

// pass reads all bytes in pieces of the given lengths, in an order of its own.
func pass(t interface{ Fatal(...any) }, r *Reader, size int, cuts []int) {
	var pieces [][2]int
	for off, i := 0, 0; off < size; i++ {
		n := min(size-off, cuts[i%len(cuts)])
		pieces = append(pieces, [2]int{off, n})
		off += n
	}
	rand.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
	for _, p := range pieces {
		if _, err := r.ReadAt(make([]byte, p[1]), int64(p[0])); err != nil && err != io.EOF {
			t.Fatal(err)
		}
	}
}

// TestPasses reads a file in any pieces, several times: it is steady exactly if nobody
// has changed it between two passes.
func TestPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := content(rapid.IntRange(0, 12000).Draw(t, "size"))
		r := New(bytes.NewReader(data), int64(len(data)))
		lengths := rapid.SliceOfN(rapid.IntRange(1, 5000), 1, 5)
		changed := false
		for p := range rapid.IntRange(1, 4).Draw(t, "passes") {
			if p > 0 && len(data) > 0 && rapid.Bool().Draw(t, "change") {
				data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
				changed = true
			}
			pass(t, r, len(data), lengths.Draw(t, "lengths"))
		}
		// A change that was taken back leaves a pass that differs, unless it was taken
		// back before anything was read.
		err := r.Check()
		if !changed && err != nil {
			t.Fatalf("steady, but: %v", err)
		}
		if changed && len(data) > 0 && !errors.Is(err, ErrChanged) {
			t.Fatalf("changed, but: %v", err)
		}
	})
}

// TestSwapped finds equal pieces that have changed places: what a sum without keys of
// their places would miss.
func TestSwapped(t *testing.T) {
	const piece = 8 * lowKeys
	for _, test := range []struct {
		name    string
		a, b, n int
	}{
		{"words", 0, 8, 8},
		{"pages", 0, piece, piece},
		{"pages apart", piece, 9 * piece, piece},
		{"bytes", 3, 4, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := content(10 * piece)
			r := New(bytes.NewReader(data), int64(len(data)))
			pass(t, r, len(data), []int{1000})
			for i := range test.n {
				data[test.a+i], data[test.b+i] = data[test.b+i], data[test.a+i]
			}
			pass(t, r, len(data), []int{len(data)})
			if err := r.Check(); !errors.Is(err, ErrChanged) {
				t.Errorf("got %v, want ErrChanged", err)
			}
		})
	}
}

func TestHalfPass(t *testing.T) {
	r := New(bytes.NewReader(content(100)), 100)
	if _, err := r.ReadAt(make([]byte, 50), 0); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err == nil || errors.Is(err, ErrChanged) {
		t.Errorf("half a pass: %v", err)
	}
}

func TestConcurrent(t *testing.T) {
	data := content(1 << 20)
	r := New(bytes.NewReader(data), int64(len(data)))
	for range 3 {
		var readers sync.WaitGroup
		for i := range 16 {
			readers.Go(func() { r.ReadAt(make([]byte, 1<<16), int64(i)<<16) })
		}
		readers.Wait()
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	data := content(4820)
	r := New(bytes.NewReader(data), int64(len(data)))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r.fingerprint(data, 4820*7)
	}
}
