package coded

import (
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// An opening proves several leaves of one tree at once. It has the nodes that do not follow
// from the leaves: level by level from the leaves upward, and in each level from left to
// right, the siblings of known nodes that are not known themselves. The zero node that pads
// an odd level is known.

// walk goes up a tree of n leaves from some of them, which ascend. It calls sibling with
// every node that an opening has, by its level and index, and pair with every two children of
// a node that is known then; left is the index of the first. What it does depends on n and
// the leaves alone.
func walk(n int, leaves []int, sibling func(level, index int), pair func(level, left int)) {
	known := append([]int(nil), leaves...)
	for level, count := 0, n; count > 1; level, count = level+1, (count+1)/2 {
		parents := known[:0]
		for i := 0; i < len(known); i++ {
			at := known[i]
			both := i+1 < len(known) && known[i+1] == at^1
			if both {
				i++
			} else if at^1 < count {
				sibling(level, at^1)
			}
			pair(level, at&^1)
			parents = append(parents, at/2)
		}
		known = parents
	}
}

// openingLength returns how many nodes an opening has.
func openingLength(n int, leaves []int) (count int) {
	walk(n, leaves, func(int, int) { count++ }, func(int, int) {})
	return count
}

// open returns the opening of some leaves, which ascend. It panics if there is no such leaf.
func open(t *commit.Tree, leaves []int) []commit.Hash {
	opening := make([]commit.Hash, 0, openingLength(t.Len(), leaves))
	path, of := make(commit.Proof, 0, commit.TreeDepth(t.Len())), -1
	walk(t.Len(), leaves, func(level, index int) {
		// The sibling of the node is on the way up from any leaf below it, such as the first.
		if leaf := (index ^ 1) << level; leaf != of {
			path, of = t.AppendProof(path[:0], leaf), leaf
		}
		opening = append(opening, path[level])
	}, func(int, int) {})
	return opening
}

// verifyOpening checks that leaves, hashed already, stand at places in the tree of n leaves
// with the root. The places ascend and are below n. The error is ErrProof.
func verifyOpening(h *commit.Hasher, n int, root commit.Hash, places []int, leaves, opening []commit.Hash) error {
	if len(places) == 0 || len(places) != len(leaves) || len(opening) != openingLength(n, places) {
		return fmt.Errorf("%w: it has %d nodes for %d leaves", ErrProof, len(opening), len(leaves))
	}
	type node struct {
		index int
		hash  commit.Hash
	}
	level := make([]node, len(places))
	for i, at := range places {
		level[i] = node{at, leaves[i]}
	}
	// Known nodes of a level are taken from the front in their order, and their parents, of
	// which there are not more, are entered there.
	next, done, at := 0, 0, 0
	var sibling *commit.Hash
	enter := func(l, left int) {
		if l != at {
			level, at, next, done = level[:done], l, 0, 0
		}
		first := level[next]
		next++
		var other commit.Hash
		switch {
		case next < len(level) && level[next].index == first.index^1:
			other = level[next].hash
			next++
		case sibling != nil:
			other = *sibling
		}
		sibling = nil
		if first.index == left {
			first.hash = h.Node(first.hash, other)
		} else {
			first.hash = h.Node(other, first.hash)
		}
		level[done] = node{left / 2, first.hash}
		done++
	}
	walk(n, places, func(int, int) { sibling, opening = &opening[0], opening[1:] }, enter)
	if level[0].hash != root {
		return fmt.Errorf("%w: it leads to another root", ErrProof)
	}
	return nil
}
