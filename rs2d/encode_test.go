package rs2d

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"golang.org/x/crypto/blake2b"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/internal/race"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

type vector struct {
	Shards     int    `json:"n_shards"`
	Length     int    `json:"blob_len"`
	Seed       int    `json:"seed"`
	SymbolSize int    `json:"symbol_size"`
	Blob       string `json:"blob_blake2b256"`
	ID         string `json:"blob_id"`
	Primaries  string `json:"blake2b256_of_all_primary_slivers"`
	Secondarys string `json:"blake2b256_of_all_secondary_slivers"`
	Metadata   string `json:"blake2b256_of_metadata_bcs"`
	Pairs      []struct {
		Pair          int    `json:"pair_index"`
		PrimaryHash   string `json:"primary_hash"`
		SecondaryHash string `json:"secondary_hash"`
		PrimarySum    string `json:"primary_blake2b256"`
		SecondarySum  string `json:"secondary_blake2b256"`
	} `json:"pairs"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("../commit/testdata/walrus-rs2.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	return file.Vectors
}

func (v *vector) blob() []byte {
	if v.Seed == -1 {
		return []byte("walrus blob id v1 regression test")
	}
	return pattern(v.Length, v.Seed)
}

// pattern is the vectors' rule for the bytes of a blob.
func pattern(n, seed int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((i%251*(i%251)*31 + i*7 + seed) % 251)
	}
	return b
}

func sum(slices ...[]byte) string {
	h, _ := blake2b.New256(nil)
	for _, s := range slices {
		h.Write(s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func newCode(t testing.TB, n int, opts ...Option) *Code {
	t.Helper()
	c, err := New(n, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEncodeVectors(t *testing.T) {
	backends := gf.Backends()
	if race.Enabled { // kernels are run by whoever runs, and pure Go takes minutes
		backends = backends[:1]
	}
	for b, backend := range backends {
		all, workers := vectors(t), min(b, 1) // as many as there are CPUs for the best
		for i, v := range all {
			// Of vectors that differ only in where the blob ends, which no kernel knows, the
			// others than the best take the longest.
			if (b > 0 || testing.Short()) && i+1 < len(all) && all[i+1].Shards == v.Shards && all[i+1].SymbolSize == v.SymbolSize {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d/n=%d,len=%d", backend, i, v.Shards, v.Length), func(t *testing.T) {
				c := newCode(t, v.Shards, WithScheme(commit.Walrus), WithBackend(backend), WithWorkers(workers))
				blob := v.blob()
				if sum(blob) != v.Blob {
					t.Fatal("the test's blob is not the vector's")
				}
				e, err := c.Encode(blob)
				if err != nil {
					t.Fatal(err)
				}
				id, err := c.ID(blob)
				if err != nil {
					t.Fatal(err)
				}
				if got := hex.EncodeToString(id[:]); got != v.ID || e.ID() != id || e.SymbolSize() != v.SymbolSize {
					t.Errorf("ID %s, Encode's %v, symbols of %d bytes; want %s and %d", got, e.ID(), e.SymbolSize(), v.ID, v.SymbolSize)
				}
				var primaries, secondaries [][]byte
				for p := range v.Shards {
					primary, secondary := e.Pair(p)
					primaries, secondaries = append(primaries, primary.Data), append(secondaries, secondary.Data)
				}
				if got := sum(primaries...); got != v.Primaries {
					t.Errorf("the primary slivers hash to %s, want %s", got, v.Primaries)
				}
				if got := sum(secondaries...); got != v.Secondarys {
					t.Errorf("the secondary slivers hash to %s, want %s", got, v.Secondarys)
				}
				bcs, err := e.Metadata().MarshalBinary()
				if err != nil || sum(bcs) != v.Metadata {
					t.Errorf("the metadata hash to %s, want %s (%v)", sum(bcs), v.Metadata, err)
				}
				for _, pair := range v.Pairs {
					primary, secondary := e.Metadata().Pair(pair.Pair)
					if primary.String() != pair.PrimaryHash || secondary.String() != pair.SecondaryHash ||
						sum(primaries[pair.Pair]) != pair.PrimarySum || sum(secondaries[pair.Pair]) != pair.SecondarySum {
						t.Errorf("sliver pair %d differs", pair.Pair)
					}
				}
			})
		}
	}
}

// TestCommitEqualsEncode checks that the two ways agree for shapes and sizes that
// exercise every way a unit is made, and that memory is reused soundly.
func TestCommitEqualsEncode(t *testing.T) {
	for _, scheme := range []commit.Scheme{commit.BLAKE3, commit.Walrus} {
		for _, n := range []int{4, 5, 7, 10, 16, 17, 31, 33, 100} {
			c := newCode(t, n, WithScheme(scheme), WithWorkers(3))
			p := c.Params()
			row := p.S * 2
			encoder, encoding := c.NewEncoder(), new(Encoding)
			for _, length := range []int{5000 * p.P * p.S, 0, 1, row - 1, row, row + 1, 2 * row, p.P*row - 1, p.P * row, p.P*row + 1, 70 * p.P * p.S, 1500*p.P*p.S + 1} {
				if testing.Short() && length > 2<<20 {
					continue
				}
				t.Run(fmt.Sprintf("%v/n=%d,len=%d", scheme, n, length), func(t *testing.T) {
					blob := pattern(length, n)
					if err := encoder.Encode(encoding, blob); err != nil {
						t.Fatal(err)
					}
					meta, err := encoder.Commit(blob)
					if err != nil {
						t.Fatal(err)
					}
					id, err := meta.ID(c.hasher)
					if err != nil || id != encoding.ID() {
						t.Fatalf("Commit gives %v (%v), Encode %v", id, err, encoding.ID())
					}
					if !bytes.Equal(encoding.primary[:length], blob) {
						t.Fatal("the first primary slivers are not the blob")
					}
				})
			}
		}
	}
}

func TestEncodeLimits(t *testing.T) {
	for _, n := range []int{4, 7} {
		c := newCode(t, n)
		limit := int(c.Params().MaxBlob())
		if _, err := c.Encode(make([]byte, limit)); err != nil {
			t.Errorf("n = %d: the largest blob, %d bytes: %v", n, limit, err)
		}
		var large *commit.TooLargeError
		if _, err := c.Encode(make([]byte, limit+1)); !errors.As(err, &large) {
			t.Errorf("n = %d: one byte more: error %v, want a TooLargeError", n, err)
		}
		if _, err := c.ID(make([]byte, limit+1)); !errors.As(err, &large) {
			t.Errorf("n = %d: ID of one byte more: error %v, want a TooLargeError", n, err)
		}
	}
	newCode(t, commit.MaxShards)
	for _, n := range []int{-1, 0, 3, commit.MaxShards + 1, 65535, 65536, math.MaxInt} {
		var count *commit.ShardCountError
		if _, err := New(n); !errors.As(err, &count) {
			t.Errorf("New(%d): error %v, want a ShardCountError", n, err)
		}
	}
	// The field, not the formats, is what bounds the number of shards.
	for n := commit.MaxShards + 1; n < 1<<16; n++ {
		var points *rs.LimitError
		f := (n - 1) / 3
		if _, err := rs.New(n-f, f, rs.WithVariant(rs.RS2)); !errors.As(err, &points) {
			t.Fatalf("there is a code along the rows for %d shards: error %v", n, err)
		}
	}
}

func TestEncoderAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("pools drop memory at random under the race detector")
	}
	for _, workers := range []int{1, 4} {
		c := newCode(t, 40, WithWorkers(workers))
		blob := pattern(100000, 1)
		encoder, encoding := c.NewEncoder(), new(Encoding)
		run := func() {
			if err := encoder.Encode(encoding, blob); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(20, run); n >= 1 {
			t.Errorf("%d workers: %v allocations a blob", workers, n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, scheme := range []commit.Scheme{commit.BLAKE3, commit.Walrus} {
		for _, length := range []int{1, 1 << 20, 32 << 20, 256 << 20} {
			for _, workers := range []int{1, 4} {
				c := newCode(b, 1000, WithScheme(scheme), WithWorkers(workers))
				blob := pattern(length, 1)
				b.Run(fmt.Sprintf("encode/%v/n=1000/len=%d/workers=%d", scheme, length, workers), func(b *testing.B) {
					encoder, encoding := c.NewEncoder(), new(Encoding)
					b.SetBytes(int64(length))
					for b.Loop() {
						if err := encoder.Encode(encoding, blob); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run(fmt.Sprintf("id/%v/n=1000/len=%d/workers=%d", scheme, length, workers), func(b *testing.B) {
					encoder := c.NewEncoder()
					b.SetBytes(int64(length))
					for b.Loop() {
						if _, err := encoder.Commit(blob); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
