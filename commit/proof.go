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
	r := bcs.NewReader(data)
	p := make(Proof, r.Length(maxProof, "the length of a proof"))
	for i := range p {
		p[i] = readNode(r, "a proof's hash")
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return p, nil
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

// VerifyProof checks that leaf, hashed already, stands at place index in the
// tree of that many leaves whose root is root. The path must have exactly
// TreeDepth(leaves) hashes: a shorter one would let an inner node pass for a
// leaf. The error is a *ProofError. To check many proofs, VerifyProofs is
// several times faster.
func (h *Hasher) VerifyProof(root Hash, leaf Hash, index, leaves int, p Proof) error {
	c := Claim{Root: root, Leaf: leaf, Index: index, Proof: p}
	if err := c.checkShape(leaves); err != nil {
		return err
	}
	node := leaf
	for _, sibling := range p {
		if index%2 == 0 {
			node = h.Node(node, sibling)
		} else {
			node = h.Node(sibling, node)
		}
		index /= 2
	}
	return c.checkRoot(leaves, node)
}

// VerifyProofs checks many claims on trees of the same number of leaves, side
// by side in the lanes of the hash; the trees may be different ones. It returns
// nil if every claim holds; otherwise one entry for each claim, nil or the
// *ProofError that VerifyProof gives.
func (h *Hasher) VerifyProofs(claims []Claim, leaves int) []error {
	var errs []error
	refuse := func(i int, err error) {
		if err == nil {
			return
		}
		if errs == nil {
			errs = make([]error, len(claims))
		}
		errs[i] = err
	}

	// Claims of the right shape climb their trees together, a batch of them at a time.
	var batch [proofBatch]int
	n := 0
	for i := range claims {
		if err := claims[i].checkShape(leaves); err != nil {
			refuse(i, err)
			continue
		}
		batch[n] = i
		if n++; n == len(batch) {
			h.climb(claims, batch[:n], leaves, refuse)
			n = 0
		}
	}
	h.climb(claims, batch[:n], leaves, refuse)
	return errs
}

// proofBatch is how many claims climb together: enough to fill the lanes of every
// kernel twice, few enough to stay in the L1 cache.
const proofBatch = 32

// climb computes the roots that the claims of a batch, of the right shape, lead to.
func (h *Hasher) climb(claims []Claim, batch []int, leaves int, refuse func(i int, err error)) {
	if len(batch) == 0 {
		return
	}
	var nodes [proofBatch * HashSize]byte
	for k, i := range batch {
		*(*Hash)(nodes[k*HashSize:]) = claims[i].Leaf
	}
	if lanes := h.lanes.GroupLanes(); lanes > 0 && len(batch) > lanes/2 && leaves > 1 {
		for first := 0; first < len(batch); first += lanes {
			h.climbInLanes(nodes[first*HashSize:], claims, batch[first:min(first+lanes, len(batch))], TreeDepth(leaves))
		}
	} else {
		h.climbLevels(&nodes, claims, batch, TreeDepth(leaves))
	}
	for k, i := range batch {
		refuse(i, claims[i].checkRoot(leaves, Hash(nodes[k*HashSize:])))
	}
}

// climbInLanes climbs with no more claims than there are lanes. nodes has room for a
// node a lane; those left over repeat the first claim's way.
func (h *Hasher) climbInLanes(nodes []byte, claims []Claim, batch []int, levels int) {
	var siblings [lanehash.MaxGroup]*byte
	var turns [lanehash.MaxDepth]uint16
	for k := range siblings {
		i := batch[0]
		if k < len(batch) {
			i = batch[k]
		}
		c := &claims[i]
		siblings[k] = &c.Proof[0][0]
		race.Read(unsafe.Pointer(siblings[k]), levels*HashSize)
		for level := range turns[:levels] {
			turns[level] |= uint16(c.Index>>level&1) << k
		}
	}
	h.lanes.Climb(nodes, &siblings, &turns, levels)
}

// climbLevels climbs a level at a time.
func (h *Hasher) climbLevels(nodes *[proofBatch * HashSize]byte, claims []Claim, batch []int, levels int) {
	var siblings [proofBatch * HashSize]byte
	every, some := -1, 0 // the bits that all indices have, and those that any has
	for _, i := range batch {
		index := claims[i].Index
		every, some = every&index, some|index
	}
	for level := range levels {
		for k, i := range batch {
			*(*Hash)(siblings[k*HashSize:]) = claims[i].Proof[level]
		}
		left, right := nodes, &siblings
		if every>>level&1 == 1 {
			left, right = right, left
		} else if some>>level&1 == 1 {
			for k, i := range batch {
				if claims[i].Index>>level&1 == 1 {
					node, sibling := (*Hash)(nodes[k*HashSize:]), (*Hash)(siblings[k*HashSize:])
					*node, *sibling = *sibling, *node
				}
			}
		}
		h.Nodes(nodes[:], left[:], right[:], HashSize, len(batch))
	}
}
