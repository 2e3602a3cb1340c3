package ledger

import (
	"fmt"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger/apportion"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// committees remembers committees as their certificates are verified with, because
// making one verifies the proofs of all its members. Only the last ones are kept.
type committees struct {
	mu    sync.Mutex
	known map[string]*committee.Committee // by the entry in the ledger
}

// maxKnown bounds the committees that are remembered.
const maxKnown = 4

func (c *committees) get(g *Genesis, epoch uint32, members *Committee) (*committee.Committee, error) {
	name := string(codec.Append(number(epoch), members))
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.known[name]; known != nil {
		return known, nil
	}
	made, err := members.Committee(g, epoch)
	if err != nil {
		return nil, err
	}
	if c.known == nil || len(c.known) >= maxKnown {
		c.known = make(map[string]*committee.Committee)
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
	if i := slices.IndexFunc(c.Members, func(m Member) bool { return m.Node == id }); i >= 0 {
		return len(c.Members[i].Shards)
	}
	return 0
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
