package rs

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/internal/race"
)

func TestEncodeIdx(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		rapid.Check(t, func(t *rapid.T) {
			c, want := drawCodecUpTo(t, backend, 6, 40)
			k := c.DataShards()
			parity := makeShards(c.ParityShards(), len(want[0]))
			for _, i := range rapid.Permutation(seq(k)).Draw(t, "order") {
				if err := c.EncodeIdx(want[i], i, parity); err != nil {
					t.Fatal(err)
				}
			}
			for i := range parity {
				if !bytes.Equal(parity[i], want[k+i]) {
					t.Fatalf("parity shard %d differs", i)
				}
			}
		})
	})
}

func TestUpdate(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		rapid.Check(t, func(t *rapid.T) {
			c, shards := drawCodecUpTo(t, backend, 6, 40)
			k := c.DataShards()
			changed := rapid.Permutation(seq(k)).Draw(t, "changed")[:rapid.IntRange(1, k).Draw(t, "count")]
			news := make([][]byte, k)
			want := clone(shards)
			for _, i := range changed {
				news[i] = make([]byte, len(shards[i]))
			}
			fill(rapid.Uint64().Draw(t, "new data"), news)
			for _, i := range changed {
				copy(want[i], news[i])
			}
			if err := c.Encode(want); err != nil {
				t.Fatal(err)
			}
			got := clone(shards)
			for i := range k {
				if news[i] == nil && rapid.Bool().Draw(t, "left out") {
					got[i] = nil
				}
			}
			before := clone(got[:k])
			if err := c.Update(got, news); err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got[:k], before, bytes.Equal) {
				t.Fatal("Update changed the data")
			}
			for i := k; i < len(want); i++ {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("%d of %d changed: parity shard %d differs", len(changed), k, i-k)
				}
			}
		})
	})
}

// TestUpdateLargeShards has several strips and workers, in both ways of updating.
func TestUpdateLargeShards(t *testing.T) {
	for _, variant := range []Variant{Leopard, RS2} {
		c := newCodec(t, 30, 20, WithVariant(variant), WithWorkers(3))
		size := 3*accumulateStrip + 64*c.ShardSizeMultiple() + c.ShardSizeMultiple()
		shards := makeShards(50, size)
		fill(1, shards[:30])
		if err := c.Encode(shards); err != nil {
			t.Fatal(err)
		}
		for _, changed := range []int{1, 2, 29} {
			news := make([][]byte, 30)
			for i := range changed {
				news[i] = make([]byte, size)
			}
			fill(uint64(changed), news)
			if err := c.Update(shards, news); err != nil {
				t.Fatal(err)
			}
			for i := range changed {
				shards[i] = news[i]
			}
			if ok, err := c.Verify(shards); !ok || err != nil {
				t.Errorf("%v, %d changed: Verify: %v, %v", variant, changed, ok, err)
			}
		}
		if sparse, dense := c.updates.encodingIsCheaper(1), c.updates.encodingIsCheaper(29); sparse || !dense {
			t.Errorf("encoding is cheaper for 1 of 30 changed: %v; for 29: %v", sparse, dense)
		}
	}
}

func TestUpdateErrors(t *testing.T) {
	c, odd := newCodec(t, 3, 2), newCodec(t, 3, 2, WithVariant(RS2))
	s := func(sizes ...int) [][]byte {
		shards := make([][]byte, len(sizes))
		for i, n := range sizes {
			if n > 0 {
				shards[i] = make([]byte, n)
			}
		}
		return shards
	}
	for _, test := range []struct {
		name      string
		err, want error
	}{
		{"parity of another number", c.EncodeIdx(make([]byte, 64), 0, s(64)), ErrTooFewShards},
		{"no such data shard", c.EncodeIdx(make([]byte, 64), 3, s(64, 64)), ErrShardIndex},
		{"negative data shard", c.EncodeIdx(make([]byte, 64), -1, s(64, 64)), ErrShardIndex},
		{"no parity", c.EncodeIdx(make([]byte, 64), 0, s(0, 0)), ErrNoData},
		{"parity of two sizes", c.EncodeIdx(make([]byte, 64), 0, s(64, 128)), ErrShardSize},
		{"data of another size", c.EncodeIdx(make([]byte, 128), 0, s(64, 64)), ErrShardSize},
		{"not a multiple of 64", c.EncodeIdx(make([]byte, 66), 0, s(66, 66)), ErrShardSize},
		{"odd", odd.EncodeIdx(make([]byte, 3), 0, s(3, 3)), ErrShardSize},

		{"old shards of another number", c.Update(s(64, 64, 64, 64), s(64, 0, 0)), ErrTooFewShards},
		{"new data of another number", c.Update(s(64, 64, 64, 64, 64), s(64, 0)), ErrTooFewShards},
		{"nothing new", c.Update(s(64, 64, 64, 64, 64), s(0, 0, 0)), ErrNoData},
		{"nothing old", c.Update(s(0, 0, 0, 0, 0), s(64, 0, 0)), ErrNoData},
		{"old data missing", c.Update(s(0, 64, 64, 64, 64), s(64, 0, 0)), ErrInput},
		{"parity missing", c.Update(s(64, 64, 64, 64, 0), s(64, 0, 0)), ErrInput},
		{"old data of two sizes", c.Update(s(64, 64, 128, 64, 64), s(64, 0, 0)), ErrShardSize},
		{"new data of another size", c.Update(s(64, 64, 64, 64, 64), s(128, 0, 0)), ErrShardSize},
		{"shards not of 64", c.Update(s(66, 66, 66, 66, 66), s(66, 0, 0)), ErrShardSize},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !errors.Is(test.err, test.want) {
				t.Errorf("error %v, want %v", test.err, test.want)
			}
		})
	}
}

func TestEncodeIdxAllocatesNothing(t *testing.T) {
	c := newCodec(t, 30, 20, WithWorkers(1), WithVariant(RS2))
	shards := makeShards(50, 1002)
	fill(1, shards)
	run := func() {
		for i := range 30 {
			if err := c.EncodeIdx(shards[i], i, shards[30:]); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(50, run); n >= 1 && !race.Enabled {
		t.Errorf("%v allocations a round of 30 calls", n)
	}
}
