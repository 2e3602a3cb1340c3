package rs

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/internal/race"
)

// overlapping is a codec of 5+3, and its shards in one piece of memory, encoded.
func overlapping(t *testing.T) (c *Codec, shards [][]byte) {
	c = newCodec(t, 5, 3)
	memory := make([]byte, 64*20)
	for i := range 8 {
		shards = append(shards, memory[128*i:][:64:128])
	}
	fill(1, shards[:5])
	if err := c.Encode(shards); err != nil {
		t.Fatal(err)
	}
	return c, shards
}

// TestOverlap gives every call that writes shards memory that overlaps another shard.
func TestOverlap(t *testing.T) {
	// behind returns memory for a shard that begins some bytes behind another, within it
	// or not.
	behind := func(shard []byte, bytes int) []byte { return shard[bytes:][:64:64] }
	for _, test := range []struct {
		name         string
		call         func(c *Codec, shards [][]byte) error
		shard, other int // that overlap, or -1
	}{
		{"Encode: none", func(c *Codec, s [][]byte) error { return c.Encode(s) }, -1, -1},
		{"Encode: shards in another order", func(c *Codec, s [][]byte) error {
			s[0], s[3], s[6], s[7] = s[7], s[6], s[3], s[0]
			return c.Encode(s)
		}, -1, -1},
		{"Encode: one data shard twice", func(c *Codec, s [][]byte) error {
			s[1] = s[0]
			return c.Encode(s)
		}, -1, -1},
		{"Encode: parity side by side with data", func(c *Codec, s [][]byte) error {
			s[5] = behind(s[0], 64)
			return c.Encode(s)
		}, -1, -1},
		{"Encode: parity is data", func(c *Codec, s [][]byte) error {
			s[6] = s[2]
			return c.Encode(s)
		}, 6, 2},
		{"Encode: parity in the end of data", func(c *Codec, s [][]byte) error {
			s[6] = behind(s[2], 63)
			return c.Encode(s)
		}, 6, 2},
		{"Encode: parity is parity", func(c *Codec, s [][]byte) error {
			s[7] = s[5]
			return c.Encode(s)
		}, 5, 7},
		{"EncodeIdx: none", func(c *Codec, s [][]byte) error { return c.EncodeIdx(s[0], 0, s[5:]) }, -1, -1},
		{"EncodeIdx: data is parity", func(c *Codec, s [][]byte) error { return c.EncodeIdx(s[7], 2, s[5:]) }, 7, 2},
		{"EncodeIdx: parity is parity", func(c *Codec, s [][]byte) error {
			s[6] = behind(s[5], 1)
			return c.EncodeIdx(s[0], 0, s[5:])
		}, 5, 6},
		{"Update: none", func(c *Codec, s [][]byte) error {
			return c.Update(s, [][]byte{make([]byte, 64), nil, nil, nil, nil})
		}, -1, -1},
		{"Update: parity is old data", func(c *Codec, s [][]byte) error {
			s[5] = s[1]
			return c.Update(s, [][]byte{make([]byte, 64), nil, nil, nil, nil})
		}, 5, 1},
		{"Update: parity is new data", func(c *Codec, s [][]byte) error {
			return c.Update(s, [][]byte{nil, nil, nil, s[6], nil})
		}, 6, 3},
		{"Reconstruct: in place", func(c *Codec, s [][]byte) error {
			s[1], s[6] = s[1][:0], s[6][:0]
			return c.Reconstruct(s)
		}, -1, -1},
		{"Reconstruct: in place elsewhere", func(c *Codec, s [][]byte) error {
			s[1], s[6] = behind(s[7], 64)[:0], behind(s[2], 64)[:0]
			return c.Reconstruct(s)
		}, -1, -1},
		{"Reconstruct: in place where there is no room", func(c *Codec, s [][]byte) error {
			s[1] = s[7][:0:63]
			return c.Reconstruct(s)
		}, -1, -1},
		{"Reconstruct: to a shard that is there", func(c *Codec, s [][]byte) error {
			s[4] = s[7][:0]
			return c.Reconstruct(s)
		}, 4, 7},
		{"Reconstruct: two to one place", func(c *Codec, s [][]byte) error {
			s[1], s[3], s[6] = nil, s[6][:0], behind(s[6], 32)[:0]
			return c.Reconstruct(s)
		}, 3, 6},
		{"ReconstructData: parity may be anywhere", func(c *Codec, s [][]byte) error {
			s[1], s[6] = nil, s[5][:0]
			return c.ReconstructData(s)
		}, -1, -1},
		{"ReconstructSome: to a shard that is there", func(c *Codec, s [][]byte) error {
			s[1], s[2] = behind(s[0], 5)[:0], behind(s[0], 6)[:0]
			return c.ReconstructSome(s, []bool{false, false, true, false, false})
		}, 2, 0},
		{"Shard: to another", func(c *Codec, s [][]byte) error { return c.Shard(s[3], s, 1) }, 1, 3},
		{"Shard: to itself", func(c *Codec, s [][]byte) error { return c.Shard(s[3], s, 3) }, -1, -1},
		{"DecodeIdx: to an input", func(c *Codec, s [][]byte) error {
			expect := []bool{false, true, true, true, true, true, false, false}
			return c.DecodeIdx([][]byte{s[1], nil, nil, nil, nil, nil, nil, nil}, expect, [][]byte{nil, s[1], nil, nil, nil, nil, nil, nil})
		}, 0, 1},
		{"DecodeIdx: two to one place", func(c *Codec, s [][]byte) error {
			expect := []bool{false, true, true, true, true, true, false, false}
			return c.DecodeIdx([][]byte{s[0], nil, nil, nil, nil, nil, s[0], nil}, expect, [][]byte{nil, s[1], nil, nil, nil, nil, nil, nil})
		}, 0, 6},
		{"DecodeIdx: merge of itself", func(c *Codec, s [][]byte) error {
			return c.DecodeIdx([][]byte{s[0], nil}, nil, [][]byte{s[0], nil})
		}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, shards := overlapping(t)
			before := clone(shards)
			list := append([][]byte(nil), shards...)
			err := test.call(c, list)
			if test.shard < 0 {
				if err != nil {
					t.Errorf("error %v, want none", err)
				}
				return
			}
			var overlap *OverlapError
			if !errors.As(err, &overlap) || !errors.Is(err, ErrOverlap) || !errors.Is(err, ErrInput) {
				t.Fatalf("error %v, want an OverlapError", err)
			}
			if overlap.Shard != test.shard || overlap.Other != test.other {
				t.Errorf("shard %d overlaps %d, want %d and %d", overlap.Shard, overlap.Other, test.shard, test.other)
			}
			for i := range shards {
				if !bytes.Equal(shards[i], before[i]) {
					t.Errorf("shard %d was written", i)
				}
			}
		})
	}
}

// What is plainly apart and what must be sorted to tell take nothing from the heap.
func TestOverlapChecksAllocateNothing(t *testing.T) {
	for _, shape := range [][2]int{{10, 4}, {30, 20}, {300, 150}} {
		c := newCodec(t, shape[0], shape[1], WithWorkers(1))
		shards := c.AllocAligned(64)
		for i := range len(shards) / 2 {
			j := (i*7 + 3) % len(shards)
			shards[i], shards[j] = shards[j], shards[i]
		}
		run := func() {
			if err := c.Encode(shards); err != nil {
				t.Fatal(err)
			}
			for i := range shape[1] {
				shards[2*i] = shards[2*i][:0]
			}
			if err := c.Reconstruct(shards); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(50, run); n >= 1 && !race.Enabled {
			t.Errorf("%s: %v allocations a round of encoding and decoding", fmt.Sprint(shape), n)
		}
	}
}
