package ledger_test

import (
	"fmt"
	"math/big"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// modelChallenge is the last challenge, as the model has it.
type modelChallenge struct {
	epoch    uint32
	height   uint64
	armed    uint64
	deadline uint64
	acks     map[ledger.NodeID]challenge.List
	started  bool
	passed   map[ledger.NodeID]bool
	closed   bool
	excused  map[ledger.NodeID]bool // they had not got yet what the epoch gave them
	draws    uint64
}

// modelAck is ledger.AckChallenge with whether its signature is wrong.
type modelAck struct {
	ledger.AckChallenge
	wrong bool
}

// modelPass is ledger.PassChallenge with whether its certificate is wrong.
type modelPass struct {
	ledger.PassChallenge
	wrong bool
}

// arm arms the challenge of the epoch if it is time.
func (m *model) arm() {
	if m.genesis.Challenges.Mode == ledger.ChallengesOff || m.epoch == 1 || m.settled != m.epoch || m.phase != ledger.PhaseSelected {
		return
	}
	if m.challenge != nil && m.challenge.epoch == m.epoch || m.time >= m.began+m.genesis.EpochMillis {
		return
	}
	m.challenge = &modelChallenge{
		epoch: m.epoch, height: m.height, armed: m.time, deadline: m.time + m.genesis.Challenges.Millis,
		acks: make(map[ledger.NodeID]challenge.List), passed: make(map[ledger.NodeID]bool), excused: make(map[ledger.NodeID]bool),
	}
	for _, o := range m.committees[m.epoch] {
		if !m.synced[o.node] && len(m.gained(o.node)) > 0 {
			m.challenge.excused[o.node] = true
			m.did[excused]++
		}
	}
}

// quorum returns n-f.
func (m *model) quorum() int { n := int(m.genesis.Shards); return n - (n-1)/3 }

// weightOfPassed returns the shards of who has passed, in the committee of the challenge.
func (m *model) weightOfPassed() (weight int) {
	for id := range m.challenge.passed {
		weight += weightIn(m.committees[m.challenge.epoch], id)
	}
	return weight
}

func (m *model) challengeAction(a ledger.Action, broken rules) func() {
	c := m.challenge
	open := func(node ledger.NodeID, height uint64) bool {
		there := c != nil && c.epoch == m.epoch && c.height == height
		broken.when(!there, ledger.RuleUnknown)
		broken.when(weightIn(m.committees[m.epoch], node) == 0, ledger.RuleMember)
		return there
	}
	switch a := a.(type) {
	case modelAck:
		if !open(a.Node, a.Height) {
			return nothing
		}
		_, twice := c.acks[a.Node]
		broken.when(c.started || c.closed, ledger.RulePhase)
		broken.when(twice, ledger.RuleTwice)
		broken.when(a.wrong, ledger.RuleProof)
		return func() {
			c.acks[a.Node] = a.List
			weight := 0
			for id, list := range c.acks {
				if list == a.List {
					weight += weightIn(m.committees[m.epoch], id)
				}
			}
			if c.started = weight >= m.quorum(); c.started {
				c.draws = m.draws()
			}
		}
	case modelPass:
		if !open(a.Node, a.Height) {
			return nothing
		}
		broken.when(!c.started || c.closed, ledger.RulePhase)
		broken.when(c.passed[a.Node], ledger.RuleTwice)
		broken.when(a.wrong, ledger.RuleProof)
		return func() {
			before := m.weightOfPassed()
			c.passed[a.Node] = true
			after := m.weightOfPassed()
			if before < m.quorum() && after >= m.quorum() {
				c.deadline = min(c.deadline, m.time+max(m.genesis.Challenges.Grace, m.time-c.armed))
			}
			c.closed = after == int(m.genesis.Shards)
		}
	}
	panic("no action of challenges")
}

// judge has a member of the epoch that ended bear what the challenge says of it, and
// reports whether it is paid. The next epoch has begun.
func (m *model) judge(old uint32, id ledger.NodeID) (paid bool) {
	c, n := m.challenge, m.nodes[id]
	verdict := func(v ledger.Verdict) { n.last.Verdict = uint8(v) }
	switch {
	case c == nil || c.epoch != old || !c.started:
		verdict(ledger.Undecided)
		return true
	case c.passed[id]:
		verdict(ledger.Passed)
		n.failed = 0
		return true
	case m.weightOfPassed() < m.quorum() || c.excused[id]:
		verdict(ledger.Unproven)
		return false
	}
	verdict(ledger.Failed)
	n.failed++
	if n.failed < int(m.parameter(ledger.ParameterStrikes)) {
		return false
	}
	amount := n.slash(floor(n.balance, number(uint64(m.parameter(ledger.ParameterPenalty))), number(10_000)), m.staked(id))
	shared := floor(amount, number(uint64(m.parameter(ledger.ParameterFinesShared))), number(10_000))
	m.pay(m.epoch, shared)
	m.burned = plus(m.burned, new(big.Int).Sub(amount, shared))
	return false
}

// staked returns the principals of all stakes with a node.
func (m *model) staked(id ledger.NodeID) *big.Int {
	sum := new(big.Int)
	for _, s := range m.stakes {
		if s.Node == id {
			sum.Add(sum, number(s.Principal))
		}
	}
	return sum
}

// compareChallenge returns what is different in the challenge of a state.
func (m *model) compareChallenge(s *ledger.State) error {
	got := ledger.Get[ledger.Challenge](s, ledger.ChallengeKey())
	if got == nil || m.challenge == nil {
		if got != nil || m.challenge != nil {
			return fmt.Errorf("challenge %+v, want %+v", got, m.challenge)
		}
		return nil
	}
	c, stage := m.challenge, challenge.Armed
	switch {
	case c.closed:
		stage = challenge.Closed
	case c.started:
		stage = challenge.Running
	}
	if g, w := fmt.Sprint(got.Epoch, got.Height, got.Deadline, got.Stage, got.Started(), len(got.Passed), got.Weight, got.Draws, len(got.Excused)),
		fmt.Sprint(c.epoch, c.height, c.deadline, stage, c.started, len(c.passed), m.weightOfPassed(), c.draws, len(c.excused)); g != w {
		return fmt.Errorf("the challenge is %s, want %s", g, w)
	}
	return nil
}

// challengeAction returns an ack or a pass of some node.
func (h *history) challengeAction(kind string) ledger.Action {
	h.t.Helper()
	node := pick(h, h.nodes)
	system := h.state.System()
	epoch := uint64(system.Epoch)
	of, err := h.state.At(epoch)
	if err != nil {
		h.t.Fatal(err)
	}
	members := ledger.Get[ledger.Committee](h.state, ledger.CommitteeKey(system.Epoch)).Members
	done := func(id ledger.NodeID) bool {
		if c := h.model.challenge; c != nil {
			_, acked := c.acks[id]
			return c.passed[id] || acked && kind == "AckChallenge"
		}
		return false
	}
	at := h.random.IntN(len(members))
	for range 8 { // one that has not, most of the time
		if !done(members[at].Node) {
			break
		}
		at = h.random.IntN(len(members))
	}
	if h.random.IntN(10) > 0 {
		node = members[at].Node
	}
	signature := func(member int, a committee.Attestation) committee.Signature {
		for _, k := range blsKeys() {
			if k.public == members[member].PublicKey {
				return k.signer.Attest(of, a)
			}
		}
		return committee.Signature{}
	}
	c := ledger.Get[ledger.Challenge](h.state, ledger.ChallengeKey())
	if c == nil {
		c = new(ledger.Challenge)
	}
	height := c.Height + h.number(15)/14
	forge := h.random.IntN(10) == 0
	if kind == "AckChallenge" {
		a := ledger.AckChallenge{Node: node, Height: height, List: challenge.List{Blobs: 1 + h.number(8)/7}}
		attestation := c.TermsOf(a.List).Ack()
		a.Signature = signature(at, attestation)
		wrong := node != members[at].Node
		if forge {
			attestation.Blob[0] ^= 1
			a.Signature, wrong = signature(at, attestation), true
		}
		return modelAck{a, wrong}
	}
	key, err := committee.ParsePublicKey(members[at].PublicKey[:])
	if err != nil {
		h.t.Fatal(err)
	}
	pass := c.Round.Pass(key)
	if forge {
		pass = c.Terms.Ack()
	}
	all := shown{pass, system.Epoch, false}
	cert, ok := h.signed.certs[all]
	if !ok {
		cert = signed{shown: all, data: h.sign(all)}
		h.signed.certs[all] = cert
	}
	return modelPass{ledger.PassChallenge{Node: node, Height: height, Certificate: cert.data}, forge || !c.Started() || node != members[at].Node}
}
