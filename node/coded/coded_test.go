package coded_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/coded"
)

var update = flag.Bool("update", false, "write golden files anew")

// failer is a test, a benchmark, or a property's.
type failer interface {
	Helper()
	Fatal(args ...any)
}

func newCode(t failer, n int, scheme commit.Scheme) (*coded.Code, *commit.Hasher) {
	t.Helper()
	h, err := commit.NewHasher(scheme, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := coded.New(n, h)
	if err != nil {
		t.Fatal(err)
	}
	return c, h
}

// metadata returns metadata of no real blob, with roots that follow from the seed.
func metadata(n int, scheme commit.Scheme, seed uint64) *commit.Metadata {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	m := &commit.Metadata{Scheme: scheme, Length: rng.Uint64N(100_000), Primary: make([]commit.Hash, n), Secondary: make([]commit.Hash, n)}
	for _, roots := range [][]commit.Hash{m.Primary, m.Secondary} {
		for i := range roots {
			for j := range roots[i] {
				roots[i][j] = byte(rng.Uint32())
			}
		}
	}
	return m
}

func encode(t failer, c *coded.Code, m *commit.Metadata) *coded.List {
	t.Helper()
	l, err := c.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func some(t *rapid.T, n, least int, label string) []int {
	pairs := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), least, n, rapid.ID[int]).Draw(t, label)
	slices.Sort(pairs)
	return pairs
}

func drawn(t *rapid.T) (n int, scheme commit.Scheme, seed uint64) {
	n = rapid.IntRange(4, 130).Draw(t, "n")
	return n, commit.Scheme(rapid.IntRange(0, 1).Draw(t, "scheme")), rapid.Uint64().Draw(t, "seed")
}

// TestAnyPartsDecode: any f+1 parts give back the metadata, fewer do not.
func TestAnyPartsDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, scheme, seed := drawn(t)
		c, h := newCode(t, n, scheme)
		m := metadata(n, scheme, seed)
		id, err := m.ID(h)
		if err != nil {
			t.Fatal(err)
		}
		l := encode(t, c, m)
		parts := make(map[int][]byte)
		for _, pair := range some(t, n, 1, "parts") {
			parts[pair] = l.Part(pair)
		}
		got, err := c.Decode(id, parts)
		if len(parts) < c.Need() {
			if !errors.Is(err, coded.ErrTooFew) {
				t.Fatalf("%d parts of %d: %v, want %v", len(parts), n, err, coded.ErrTooFew)
			}
			return
		}
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("%d parts of %d: error %v, or other metadata", len(parts), n, err)
		}
	})
}

// TestWrongPartsAreNoMetadata: parts of which one is wrong, or that are another blob's, never
// pass for the blob's metadata.
func TestWrongPartsAreNoMetadata(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, scheme, seed := drawn(t)
		c, h := newCode(t, n, scheme)
		m := metadata(n, scheme, seed)
		id, err := m.ID(h)
		if err != nil {
			t.Fatal(err)
		}
		l := encode(t, c, m)
		pairs := some(t, n, c.Need(), "parts")
		parts := make(map[int][]byte)
		for _, pair := range pairs {
			parts[pair] = l.Part(pair)
		}
		wrong := rapid.SampledFrom(pairs[:c.Need()]).Draw(t, "wrong") // the others are not needed
		parts[wrong] = bytes.Clone(parts[wrong])
		at := rapid.IntRange(0, len(parts[wrong])-1).Draw(t, "byte")
		parts[wrong][at] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
		got, err := c.Decode(id, parts)
		if err == nil && !reflect.DeepEqual(got, m) {
			t.Fatal("other metadata was taken for the blob's")
		}
		if err != nil && !errors.Is(err, coded.ErrMismatch) {
			t.Fatalf("%v, want %v", err, coded.ErrMismatch)
		}
		other := id
		other[rapid.IntRange(0, 31).Draw(t, "id")] ^= 1
		if _, err := c.Decode(other, parts); !errors.Is(err, coded.ErrMismatch) {
			t.Fatalf("of another blob: %v, want %v", err, coded.ErrMismatch)
		}
	})
}

