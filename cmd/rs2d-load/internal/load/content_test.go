package load

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/rs2d"
)

func TestContentsFollowFromNumbers(t *testing.T) {
	c := contents{seed: 5, sizes: Sizes{kind: uniform, lo: 100, hi: 200}}
	if !bytes.Equal(c.make(3), c.make(3)) {
		t.Error("one number, two blobs")
	}
	if bytes.Equal(c.make(3), c.make(4)) || bytes.Equal(c.make(3), contents{6, c.sizes}.make(3)) {
		t.Error("one blob for two numbers or seeds")
	}

	long := contents{seed: 5, sizes: Sizes{lo: 100_000, hi: 100_000}}
	blob := long.make(3)
	if !long.is(3, blob) {
		t.Error("a blob is not what was made of its number")
	}
	if long.is(4, blob) || long.is(3, blob[1:]) || long.is(3, append(blob, 0)) || long.is(3, nil) {
		t.Error("a blob is that of another number, or longer or shorter than it is")
	}
	for _, at := range []int{0, 16<<10 - 1, 16 << 10, len(blob) - 1} {
		blob[at] ^= 1
		if long.is(3, blob) {
			t.Errorf("byte %d is wrong, and nobody sees it", at)
		}
		blob[at] ^= 1
	}
}

// TestWrongEncoding is refused by strict readers whichever rows they have, although
// every sliver is what the metadata commits to.
func TestWrongEncoding(t *testing.T) {
	code, err := rs2d.New(10)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []uint64{0, 1, 1000, 100_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			meta, pair, err := encodeWrong(code, contents{1, Sizes{lo: size, hi: size}}.make(1))
			if err != nil {
				t.Fatal(err)
			}
			var primary []rs2d.Sliver
			for p := range 10 {
				row, column := pair(p)
				for i, err := range code.VerifySlivers(meta, []rs2d.Sliver{row, column}) {
					if err != nil {
						t.Errorf("pair %d, axis %d: %v", p, i, err)
					}
				}
				primary = append(primary, row)
			}
			for first := range 10 - 4 + 1 {
				_, err := code.Decode(meta, primary[first:first+4], rs2d.CheckStrict)
				if inconsistent := (*rs2d.InconsistentError)(nil); !errors.As(err, &inconsistent) {
					t.Errorf("from row %d: %v", first, err)
				}
			}
		})
	}
}
