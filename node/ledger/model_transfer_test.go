package ledger_test

import (
	"bytes"
	"math"
	"math/big"
	"slices"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// modelTransfer is shards that a member did not get: from a node, or in all.
type modelTransfer struct {
	from, to ledger.NodeID
	shards   int
	all      bool
}

// gained returns who had the shards before that a member of the epoch has now, shard by shard.
func (m *model) gained(id ledger.NodeID) (from []ledger.NodeID) {
	before := make(map[int]ledger.NodeID)
	for _, o := range m.committees[m.from] {
		for _, shard := range o.shards {
			before[shard] = o.node
		}
	}
	for _, o := range m.committees[m.epoch] {
		for _, shard := range o.shards {
			if o.node == id && before[shard] != id {
				from = append(from, before[shard])
			}
		}
	}
	return from
}

// recovered returns the transfers that a report says have failed.
func (m *model) recovered(a ledger.ReportSynced, broken rules) (failed []modelTransfer) {
	from := m.gained(a.Node)
	for i, id := range a.Recovered {
		broken.when(i > 0 && bytes.Compare(a.Recovered[i-1][:], id[:]) >= 0, ledger.RuleTwice)
		count := 0
		for _, sender := range from {
			if sender == id {
				count++
			}
		}
		broken.when(count == 0, ledger.RuleMember)
		failed = append(failed, modelTransfer{from: id, to: a.Node, shards: count})
	}
	return failed
}

// fineTransfers slashes who did not hand shards over, or did not get them, in the epoch that
// ended, and returns what each helper gets.
func (m *model) fineTransfers(old uint32) map[ledger.NodeID]*big.Int {
	rules := ledger.MigrationRules{
		Sender: m.parameter(ledger.ParameterSender), Receiver: m.parameter(ledger.ParameterReceiver), Helpers: m.parameter(ledger.ParameterHelpers),
	}
	if old == 1 || m.settled != old || rules == (ledger.MigrationRules{}) {
		return nil
	}
	failed := m.failed
	m.epoch = old // for gained
	for _, o := range m.committees[old] {
		if lost := m.gained(o.node); len(lost) > 0 && !m.synced[o.node] {
			failed = append(failed, modelTransfer{to: o.node, shards: len(lost), all: true})
		}
	}
	m.epoch = old + 1
	helped := make(map[ledger.NodeID]*big.Int)
	gone := make(map[ledger.NodeID]bool)
	var order []ledger.NodeID
	for _, f := range failed {
		fine := func(id ledger.NodeID, rate uint16, held int) *big.Int {
			n := m.nodes[id]
			part := new(big.Int).Mul(number(uint64(rate)), number(uint64(f.shards)))
			return n.slash(floor(n.balance, part, number(uint64(held)*10_000)), m.staked(id))
		}
		sum := fine(f.to, rules.Receiver, weightIn(m.committees[old], f.to))
		if !f.all {
			if weightIn(m.committees[old], f.from)+weightIn(m.committees[m.epoch], f.from) == 0 && !gone[f.from] {
				gone[f.from] = true
				order = append(order, f.from)
				m.nodes[f.from].leave(m.epoch)
				m.did[outside]++
			}
			sum = plus(sum, fine(f.from, rules.Sender, weightIn(m.committees[m.from], f.from)))
		}
		pot := floor(sum, number(uint64(rules.Helpers)), number(10_000))
		var helpers []modelOwner
		weight := 0
		for _, o := range m.committees[old] {
			if m.synced[o.node] && o.node != f.to && (f.all || o.node != f.from) {
				helpers = append(helpers, o)
				weight += len(o.shards)
			}
		}
		for _, o := range helpers {
			part := floor(pot, number(uint64(len(o.shards))), number(uint64(weight)))
			if helped[o.node] == nil {
				helped[o.node] = new(big.Int)
			}
			helped[o.node].Add(helped[o.node], part)
			sum = new(big.Int).Sub(sum, part)
		}
		m.burned = plus(m.burned, sum)
	}
	for _, id := range order {
		m.nodes[id].advance(m.epoch, new(big.Int))
		m.rank(id)
	}
	return helped
}

// judgeDoubts has more or fewer blobs drawn.
func (m *model) judgeDoubts(old uint32) {
	weight := 0
	for id := range m.doubts {
		weight += weightIn(m.committees[old], id)
	}
	m.doubts = make(map[ledger.NodeID]bool)
	switch {
	case 3*weight >= int(m.genesis.Shards):
		m.doublings = min(32, m.doublings+1)
		m.did[doubled]++
	case m.doublings > 0:
		m.doublings--
	}
}

// draws returns how many blobs a challenge draws.
func (m *model) draws() uint64 {
	if m.genesis.Challenges.Mode == ledger.ChallengesFull {
		return math.MaxUint64
	}
	members := len(m.committees[m.epoch])
	k, err := challenge.Bound{
		Missing: m.parameter(ledger.ParameterMissing), Error: m.parameter(ledger.ParameterError), Grinding: challenge.AckHash{}.Grinding(members), Verifiers: uint16(members),
	}.Draws()
	if err != nil {
		panic(err)
	}
	return k << m.doublings
}

// report returns a report of some node's, which may have recovered shards.
func (h *history) report(sender ledger.Address, epoch uint32) ledger.Action {
	a := ledger.ReportSynced{Node: h.node(sender), Epoch: epoch}
	if h.random.IntN(2) == 0 {
		return a
	}
	for _, id := range h.model.gained(a.Node) {
		if h.random.IntN(2) == 0 {
			a.Recovered = append(a.Recovered, id)
		}
	}
	slices.SortFunc(a.Recovered, func(a, b ledger.NodeID) int { return bytes.Compare(a[:], b[:]) })
	a.Recovered = slices.Compact(a.Recovered)
	switch h.random.IntN(20) {
	case 0:
		a.Recovered = append(a.Recovered, h.nodes[0])
	case 1:
		slices.Reverse(a.Recovered)
	}
	return a
}
