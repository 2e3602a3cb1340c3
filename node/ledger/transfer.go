package ledger

import (
	"bytes"
	"slices"
)

// MigrationRules are what becomes of members that fail to hand shards over, as Walrus's whitepaper,
// version 2, has it in section 6.2. All are basis points; without them nobody is fined. They are what a ledger
// begins with, see [Parameters].
//
// A member that has to recover a shard says from whom it should have got it, and both are fined:
// nobody else can tell which of the two is at fault, and who could accuse at no cost would. So
// Receiver bounds what a liar gains by harming others; where members do not trust each other at
// all, it is no smaller than Sender.
type MigrationRules struct {
	Sender   uint16 // of the stake with who did not hand over all its shards; for some of them, a part
	Receiver uint16 // of the stake with who did not get all its shards; for some of them, a part
	Helpers  uint16 // of the fines, for the members whom shards are recovered from; the rest is burned
}

// Transfers is how shards move to the committee of an epoch.
type Transfers struct {
	Epoch  uint32
	From   uint32           // the last epoch before that was settled: who owned shards then hands them over
	Failed []FailedTransfer // in the order in which they were reported
}

// FailedTransfer is shards that one member did not get from another.
type FailedTransfer struct {
	Sender, Receiver NodeID
	Shards           uint16
}

// transfers returns those of the current epoch; in the first one nothing moves.
func transfers(d *draft) *Transfers {
	if t := get[Transfers](d.tree, TransfersKey()); t != nil && t.Epoch == d.system.Epoch {
		return t
	}
	return &Transfers{Epoch: d.system.Epoch, From: d.system.Epoch}
}

// moved returns how many shards a member of the epoch has that another node, or any if it is nil,
// should have handed to it.
func (t *Transfers) moved(d *draft, receiver NodeID, sender *NodeID) (shards int) {
	now, before := d.committeeOf(t.Epoch), d.committeeOf(t.From)
	i := now.index(receiver)
	if i < 0 {
		return 0
	}
	for _, m := range before.Members {
		if m.Node == receiver || sender != nil && m.Node != *sender {
			continue
		}
		for _, shard := range m.Shards {
			if slices.Contains(now.Members[i].Shards, shard) {
				shards++
			}
		}
	}
	return shards
}

// fail notes from whom a member had to recover shards. The error is of RuleMember if somebody had
// none for it, and of RuleTwice if the nodes are not in the order of their ids.
func (t *Transfers) fail(d *draft, receiver NodeID, senders []NodeID) error {
	for i, sender := range senders {
		if i > 0 && bytes.Compare(senders[i-1][:], sender[:]) >= 0 {
			return broken(RuleTwice, "the nodes that shards were recovered from are not in the order of their ids, each once")
		}
		shards := t.moved(d, receiver, &sender)
		if shards == 0 {
			return broken(RuleMember, "node %x has no shard to hand over to it in epoch %d", sender, t.Epoch)
		}
		t.Failed = append(t.Failed, FailedTransfer{sender, receiver, uint16(shards)})
	}
	return nil
}

// fineTransfers has members pay for shards that were not handed over in the epoch that ends, if it
// was settled: or else the network may be at fault. The next epoch has begun. It returns what
// those get who helped.
func fineTransfers(d *draft, old *Committee) map[NodeID]uint64 {
	rules, t := inForce(d).migration(), get[Transfers](d.tree, TransfersKey())
	before := d.system.Epoch - 1
	if rules == (MigrationRules{}) || t == nil || t.Epoch != before || d.system.Settled != before {
		return nil
	}
	failed := t.Failed
	for _, m := range old.Members { // who has not reported has not got what it should have
		if shards := t.moved(d, m.Node, nil); shards > 0 && get[bool](d.tree, SyncedKey(before, m.Node)) == nil {
			failed = append(failed, FailedTransfer{NodeID{}, m.Node, uint16(shards)})
		}
	}
	helped := make(map[NodeID]uint64)
	var left []NodeID // nodes in no committee, whose pools would not be computed
	for _, f := range failed {
		d.emit(TransferFailed{before, f.Sender, f.Receiver, f.Shards})
		fines := fineFor(d, before, f.Receiver, rules.Receiver, f.Shards, old.weightOf(f.Receiver))
		if f.Sender != (NodeID{}) {
			if old.weightOf(f.Sender) == 0 && d.committee().weightOf(f.Sender) == 0 && !slices.Contains(left, f.Sender) {
				left = append(left, f.Sender)
				leave(d, f.Sender)
			}
			fines += fineFor(d, before, f.Sender, rules.Sender, f.Shards, d.committeeOf(t.From).weightOf(f.Sender))
		}
		d.system.Burned += fines - payHelpers(d, old, f, scale(fines, uint64(rules.Helpers), basisPoints), helped)
	}
	for _, id := range left {
		advance(d, id, get[Node](d.tree, NodeKey(id)), 0)
		rank(d, id, get[Node](d.tree, NodeKey(id)))
	}
	return helped
}

// fineFor slashes what some of the shards that a node held cost.
func fineFor(d *draft, epoch uint32, id NodeID, rate, shards uint16, held int) uint64 {
	n := get[Node](d.tree, NodeKey(id))
	amount := n.slash(scale(n.Balance, uint64(rate)*uint64(shards), basisPoints*uint64(held)))
	if amount > 0 {
		d.put(NodeKey(id), n)
		d.emit(TransferFined{epoch, id, amount})
	}
	return amount
}

// payHelpers notes what members who have reported get for the shards that another one recovered,
// and returns how much that is together.
func payHelpers(d *draft, old *Committee, f FailedTransfer, pot uint64, helped map[NodeID]uint64) (paid uint64) {
	var helpers []Member
	weight := uint64(0)
	for _, m := range old.Members {
		if m.Node != f.Sender && m.Node != f.Receiver && get[bool](d.tree, SyncedKey(d.system.Epoch-1, m.Node)) != nil {
			helpers = append(helpers, m)
			weight += uint64(len(m.Shards))
		}
	}
	for _, m := range helpers {
		part := scale(pot, uint64(len(m.Shards)), weight)
		helped[m.Node] += part
		paid += part
	}
	return paid
}

// leave has all withdrawals of a pool that does not advance take effect, most of which were paid.
func leave(d *draft, id NodeID) {
	n, now := get[Node](d.tree, NodeKey(id)), d.system.Epoch
	rate := Rate{n.Balance, n.Shares}
	leaving := preActiveShares(d, id, n, n.PreActive.take(now)) + n.PendingWithdrawal.take(now).sum()
	n.Balance = saturate(n.Balance, rate.toBalance(leaving))
	n.Shares = rate.toShares(n.Balance)
	d.put(NodeKey(id), n)
}
