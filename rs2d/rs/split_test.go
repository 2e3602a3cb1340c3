package rs

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func TestSplitJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, m := rapid.IntRange(1, 40).Draw(t, "k"), rapid.IntRange(1, 40).Draw(t, "m")
		variant := rapid.SampledFrom([]Variant{Leopard, RS2}).Draw(t, "variant")
		c, err := New(k, m, WithVariant(variant))
		if err != nil {
			t.Fatal(err)
		}
		size := rapid.IntRange(1, 3*64*(k+m)).Draw(t, "size")
		spare := rapid.IntRange(0, 3*64*(k+m)).Draw(t, "spare")
		memory := bytes.Repeat([]byte{0xa5}, size+spare)
		data := memory[:size]
		fill(uint64(size), [][]byte{data})
		want := bytes.Clone(data)

		shards, err := c.Split(data)
		if err != nil {
			t.Fatal(err)
		}
		each := c.ShardSizeMultiple()
		for each*k < size {
			each += c.ShardSizeMultiple()
		}
		if len(shards) != k+m {
			t.Fatalf("%d shards, want %d", len(shards), k+m)
		}
		for i, shard := range shards {
			if len(shard) != each {
				t.Fatalf("shard %d has %d bytes, want %d", i, len(shard), each)
			}
			inPlace := unsafe.SliceData(shard) == unsafe.SliceData(memory[min(i*each, size+spare):])
			if fits := (i+1)*each <= size+spare; fits != inPlace {
				t.Fatalf("shard %d: in the memory of data: %v, fits there: %v", i, inPlace, fits)
			}
		}
		whole := slices.Concat(shards...)
		if !bytes.Equal(whole[:size], want) || bytes.Count(whole[size:], []byte{0}) != len(whole)-size {
			t.Fatal("the shards are not the data and zeros")
		}
		if err := c.Encode(shards); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(slices.Concat(shards[:k]...)[:size], want) {
			t.Fatal("shards overlap: encoding changed the data")
		}
		// Parity, and data past what is asked for, are not needed.
		n := rapid.IntRange(0, size).Draw(t, "join")
		for i := max(1, (n+each-1)/each); i < k+m; i++ {
			shards[i] = nil
		}
		var joined bytes.Buffer
		if err := c.Join(&joined, shards, n); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(joined.Bytes(), want[:n]) {
			t.Fatal("Join wrote other bytes")
		}
	})
}

// stingyWriter takes a byte less than it is given, and says nothing.
type stingyWriter struct{}

func (stingyWriter) Write(p []byte) (int, error) { return len(p) - 1, nil }

// failingWriter fails.
type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestSplitJoinErrors(t *testing.T) {
	c := newCodec(t, 3, 2)
	shards := makeShards(5, 64)
	missing := [][]byte{shards[0], nil, shards[2]}
	broken := errors.New("broken")
	_, splitNothing := c.Split(nil)
	for _, test := range []struct {
		name      string
		err, want error
	}{
		{"split nothing", splitNothing, ErrShortData},
		{"too few listed", c.Join(io.Discard, shards[:2], 1), ErrTooFewShards},
		{"negative size", c.Join(io.Discard, shards, -1), ErrInput},
		{"too much asked for", c.Join(io.Discard, shards, 193), ErrShortData},
		{"missing shard", c.Join(io.Discard, missing, 65), ErrReconstructRequired},
		{"missing shard, not needed", c.Join(io.Discard, missing, 64), nil},
		{"failing writer", c.Join(failingWriter{broken}, shards, 64), broken},
		{"short write", c.Join(stingyWriter{}, shards, 64), io.ErrShortWrite},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !errors.Is(test.err, test.want) {
				t.Errorf("error %v, want %v", test.err, test.want)
			}
		})
	}
}

func TestAllocAligned(t *testing.T) {
	c := newCodec(t, 5, 4)
	for _, each := range []int{0, 1, 63, 64, 65, 1000} {
		shards := c.AllocAligned(each)
		if len(shards) != 9 {
			t.Fatalf("%d shards, want 9", len(shards))
		}
		for i, shard := range shards {
			if len(shard) != each {
				t.Errorf("shard %d has %d bytes, want %d", i, len(shard), each)
			}
			if at := uintptr(unsafe.Pointer(unsafe.SliceData(shard))); each > 0 && at%64 != 0 {
				t.Errorf("shard %d of %d bytes is at %#x", i, each, at)
			}
			for j := range shard {
				shard[j]++
			}
		}
		if all := slices.Concat(shards...); bytes.Count(all, []byte{1}) != len(all) {
			t.Errorf("shards of %d bytes overlap", each)
		}
	}
}
