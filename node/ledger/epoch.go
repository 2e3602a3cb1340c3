package ledger

import (
	"github.com/redstuff-go/redstuff/node/ledger/apportion"
)

// tick does what is due at the time of a block: at half of an epoch the next committee
// is selected, at its end the next epoch starts, unless a challenge is open still, and its change ends when the members
// of a quorum of shards have reported, or after the time that genesis fixes for that.
func tick(d *draft, time uint64) {
	s := &d.system
	s.Time = time
	g := d.genesis
	closeChallenge(d)
	if Phase(s.Phase) == PhaseSync && time-s.PhaseStart >= g.SyncMillis {
		endSync(d)
	}
	if Phase(s.Phase) == PhaseDone && time-s.PhaseStart >= g.EpochMillis/2 {
		selectNext(d)
	}
	if Phase(s.Phase) == PhaseSelected && time-s.PhaseStart >= g.EpochMillis && !isOpen(lastChallenge(d)) {
		startEpoch(d)
	}
}

// selectNext fixes the committee and the capacity of the next epoch.
func selectNext(d *draft) {
	now := d.committee()
	for _, m := range now.Members {
		if n := get[Node](d.tree, NodeKey(m.Node)); n != nil {
			n.BlockedCommission = 0
			d.put(NodeKey(m.Node), n)
		}
	}
	next := elect(d, now)
	d.put(CommitteeKey(d.system.Epoch+1), next)
	d.system.NextCapacity = votedCapacity(d, next)
	selectParameters(d, next)
	d.system.Phase = uint8(PhaseSelected)
	d.emit(EpochSelected{d.system.Epoch + 1})
	armChallenge(d)
}

// elect returns the committee that the stake of now elects, with as few shards moved as
// there can be, within the tolerance of the genesis. Where nobody has stake, it is the
// committee that there is.
func elect(d *draft, now *Committee) *Committee {
	active := activeSet(d)
	stake := make([]uint64, len(active))
	for i, e := range active {
		stake[i] = e.Stake
	}
	counts, err := shardsOf(d.genesis, now, active, stake)
	if err != nil {
		return committeeOfOwners(d, now.owners())
	}
	shares := make([]apportion.Share, len(active))
	for i, e := range active {
		shares[i] = apportion.Share{Node: e.Node, Shards: counts[i]}
	}
	if len(now.Members) == 0 {
		return committeeOfOwners(d, apportion.First(shares))
	}
	owners, err := apportion.Transition(now.owners(), shares)
	if err != nil {
		panic("ledger: " + err.Error()) // both committees own all shards
	}
	return committeeOfOwners(d, owners)
}

// shardsOf returns how many shards each of the active nodes gets by its stake.
func shardsOf(g *Genesis, now *Committee, active []ActiveNode, stake []uint64) ([]int, error) {
	if g.StakeTolerance == 0 || len(now.Members) == 0 {
		return apportion.DHondt(stake, int(g.Shards))
	}
	held := make([]int, len(active))
	for i, e := range active {
		held[i] = now.weightOf(e.Node)
	}
	return apportion.Tolerant(stake, held, int(g.Shards), int(g.StakeTolerance))
}

// committeeOfOwners returns the committee of the owners, with what their nodes say of themselves
// and the keys that they have next.
func committeeOfOwners(d *draft, owners []apportion.Owner) *Committee {
	c := new(Committee)
	for _, o := range owners {
		n := get[Node](d.tree, NodeKey(o.Node))
		m := Member{
			Node: o.Node, Name: n.Info.Name, Address: n.Info.Address, TLSKey: n.Info.TLSKey,
			PublicKey: n.Info.PublicKey, Possession: n.Info.Possession, Shards: make([]uint16, len(o.Shards)),
		}
		if n.Next != nil {
			m.PublicKey, m.Possession = n.Next.PublicKey, n.Next.Possession
		}
		for i, shard := range o.Shards {
			m.Shards[i] = uint16(shard)
		}
		c.Members = append(c.Members, m)
	}
	return c
}

// votesOf returns what the members of a committee vote for, by their shards.
func votesOf(d *draft, c *Committee, of func(Votes, int) uint64) []apportion.Vote {
	votes := make([]apportion.Vote, 0, len(c.Members))
	for _, m := range c.Members {
		if n := get[Node](d.tree, NodeKey(m.Node)); n != nil {
			votes = append(votes, apportion.Vote{Value: of(n.Info.Votes, len(m.Shards)), Weight: len(m.Shards)})
		}
	}
	return votes
}

// votedCapacity returns the bytes that a quorum of the committee says it can store, all
// shards together: each node's capacity, scaled from its shards to all.
func votedCapacity(d *draft, c *Committee) uint64 {
	n := uint64(d.genesis.Shards)
	return apportion.QuorumAbove(votesOf(d, c, func(v Votes, shards int) uint64 {
		whole, rest := v.Capacity/uint64(shards), v.Capacity%uint64(shards)
		if all, err := mul(whole, n); err == nil {
			if sum, err := add(all, rest*n/uint64(shards)); err == nil {
				return sum
			}
		}
		return 1<<64 - 1
	}))
}

// setPrices sets the prices to those that a quorum of the committee votes for or below.
func setPrices(d *draft, c *Committee) {
	d.system.StoragePrice = apportion.QuorumBelow(votesOf(d, c, func(v Votes, _ int) uint64 { return v.StoragePrice }))
	d.system.WritePrice = apportion.QuorumBelow(votesOf(d, c, func(v Votes, _ int) uint64 { return v.WritePrice }))
}

