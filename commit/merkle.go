package commit

import "math/bits"

// The Merkle tree of Walrus. Its leaves are hashes already. While a level has
// more than one node, it gets an all-zero node appended if their number is odd,
// and is halved: node k of the next level is the hash of nodes 2k and 2k+1.
// One leaf is its own root; the root of no leaves is the zero hash.

// TreeDepth returns the number of levels above the leaves of a tree, which is
// the length of its proofs: ceil(log2 leaves), and 0 for no leaves.
func TreeDepth(leaves int) int {
	if leaves < 2 {
		return 0
	}
	return bits.Len(uint(leaves - 1))
}

// Root returns the root of the tree over leaves. It allocates a copy of them.
func (h *Hasher) Root(leaves []Hash) Hash {
	nodes := make([]byte, (len(leaves)+1)*HashSize)
	for i := range leaves {
		copy(nodes[i*HashSize:], leaves[i][:])
	}
	return h.foldTree(nodes, len(leaves))
}

// foldTree reduces the count nodes at the front of nodes to their root, in
// place. nodes has room for one more, the zero node of an odd level.
func (h *Hasher) foldTree(nodes []byte, count int) Hash {
	for count > 1 {
		if count%2 == 1 {
			clear(nodes[count*HashSize:][:HashSize])
			count++
		}
		count /= 2
		h.Nodes(nodes, nodes, nodes[HashSize:], 2*HashSize, count)
	}
	return Hash(nodes[:HashSize])
}

// NewTree builds the tree over leaves, which it copies.
func (h *Hasher) NewTree(leaves []Hash) *Tree {
	total := 1
	for count := len(leaves); count > 1; {
		total += count + count%2
		count = (count + 1) / 2
	}
	t := &Tree{leaves: len(leaves), nodes: make([]byte, total*HashSize)}
	for i := range leaves {
		copy(t.nodes[i*HashSize:], leaves[i][:])
	}
	level := t.nodes
	for count := len(leaves); count > 1; {
		count = (count + 1) / 2
		next := level[2*count*HashSize:]
		h.Nodes(next, level, level[HashSize:], 2*HashSize, count)
		level = next
	}
	return t
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
	var numbers [proofBatch]int
	c := climb{lanes: h.lanes, claims: claims, levels: TreeDepth(leaves)}
	flush := func(n int) {
		c.batch = numbers[:n]
		c.run()
		for k, i := range c.batch {
			refuse(i, claims[i].checkRoot(leaves, Hash(c.nodes[k*HashSize:])))
		}
	}
	n := 0
	for i := range claims {
		if err := claims[i].checkShape(leaves); err != nil {
			refuse(i, err)
			continue
		}
		numbers[n] = i
		if n++; n == len(numbers) {
			flush(n)
			n = 0
		}
	}
	if n > 0 {
		flush(n)
	}
	return errs
}

// Tree is a Merkle tree with all its nodes, ready to give proofs: about twice
// the size of its leaves. It is immutable and safe for concurrent use.
type Tree struct {
	leaves int
	// The levels one after the other, leaves first, the zero nodes of odd levels
	// included, so that the sibling of node i of a level is always node i^1.
	nodes []byte
}

// Len returns the number of leaves.
func (t *Tree) Len() int { return t.leaves }

// Root returns the root. The tree's last node is the only one of its level.
func (t *Tree) Root() Hash { return Hash(t.nodes[len(t.nodes)-HashSize:]) }

// Proof returns the proof that leaf i is in the tree. It panics unless i is the
// index of a leaf.
func (t *Tree) Proof(i int) Proof {
	return t.AppendProof(make(Proof, 0, TreeDepth(t.leaves)), i)
}

// AppendProof appends the hashes of Proof(i) to dst.
func (t *Tree) AppendProof(dst Proof, i int) Proof {
	checkRange("leaf", i, t.leaves)
	level := t.nodes
	for count := t.leaves; count > 1; i /= 2 {
		dst = append(dst, Hash(level[(i^1)*HashSize:][:HashSize]))
		count = (count + 1) / 2
		level = level[2*count*HashSize:]
	}
	return dst
}
