package rs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/internal/race"
	"pgregory.net/rapid"
)

// eachBackend runs f once per backend of this machine.
func eachBackend(t *testing.T, f func(t *testing.T, backend string)) {
	for _, name := range gf.Backends() {
		t.Run(name, func(t *testing.T) { f(t, name) })
	}
}

func newCodec(t testing.TB, k, m int, opts ...Option) *Codec {
	t.Helper()
	c, err := New(k, m, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func makeShards(n, size int) [][]byte {
	shards := make([][]byte, n)
	for i := range shards {
		shards[i] = make([]byte, size)
	}
	return shards
}

func fill(seed uint64, shards [][]byte) {
	r := rand.New(rand.NewPCG(seed, 1))
	for _, shard := range shards {
		for i := range shard {
			shard[i] = byte(r.Uint32())
		}
	}
}

func clone(shards [][]byte) [][]byte {
	c := make([][]byte, len(shards))
	for i := range shards {
		c[i] = bytes.Clone(shards[i])
	}
	return c
}

func TestReferenceVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/rs-gf16.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			K          int    `json:"k"`
			M          int    `json:"m"`
			ShardBytes int    `json:"shard_bytes"`
			Rate       string `json:"rate"`
			Original   string `json:"original_sha256"`
			Recovery   string `json:"recovery_sha256"`
			First      string `json:"recovery_first_sha256"`
			Last       string `json:"recovery_last_sha256"`
			Bytes      string `json:"recovery"`
		} `json:"vectors"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	sum := func(shards ...[]byte) string {
		h := sha256.New()
		for _, s := range shards {
			h.Write(s)
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	eachBackend(t, func(t *testing.T, backend string) {
		for _, v := range file.Vectors {
			t.Run(fmt.Sprintf("%d+%d,%d", v.K, v.M, v.ShardBytes), func(t *testing.T) {
				c := newCodec(t, v.K, v.M, WithVariant(RS2), WithBackend(backend))
				if got := map[bool]string{true: "low", false: "high"}[c.code.Low]; got != v.Rate {
					t.Errorf("%s rate, want %s", got, v.Rate)
				}
				shards := makeShards(v.K+v.M, v.ShardBytes)
				for j, shard := range shards[:v.K] {
					for i := range shard {
						shard[i] = byte((i*i*31 + i*7 + j*13) % 251)
					}
				}
				if got := sum(shards[:v.K]...); got != v.Original {
					t.Fatalf("the test's data are not the vector's: %s, want %s", got, v.Original)
				}
				if err := c.Encode(shards); err != nil {
					t.Fatal(err)
				}
				parity := shards[v.K:]
				if got := sum(parity...); got != v.Recovery {
					t.Errorf("parity hashes to %s, want %s", got, v.Recovery)
				}
				if sum(parity[0]) != v.First || sum(parity[v.M-1]) != v.Last {
					t.Error("the first or the last parity shard differs")
				}
				if v.Bytes != "" && hex.EncodeToString(slices.Concat(parity...)) != v.Bytes {
					t.Errorf("parity %x, want %s", slices.Concat(parity...), v.Bytes)
				}
			})
		}
	})
}

// TestClosedForm compares every coefficient of small codes with the closed form.
func TestClosedForm(t *testing.T) {
	s := func(c, x int) gf.Elem {
		p := gf.Elem(1)
		for l := range c {
			p = gf.Mul(p, gf.Elem(x^l))
		}
		return p
	}
	for _, variant := range []Variant{Leopard, RS2} {
		for _, shape := range [][2]int{{1, 1}, {3, 2}, {2, 3}, {5, 5}, {7, 5}, {5, 7}, {6, 20}, {20, 6}, {9, 16}, {16, 9}} {
			k, m := shape[0], shape[1]
			c := newCodec(t, k, m, WithVariant(variant))
			for j := range k {
				shards := makeShards(k+m, 64)
				shards[j][0] = 1 // word 0 of data shard j is the element 1
				if err := c.Encode(shards); err != nil {
					t.Fatal(err)
				}
				for i := range m {
					d, p := c.code.Point(j), c.code.Point(k+i)
					want := gf.Div(s(c.code.Inner, max(d, p)), gf.Elem(d^p))
					if got := gf.Elem(shards[k+i][0]) | gf.Elem(shards[k+i][32])<<8; got != want {
						t.Fatalf("%v %d+%d: coefficient of data %d in parity %d is %#x, want %#x", variant, k, m, j, i, got, want)
					}
				}
			}
		}
	}
}

// drawCodec draws a codec with data of a drawn size, encoded.
func drawCodec(t *rapid.T, backend string) (*Codec, [][]byte) {
	return drawCodecUpTo(t, backend, 6, 40, 300)
}

// drawCodecUpTo draws one with at most as many shards on a side as one of limits.
func drawCodecUpTo(t *rapid.T, backend string, limits ...int) (*Codec, [][]byte) {
	variant := rapid.SampledFrom([]Variant{Leopard, RS2}).Draw(t, "variant")
	limit := rapid.SampledFrom(limits).Draw(t, "limit")
	k, m := rapid.IntRange(1, limit).Draw(t, "k"), rapid.IntRange(1, limit).Draw(t, "m")
	c, err := New(k, m, WithVariant(variant), WithBackend(backend), WithWorkers(rapid.IntRange(1, 3).Draw(t, "workers")))
	if err != nil {
		t.Fatal(err)
	}
	size := c.ShardSizeMultiple() * rapid.IntRange(1, 130).Draw(t, "size/multiple")
	shards := makeShards(k+m, size)
	fill(rapid.Uint64().Draw(t, "seed"), shards)
	if err := c.Encode(shards); err != nil {
		t.Fatal(err)
	}
	return c, shards
}

func TestReconstruct(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		rapid.Check(t, func(t *rapid.T) {
			c, want := drawCodec(t, backend)
			n, k := c.TotalShards(), c.DataShards()
			order := rapid.Permutation(seq(n)).Draw(t, "order")
			lost := order[:rapid.IntRange(0, c.ParityShards()).Draw(t, "lost")]
			got := clone(want)
			for _, i := range lost {
				// Some keep their memory, with noise in it.
				got[i] = got[i][:0]
				if i%2 == 0 {
					got[i] = nil
				}
			}
			some := clone(got)
			required := make([]bool, n)
			for i := range required {
				required[i] = rapid.Bool().Draw(t, "required")
			}
			data := clone(got)
			if err := c.Reconstruct(got); err != nil {
				t.Fatal(err)
			}
			if err := c.ReconstructData(data); err != nil {
				t.Fatal(err)
			}
			if err := c.ReconstructSome(some, required); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("Reconstruct: shard %d differs", i)
				}
				gone := slices.Contains(lost, i)
				if expect := gone && i >= k; expect != (len(data[i]) == 0) || !expect && !bytes.Equal(data[i], want[i]) {
					t.Fatalf("ReconstructData: shard %d of %d bytes is wrong", i, len(data[i]))
				}
				if expect := gone && !required[i]; expect != (len(some[i]) == 0) || !expect && !bytes.Equal(some[i], want[i]) {
					t.Fatalf("ReconstructSome: shard %d of %d bytes is wrong", i, len(some[i]))
				}
			}
			if ok, err := c.Verify(got); !ok || err != nil {
				t.Fatalf("Verify: %v, %v", ok, err)
			}
			i := rapid.IntRange(0, n-1).Draw(t, "shard")
			dst := make([]byte, len(want[0]))
			if err := c.Shard(dst, got, i); err != nil || !bytes.Equal(dst, want[i]) {
				t.Fatalf("Shard(%d): %v, or wrong bytes", i, err)
			}
			got[i][rapid.IntRange(0, len(got[i])-1).Draw(t, "at")] ^= 1
			if ok, err := c.Verify(got); ok || err != nil {
				t.Fatalf("Verify of a corrupted shard: %v, %v", ok, err)
			}
		})
	})
}

func seq(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func TestLargeShapes(t *testing.T) {
	for _, shape := range []struct {
		k, m    int
		variant Variant
	}{{667, 333, RS2}, {334, 666, RS2}, {334, 666, Leopard}, {1000, 1000, Leopard}, {1, 65535, RS2}, {65535, 1, RS2}, {32768, 32768, Leopard}} {
		t.Run(fmt.Sprintf("%d+%d", shape.k, shape.m), func(t *testing.T) {
			c := newCodec(t, shape.k, shape.m, WithVariant(shape.variant))
			want := makeShards(shape.k+shape.m, 64)
			fill(1, want[:shape.k])
			if err := c.Encode(want); err != nil {
				t.Fatal(err)
			}
			got := clone(want)
			for _, i := range rand.New(rand.NewPCG(2, 2)).Perm(len(got))[:shape.m] {
				got[i] = nil
			}
			if err := c.Reconstruct(got); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("shard %d differs", i)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		k, m int
		opts []Option
		want error
	}{
		{"no data shards", 0, 1, nil, ErrShardNum},
		{"negative parity", 1, -1, nil, ErrShardNum},
		{"unknown variant", 1, 1, []Option{WithVariant(7)}, ErrOption},
		{"negative workers", 1, 1, []Option{WithWorkers(-1)}, ErrOption},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := New(test.k, test.m, test.opts...); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	for _, shape := range [][2]int{{65536, 1}, {32769, 32768}, {math.MaxInt, 1}, {1, math.MaxInt}} {
		var limit *LimitError
		if _, err := New(shape[0], shape[1]); !errors.As(err, &limit) {
			t.Errorf("New(%d, %d): error %v, want a LimitError", shape[0], shape[1], err)
		}
	}
	if _, err := New(1, 1, WithBackend("mmx")); err == nil {
		t.Error("an unknown backend was accepted")
	}

	leopard, rs2 := newCodec(t, 3, 2), newCodec(t, 3, 2, WithVariant(RS2))
	sizes := func(sizes ...int) [][]byte {
		shards := make([][]byte, len(sizes))
		for i, n := range sizes {
			shards[i] = make([]byte, n)
		}
		return shards
	}
	memory := make([]byte, 24)
	joint := [][]byte{memory[:4], memory[4:8], memory[8:12], memory[12:16], memory[16:20]}
	for _, test := range []struct {
		name   string
		err    error
		target error
	}{
		{"too few slots", leopard.Encode(sizes(64, 64, 64, 64)), ErrTooFewShards},
		{"all empty", leopard.Encode(sizes(0, 0, 0, 0, 0)), ErrNoData},
		{"one empty", leopard.Encode(sizes(64, 64, 64, 64, 0)), ErrShardSize},
		{"unequal", leopard.Encode(sizes(64, 64, 128, 64, 64)), ErrShardSize},
		{"not a multiple of 64", leopard.Encode(sizes(66, 66, 66, 66, 66)), ErrShardSize},
		{"odd", rs2.Encode(sizes(3, 3, 3, 3, 3)), ErrShardSize},
		{"too many lost", rs2.Reconstruct(sizes(2, 2, 0, 0, 0)), ErrTooFewShards},
		{"too many lost, nothing wanted", rs2.ReconstructSome(sizes(2, 2, 0, 0, 0), make([]bool, 5)), ErrTooFewShards},
		{"wrong list of required", rs2.ReconstructSome(sizes(2, 2, 2, 2, 0), make([]bool, 4)), ErrInput},
		{"no such shard", rs2.Shard(nil, sizes(2, 2, 2, 2, 2), 5), ErrShardIndex},
		{"buffer of another shard", rs2.Shard(joint[3], joint, 0), ErrInput},
		{"buffer partly in another shard", rs2.Shard(memory[17:21], joint, 0), ErrInput},
		{"buffer of the shard itself", rs2.Shard(joint[0], joint, 0), nil},
		{"buffer beside all shards", rs2.Shard(memory[20:], joint, 0), nil},
		{"wrong buffer", rs2.Shard(make([]byte, 4), sizes(2, 2, 2, 2, 2), 0), ErrShardSize},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !errors.Is(test.err, test.target) {
				t.Errorf("error %v, want %v", test.err, test.target)
			}
		})
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	c := newCodec(t, 30, 20, WithWorkers(1))
	shards := makeShards(50, 1024)
	fill(1, shards)
	run := func() {
		if err := c.Encode(shards); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			shards[i] = shards[i][:0]
		}
		if err := c.Reconstruct(shards); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(50, run); n >= 1 && !race.Enabled {
		t.Errorf("%v allocations a round of encoding and decoding", n)
	}
}