// startEpoch pays out what the last epoch earned, and has the next committee take over.
func startEpoch(d *draft) {
	s := &d.system
	before := s.Epoch
	slot := d.slot(before)
	d.remove(SlotKey(before))
	burned := scale(slot.Rewards, uint64(d.genesis.BurnRate), basisPoints)
	s.Burned += burned
	pot := slot.Rewards - burned

	closeCheckpoint(d, before)
	old, last, quorum := d.committee(), lastChallenge(d), electorateOf(d)
	judgeDoubt(d)
	s.Epoch++
	s.Capacity = max(s.NextCapacity, d.slot(s.Epoch).Used)
	s.NextCapacity = 0
	next := d.committee()
	helped := fineTransfers(d, old)
	d.put(TransfersKey(), Transfers{Epoch: s.Epoch, From: s.Settled})
	left := pot
	for i, m := range old.Members {
		d.remove(SyncedKey(before, m.Node))
		n := get[Node](d.tree, NodeKey(m.Node))
		earned := uint64(0)
		// Every member stores the same share of what is reserved for each of its shards.
		// Who has stored nothing has earned nothing.
		// What somebody has not earned nobody else has now, who might keep it from earning:
		// it is for the next epoch.
		v := verdictOn(last, quorum, before, i)
		if judge(d, v, before, m.Node, n) && slot.Used > 0 && n.Balance > 0 {
			earned = scale(pot, uint64(len(m.Shards)), uint64(d.genesis.Shards))
		}
		left -= earned
		n.Last = LastEpoch{before, uint8(v), earned}
		if earned > 0 {
			d.emit(NodeRewarded{before, m.Node, earned})
		}
		if help := helped[m.Node]; help > 0 {
			d.emit(HelperPaid{before, m.Node, help})
		}
		advance(d, m.Node, n, earned+helped[m.Node])
	}
	earn(d, s.Epoch, left)
	for _, m := range next.Members {
		if old.weightOf(m.Node) == 0 {
			advance(d, m.Node, get[Node](d.tree, NodeKey(m.Node)), 0)
		}
	}
	for _, c := range []*Committee{old, next} {
		for _, m := range c.Members {
			rank(d, m.Node, get[Node](d.tree, NodeKey(m.Node)))
		}
	}
	setPrices(d, next)
	changeParameters(d)
	s.Phase, s.PhaseStart, s.SyncWeight = uint8(PhaseSync), s.Time, 0
	d.emit(EpochStarted{s.Epoch})
}

// endSync ends the change to the current epoch, so that the next one can be voted for. Where
// the time for it was over, the epoch is not settled: the shards that it moved are still
// with their owners of the last epoch that was, until members of a quorum report.
func endSync(d *draft) {
	d.system.Phase, d.system.PhaseStart = uint8(PhaseDone), d.system.Time
	d.emit(EpochDone{d.system.Epoch, d.system.SyncWeight})
}

// speaks returns how many shards a node owns in an epoch, for which the sender speaks: it governs
// the node, or is the account of the node's TLS key. The epoch has to be the current one.
func speaks(d *draft, sender Address, node NodeID, epoch uint32) (shards int, err error) {
	n, err := object[Node](d, NodeKey(node))
	if err != nil {
		return 0, err
	}
	if sender != n.Owner && sender != Address(n.Info.TLSKey) {
		return 0, broken(RuleOwner, "it is %v's", n.Owner)
	}
	if epoch != d.system.Epoch {
		return 0, broken(RuleEpoch, "it is about epoch %d, and this is %d", epoch, d.system.Epoch)
	}
	if shards = d.committee().weightOf(node); shards == 0 {
		return 0, broken(RuleMember, "the node owns no shard in epoch %d", epoch)
	}
	return shards, nil
}

// ReportSynced says that a member has all that is certified of its shards of the epoch,
// those that it gained and those that it had before. It counts until the epoch ends, also
// when the time for the change is over. The sender is who governs the node, or the account
// of the node's TLS key.
type ReportSynced struct {
	Node  NodeID
	Epoch uint32
	// Recovered are the nodes, in the order of their ids, which should have handed shards over and
	// did not, so that the member recovered them from others. See [MigrationRules].
	Recovered []NodeID
}

func (a ReportSynced) apply(d *draft, sender Address) error {
	weight, err := speaks(d, sender, a.Node, a.Epoch)
	if err != nil {
		return err
	}
	if get[bool](d.tree, SyncedKey(a.Epoch, a.Node)) != nil {
		return broken(RuleTwice, "it has reported already")
	}
	if len(a.Recovered) > 0 {
		t := transfers(d)
		if err := t.fail(d, a.Node, a.Recovered); err != nil {
			return err
		}
		d.put(TransfersKey(), t)
	}
	d.put(SyncedKey(a.Epoch, a.Node), true)
	d.emit(ShardsReceived{a.Epoch, a.Node, uint16(weight)})
	d.system.SyncWeight += uint16(weight)
	if d.system.Settled == a.Epoch || !apportion.Quorum(int(d.system.SyncWeight), int(d.genesis.Shards)) {
		return nil
	}
	d.system.Settled = a.Epoch
	d.emit(EpochSettled{a.Epoch})
	if Phase(d.system.Phase) == PhaseSync {
		endSync(d)
	}
	armChallenge(d)
	return nil
}
