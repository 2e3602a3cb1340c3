package tree

import (
	"bytes"
	"crypto/sha256"
	"errors"
)

// ErrOrder is returned for a key that does not come after the one before it.
var ErrOrder = errors.New("tree: a key does not come after the one before it")

// Stream computes the root of a tree from its keys in their order, without the tree: what
// it keeps is bounded by the length of keys alone. The zero value is that of no keys.
type Stream struct {
	some bool
	last []byte
	// The hashes of subtrees to which no key can come any more, or the last leaf, from the
	// left to the right, and the bits in which the keys of two neighbours differ first. The
	// bits ascend: of two neighbours the left one is higher in the tree.
	hashes []Hash
	bits   []int
}

// Add adds a key with its value. The error is ErrOrder.
func (s *Stream) Add(key, value []byte) error {
	if s.some {
		if bytes.Compare(s.last, key) >= 0 {
			return ErrOrder
		}
		at := difference(s.last, key)
		s.join(at)
		s.bits = append(s.bits, at)
	}
	s.some, s.last = true, append(s.last[:0], key...)
	s.hashes = append(s.hashes, leafHash(key, sha256.Sum256(value)))
	return nil
}

// join joins the subtrees whose keys differ behind a bit first.
func (s *Stream) join(at int) {
	for n := len(s.bits); n > 0 && s.bits[n-1] > at; n-- {
		s.hashes[n-1] = innerHash(s.bits[n-1], s.hashes[n-1], s.hashes[n])
		s.hashes, s.bits = s.hashes[:n], s.bits[:n-1]
	}
}

// Root returns the root of the tree with the keys that were added, see [Tree.Root].
func (s *Stream) Root() Hash {
	if !s.some {
		return Hash{}
	}
	rest := Stream{hashes: append([]Hash(nil), s.hashes...), bits: append([]int(nil), s.bits...)}
	rest.join(-1)
	return rest.hashes[0]
}
