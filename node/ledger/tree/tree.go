package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"iter"
	"math/bits"
	"sync/atomic"
)

// HashSize is the length of a hash in bytes.
const HashSize = sha256.Size

// Hash is a SHA-256 hash.
type Hash [HashSize]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Tree is a map from keys to values. The zero value is empty. It is immutable, and safe
// for concurrent use.
type Tree struct {
	top *node
	len int
}

// node is a leaf if it has no children.
type node struct {
	bit         int // in which the keys of the two sides differ first
	left, right *node
	key, value  []byte
	hash        atomic.Pointer[Hash] // nil until it is asked for
}

func (n *node) leaf() bool { return n.left == nil }

// bit returns bit i of the key, of nine a byte.
func bit(key []byte, i int) int {
	at, within := i/9, i%9
	switch {
	case at >= len(key):
		return 0
	case within == 0:
		return 1
	}
	return int(key[at]>>(8-within)) & 1
}

// difference returns the first bit in which two keys differ, which are not equal.
func difference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if d := a[i] ^ b[i]; d != 0 {
			return 9*i + 1 + bits.LeadingZeros8(d)
		}
	}
	return 9 * min(len(a), len(b))
}

// Len returns the number of keys.
func (t Tree) Len() int { return t.len }

// Get returns the value of a key, which the caller must not change.
func (t Tree) Get(key []byte) (value []byte, ok bool) {
	if t.top == nil {
		return nil, false
	}
	n := t.top.find(key)
	if !bytes.Equal(n.key, key) {
		return nil, false
	}
	return n.value, true
}

// find returns the only leaf that can have the key.
func (n *node) find(key []byte) *node {
	for !n.leaf() {
		n = n.side(key)
	}
	return n
}

func (n *node) side(key []byte) *node {
	if bit(key, n.bit) == 0 {
		return n.left
	}
	return n.right
}

// Set returns the tree in which the key has the value. Neither is copied: the caller
// must not change them any more. An empty value is given back as one that is not nil.
func (t Tree) Set(key, value []byte) Tree {
	if value == nil {
		value = []byte{}
	}
	leaf := &node{key: key, value: value}
	if t.top == nil {
		return Tree{leaf, 1}
	}
	old := t.top.find(key)
	if bytes.Equal(old.key, key) {
		return Tree{t.top.with(key, leaf, -1), t.len}
	}
	return Tree{t.top.with(key, leaf, difference(old.key, key)), t.len + 1}
}

// with returns the node with a leaf in it: in place of the one of the same key, or by a
// new inner node for the bit.
func (n *node) with(key []byte, leaf *node, at int) *node {
	if n.leaf() && at < 0 {
		return leaf
	}
	if at >= 0 && (n.leaf() || n.bit > at) {
		if bit(key, at) == 0 {
			return &node{bit: at, left: leaf, right: n}
		}
		return &node{bit: at, left: n, right: leaf}
	}
	if bit(key, n.bit) == 0 {
		return &node{bit: n.bit, left: n.left.with(key, leaf, at), right: n.right}
	}
	return &node{bit: n.bit, left: n.left, right: n.right.with(key, leaf, at)}
}

// Delete returns the tree without the key.
func (t Tree) Delete(key []byte) Tree {
	if _, ok := t.Get(key); !ok {
		return t
	}
	return Tree{t.top.without(key), t.len - 1}
}

// without returns the node without the leaf of the key, which is in it; nil if nothing
// is left.
func (n *node) without(key []byte) *node {
	if n.leaf() {
		return nil
	}
	if bit(key, n.bit) == 0 {
		if left := n.left.without(key); left != nil {
			return &node{bit: n.bit, left: left, right: n.right}
		}
		return n.right
	}
	if right := n.right.without(key); right != nil {
		return &node{bit: n.bit, left: n.left, right: right}
	}
	return n.left
}

// From returns keys and values in the order of the keys, from the given one on. The
// caller must not change them.
func (t Tree) From(key []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		if t.top != nil {
			t.top.from(key, yield)
		}
	}
}

// Diff returns what changed since another version of the tree: the keys with the values
// that they have now, or with nil if they are gone. Versions that share most of their
// nodes take as long as what changed. The caller must not change what it gets.
func (t Tree) Diff(old Tree) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) { diff(old.top, t.top, yield) }
}

// from yields the leaves of the node from the key on; false ends it. With a key that is
// not in the node, only the first leaf of a subtree tells on which side of it the key
// is: all keys of a subtree are equal up to its bit.
func (n *node) from(key []byte, yield func(key, value []byte) bool) bool {
	if n.leaf() {
		return bytes.Compare(n.key, key) < 0 || yield(n.key, n.value)
	}
	if first := n.find(key); !bytes.Equal(first.key, key) {
		switch at := difference(first.key, key); {
		case at >= n.bit:
		case bit(key, at) == 1:
			return true // all keys here are below
		default:
			return n.all(yield)
		}
	}
	if bit(key, n.bit) == 0 {
		return n.left.from(key, yield) && n.right.all(yield)
	}
	return n.right.from(key, yield)
}

func (n *node) all(yield func(key, value []byte) bool) bool {
	if n.leaf() {
		return yield(n.key, n.value)
	}
	return n.left.all(yield) && n.right.all(yield)
}

// Root returns the hash that stands for the whole tree: zeros for an empty one. Only
// what changed since other versions is hashed.
func (t Tree) Root() Hash {
	if t.top == nil {
		return Hash{}
	}
	return t.top.root()
}

func (n *node) root() Hash {
	if h := n.hash.Load(); h != nil {
		return *h
	}
	var h Hash
	if n.leaf() {
		h = leafHash(n.key, sha256.Sum256(n.value))
	} else {
		h = innerHash(n.bit, n.left.root(), n.right.root())
	}
	n.hash.Store(&h)
	return h
}

// Domains keep hashes of leaves and of inner nodes apart.
const (
	domainLeaf  = 0
	domainInner = 1
)

func leafHash(key []byte, value Hash) Hash {
	data := append(make([]byte, 0, 1+4+len(key)+HashSize), domainLeaf)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(key)))
	data = append(data, key...)
	return sha256.Sum256(append(data, value[:]...))
}

func innerHash(bit int, left, right Hash) Hash {
	var data [1 + 4 + 2*HashSize]byte
	data[0] = domainInner
	binary.LittleEndian.PutUint32(data[1:], uint32(bit))
	copy(data[5:], left[:])
	copy(data[5+HashSize:], right[:])
	return sha256.Sum256(data[:])
}