// TestRecord: what is kept reads back, verifies, is as long as is said, and has the roots of
// its own pairs; whatever is changed in it does not verify.
func TestRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, scheme, seed := drawn(t)
		c, h := newCode(t, n, scheme)
		m := metadata(n, scheme, seed)
		id, err := m.ID(h)
		if err != nil {
			t.Fatal(err)
		}
		pairs := some(t, n, 1, "pairs")
		l := encode(t, c, m)
		raw := l.Record(pairs).Append(nil)
		if got, want := len(raw), coded.RecordSize(n, pairs); got != want || !coded.IsRecord(raw) {
			t.Fatalf("record of %d pairs has %d bytes, want %d", len(pairs), got, want)
		}
		r, err := c.ParseRecord(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.VerifyRecord(id, r); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.Append(nil), raw) {
			t.Fatal("a record that was read has other bytes")
		}
		own := c.Metadata(r)
		if own.Length != m.Length {
			t.Fatalf("length %d, want %d", own.Length, m.Length)
		}
		for pair := range n {
			gotP, gotS := own.Pair(pair)
			wantP, wantS := m.Pair(pair)
			if !slices.Contains(pairs, pair) {
				wantP, wantS = commit.Hash{}, commit.Hash{}
			}
			if gotP != wantP || gotS != wantS {
				t.Fatalf("pair %d has roots %v and %v, want %v and %v", pair, gotP, gotS, wantP, wantS)
			}
		}
		changed := bytes.Clone(raw)
		changed[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
		if r, err := c.ParseRecord(changed); err == nil {
			if err := c.VerifyRecord(id, r); !errors.Is(err, coded.ErrMismatch) && !errors.Is(err, coded.ErrProof) {
				t.Fatalf("a changed record: %v, want %v or %v", err, coded.ErrMismatch, coded.ErrProof)
			}
		} else if !errors.Is(err, coded.ErrMalformed) {
			t.Fatalf("a changed record: %v, want %v", err, coded.ErrMalformed)
		}
	})
}

// TestParts: parts read back with and without a proof; with one, no changed part verifies.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, scheme, seed := drawn(t)
		c, _ := newCode(t, n, scheme)
		l := encode(t, c, metadata(n, scheme, seed))
		pairs := some(t, n, 1, "pairs")
		for _, proven := range []bool{false, true} {
			raw := l.Parts(pairs, proven).Append(nil)
			p, err := c.ParseParts(raw)
			if err != nil || !coded.IsParts(raw) {
				t.Fatalf("proven %v: %v", proven, err)
			}
			if p.Root != l.Root() || !slices.Equal(p.Pairs, pairs) || !bytes.Equal(p.Append(nil), raw) {
				t.Fatalf("proven %v: other parts were read", proven)
			}
			if err := c.Verify(p); (err == nil) != proven && len(pairs) < n {
				t.Fatalf("proven %v: %v", proven, err)
			}
			if !proven {
				continue
			}
			changed := bytes.Clone(raw)
			changed[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
			if p, err := c.ParseParts(changed); err == nil && p.Proof != nil {
				if err := c.Verify(p); !errors.Is(err, coded.ErrProof) {
					t.Fatalf("changed parts: %v, want %v", err, coded.ErrProof)
				}
			}
		}
	})
}

// TestOpening: an opening of one leaf is the path that commit gives, and one of any leaves
// has no node that follows from the others.
func TestOpening(t *testing.T) {
	const n = 100
	c, h := newCode(t, n, commit.BLAKE3)
	m := metadata(n, commit.BLAKE3, 1)
	l := encode(t, c, m)
	leaves := make([]commit.Hash, n)
	for p := range n {
		leaves[p] = h.PairLeaf(m.Pair(p))
	}
	tree := h.NewTree(leaves)
	for p := range n {
		r := l.Record([]int{p})
		var want []commit.Hash
		for _, node := range tree.Proof(p) {
			if node != (commit.Hash{}) { // what pads an odd level is known
				want = append(want, node)
			}
		}
		if !slices.Equal(r.Proof, want) || r.Root != tree.Root() {
			t.Fatalf("pair %d: the opening is not the path", p)
		}
	}
	all := make([]int, n)
	for p := range all {
		all[p] = p
	}
	if r := l.Record(all); len(r.Proof) != 0 {
		t.Errorf("all pairs together need %d nodes, want none", len(r.Proof))
	}
	if got, want := len(l.Record(all[:64]).Proof), 1; got != want {
		t.Errorf("the first 64 pairs need %d nodes, want %d", got, want)
	}
}

