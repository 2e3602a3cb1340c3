package compat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/klauspost/reedsolomon"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// result is how a call ended: its error, or the value that it panicked with.
type result struct {
	err   error
	panic any
}

func call(f func() error) (r result) {
	defer func() { r.panic = recover() }()
	r.err = f()
	return r
}

// argument is one of the values of a grid.
type argument struct {
	name   string
	shards [][]byte
}

// arguments are lists of shards for a code of k+m, sound and not.
func arguments(k, m int) []argument {
	size := func(n int, sizes ...int) [][]byte {
		list := make([][]byte, n)
		for i := range list {
			if s := sizes[i%len(sizes)]; s >= 0 {
				list[i] = make([]byte, s)
			}
		}
		return list
	}
	// put returns shards of 64 bytes with another one at i.
	put := func(n, i, s int) [][]byte {
		list := size(n, 64)
		if list[i] = nil; s >= 0 {
			list[i] = make([]byte, s)
		}
		return list
	}
	n := k + m
	list := []argument{
		{"nil", nil}, {"none", [][]byte{}},
		{"all nil", size(n, -1)}, {"all empty", size(n, 0)}, {"nil and empty", size(n, -1, 0)},
		{"64", size(n, 64)}, {"128", size(n, 128)}, {"1", size(n, 1)}, {"63", size(n, 63)}, {"65", size(n, 65)},
		{"64 and 128", size(n, 64, 128)}, {"64 and nil", size(n, 64, -1)}, {"nil and 64", size(n, -1, 64)},
		{"64 and empty", size(n, 64, 0)}, {"65 and nil", size(n, 65, -1)},
		{"k of 64", size(k, 64)}, {"m of 64", size(m, 64)}, {"k nil", size(k, -1)}, {"k empty", size(k, 0)}, {"k of 65", size(k, 65)},
		{"one more", size(n+1, 64)}, {"one less", size(n-1, 64)}, {"one less, nil", size(n-1, -1)},
		{"data only", append(size(k, 64), size(m, -1)...)}, {"parity only", append(size(k, -1), size(m, 64)...)},
		{"data empty", append(size(k, 0), size(m, 64)...)}, {"parity of 65", append(size(k, -1), size(m, 65)...)},
	}
	for _, at := range []int{0, k - 1, k, n - 1} {
		for _, s := range []int{-1, 0, 63, 65, 128} {
			list = append(list, argument{fmt.Sprintf("64, but %d at %d", s, at), put(n, at, s)})
		}
	}
	return list
}

// TestErrorGrid makes every call with every argument of a grid, and compares errors.
// Where the other package panics, ours returns an error or panics likewise: see want.
func TestErrorGrid(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {2, 1}, {1, 2}, {3, 2}, {5, 5}} {
		k, m := shape[0], shape[1]
		ours, err := rs.NewEncoder(k, m)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := reedsolomon.New(k, m, reedsolomon.WithLeopardGF16(true))
		if err != nil {
			t.Fatal(err)
		}
		// What the codec over GF(2^16) does not support, that over GF(2^8) does.
		small, err := reedsolomon.New(k, m)
		if err != nil {
			t.Fatal(err)
		}
		compare := func(what string, f func(e reedsolomon.Encoder) error, theirs reedsolomon.Encoder) {
			t.Helper()
			got, want := call(func() error { return f(ours) }), call(func() error { return f(theirs) })
			switch {
			case got.panic != nil:
				t.Errorf("%d+%d %s: panic: %v; klauspost/reedsolomon: %v, panic %v", k, m, what, got.panic, want.err, want.panic)
			case want.panic != nil && got.err == nil:
				t.Errorf("%d+%d %s: no error; klauspost/reedsolomon panics: %v", k, m, what, want.panic)
			case want.panic == nil && (theirs != small || want.err != nil || !errors.Is(got.err, rs.ErrShardSize)): // it has no multiple
				if err := sameErrors(got.err, want.err); err != nil {
					t.Errorf("%d+%d %s: %v", k, m, what, err)
				}
			}
		}
		lists := arguments(k, m)
		for _, a := range lists {
			compare("Encode of "+a.name, func(e reedsolomon.Encoder) error { return e.Encode(copyList(a.shards)) }, theirs)
			compare("Verify of "+a.name, func(e reedsolomon.Encoder) error { _, err := e.Verify(copyList(a.shards)); return err }, theirs)
			compare("Reconstruct of "+a.name, func(e reedsolomon.Encoder) error { return e.Reconstruct(copyList(a.shards)) }, theirs)
			compare("ReconstructData of "+a.name, func(e reedsolomon.Encoder) error { return e.ReconstructData(copyList(a.shards)) }, theirs)
			for name, required := range map[string][]bool{"all": trues(k + m), "data": trues(k), "none": make([]bool, k+m), "none of the data": make([]bool, k)} {
				compare("ReconstructSome ("+name+") of "+a.name, func(e reedsolomon.Encoder) error { return e.ReconstructSome(copyList(a.shards), required) }, theirs)
			}
			for _, size := range []int{math.MinInt, -1, 0, 1, 63, 64, 65, 64 * k, 64*k + 1, 128 * k, math.MaxInt} {
				compare(fmt.Sprintf("Join of %d bytes of %s", size, a.name), func(e reedsolomon.Encoder) error { return e.Join(io.Discard, a.shards, size) }, theirs)
			}
			for _, b := range lists {
				compare("Update of "+a.name+" by "+b.name, func(e reedsolomon.Encoder) error { return e.Update(copyList(a.shards), b.shards) }, small)
			}
			for _, idx := range []int{-1, 0, k - 1, k, k + m} {
				for _, size := range []int{-1, 0, 63, 64, 128} {
					var shard []byte
					if size >= 0 {
						shard = make([]byte, size)
					}
					compare(fmt.Sprintf("EncodeIdx of %d bytes at %d to %s", size, idx, a.name), func(e reedsolomon.Encoder) error { return e.EncodeIdx(shard, idx, copyList(a.shards)) }, small)
				}
			}
		}
		expected := map[string][]bool{"merging": nil, "none": make([]bool, k+m), "data": append(trues(k), make([]bool, m)...), "all": trues(k + m), "too few": make([]bool, k+m-1), "too many": trues(k + m + 1)}
		for _, a := range lists {
			for _, b := range lists {
				for name, expect := range expected {
					compare("DecodeIdx ("+name+") to "+a.name+" from "+b.name, func(e reedsolomon.Encoder) error {
						return e.(reedsolomon.Extensions).DecodeIdx(copyList(a.shards), expect, b.shards)
					}, small)
				}
			}
		}
		for _, data := range [][]byte{nil, {}, {1}, make([]byte, 64*k), make([]byte, 64*k+1)} {
			compare(fmt.Sprintf("Split of %d bytes", len(data)), func(e reedsolomon.Encoder) error { _, err := e.Split(bytes.Clone(data)); return err }, theirs)
		}
	}
}

