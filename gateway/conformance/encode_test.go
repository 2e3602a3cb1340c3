package conformance

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// encoded is the judge's answer to encode.
type encoded struct {
	ID, Root           []byte
	Hashes             [][2][]byte // primary and secondary, by pairs
	Primary, Secondary [][]byte    // BCS, by pairs
}

// sample is a blob to encode.
type sample struct{ shards, length int }

// samples returns 200 blobs: for every count of shards such lengths as lie around the
// boundaries of the symbol size, where padding begins and ends.
func samples(t *testing.T) (all []sample) {
	t.Helper()
	for _, n := range []int{4, 5, 6, 7, 8, 9, 10, 13, 16, 31, 32, 33, 64, 100, 127, 128, 199, 255, 256, 300} {
		p, err := commit.NewParams(n)
		if err != nil {
			t.Fatal(err)
		}
		cells := p.P * p.S
		for _, length := range []int{0, 1, cells - 1, 2 * cells, 2*cells + 1, 4*cells - 1, 4 * cells, 32 * cells, 64*cells - 1, 66*cells + 7} {
			all = append(all, sample{n, length})
		}
	}
	return all
}

// TestEncoder compares ids, metadata and slivers with those of the reference, and has
// each decode what the other encoded.
func TestEncoder(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	j := newJudge(t)
	random := rand.NewChaCha8([32]byte{7})
	hasher, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples(t) {
		t.Run(fmt.Sprintf("%d shards, %d bytes", s.shards, s.length), func(t *testing.T) {
			blob := make([]byte, s.length)
			_, _ = random.Read(blob)
			code, err := rs2d.New(s.shards, rs2d.WithScheme(commit.Walrus))
			if err != nil {
				t.Fatal(err)
			}
			ours, err := code.Encode(blob)
			if err != nil {
				t.Fatal(err)
			}
			meta := ours.Metadata()
			p, err := commit.NewParams(s.shards)
			if err != nil {
				t.Fatal(err)
			}
			size, err := p.SymbolSize(uint64(s.length))
			if err != nil {
				t.Fatal(err)
			}
			var theirs encoded
			if err := j.ask(map[string]any{
				"operation": "encode", "shards": s.shards, "data": blob, "primary": p.S * size, "secondary": p.P * size,
			}, &theirs); err != nil {
				t.Fatal(err)
			}
			id := ours.ID()
			if !bytes.Equal(theirs.ID, id[:]) {
				t.Errorf("id %x, want %x", id[:], theirs.ID)
			}
			if root, err := meta.Root(hasher); err != nil || !bytes.Equal(theirs.Root, root[:]) {
				t.Errorf("root %x (%v), want %x", root, err, theirs.Root)
			}
			sliversOfJudge := make([]rs2d.Sliver, 0, s.shards)
			sliversOfOurs := make([][]byte, 0, s.shards)
			for pair := range s.shards {
				first, second := ours.Pair(pair)
				one, other := meta.Pair(pair)
				for _, axis := range []struct {
					sliver rs2d.Sliver
					hash   commit.Hash
					bcs    []byte
					theirs []byte
				}{{first, one, theirs.Primary[pair], theirs.Hashes[pair][0]}, {second, other, theirs.Secondary[pair], theirs.Hashes[pair][1]}} {
					bcs, err := axis.sliver.AppendBCS(nil, size)
					if err != nil || !bytes.Equal(bcs, axis.bcs) {
						t.Fatalf("%v of pair %d differs (%v)", axis.sliver.SliverRef, pair, err)
					}
					if !bytes.Equal(axis.hash[:], axis.theirs) {
						t.Fatalf("hash of %v of pair %d is %x, want %x", axis.sliver.SliverRef, pair, axis.hash, axis.theirs)
					}
				}
				parsed, err := rs2d.ParseSliver(meta, rs2d.Primary, theirs.Primary[pair])
				if err != nil {
					t.Fatal(err)
				}
				sliversOfJudge = append(sliversOfJudge, parsed)
				sliversOfOurs = append(sliversOfOurs, theirs.Primary[pair])
			}

			// The last ones: parity alone where there is enough of it.
			last := sliversOfJudge[s.shards-p.P:]
			if back, err := code.Decode(meta, last, rs2d.CheckStrict); err != nil || !bytes.Equal(back, blob) {
				t.Errorf("slivers of the reference decode to something else (%v)", err)
			}
			var decoded struct{ Data []byte }
			if err := j.ask(map[string]any{
				"operation": "decode", "shards": s.shards, "id": id[:], "length": s.length, "slivers": sliversOfOurs[s.shards-p.P:],
			}, &decoded); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(decoded.Data, blob) {
				t.Error("the reference decodes slivers to something else")
			}
		})
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
