package conformance

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// encoded is the judge's answer to encode.
type encoded struct {
	ID, Root           []byte
	Length, Encoding   string
	Hashes             [][2][]byte // primary and secondary, by pairs
	Primary, Secondary [][]byte    // BCS, by pairs
}

// sample is a blob to encode.
type sample struct{ shards, length int }

// edges returns lengths of blobs around every boundary of a code: none and one byte, where a symbol, a
// row, the first column and the matrix are full, where symbols grow, and where a sliver's length takes
// one byte more in BCS.
func edges(p commit.Params) (all []int) {
	cells := p.P * p.S
	around := func(length int) { all = append(all, length-1, length, length+1) }
	around(1)
	around(2)
	around(2 * p.S)             // the first row is full
	around(2 * p.S * (p.P - 1)) // and the last but one
	for _, symbols := range []int{1, 2, 3, 32} {
		around(2 * symbols * cells) // the matrix is full, and symbols grow
	}
	for _, sliver := range []int{p.S, p.P} {
		for _, limit := range []int{1 << 7, 1 << 14} {
			below := (limit - 1) / sliver / 2 * 2 // the largest symbols whose sliver is below the limit
			all = append(all, below*cells, below*cells+1)
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(length int) bool { return length > maxSample })
}

// maxSample is how long samples are at most, bytes.
const maxSample = 2 << 20

// samples returns 200 blobs. The counts of shards are all small ones, and such as have a power of two of
// source or other symbols, or nearly. Each has lengths of its own: from one count to the next they go
// on around the edges.
func samples(t *testing.T) (all []sample) {
	t.Helper()
	var counts []int
	for n := 4; n <= 42; n++ {
		counts = append(counts, n, n, n, n)
	}
	for _, n := range []int{46, 47, 48, 49, 63, 64, 65, 94, 95, 96, 97, 100} {
		counts = append(counts, n, n)
	}
	counts = append(counts, 127, 128, 129, 190, 191, 192, 193, 255, 256, 257, 299, 300)
	counts = append(counts, 127, 128, 191, 192, 256, 300, 300, 300)
	next := 0
	for _, n := range counts {
		p, err := commit.NewParams(n)
		if err != nil {
			t.Fatal(err)
		}
		lengths := edges(p)
		all = append(all, sample{n, lengths[next%len(lengths)]})
		next += 11 // so that it comes round to every edge: no number of edges is a multiple of it
	}
	if len(all) != 200 {
		t.Fatalf("%d samples, want 200", len(all))
	}
	return all
}

// TestEncoder compares ids, metadata and slivers with those of the reference, and has
// each decode what the other encoded.
func TestEncoder(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	all := samples(t)
	const judges = 2 // at once
	for i := range judges {
		t.Run(fmt.Sprintf("judge %d", i), func(t *testing.T) {
			t.Parallel()
			j := newJudge(t)
			random := rand.NewChaCha8([32]byte{7, byte(i)})
			for at := i; at < len(all); at += judges {
				s := all[at]
				blob := make([]byte, s.length)
				_, _ = random.Read(blob)
				t.Run(fmt.Sprintf("%d shards, %d bytes", s.shards, s.length), func(t *testing.T) { compare(t, j, s.shards, blob) })
			}
		})
	}
}

// compare compares what the judge makes of a blob with what we do.
func compare(t *testing.T, j *judge, shards int, blob []byte) {
	code, err := rs2d.New(shards, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := code.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	meta, id, p := ours.Metadata(), ours.ID(), code.Params()
	size, err := p.SymbolSize(uint64(len(blob)))
	if err != nil {
		t.Fatal(err)
	}
	var theirs encoded
	if err := j.ask(map[string]any{
		"operation": "encode", "shards": shards, "data": blob, "primary": p.S * size, "secondary": p.P * size,
	}, &theirs); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(theirs.ID, id[:]) {
		t.Errorf("id %x, want %x", id[:], theirs.ID)
	}
	if root, err := meta.Root(hasher); err != nil || !bytes.Equal(theirs.Root, root[:]) {
		t.Errorf("root %x (%v), want %x", root, err, theirs.Root)
	}
	if want := strconv.FormatUint(meta.Length, 10); theirs.Length != want || theirs.Encoding != "RS2" || len(theirs.Hashes) != shards {
		t.Errorf("metadata of %s bytes, %s, %d pairs; want %s, RS2, %d", theirs.Length, theirs.Encoding, len(theirs.Hashes), want, shards)
	}
	var rows, columns []rs2d.Sliver // of the judge
	var sent [][]byte               // of ours, to the judge
	for pair := range shards {
		first, second := ours.Pair(pair)
		one, other := meta.Pair(pair)
		for _, axis := range []struct {
			sliver rs2d.Sliver
			hash   commit.Hash
			theirs []byte
			digest []byte
		}{{first, one, theirs.Primary[pair], theirs.Hashes[pair][0]}, {second, other, theirs.Secondary[pair], theirs.Hashes[pair][1]}} {
			raw, err := axis.sliver.AppendBCS(nil, size)
			if err != nil || !bytes.Equal(raw, axis.theirs) {
				t.Fatalf("%v of pair %d differs (%v)", axis.sliver.SliverRef, pair, err)
			}
			if !bytes.Equal(axis.hash[:], axis.digest) {
				t.Fatalf("hash of %v of pair %d is %x, want %x", axis.sliver.SliverRef, pair, axis.hash, axis.digest)
			}
			parsed, err := rs2d.ParseSliver(meta, axis.sliver.Axis, axis.theirs)
			if err != nil {
				t.Fatal(err)
			}
			if axis.sliver.Axis == rs2d.Primary {
				rows, sent = append(rows, parsed), append(sent, raw)
			} else {
				columns = append(columns, parsed)
			}
		}
	}

	// Rows of the last pairs, and columns of the first: parity alone where there is enough of it.
	for _, slivers := range [][]rs2d.Sliver{rows[shards-p.P:], columns[:p.S]} {
		if back, err := code.Decode(meta, slivers, rs2d.CheckStrict); err != nil || !bytes.Equal(back, blob) {
			t.Errorf("%v slivers of the reference decode to something else (%v)", slivers[0].Axis, err)
		}
	}
	var decoded struct{ Data []byte }
	if err := j.ask(map[string]any{
		"operation": "decode", "shards": shards, "id": id[:], "length": len(blob), "slivers": sent[shards-p.P:],
	}, &decoded); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(decoded.Data, blob) {
		t.Error("the reference decodes slivers to something else")
	}
}

// TestIdentifier compares blob ids at the size of mainnet.
func TestIdentifier(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	j := newJudge(t)
	code, err := rs2d.New(1000, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{1, 1 << 20} {
		blob := bytes.Repeat([]byte("mainnet"), length/7+1)[:length]
		var theirs encoded
		if err := j.ask(map[string]any{"operation": "identify", "shards": 1000, "data": blob}, &theirs); err != nil {
			t.Fatal(err)
		}
		id, err := code.ID(blob)
		if err != nil || !bytes.Equal(theirs.ID, id[:]) {
			t.Errorf("%d bytes: id %x (%v), want %x", length, id[:], err, theirs.ID)
		}
	}
}
