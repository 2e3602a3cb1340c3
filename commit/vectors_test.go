package commit

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

// hexBytes is a byte string written in hexadecimal.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// vector is one result of the Rust reference; see testdata/walrus-rs2.json.
type vector struct {
	Shards       int      `json:"n_shards"`
	F            int      `json:"f"`
	P            int      `json:"n_primary_source_symbols"`
	S            int      `json:"n_secondary_source_symbols"`
	SymbolSize   int      `json:"symbol_size"`
	BlobLen      uint64   `json:"blob_len"`
	Seed         int      `json:"seed"`
	BlobID       hexBytes `json:"blob_id"`
	BlobIDText   string   `json:"blob_id_base64url"`
	MetadataRoot hexBytes `json:"metadata_root"`
	ShardOfPair0 int      `json:"shard_of_pair_0"`
	PairOfShard0 int      `json:"pair_of_shard_0"`
	EncodedLen   uint64   `json:"encoded_blob_length"`
	AllHashes    hexBytes `json:"blake2b256_of_all_pair_hashes"`
	MetadataHash hexBytes `json:"blake2b256_of_metadata_bcs"`
	Pairs        []struct {
		Index             int      `json:"pair_index"`
		PrimaryIndex      int      `json:"primary_sliver_index"`
		SecondaryIndex    int      `json:"secondary_sliver_index"`
		PrimaryHash       hexBytes `json:"primary_hash"`
		SecondaryHash     hexBytes `json:"secondary_hash"`
		PrimaryExpanded   hexBytes `json:"primary_expanded"`
		SecondaryExpanded hexBytes `json:"secondary_expanded"`
	} `json:"pairs"`
	BCS struct {
		Metadata       hexBytes `json:"metadata"`
		MetadataWithID hexBytes `json:"metadata_with_id"`
		FromSecondary  hexBytes `json:"recovery_symbol_from_pair0_secondary_for_last_primary"`
		FromPrimary    hexBytes `json:"recovery_symbol_from_pair0_primary_for_last_secondary"`
	} `json:"bcs"`
}

func (v *vector) name() string {
	return fmt.Sprintf("n=%d/len=%d/seed=%d", v.Shards, v.BlobLen, v.Seed)
}

// complete tells whether the vector lists every sliver pair.
func (v *vector) complete() bool { return len(v.Pairs) == v.Shards }

// metadata returns the metadata of a complete vector.
func (v *vector) metadata() *Metadata {
	m := &Metadata{
		Scheme:    Walrus,
		Length:    v.BlobLen,
		Primary:   make([]Hash, v.Shards),
		Secondary: make([]Hash, v.Shards),
	}
	for _, p := range v.Pairs {
		m.Primary[p.PrimaryIndex] = Hash(p.PrimaryHash)
		m.Secondary[p.SecondaryIndex] = Hash(p.SecondaryHash)
	}
	return m
}

var vectorFile = sync.OnceValues(func() ([]vector, error) {
	data, err := os.ReadFile("testdata/walrus-rs2.json")
	if err != nil {
		return nil, err
	}
	var file struct{ Vectors []vector }
	err = json.Unmarshal(data, &file)
	return file.Vectors, err
})

// readVectors returns the reference's results.
func readVectors(t testing.TB) []vector {
	t.Helper()
	vectors, err := vectorFile()
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 55 {
		t.Fatalf("%d vectors, want 55", len(vectors))
	}
	return vectors
}

// forEachWalrus runs f with a Walrus hasher on every backend of this machine.
func forEachWalrus(t *testing.T, f func(t *testing.T, h *Hasher)) {
	for _, backend := range cpu.Supported() {
		t.Run(backend, func(t *testing.T) { f(t, mustHasher(t, Walrus, backend)) })
	}
}

// expandedRoot hashes the symbols of an expanded sliver and their tree.
func expandedRoot(h *Hasher, expanded []byte, size int) (Hash, *Tree) {
	n := len(expanded) / size
	digests := make([]byte, n*HashSize)
	h.Leaves(digests, HashSize, expanded, size, size, n)
	leaves := make([]Hash, n)
	for i := range leaves {
		leaves[i] = Hash(digests[i*HashSize:][:HashSize])
	}
	return h.Root(leaves), h.NewTree(leaves)
}

func TestVectorSliverRoots(t *testing.T) {
	forEachWalrus(t, func(t *testing.T, h *Hasher) {
		checked := 0
		for _, v := range readVectors(t) {
			for _, p := range v.Pairs {
				if p.PrimaryExpanded == nil {
					continue
				}
				checked++
				primary, tree := expandedRoot(h, p.PrimaryExpanded, v.SymbolSize)
				if want := Hash(p.PrimaryHash); primary != want || tree.Root() != want {
					t.Fatalf("%s pair %d: primary root %v, tree %v, want %v", v.name(), p.Index, primary, tree.Root(), want)
				}
				secondary, tree := expandedRoot(h, p.SecondaryExpanded, v.SymbolSize)
				if want := Hash(p.SecondaryHash); secondary != want || tree.Root() != want {
					t.Fatalf("%s pair %d: secondary root %v, tree %v, want %v", v.name(), p.Index, secondary, tree.Root(), want)
				}
			}
		}
		if checked < 100 {
			t.Fatalf("only %d expanded pairs in the vectors", checked)
		}
	})
}

// TestVectorProofs opens the reference's recovery symbols: the index of the
// sliver they come from, the symbol, its path.
func TestVectorProofs(t *testing.T) {
	forEachWalrus(t, func(t *testing.T, h *Hasher) {
		checked := 0
		for _, v := range readVectors(t) {
			if v.BCS.Metadata == nil {
				continue
			}
			checked++
			verify := func(data, expanded []byte, root Hash, source, index int) {
				t.Helper()
				if got := int(data[0]) | int(data[1])<<8; got != source {
					t.Errorf("%s: source sliver %d, want %d", v.name(), got, source)
				}
				size := int(data[2])
				if data[2] >= 0x80 { // a two-byte length
					size = int(data[2]&0x7f) | int(data[3])<<7
					data = data[1:]
				}
				symbol, path := data[3:][:size], data[3+size:]
				proof, err := ParseProof(path)
				if err != nil {
					t.Fatalf("%s: %v", v.name(), err)
				}
				if err := h.VerifyProof(root, h.Leaf(symbol), index, v.Shards, proof); err != nil {
					t.Errorf("%s: %v", v.name(), err)
				}
				_, tree := expandedRoot(h, expanded, v.SymbolSize)
				own, err := tree.Proof(index).MarshalBinary()
				if err != nil || string(own) != string(path) {
					t.Errorf("%s: own proof %x, %v; want %x", v.name(), own, err, path)
				}
			}
			// Pair 0 is row 0 and the last column; the last pair, for which these
			// symbols are, is the last row and column 0.
			p, last := v.Pairs[0], v.Shards-1
			verify(v.BCS.FromSecondary, p.SecondaryExpanded, Hash(p.SecondaryHash), last, last)
			verify(v.BCS.FromPrimary, p.PrimaryExpanded, Hash(p.PrimaryHash), 0, 0)
		}
		if checked < 10 {
			t.Fatalf("only %d vectors with proofs", checked)
		}
	})
}
