package tree

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/internal/bcs"
)

// ErrProof is returned when a proof does not prove what it is asked for.
var ErrProof = errors.New("tree: proof does not hold")

// Bounds of proofs that are read.
const (
	MaxKey   = 256     // bytes
	MaxValue = 1 << 20 // bytes
	maxSteps = 9 * MaxKey
)

// Proof shows what the value of a key is in the tree of a root, or that the key is not
// in it.
//
// It is the way to the only leaf that can have the key. Each inner node on it names its
// bit, and so the hash of the root fixes which way the key takes; a tree cannot have
// the key anywhere else.
type Proof struct {
	steps []step // from the top
	leaf  []byte // the key of the leaf; nil if the tree is empty
	found bool   // the leaf's key is the one asked for
	value []byte // of the leaf if found, otherwise its hash
}

type step struct {
	bit     int
	sibling Hash
}

// Prove returns the proof for a key.
func (t Tree) Prove(key []byte) *Proof {
	p := new(Proof)
	n := t.top
	if n == nil {
		return p
	}
	for !n.leaf() {
		on, other := n.left, n.right
		if bit(key, n.bit) == 1 {
			on, other = other, on
		}
		p.steps = append(p.steps, step{n.bit, other.root()})
		n = on
	}
	p.leaf, p.value, p.found = n.key, n.value, bytes.Equal(n.key, key)
	if !p.found {
		hash := sha256.Sum256(n.value)
		p.value = hash[:]
	}
	return p
}

// Verify returns the value that the key has in the tree of the root, or that it has
// none. The error wraps ErrProof.
func (p *Proof) Verify(root Hash, key []byte) (value []byte, ok bool, err error) {
	if p.leaf == nil {
		if root != (Hash{}) || len(p.steps) > 0 {
			return nil, false, fmt.Errorf("%w: the tree is not empty", ErrProof)
		}
		return nil, false, nil
	}
	if p.found != bytes.Equal(p.leaf, key) {
		return nil, false, fmt.Errorf("%w: it is about another key", ErrProof)
	}
	var hash Hash
	if p.found {
		hash = sha256.Sum256(p.value)
	} else if copy(hash[:], p.value) != len(p.value) || len(p.value) != HashSize {
		return nil, false, fmt.Errorf("%w: a hash of %d bytes", ErrProof, len(p.value))
	}
	hash = leafHash(p.leaf, hash)
	below := -1
	for i := len(p.steps) - 1; i >= 0; i-- {
		s := p.steps[i]
		if below >= 0 && s.bit >= below {
			return nil, false, fmt.Errorf("%w: bits out of order", ErrProof)
		}
		below = s.bit
		if bit(p.leaf, s.bit) != bit(key, s.bit) {
			return nil, false, fmt.Errorf("%w: the key takes another way", ErrProof)
		}
		if bit(key, s.bit) == 0 {
			hash = innerHash(s.bit, hash, s.sibling)
		} else {
			hash = innerHash(s.bit, s.sibling, hash)
		}
	}
	if hash != root {
		return nil, false, fmt.Errorf("%w: it is of another root", ErrProof)
	}
	if !p.found {
		return nil, false, nil
	}
	return p.value, true, nil
}

// MarshalBinary writes the proof in BCS.
func (p *Proof) MarshalBinary() ([]byte, error) {
	data := bcs.AppendLength(nil, len(p.steps))
	for _, s := range p.steps {
		data = bcs.AppendU16(data, uint16(s.bit))
		data = append(data, s.sibling[:]...)
	}
	switch {
	case p.leaf == nil:
		return append(data, kindEmpty), nil
	case p.found:
		return bcs.AppendSlice(bcs.AppendSlice(append(data, kindFound), p.leaf), p.value), nil
	}
	return append(bcs.AppendSlice(append(data, kindAbsent), p.leaf), p.value...), nil
}

// What is at the end of a proof's way.
const (
	kindEmpty = iota
	kindFound
	kindAbsent
	kinds
)

// UnmarshalBinary reads what MarshalBinary writes. The error wraps ErrProof.
func (p *Proof) UnmarshalBinary(data []byte) error {
	r := bcs.NewReader(data)
	*p = Proof{}
	for range r.Length(min(maxSteps, len(data)/(2+HashSize)), "number of steps") {
		var s step
		s.bit = int(r.U16("bit"))
		r.Fixed(s.sibling[:], "hash")
		p.steps = append(p.steps, s)
	}
	if kind := r.Variant(kinds, "kind of a proof"); kind != kindEmpty {
		p.leaf = bytes.Clone(r.Slice(MaxKey, "key"))
		if p.leaf == nil {
			p.leaf = []byte{}
		}
		if p.found = kind == kindFound; p.found {
			p.value = bytes.Clone(r.Slice(MaxValue, "value"))
		} else {
			p.value = bytes.Clone(r.Bytes(HashSize, "hash of a value"))
		}
	}
	if err := r.Done(); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	return nil
}
