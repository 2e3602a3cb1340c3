package commit

import (
	"fmt"
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/internal/lanehash"
	"github.com/redstuff-go/redstuff/internal/race"
)

// Proof shows that a leaf is in a tree: the siblings of the nodes on the way
// from the leaf to the root, the leaf's own sibling first. An all-zero hash is
// the node that pads an odd level.
type Proof []Hash

// maxProof is the depth of the largest tree, that over MaxShards leaves.
const maxProof = lanehash.MaxDepth

// Variants of a tree's node in BCS: the padding node has no body.
const (
	nodeEmpty = iota
	nodeDigest
	nodeVariants
)

// appendNode appends a tree's node in BCS.
func appendNode(dst []byte, node Hash) []byte {
	if node == (Hash{}) {
		return append(dst, nodeEmpty)
	}
	return append(append(dst, nodeDigest), node[:]...)
}

// readNode reads a tree's node. A digest of zeros is refused, because this
// package writes the zero hash as the empty node and one value has one encoding.
func readNode(r *bcs.Reader, what string) (node Hash) {
	start := r.Offset()
	if r.Variant(nodeVariants, what) == nodeDigest {
		r.Fixed(node[:], what)
		if node == (Hash{}) {
			r.Fail(start, what, bcs.ErrNotCanonical)
		}
	}
	return node
}

// AppendBinary appends the proof in BCS, as it stands in Walrus's recovery
// symbols: the number of hashes, and each as a node of the tree. The error is
// always nil.
func (p Proof) AppendBinary(dst []byte) ([]byte, error) {
	dst = bcs.AppendLength(dst, len(p))
	for _, node := range p {
		dst = appendNode(dst, node)
	}
	return dst, nil
}

// MarshalBinary returns AppendBinary's form.
func (p Proof) MarshalBinary() ([]byte, error) {
	return p.AppendBinary(make([]byte, 0, 1+len(p)*(1+HashSize)))
}

// ParseProof is the inverse of MarshalBinary. It accepts proofs of trees of up
// to MaxShards leaves. The error wraps ErrMalformed.
func ParseProof(data []byte) (Proof, error) {
	p, r := readProof(data)
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return p, nil
}

// CutProof is ParseProof for a proof that is followed by other bytes, which it returns.
func CutProof(data []byte) (p Proof, rest []byte, err error) {
	p, r := readProof(data)
	if err := r.Err(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return p, data[r.Offset():], nil
}

func readProof(data []byte) (Proof, *bcs.Reader) {
	r := bcs.NewReader(data)
	p := make(Proof, r.Length(maxProof, "the length of a proof"))
	for i := range p {
		p[i] = readNode(r, "a proof's hash")
	}
	return p, r
}

// Claim is a proof with what it is to prove: that the hashed leaf Leaf stands at
// place Index in the tree with root Root.
type Claim struct {
	Root  Hash
	Leaf  Hash
	Index int
	Proof Proof
}

// checkShape reports an index outside a tree of that many leaves, or a path
// that is not exactly as long as the tree is deep.
func (c *Claim) checkShape(leaves int) error {
	switch {
	case c.Index < 0 || c.Index >= leaves:
		return c.refuse(leaves, ErrProofIndex)
	case len(c.Proof) != TreeDepth(leaves):
		return c.refuse(leaves, ErrProofLength)
	}
	return nil
}

// checkRoot reports a computed root other than the claimed one.
func (c *Claim) checkRoot(leaves int, computed Hash) error {
	if computed == c.Root {
		return nil
	}
	e := c.refuse(leaves, ErrProofRoot)
	e.Computed = computed
	return e
}

func (c *Claim) refuse(leaves int, reason error) *ProofError {
	return &ProofError{Index: c.Index, Leaves: leaves, Path: len(c.Proof), Root: c.Root, Err: reason}
}

// proofBatch is how many claims climb together: enough to fill the lanes of every
// kernel twice, few enough to stay in the L1 cache.
const proofBatch = 32

// climb is some claims, of the right shape, whose trees are climbed side by side.
type climb struct {
	lanes  *lanehash.Hasher
	claims []Claim
	batch  []int // which of the claims
	levels int
	nodes  [proofBatch * HashSize]byte // where each has got to
}

// run climbs from the leaves to what the claims' roots must be.
func (c *climb) run() {
	for k, i := range c.batch {
		*(*Hash)(c.nodes[k*HashSize:]) = c.claims[i].Leaf
	}
	lanes := c.lanes.GroupLanes()
	if lanes == 0 || len(c.batch) <= lanes/2 || c.levels == 0 {
		c.levelByLevel()
		return
	}
	for first := 0; first < len(c.batch); first += lanes {
		c.inLanes(first, min(first+lanes, len(c.batch)))
	}
}

// inLanes climbs with no more claims than there are lanes. Lanes left over repeat the
// first claim's way.
func (c *climb) inLanes(first, end int) {
	var siblings [lanehash.MaxGroup]*byte
	var turns [lanehash.MaxDepth]uint16
	batch := c.batch[first:end]
	for k := range siblings {
		i := batch[0]
		if k < len(batch) {
			i = batch[k]
		}
		claim := &c.claims[i]
		siblings[k] = &claim.Proof[0][0]
		race.Read(unsafe.Pointer(siblings[k]), c.levels*HashSize)
		for level := range turns[:c.levels] {
			turns[level] |= uint16(claim.Index>>level&1) << k
		}
	}
	c.lanes.Climb(c.nodes[first*HashSize:], &siblings, &turns, c.levels)
}

// levelByLevel climbs a level at a time.
func (c *climb) levelByLevel() {
	var siblings [proofBatch * HashSize]byte
	every, some := -1, 0 // the bits that all indices have, and those that any has
	for _, i := range c.batch {
		index := c.claims[i].Index
		every, some = every&index, some|index
	}
	for level := range c.levels {
		for k, i := range c.batch {
			*(*Hash)(siblings[k*HashSize:]) = c.claims[i].Proof[level]
		}
		left, right := &c.nodes, &siblings
		if every>>level&1 == 1 {
			left, right = right, left
		} else if some>>level&1 == 1 {
			for k, i := range c.batch {
				if c.claims[i].Index>>level&1 == 1 {
					node, sibling := (*Hash)(c.nodes[k*HashSize:]), (*Hash)(siblings[k*HashSize:])
					*node, *sibling = *sibling, *node
				}
			}
		}
		c.lanes.Nodes(c.nodes[:], left[:], right[:], HashSize, len(c.batch))
	}
}
