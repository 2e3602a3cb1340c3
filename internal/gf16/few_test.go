package gf16

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// regions returns count regions of n bytes.
func regions(count, n int, seed byte) [][]byte {
	list := make([][]byte, count)
	random := rand.NewChaCha8([32]byte{seed})
	for i := range list {
		list[i] = make([]byte, n)
		_, _ = random.Read(list[i])
	}
	return list
}

// Passes over some sources at a time give what one pass over all gives, whatever memory
// there is for the sums, and leave what is around the regions alone.
func TestFewEncoderInPasses(t *testing.T) {
	for _, name := range Backends() {
		e, err := NewEngine(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, shape := range [][2]int{{2, 40}, {3, 50}, {5, 41}, {8, 32}, {16, 64}, {9, 47}} {
			dsts, srcs := shape[0], shape[1]
			f := NewFewEncoder(e, dsts, srcs)
			if f == nil {
				continue
			}
			const off, n = 64, fewShort + 192
			from := regions(srcs, off+n+64, 1)
			want := regions(dsts, off+n+64, 2)
			f.Encode(want, from, off, n, nil)
			for _, work := range []int{0, 100, 5 << 10, FewWork, 4 * FewWork} {
				got := regions(dsts, off+n+64, 2)
				f.Encode(got, from, off, n, make([]byte, work))
				for i := range got {
					if !bytes.Equal(got[i], want[i]) {
						t.Errorf("%s, %d from %d, %d bytes of work: region %d differs from that of one pass", name, dsts, srcs, work, i)
					}
				}
			}
		}
	}
}

func TestNewFewEncoder(t *testing.T) {
	e, err := NewEngine("generic")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		dsts, srcs int
		want       bool
	}{
		{0, 1, false}, {1, 0, false}, {1, 1, true}, {1, 70000, true}, {2, 254, true}, {2, 255, false},
		{4, 252, true}, {3, 253, false}, {16, 240, true}, {16, 241, false}, {17, 1, false},
	} {
		if got := NewFewEncoder(e, test.dsts, test.srcs) != nil; got != test.want {
			t.Errorf("%d from %d: %v, want %v", test.dsts, test.srcs, got, test.want)
		}
	}
}

func TestFewEncoderRefuses(t *testing.T) {
	e, err := NewEngine("")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name               string
		dsts, srcs, off, n int
		want               string
	}{
		{"no destination", 0, 4, 0, 64, "want 4 and 4"},
		{"too many sources", 4, 5, 0, 64, "want 4 and 4"},
		{"part of a block", 4, 4, 0, 32, "multiple of 64"},
		{"a negative offset", 4, 4, -64, 64, "at -64"},
		{"more than there is", 4, 4, 64, 128, "has 128 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, test.want) {
					t.Errorf("panics with %q, want it to say %q", got, test.want)
				}
			}()
			NewFewEncoder(e, 4, 4).Encode(regions(test.dsts, 128, 1), regions(test.srcs, 128, 2), test.off, test.n, nil)
		})
	}
}