// TestStreamErrorGrid is TestErrorGrid for streams.
func TestStreamErrorGrid(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {2, 1}, {1, 2}, {3, 2}, {5, 5}} {
		k, m := shape[0], shape[1]
		ours, err := newStream(k, m)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := reedsolomon.NewStream(k, m, reedsolomon.WithStreamBlockSize(1<<12))
		if err != nil {
			t.Fatal(err)
		}
		compare := func(what string, f func(e reedsolomon.StreamEncoder) error) {
			t.Helper()
			got, want := call(func() error { return f(ours) }), call(func() error { return f(theirs) })
			switch {
			case got.panic != nil:
				t.Errorf("%d+%d %s: panic: %v; klauspost/reedsolomon: %v, panic %v", k, m, what, got.panic, want.err, want.panic)
			case want.panic != nil && got.err == nil:
				t.Errorf("%d+%d %s: no error; klauspost/reedsolomon panics: %v", k, m, what, want.panic)
			case want.panic == nil && !errors.Is(got.err, rs.ErrShardSize): // theirs has no multiple
				if err := sameErrors(unwrapped(got.err), unwrapped(want.err)); err != nil {
					t.Errorf("%d+%d %s: %v", k, m, what, err)
				}
			}
		}
		readers := func(list [][]byte) []io.Reader {
			if list == nil {
				return nil
			}
			r := make([]io.Reader, len(list))
			for i, shard := range list {
				if shard != nil {
					r[i] = bytes.NewReader(shard)
				}
			}
			return r
		}
		writers := func(list [][]byte) []io.Writer {
			if list == nil {
				return nil
			}
			w := make([]io.Writer, len(list))
			for i, shard := range list {
				if shard != nil {
					w[i] = io.Discard
				}
			}
			return w
		}
		lists := arguments(k, m)
		for _, a := range lists {
			verify := func(s reedsolomon.StreamEncoder) error { _, err := s.Verify(readers(a.shards)); return err }
			if len(a.shards) != k+m || whole(a.shards) {
				compare("Verify of "+a.name, verify)
			} else if err := verify(ours); !errors.Is(err, reedsolomon.ErrShardNoData) { // theirs has no word of its own for it
				t.Errorf("%d+%d Verify of %s, where readers are nil: error %v, want %v", k, m, a.name, err, reedsolomon.ErrShardNoData)
			}
			for _, b := range lists {
				compare("Encode of "+a.name+" to "+b.name, func(s reedsolomon.StreamEncoder) error { return s.Encode(readers(a.shards), writers(b.shards)) })
				compare("Reconstruct of "+a.name+" to "+b.name, func(s reedsolomon.StreamEncoder) error { return s.Reconstruct(readers(a.shards), writers(b.shards)) })
			}
			for _, size := range []int64{-1 << 40, -1, 0, 1, 64, 64*int64(k) + 1, 1 << 40} {
				compare(fmt.Sprintf("Join of %d bytes of %s", size, a.name), func(s reedsolomon.StreamEncoder) error { return s.Join(io.Discard, readers(a.shards), size) })
			}
			for _, size := range []int64{0, 1, 64} {
				compare(fmt.Sprintf("Split of %d bytes to %s", size, a.name), func(s reedsolomon.StreamEncoder) error {
					return s.Split(bytes.NewReader(make([]byte, 64)), writers(a.shards), size)
				})
			}
		}
	}
}

func trues(n int) []bool {
	list := make([]bool, n)
	for i := range list {
		list[i] = true
	}
	return list
}

// copyList copies a list but not the difference of nil and empty.
func copyList(list [][]byte) [][]byte {
	if list == nil {
		return nil
	}
	c := make([][]byte, len(list))
	for i, shard := range list {
		c[i] = bytes.Clone(shard)
	}
	return c
}
