package ledger

import (
	"fmt"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger/apportion"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// committees remembers committees as their certificates are verified with, because
// making one verifies the proofs of all its members, and which signatures held.
type committees struct {
	verifier committee.Verifier

	mu    sync.Mutex
	known map[entry]*committee.Committee
}

// entry is a committee's place in a state: where its value begins, which no state ever
// changes.
type entry struct {
	epoch uint32
	value *byte
}

// maxKnown bounds the committees that are remembered.
const maxKnown = 64

// get returns the committee of an epoch. The error is a *committee.EpochError if the
// state has none.
func (c *committees) get(g *Genesis, t tree.Tree, epoch uint32) (*committee.Committee, error) {
	value, ok := t.Get(CommitteeKey(epoch))
	if !ok {
		current := uint64(get[System](t, SystemKey()).Epoch)
		return nil, &committee.EpochError{Epoch: uint64(epoch), First: 1, Last: current}
	}
	name := entry{epoch, &value[0]}
	c.mu.Lock()
	known := c.known[name]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	members := get[Committee](t, CommitteeKey(epoch))
	var made *committee.Committee
	var err error
	if other := c.beside(t, epoch); other != nil {
		made, err = members.Succeed(other, epoch)
	} else {
		made, err = members.Committee(g, epoch)
	}
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[entry]*committee.Committee)
	}
	for other := range c.known {
		if len(c.known) < maxKnown {
			break
		}
		delete(c.known, other)
	}
	c.known[name] = made
	return made, nil
}

// beside returns the committee of the epoch before or after, if it is remembered.
func (c *committees) beside(t tree.Tree, epoch uint32) *committee.Committee {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range []uint32{epoch - 1, epoch + 1} {
		if value, ok := t.Get(CommitteeKey(other)); ok {
			if known := c.known[entry{other, &value[0]}]; known != nil {
				return known
			}
		}
	}
	return nil
}

// Committee returns the committee as nodes and clients use it. It verifies the proofs of
// all members.
func (c *Committee) Committee(g *Genesis, epoch uint32) (*committee.Committee, error) {
	members, err := c.members(nil)
	if err != nil {
		return nil, err
	}
	return committee.New(g.System(), uint64(epoch), members)
}

// Succeed is Committee, beside a committee of the same ledger: it verifies the proofs of
// those members alone that the other one does not have.
func (c *Committee) Succeed(before *committee.Committee, epoch uint32) (*committee.Committee, error) {
	known := make(map[[48]byte]committee.PublicKey, before.Len())
	for i := range before.Len() {
		key := before.Member(i).PublicKey
		known[key.Bytes()] = key
	}
	members, err := c.members(known)
	if err != nil {
		return nil, err
	}
	return before.Succeed(uint64(epoch), members)
}

// members returns the members as nodes and clients know them. Public keys that are known
// need not be read.
func (c *Committee) members(known map[[48]byte]committee.PublicKey) ([]committee.Member, error) {
	members := make([]committee.Member, len(c.Members))
	for i, m := range c.Members {
		public, ok := known[m.PublicKey]
		if !ok {
			var err error
			if public, err = committee.ParsePublicKey(m.PublicKey[:]); err != nil {
				return nil, fmt.Errorf("ledger: member %s: %w", m.Name, err)
			}
		}
		members[i] = committee.Member{
			ID: committee.NodeID(m.Node), Name: m.Name, Address: m.Address, PublicKey: public, Proof: m.Possession, TLSKey: m.TLSKey,
			Shards: make(committee.Shards, len(m.Shards)),
		}
		for j, shard := range m.Shards {
			members[i].Shards[j] = int(shard)
		}
	}
	return members, nil
}

// weightOf returns the number of shards that the node owns in the committee.
func (c *Committee) weightOf(id NodeID) int {
	if i := c.index(id); i >= 0 {
		return len(c.Members[i].Shards)
	}
	return 0
}

// index returns which member the node is, or -1.
func (c *Committee) index(id NodeID) int {
	return slices.IndexFunc(c.Members, func(m Member) bool { return m.Node == id })
}

// owners returns who owns which shards.
func (c *Committee) owners() []apportion.Owner {
	owners := make([]apportion.Owner, len(c.Members))
	for i, m := range c.Members {
		owners[i] = apportion.Owner{Node: m.Node, Shards: make([]int, len(m.Shards))}
		for j, shard := range m.Shards {
			owners[i].Shards[j] = int(shard)
		}
	}
	return owners
}
