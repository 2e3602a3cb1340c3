package ledger

import (
	"slices"

	"github.com/redstuff-go/redstuff/node/ledger/apportion"
)

// VoteSlashing is a member's vote to take another node's commission. It counts in the
// current epoch only.
type VoteSlashing struct {
	Voter, Candidate NodeID
}

func (a VoteSlashing) apply(d *draft, sender Address) error {
	if _, err := ownNode(d, a.Voter, sender); err != nil {
		return err
	}
	if _, err := object[Node](d, NodeKey(a.Candidate)); err != nil {
		return err
	}
	weight := d.committee().weightOf(a.Voter)
	if weight == 0 {
		return broken(RuleMember, "the voter owns no shard in epoch %d", d.system.Epoch)
	}
	vote := get[Slashing](d.tree, SlashingKey(a.Candidate))
	if vote == nil || vote.Epoch != d.system.Epoch {
		vote = &Slashing{Epoch: d.system.Epoch}
	}
	if slices.Contains(vote.Voters, a.Voter) {
		return broken(RuleTwice, "it has voted already")
	}
	vote.Voters = append(vote.Voters, a.Voter)
	vote.Weight += uint16(weight)
	d.put(SlashingKey(a.Candidate), vote)
	return nil
}

// Slash burns all commission of a node on which a quorum of the committee has voted so
// in this epoch. Stake is untouched.
type Slash struct {
	Candidate NodeID
}

func (a Slash) apply(d *draft, _ Address) error {
	n, err := object[Node](d, NodeKey(a.Candidate))
	if err != nil {
		return err
	}
	vote := get[Slashing](d.tree, SlashingKey(a.Candidate))
	if vote == nil || vote.Epoch != d.system.Epoch {
		return broken(RuleUnknown, "nobody has voted on the node in epoch %d", d.system.Epoch)
	}
	if !apportion.Quorum(int(vote.Weight), int(d.genesis.Shards)) {
		return broken(RuleProof, "the voters own %d of %d shards, which is no quorum", vote.Weight, d.genesis.Shards)
	}
	d.system.Burned += n.Commission
	d.emit(NodeSlashed{a.Candidate, n.Commission})
	n.Commission, n.BlockedCommission = 0, 0
	d.put(NodeKey(a.Candidate), n)
	d.remove(SlashingKey(a.Candidate))
	return nil
}