// TestSizes pins the figures of the documentation.
func TestSizes(t *testing.T) {
	for _, test := range []struct{ n, part, record int }{{10, 162, 559}, {100, 190, 779}, {1000, 192, 973}} {
		if got := coded.PartSize(test.n); got != test.part {
			t.Errorf("n=%d: a part has %d bytes, want %d", test.n, got, test.part)
		}
		if got := coded.RecordSize(test.n, []int{test.n / 3}); got != test.record {
			t.Errorf("n=%d: the record of one pair has %d bytes, want %d", test.n, got, test.record)
		}
	}
}

// TestGolden holds the format: records and parts of a few blobs, byte for byte.
func TestGolden(t *testing.T) {
	var b strings.Builder
	for _, scheme := range []commit.Scheme{commit.BLAKE3, commit.Walrus} {
		for _, test := range []struct {
			n     int
			pairs []int
		}{{4, []int{0}}, {7, []int{1, 2, 6}}, {10, []int{9}}} {
			c, h := newCode(t, test.n, scheme)
			m := metadata(test.n, scheme, 7)
			id, err := m.ID(h)
			if err != nil {
				t.Fatal(err)
			}
			l := encode(t, c, m)
			fmt.Fprintf(&b, "%v n=%d blob %v pairs %v\nrecord %s\nproven %s\nplain  %s\n", scheme, test.n, id, test.pairs,
				hex.EncodeToString(l.Record(test.pairs).Append(nil)), hex.EncodeToString(l.Parts(test.pairs, true).Append(nil)),
				hex.EncodeToString(l.Parts(test.pairs, false).Append(nil)))
		}
	}
	const name = "testdata/format.txt"
	if *update {
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(b.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Fatalf("line %d of %s: got %.100q, want %.100q", i+1, name, got[min(i, len(got)-1)], line)
		}
	}
}

// TestErrors has what a code is not made of, and does not encode.
func TestErrors(t *testing.T) {
	h, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	var count *commit.ShardCountError
	if _, err := coded.New(3, h); !errors.As(err, &count) {
		t.Errorf("3 shards: %v, want a %T", err, count)
	}
	if _, err := coded.New(4, nil); !errors.Is(err, commit.ErrNil) {
		t.Errorf("no hasher: %v, want %v", err, commit.ErrNil)
	}
	c, _ := newCode(t, 7, commit.BLAKE3)
	if _, err := c.Encode(metadata(10, commit.BLAKE3, 1)); !errors.Is(err, coded.ErrMismatch) {
		t.Errorf("10 shards instead of 7: %v, want %v", err, coded.ErrMismatch)
	}
	if _, err := c.Encode(nil); !errors.Is(err, commit.ErrNil) {
		t.Errorf("no metadata: %v, want %v", err, commit.ErrNil)
	}
	var scheme *commit.SchemeError
	if _, err := c.Encode(metadata(7, commit.Walrus, 1)); !errors.As(err, &scheme) {
		t.Errorf("another scheme: %v, want a %T", err, scheme)
	}
	if _, err := c.Decode(commit.BlobID{}, map[int][]byte{0: {1}, 1: {2}, 2: {3}}); !errors.Is(err, coded.ErrMismatch) {
		t.Errorf("short parts: %v, want %v", err, coded.ErrMismatch)
	}
}

