package compat

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/reedsolomon"
	"github.com/redstuff-go/redstuff/rs2d/rs"
	"pgregory.net/rapid"
)

// The calls below theirs has for GF(2^8) alone, and answers ErrNotSupported for
// GF(2^16). What they compute is another code there, so errors only can be compared;
// that ours compute the right thing is for the tests of rs2d/rs.

// drawList draws a list of shards, sound more often than not: about want of them, of
// one size, some missing.
func drawList(t *rapid.T, name string, want int) [][]byte {
	n := want
	if rapid.IntRange(0, 9).Draw(t, name+": wrong length") == 0 {
		n = rapid.IntRange(0, want+1).Draw(t, name+": length")
	}
	size := rapid.SampledFrom([]int{64, 64, 64, 64, 128}).Draw(t, name+": size")
	missing := rapid.SampledFrom([]int{0, 0, 1, 3, 10}).Draw(t, name+": missing of ten")
	list := make([][]byte, n)
	for i := range list {
		if rapid.IntRange(0, 9).Draw(t, name+": missing") < missing {
			continue
		}
		list[i] = make([]byte, size)
	}
	if n > 0 && rapid.IntRange(0, 19).Draw(t, name+": odd one out") == 0 {
		list[rapid.IntRange(0, n-1).Draw(t, name+": index")] = make([]byte, 192)
	}
	return list
}

func TestPartialCallErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, m := rapid.IntRange(1, 6).Draw(t, "k"), rapid.IntRange(1, 6).Draw(t, "m")
		ours, err := rs.New(k, m)
		if err != nil {
			t.Fatal(err)
		}
		encoder, err := reedsolomon.New(k, m)
		if err != nil {
			t.Fatal(err)
		}
		theirs := encoder.(codec)
		check := func(call string, ours, theirs error) {
			if err := sameErrors(ours, theirs); err != nil {
				t.Fatalf("%s: %v", call, err)
			}
		}
		shards, news := drawList(t, "shards", k+m), drawList(t, "new data", k)
		check("Update", ours.Update(copyOf(shards), news), theirs.Update(copyOf(shards), news))

		data, parity := drawList(t, "data", 1), drawList(t, "parity", m)
		if len(data) > 0 {
			i := rapid.IntRange(-1, k).Draw(t, "index")
			check("EncodeIdx", ours.EncodeIdx(data[0], i, copyOf(parity)), theirs.EncodeIdx(data[0], i, copyOf(parity)))
		}

		dst, input := drawList(t, "dst", k+m), drawList(t, "input", k+m)
		var expect []bool
		if rapid.IntRange(0, 4).Draw(t, "merge") > 0 {
			expect = make([]bool, max(1, k+m+rapid.SampledFrom([]int{0, 0, 0, 0, 1, -1}).Draw(t, "expected: length")))
			for i := range expect {
				// Sound lists have no shard both expected and computed.
				expect[i] = rapid.IntRange(0, 3).Draw(t, "expected") > 0
				if i < len(dst) && i < len(input) && rapid.IntRange(0, 19).Draw(t, "unsound") > 0 {
					if expect[i] {
						dst[i] = nil
					} else {
						input[i] = nil
					}
				}
			}
		}
		check("DecodeIdx", ours.DecodeIdx(copyOf(dst), expect, input), theirs.DecodeIdx(copyOf(dst), expect, input))
	})
}

// TestStreamErrors draws what both stream coders are given.
func TestStreamErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, m := rapid.IntRange(1, 5).Draw(t, "k"), rapid.IntRange(1, 5).Draw(t, "m")
		// All shards fit a block: theirs, where one shard ends before the first block
		// does and another one goes on past it, cuts that one short without an error.
		ours, err := rs.NewStream(k, m, rs.WithStreamBlockSize(4096))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := reedsolomon.NewStream(k, m, reedsolomon.WithStreamBlockSize(4096))
		if err != nil {
			t.Fatal(err)
		}
		readers := func(list [][]byte) []io.Reader {
			r := make([]io.Reader, len(list))
			for i, shard := range list {
				if shard != nil {
					r[i] = bytes.NewReader(shard)
				}
			}
			return r
		}
		writers := func(list [][]byte) []io.Writer {
			w := make([]io.Writer, len(list))
			for i, shard := range list {
				if shard != nil {
					w[i] = io.Discard
				}
			}
			return w
		}
		check := func(call string, ours, theirs error) {
			if err := sameErrors(unwrapped(ours), unwrapped(theirs)); err != nil {
				t.Fatalf("%s: %v", call, err)
			}
		}
		data, parity, all := drawList(t, "data", k), drawList(t, "parity", m), drawList(t, "all", k+m)
		fill := drawList(t, "fill", k+m)
		if whole(data) { // theirs has no check for a missing reader here
			check("Encode", ours.Encode(readers(data), writers(parity)), theirs.Encode(readers(data), writers(parity)))
		}
		if whole(all) {
			_, a := ours.Verify(readers(all))
			_, b := theirs.Verify(readers(all))
			check("Verify", a, b)
		}
		for i := range fill {
			if i < len(all) && all[i] != nil && rapid.IntRange(0, 9).Draw(t, "unsound") > 0 {
				fill[i] = nil
			}
		}
		check("Reconstruct", ours.Reconstruct(readers(all), writers(fill)), theirs.Reconstruct(readers(all), writers(fill)))
		size := rapid.Int64Range(0, 600).Draw(t, "size")
		check("Join", ours.Join(io.Discard, readers(data), size), theirs.Join(io.Discard, readers(data), size))
		check("Split", ours.Split(bytes.NewReader(make([]byte, 600)), writers(data), size), theirs.Split(bytes.NewReader(make([]byte, 600)), writers(data), size))
	})
}

func whole(list [][]byte) bool {
	for _, shard := range list {
		if shard == nil {
			return false
		}
	}
	return true
}

// unwrapped returns what a stream's error is about: theirs does not unwrap.
func unwrapped(err error) error {
	var read reedsolomon.StreamReadError
	if errors.As(err, &read) {
		return read.Err
	}
	var write reedsolomon.StreamWriteError
	if errors.As(err, &write) {
		return write.Err
	}
	return err
}
