package rs

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestDecodeIdx gives the expected shards in several calls, to several series that are
// merged.
func TestDecodeIdx(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		rapid.Check(t, func(t *rapid.T) {
			c, want := drawCodecUpTo(t, backend, 6, 40)
			n, size := c.TotalShards(), len(want[0])
			order := rapid.Permutation(seq(n)).Draw(t, "order")
			known := rapid.IntRange(c.DataShards(), n).Draw(t, "known")
			expect := make([]bool, n)
			for _, i := range order[:known] {
				expect[i] = true
			}
			series := make([][][]byte, rapid.IntRange(1, 3).Draw(t, "series"))
			for s := range series {
				series[s] = make([][]byte, n)
			}
			for _, i := range order[known:] {
				if rapid.Bool().Draw(t, "wanted") {
					for s := range series {
						series[s][i] = make([]byte, size)
					}
				}
			}
			for given := order[:known]; len(given) > 0; {
				batch := min(len(given), rapid.SampledFrom([]int{1, 3, 20, n}).Draw(t, "batch"))
				input := make([][]byte, n)
				for _, i := range given[:batch] {
					input[i] = want[i]
				}
				given = given[batch:]
				dst := series[rapid.IntRange(0, len(series)-1).Draw(t, "to")]
				if err := c.DecodeIdx(dst, expect, input); err != nil {
					t.Fatal(err)
				}
			}
			for _, other := range series[1:] {
				if err := c.DecodeIdx(series[0], nil, other); err != nil {
					t.Fatal(err)
				}
			}
			for i, shard := range series[0] {
				if shard != nil && !bytes.Equal(shard, want[i]) {
					t.Fatalf("shard %d differs", i)
				}
			}
		})
	})
}

func TestDecodeIdxErrors(t *testing.T) {
	c := newCodec(t, 3, 2)
	b := make([]byte, 64)
	b2 := make([]byte, 128)
	odd := make([]byte, 66)
	expect := []bool{true, false, true, true, false}
	list := func(at int, shard []byte) [][]byte {
		l := make([][]byte, 5)
		l[at] = shard
		return l
	}
	for _, test := range []struct {
		name   string
		dst    [][]byte
		expect []bool
		input  [][]byte
		want   error
	}{
		{"expectations of another number", list(1, b), expect[:4], list(0, b), ErrInput},
		{"destinations of another number", list(1, b)[:4], expect, list(0, b), ErrInput},
		{"inputs of another number", list(1, b), expect, list(0, b)[:4], ErrInput},
		{"input not expected", list(1, b), expect, list(4, b), ErrInput},
		{"destination expected", list(0, b), expect, list(2, b), ErrInput},
		{"too few expected", list(1, b), []bool{true, false, true, false, false}, list(0, b), ErrTooFewShards},
		{"sizes differ", list(1, b2), expect, list(0, b), ErrShardSize},
		{"not a multiple of 64", list(1, odd), expect, list(0, odd), ErrShardSize},
		{"empty input", list(1, b), expect, list(0, b[:0]), ErrShardSize},
		{"no input", list(1, b), expect, make([][]byte, 5), ErrShardSize},
		{"nothing at all", make([][]byte, 5), expect, make([][]byte, 5), nil},
		{"merge of another number", list(1, b), nil, list(1, b)[:4], ErrInput},
		{"merge into nothing", list(1, b), nil, list(4, b), ErrInput},
		{"merge of another size", list(1, b), nil, list(1, b2), ErrShardSize},
		{"merge nothing", list(1, b), nil, make([][]byte, 5), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := c.DecodeIdx(test.dst, test.expect, test.input); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	if slices.Max(b) != 0 || slices.Max(b2) != 0 {
		t.Error("a call that failed wrote")
	}
}
