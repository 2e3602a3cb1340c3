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
// making one verifies the proofs of all its members.
type committees struct {
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
	made, err := get[Committee](t, CommitteeKey(epoch)).Committee(g, epoch)
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

// Committee returns the committee as nodes and clients use it.
func (c *Committee) Committee(g *Genesis, epoch uint32) (*committee.Committee, error) {
	members := make([]committee.Member, len(c.Members))
	for i, m := range c.Members {
		public, err := committee.ParsePublicKey(m.PublicKey[:])
		if err != nil {
			return nil, fmt.Errorf("ledger: member %s: %w", m.Name, err)
		}
		members[i] = committee.Member{
			Name: m.Name, Address: m.Address, PublicKey: public, Proof: m.Possession, TLSKey: m.TLSKey,
			Shards: make(committee.Shards, len(m.Shards)),
		}
		for j, shard := range m.Shards {
			members[i].Shards[j] = int(shard)
		}
	}
	return committee.New(g.System(), uint64(epoch), members)
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
