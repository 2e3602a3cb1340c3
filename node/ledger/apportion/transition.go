package apportion

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// NodeID names a node for its whole life.
type NodeID [32]byte

// Owner is a node and the shards it owns.
type Owner struct {
	Node   NodeID
	Shards []int
}

// Share is how many shards a node is to have.
type Share struct {
	Node   NodeID
	Shards int
}

// ErrShares is returned when the shares do not make up all shards, or name a node
// twice.
var ErrShares = errors.New("apportion: wrong shares")

// First returns the first committee of all: its nodes in the order of their ids, with
// consecutive shards from 0 on. Nodes without shards are left out.
func First(shares []Share) []Owner {
	sorted := slices.Clone(shares)
	slices.SortFunc(sorted, func(a, b Share) int { return bytes.Compare(a.Node[:], b.Node[:]) })
	var owners []Owner
	next := 0
	for _, s := range sorted {
		if s.Shards == 0 {
			continue
		}
		o := Owner{Node: s.Node, Shards: make([]int, s.Shards)}
		for i := range o.Shards {
			o.Shards[i] = next
			next++
		}
		owners = append(owners, o)
	}
	return owners
}

// Transition returns the committee that follows on old, in which each node has its
// share. No more shards change their owner than must: a node that loses some gives its
// last ones, and a node that gains some keeps what it has. The owners of old are in the
// order of their ids, as those returned are. The error is ErrShares.
//
// Which shard goes where is fixed, too, because every machine must find the same:
// those given up are collected in the order of the old owners, and taken from the end;
// first by nodes that are new, in the order of shares, then by those that grow, in the
// order of ids.
func Transition(old []Owner, shares []Share) ([]Owner, error) {
	want := make(map[NodeID]int, len(shares))
	all := 0
	for _, s := range shares {
		if _, twice := want[s.Node]; twice || s.Shards < 0 {
			return nil, fmt.Errorf("%w: node %x", ErrShares, s.Node)
		}
		want[s.Node] = s.Shards
		all += s.Shards
	}
	var owners []Owner
	var free []int
	var growing []Owner
	before := make(map[NodeID]bool, len(old))
	for _, o := range old {
		before[o.Node] = true
		all -= len(o.Shards)
		switch share := want[o.Node]; {
		case share == 0:
			free = append(free, o.Shards...)
		case share > len(o.Shards):
			growing = append(growing, Owner{o.Node, slices.Clone(o.Shards)})
		default:
			given := slices.Clone(o.Shards[share:])
			slices.Reverse(given)
			free = append(free, given...)
			owners = append(owners, Owner{o.Node, slices.Clone(o.Shards[:share])})
		}
	}
	if all != 0 {
		return nil, fmt.Errorf("%w: they differ from all shards by %d", ErrShares, all)
	}
	var taking []Owner
	for _, s := range shares {
		if !before[s.Node] && s.Shards > 0 {
			taking = append(taking, Owner{Node: s.Node})
		}
	}
	for _, o := range append(taking, growing...) {
		for len(o.Shards) < want[o.Node] {
			last := len(free) - 1
			o.Shards = append(o.Shards, free[last])
			free = free[:last]
		}
		owners = append(owners, o)
	}
	slices.SortFunc(owners, func(a, b Owner) int { return bytes.Compare(a.Node[:], b.Node[:]) })
	return owners, nil
}

// Moves returns how many shards have another owner in b than in a.
func Moves(a, b []Owner) (moves int) {
	owner := make(map[int]NodeID)
	for _, o := range a {
		for _, shard := range o.Shards {
			owner[shard] = o.Node
		}
	}
	for _, o := range b {
		for _, shard := range o.Shards {
			if owner[shard] != o.Node {
				moves++
			}
		}
	}
	return moves
}
