package ledger_test

import (
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// modelParameter is a number that members vote for: what it is, what it will be, and who wants what.
type modelParameter struct {
	now, next, least, most uint16
	rises                  bool // it takes a quorum to have it rise; or else, to have it fall
	fine                   bool // for shards that move
	wanted                 map[ledger.NodeID]uint16
}

// newModelParameters returns those of a genesis, in the order of ledger.Parameter.
func newModelParameters(g ledger.Genesis) []*modelParameter {
	c, t := g.Challenges, g.Migration
	const all = 10_000
	list := []*modelParameter{
		{now: c.Missing, least: 1, most: all, rises: true},
		{now: c.Error, least: 1, most: 300},
		{now: c.Strikes, least: 1, most: 1000},
		{now: c.Penalty, most: all, rises: true},
		{now: c.FinesShared, most: all, rises: true},
		{now: t.Sender, most: all, rises: true, fine: true},
		{now: t.Receiver, most: all, rises: true, fine: true},
		{now: t.Helpers, most: all, rises: true, fine: true},
	}
	for _, p := range list {
		p.next, p.wanted = p.now, make(map[ledger.NodeID]uint16)
	}
	return list
}

func (m *model) parameter(p ledger.Parameter) uint16 { return m.parameters[p].now }

// selectParameters has each parameter be the one nearest to what it may do without a quorum for which
// there is one: it goes through all values that anybody wants.
func (m *model) selectParameters(c []modelOwner) {
	for _, p := range m.parameters {
		wants := func(o modelOwner) uint16 {
			if v, ok := p.wanted[o.node]; ok {
				return v
			}
			return p.now
		}
		var best *uint16
		for _, o := range c {
			value, weight := wants(o), 0
			for _, other := range c {
				if w := wants(other); p.rises && w >= value || !p.rises && w <= value {
					weight += len(other.shards)
				}
			}
			if 3*weight >= 2*int(m.genesis.Shards)+1 && (best == nil || p.rises && value > *best || !p.rises && value < *best) {
				best = &value
			}
		}
		if p.next = *best; p.next != p.now {
			m.did[governed]++
		}
	}
}

func (m *model) voteParameters(sender ledger.Address, a ledger.VoteParameters, broken rules) func() {
	m.ownNode(broken, a.Node, sender)
	seen := -1
	for _, v := range a.Votes {
		broken.when(int(v.Parameter) <= seen, ledger.RuleTwice)
		seen = int(v.Parameter)
		if seen >= len(m.parameters) {
			broken.when(true, ledger.RuleUnknown)
			continue
		}
		p := m.parameters[v.Parameter]
		broken.when(!p.fine && m.genesis.Challenges.Mode == ledger.ChallengesOff, ledger.RuleUnknown)
		broken.when(v.Value < p.least || v.Value > p.most, ledger.RuleAmount)
	}
	return func() {
		for i, p := range m.parameters {
			delete(p.wanted, a.Node)
			for _, v := range a.Votes {
				if int(v.Parameter) == i {
					p.wanted[a.Node] = v.Value
				}
			}
		}
	}
}

// compareParameters returns which parameter is different in a state.
func (m *model) compareParameters(s *ledger.State) error {
	now, next := s.Parameters()
	if (next != nil) != (m.phase == ledger.PhaseSelected) {
		return fmt.Errorf("the next parameters are %v in phase %v", next, m.phase)
	}
	for _, p := range ledger.AllParameters() {
		want := m.parameters[p]
		if p.Of(now) != want.now || next != nil && p.Of(*next) != want.next {
			return fmt.Errorf("%v is among %+v and then %+v, want %d and then %d", p, now, next, want.now, want.next)
		}
	}
	return nil
}

// ballot returns votes, most of which can be cast.
func (h *history) ballot() (votes []ledger.ParameterVote) {
	for _, p := range ledger.AllParameters() {
		if h.random.IntN(2) == 0 || p < ledger.ParameterSender && h.model.genesis.Challenges.Mode == ledger.ChallengesOff {
			continue
		}
		_, most := p.Bounds()
		v := ledger.ParameterVote{Parameter: uint8(p), Value: uint16(1 + h.random.IntN(min(int(most), 1<<h.random.IntN(14))))}
		switch h.random.IntN(60) {
		case 0:
			v.Value = most + 1
		case 1:
			v.Value = 0
		}
		votes = append(votes, v)
	}
	switch h.random.IntN(20) {
	case 0:
		votes = append(votes, ledger.ParameterVote{Parameter: uint8(h.random.IntN(10))})
	case 1:
		slices.Reverse(votes)
	}
	return votes
}
