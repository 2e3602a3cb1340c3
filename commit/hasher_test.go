package commit

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/internal/cpu"
	"github.com/redstuff-go/redstuff/internal/race"
	"github.com/zeebo/blake3"
	"golang.org/x/crypto/blake2b"
)

// forEachHasher runs f for every scheme on every backend this machine has.
func forEachHasher(t *testing.T, f func(t *testing.T, h *Hasher)) {
	for _, scheme := range []Scheme{BLAKE3, Walrus} {
		for _, backend := range cpu.Supported() {
			t.Run(fmt.Sprintf("%v/%s", scheme, backend), func(t *testing.T) { f(t, mustHasher(t, scheme, backend)) })
		}
	}
}

func mustHasher(t testing.TB, s Scheme, backend string) *Hasher {
	t.Helper()
	h, err := NewHasher(s, backend)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// oracle hashes parts, concatenated, in a domain, by other people's code.
func oracle(s Scheme, context string, prefix []byte, parts ...[]byte) (digest Hash) {
	if s == BLAKE3 {
		d := blake3.NewDeriveKey(context)
		for _, p := range parts {
			d.Write(p)
		}
		d.Sum(digest[:0])
		return digest
	}
	return blake2b.Sum256(bytes.Join(append([][]byte{prefix}, parts...), nil))
}

func oracleLeaf(s Scheme, symbol []byte) Hash {
	return oracle(s, "redstuff v1 leaf", []byte{0}, symbol)
}

func oracleNode(s Scheme, left, right []byte) Hash {
	return oracle(s, "redstuff v1 node", []byte{1}, left, right)
}

func oraclePair(s Scheme, both []byte) Hash {
	return oracle(s, "redstuff v1 pair", []byte{0}, both)
}

func randomBytes(seed uint64, n int) []byte {
	b := make([]byte, n+8)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b[:n:n]
}

// TestHasher calls every method, each on some messages: package lanehash has the tests of
// all lengths and shapes.
func TestHasher(t *testing.T) {
	data := randomBytes(3, 152*40)
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		const count = 19
		leaves := make([]byte, count*40)
		h.Leaves(leaves, 40, data, 150, 152, count)
		rows, pairs := make([]byte, count*HashSize), make([]byte, count*HashSize)
		h.Nodes(rows, data[5:], data[40*HashSize:], HashSize, count)
		h.PairLeaves(pairs, data, count)
		for i := range count {
			symbol, pair := data[150*i:][:152], data[2*HashSize*i:][:2*HashSize]
			left, right := data[5+HashSize*i:][:HashSize], data[(40+i)*HashSize:][:HashSize]
			leaf, node, both := oracleLeaf(h.Scheme(), symbol), oracleNode(h.Scheme(), left, right), oraclePair(h.Scheme(), pair)
			if Hash(leaves[40*i:]) != leaf || h.Leaf(symbol) != leaf {
				t.Errorf("Leaves or Leaf of symbol %d differ", i)
			}
			if Hash(rows[HashSize*i:]) != node || h.Node(Hash(left), Hash(right)) != node {
				t.Errorf("Nodes or Node of children %d differ", i)
			}
			if Hash(pairs[HashSize*i:]) != both || h.PairLeaf(Hash(pair), Hash(pair[HashSize:])) != both {
				t.Errorf("PairLeaves or PairLeaf of roots %d differ", i)
			}
		}
		if (h.Lanes() > 1) != (h.Backend() != cpu.Generic) {
			t.Errorf("%d lanes on %s", h.Lanes(), h.Backend())
		}
	})
}

func TestBlobID(t *testing.T) {
	root := Hash(randomBytes(4, 32))
	var input []byte
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		input = append(input[:0], 1)
		if h.Scheme() == BLAKE3 {
			input = binary.LittleEndian.AppendUint16(input, 1000)
		}
		input = binary.LittleEndian.AppendUint64(input, 1<<40+3)
		input = append(input, root[:]...)
		if got, want := h.BlobID(1000, 1<<40+3, root), BlobID(oracle(h.Scheme(), "redstuff v1 blob", nil, input)); got != want {
			t.Fatalf("blob id = %v, want %v", got, want)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	if race.Enabled {
		t.Skip("what the race detector is told of escapes to the heap")
	}
	data := randomBytes(5, 70000)
	dst := make([]byte, 40*32)
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for name, f := range map[string]func(){
			"Leaves of 152": func() { h.Leaves(dst, 32, data, 152, 152, 40) },
			"Leaves of 64K": func() { h.Leaves(dst, 32, data, 2, 65534, 20) },
			"Leaf of 64K":   func() { h.Leaf(data) },
			"Leaf on stack": func() { var symbol [100]byte; h.Leaf(symbol[:]) },
			"Node":          func() { h.Node(Hash{}, Hash{1}) },
			"Nodes":         func() { h.Nodes(dst, data, data[32:], 64, 40) },
			"PairLeaf":      func() { h.PairLeaf(Hash{}, Hash{1}) },
			"BlobID":        func() { h.BlobID(1000, 1, Hash{}) },
		} {
			if n := testing.AllocsPerRun(3, f); n != 0 {
				t.Errorf("%s allocates %v times", name, n)
			}
		}
	})
}

func TestNewHasherErrors(t *testing.T) {
	var unknown *UnknownSchemeError
	if _, err := NewHasher(Scheme(7), ""); !errors.As(err, &unknown) {
		t.Errorf("scheme 7: %v", err)
	}
	var unsupported *cpu.UnsupportedError
	if _, err := NewHasher(BLAKE3, "mmx"); !errors.As(err, &unsupported) {
		t.Errorf("backend mmx: %v", err)
	}
}

func TestSchemeText(t *testing.T) {
	var (
		_ encoding.TextMarshaler   = Scheme(0)
		_ encoding.TextUnmarshaler = new(Scheme)
	)
	for _, s := range []Scheme{BLAKE3, Walrus} {
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got := Scheme(99)
		if err := got.UnmarshalText(text); err != nil || got != s {
			t.Errorf("%q reads as %v, %v", text, got, err)
		}
	}
	var unknown *UnknownSchemeError
	if _, err := Scheme(2).MarshalText(); !errors.As(err, &unknown) {
		t.Errorf("MarshalText of scheme 2: %v", err)
	}
	if err := new(Scheme).UnmarshalText([]byte("md5")); !errors.As(err, &unknown) || unknown.Name != "md5" {
		t.Errorf("UnmarshalText of md5: %v", err)
	}
}
