package tree

import "bytes"

// diff yields the difference between two nodes, each of which may be nil; false ends it.
//
// Keys of a node agree in all bits before its own. So of two nodes, the one with the
// earlier bit has at most one side with keys of the other one.
func diff(old, now *node, yield func(key, value []byte) bool) bool {
	switch {
	case old == now:
		return true
	case old == nil:
		return now.all(yield)
	case now == nil:
		return old.all(func(key, _ []byte) bool { return yield(key, nil) })
	case old.leaf() && now.leaf():
		if bytes.Equal(old.key, now.key) {
			return bytes.Equal(old.value, now.value) || yield(now.key, now.value)
		}
		return yield(old.key, nil) && yield(now.key, now.value)
	case !old.leaf() && !now.leaf() && old.bit == now.bit:
		return diff(old.left, now.left, yield) && diff(old.right, now.right, yield)
	case old.leaf() || !now.leaf() && now.bit < old.bit:
		if bit(old.some(), now.bit) == 0 {
			return diff(old, now.left, yield) && diff(nil, now.right, yield)
		}
		return diff(nil, now.left, yield) && diff(old, now.right, yield)
	}
	if bit(now.some(), old.bit) == 0 {
		return diff(old.left, now, yield) && diff(old.right, nil, yield)
	}
	return diff(old.left, nil, yield) && diff(old.right, now, yield)
}

// some returns a key of the node.
func (n *node) some() []byte {
	for !n.leaf() {
		n = n.left
	}
	return n.key
}
