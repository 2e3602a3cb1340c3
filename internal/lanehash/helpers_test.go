package lanehash

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/internal/cpu"
	"github.com/zeebo/blake3"
	"golang.org/x/crypto/blake2b"
)

// Hash is a digest, which the package itself has no type for.
type Hash [HashSize]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

func (s Scheme) String() string { return [...]string{"blake3", "walrus"}[s] }

// Leaf, Node and PairLeaf hash one message.
func (h *Hasher) Leaf(symbol []byte) (digest Hash) {
	h.Leaves(digest[:], HashSize, symbol, 0, len(symbol), 1)
	return digest
}

func (h *Hasher) Node(left, right Hash) (digest Hash) {
	h.Nodes(digest[:], left[:], right[:], HashSize, 1)
	return digest
}

func (h *Hasher) PairLeaf(primary, secondary Hash) (digest Hash) {
	var both [2 * HashSize]byte
	copy(both[:], primary[:])
	copy(both[HashSize:], secondary[:])
	h.PairLeaves(digest[:], both[:], 1)
	return digest
}

func (h *Hasher) blobID(n int, length uint64, root Hash) (id Hash) {
	h.BlobID(id[:], n, length, root[:])
	return id
}

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
	h, err := New(s, backend)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
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

// treeRoot folds a tree one node at a time, in pure Go.
func treeRoot(t testing.TB, s Scheme, level []Hash) Hash {
	h := mustHasher(t, s, cpu.Generic)
	level = append([]Hash(nil), level...)
	for len(level) > 1 {
		if len(level)%2 == 1 {
			level = append(level, Hash{})
		}
		for i := range len(level) / 2 {
			level[i] = h.Node(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return level[0]
}

// treeDepth is the number of levels above the leaves of a tree.
func treeDepth(leaves int) int { return bits.Len(uint(max(leaves, 1) - 1)) }

func randomBytes(seed uint64, n int) []byte {
	b := make([]byte, n+8)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b[:n:n]
}

func randomHashes(n int, seed uint64) []Hash {
	hashes, data := make([]Hash, n), randomBytes(seed, n*HashSize)
	for i := range hashes {
		hashes[i] = Hash(data[i*HashSize:])
	}
	return hashes
}

func flatten(hashes []Hash) []byte {
	flat := make([]byte, 0, len(hashes)*HashSize)
	for _, h := range hashes {
		flat = append(flat, h[:]...)
	}
	return flat
}
