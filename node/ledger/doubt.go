package ledger

import (
	"slices"

	"github.com/redstuff-go/redstuff/node/challenge"
)

// Doubt is what members say of challenges that are passed while blobs cannot be read.
type Doubt struct {
	Epoch     uint32
	Voters    []NodeID // of the epoch
	Weight    uint16   // their shards
	Doublings uint8    // of the number of blobs that light challenges draw
}

// maxDoublings bounds Doubt.Doublings: by then all blobs are drawn.
const maxDoublings = 32

// doubt returns what members say in the current epoch.
func doubt(d *draft) *Doubt {
	v := get[Doubt](d.tree, DoubtKey())
	if v == nil {
		v = new(Doubt)
	}
	if v.Epoch != d.system.Epoch {
		v.Epoch, v.Voters, v.Weight = d.system.Epoch, nil, 0
	}
	return v
}

// DoubtChallenges says, for a member, that blobs cannot be read though a quorum has passed the last
// challenge: there may be members that lack a smaller share of the blobs than light challenges
// find. When members with more than f shards say so in an epoch, of which one is honest at least,
// challenges draw twice as many blobs from the next epoch on; after an epoch in which they do not,
// half as many, down to what the parameters want. The sender is who governs the node, or the account of
// the node's TLS key.
type DoubtChallenges struct {
	Node  NodeID
	Epoch uint32
}

func (a DoubtChallenges) apply(d *draft, sender Address) error {
	weight, err := speaks(d, sender, a.Node, a.Epoch)
	if err != nil {
		return err
	}
	p := d.genesis.params()
	last := lastChallenge(d)
	if d.genesis.Challenges.Mode != ChallengesLight || last == nil || last.Stage != challenge.Closed || int(last.Weight) < p.N-p.F {
		return broken(RulePhase, "no light challenge was passed last by members with %d shards", p.N-p.F)
	}
	v := doubt(d)
	if slices.Contains(v.Voters, a.Node) {
		return broken(RuleTwice, "it has said so already")
	}
	v.Voters = append(v.Voters, a.Node)
	v.Weight += uint16(weight)
	d.put(DoubtKey(), v)
	return nil
}

// judgeDoubt has more or fewer blobs drawn, by what members have said in the epoch that ends.
func judgeDoubt(d *draft) {
	v := doubt(d)
	doublings := v.Doublings
	if int(v.Weight) > d.genesis.params().F {
		doublings = min(doublings+1, maxDoublings)
	} else {
		doublings -= min(doublings, 1)
	}
	if doublings != v.Doublings {
		d.put(DoubtKey(), Doubt{Epoch: v.Epoch, Doublings: doublings})
		d.emit(DrawsDoubled{v.Epoch + 1, doublings})
	}
}

// doubled returns a number of draws that is doubled so many times.
func doubled(draws uint64, doublings uint8) uint64 {
	if double := draws << doublings; double>>doublings == draws {
		return double
	}
	return 1<<64 - 1
}