func FuzzRecord(f *testing.F) {
	const n = 10
	c, h := newCode(f, n, commit.BLAKE3)
	m := metadata(n, commit.BLAKE3, 3)
	id, err := m.ID(h)
	if err != nil {
		f.Fatal(err)
	}
	l := encode(f, c, m)
	good := l.Record([]int{2, 3, 7})
	f.Add(good.Append(nil))
	f.Add(l.Record([]int{9}).Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := c.ParseRecord(data)
		if err != nil {
			if !errors.Is(err, coded.ErrMalformed) {
				t.Fatalf("%v, want %v", err, coded.ErrMalformed)
			}
			return
		}
		if !bytes.Equal(r.Append(nil), data) {
			t.Fatal("other bytes are read the same")
		}
		if c.VerifyRecord(id, r) == nil && r.Length != m.Length {
			t.Fatal("a record with another length verifies")
		}
	})
}

func FuzzParts(f *testing.F) {
	const n = 10
	c, h := newCode(f, n, commit.BLAKE3)
	m := metadata(n, commit.BLAKE3, 3)
	id, err := m.ID(h)
	if err != nil {
		f.Fatal(err)
	}
	l := encode(f, c, m)
	f.Add(l.Parts([]int{0, 1, 2, 3}, true).Append(nil))
	f.Add(l.Parts([]int{4, 5, 7, 9}, false).Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := c.ParseParts(data)
		if err != nil {
			if !errors.Is(err, coded.ErrMalformed) {
				t.Fatalf("%v, want %v", err, coded.ErrMalformed)
			}
			return
		}
		if !bytes.Equal(p.Append(nil), data) {
			t.Fatal("other bytes are read the same")
		}
		parts := make(map[int][]byte)
		for i, pair := range p.Pairs {
			parts[pair] = p.Data[i]
		}
		if got, err := c.Decode(id, parts); err == nil && !reflect.DeepEqual(got, m) {
			t.Fatal("other metadata was taken for the blob's")
		}
		if p.Root != l.Root() || c.Verify(p) != nil {
			return
		}
		for i, pair := range p.Pairs {
			if !bytes.Equal(p.Data[i], l.Part(pair)) {
				t.Fatalf("another part %d opens to the root", pair)
			}
		}
	})
}

// BenchmarkSizes reports what a blob's metadata takes, in bytes: all nodes together store so
// much of it, and a reader is sent so much. Nodes own shards evenly. What is timed is what a
// reader does with what it is sent, and what a node does to keep its part.
func BenchmarkSizes(b *testing.B) {
	for _, size := range []struct{ n, nodes int }{{100, 10}, {100, 100}, {1000, 100}, {1000, 1000}} {
		c, h := newCode(b, size.n, commit.BLAKE3)
		m := metadata(size.n, commit.BLAKE3, 1)
		id, err := m.ID(h)
		if err != nil {
			b.Fatal(err)
		}
		raw, err := m.MarshalBinary()
		if err != nil {
			b.Fatal(err)
		}
		name := fmt.Sprintf("n=%d/nodes=%d/", size.n, size.nodes)
		b.Run(name+"full", func(b *testing.B) {
			for b.Loop() {
				if got, err := commit.ParseMetadata(raw, commit.BLAKE3); err != nil {
					b.Fatal(err)
				} else if gotID, err := got.ID(h); err != nil || gotID != id {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size.nodes*len(raw)), "stored-B/blob")
			b.ReportMetric(float64(len(raw)), "read-B/blob")
		})
		l := encode(b, c, m)
		own := size.n / size.nodes
		b.Run(name+"coded", func(b *testing.B) {
			stored, read := 0, 0
			parts := make(map[int][]byte)
			for node := range size.nodes {
				// The last ones take most to decode.
				first := (size.nodes - 1 - node) * own
				pairs := make([]int, own)
				for i := range pairs {
					pairs[i] = first + i
				}
				stored += min(len(raw), len(l.Record(pairs).Append(nil)))
				if lacking := c.Need() - len(parts); lacking > 0 {
					pairs = pairs[:min(lacking, own)]
					read += len(l.Parts(pairs, false).Append(nil))
					for _, pair := range pairs {
						parts[pair] = l.Part(pair)
					}
				}
			}
			for b.Loop() {
				if _, err := c.Decode(id, parts); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(stored), "stored-B/blob")
			b.ReportMetric(float64(read), "read-B/blob")
		})
		b.Run(name+"keep", func(b *testing.B) {
			for b.Loop() {
				encode(b, c, m).Record([]int{1}).Append(nil)
			}
		})
	}
}
