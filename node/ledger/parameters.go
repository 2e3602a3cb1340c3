package ledger

import (
	"fmt"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/ledger/apportion"
)

// Parameters are the numbers of challenges and fines that members vote for. They begin as those of
// genesis, see [ChallengeRules] and [MigrationRules].
type Parameters struct {
	Missing, Error                uint16 // how many blobs light challenges draw, see challenge.Bound
	Strikes, Penalty, FinesShared uint16 // what becomes of who fails them
	Sender, Receiver, Helpers     uint16 // what becomes of who does not hand shards over
}

// Parameter names one of them.
type Parameter uint8

// The parameters, by the numbers that they have on the wire: new ones come last.
const (
	ParameterMissing Parameter = iota
	ParameterError
	ParameterStrikes
	ParameterPenalty
	ParameterFinesShared
	ParameterSender
	ParameterReceiver
	ParameterHelpers
	numParameters
)

// MaxStrikes is the most of Parameters.Strikes.
const MaxStrikes = 1000

// parameters says of each one within what it stays, whoever votes, and what votes come to.
//
// With f shards the enemy moves none of them out of the range of what honest members want, for
// the value stands between those of the n-f shards on its side and those of f+1 on the other.
// On which side the n-f shards are is chosen so that it takes a quorum to fine more, to share
// more of the fines, which is what accusing others may pay, or to draw fewer blobs; for the
// opposite a third is enough.
var parameters = [numParameters]struct {
	name        string
	of          func(*Parameters) *uint16
	least, most uint16
	agreed      func([]apportion.Vote) uint64
}{
	ParameterMissing:     {"missing", func(p *Parameters) *uint16 { return &p.Missing }, 1, basisPoints, apportion.QuorumAbove},
	ParameterError:       {"error", func(p *Parameters) *uint16 { return &p.Error }, 1, challenge.MaxError, apportion.QuorumBelow},
	ParameterStrikes:     {"strikes", func(p *Parameters) *uint16 { return &p.Strikes }, 1, MaxStrikes, apportion.QuorumBelow},
	ParameterPenalty:     {"penalty", func(p *Parameters) *uint16 { return &p.Penalty }, 0, basisPoints, apportion.QuorumAbove},
	ParameterFinesShared: {"fines_shared", func(p *Parameters) *uint16 { return &p.FinesShared }, 0, basisPoints, apportion.QuorumAbove},
	ParameterSender:      {"sender", func(p *Parameters) *uint16 { return &p.Sender }, 0, basisPoints, apportion.QuorumAbove},
	ParameterReceiver:    {"receiver", func(p *Parameters) *uint16 { return &p.Receiver }, 0, basisPoints, apportion.QuorumAbove},
	ParameterHelpers:     {"helpers", func(p *Parameters) *uint16 { return &p.Helpers }, 0, basisPoints, apportion.QuorumAbove},
}

// String returns the name of the parameter, which is that in the file of a genesis.
func (p Parameter) String() string {
	if p < numParameters {
		return parameters[p].name
	}
	return fmt.Sprintf("parameter %d", uint8(p))
}

// AllParameters returns all of them, in their order.
func AllParameters() []Parameter {
	all := make([]Parameter, numParameters)
	for i := range all {
		all[i] = Parameter(i)
	}
	return all
}

// Of returns the value that the parameter has among some. It panics if there is no such parameter.
func (p Parameter) Of(all Parameters) uint16 { return *parameters[p].of(&all) }

// Bounds returns the least and the most that the parameter can be. It panics if there is no such
// parameter.
func (p Parameter) Bounds() (least, most uint16) { return parameters[p].least, parameters[p].most }

// check returns an error that wraps nothing if the parameter cannot have the value.
func (p Parameter) check(value uint16) error {
	if least, most := p.Bounds(); value < least || value > most {
		return fmt.Errorf("%v: %d is not within %d and %d", p, value, least, most)
	}
	return nil
}

// parameters returns those that the ledger begins with.
func (g *Genesis) parameters() Parameters {
	c, m := &g.Challenges, &g.Migration
	return Parameters{
		Missing: c.Missing, Error: c.Error, Strikes: c.Strikes, Penalty: c.Penalty, FinesShared: c.FinesShared,
		Sender: m.Sender, Receiver: m.Receiver, Helpers: m.Helpers,
	}
}

// governs returns why nobody can vote for a parameter in a ledger of so much money, if so: there are no
// challenges, or more money than fines can be counted of. Whether there are challenges is not
// voted on, for those who read depend on it.
func (g *Genesis) governs(p Parameter, money uint64) error {
	switch {
	case p >= numParameters:
		return fmt.Errorf("there is no %v", p)
	case p < ParameterSender && g.Challenges.Mode == ChallengesOff:
		return fmt.Errorf("%v: the ledger has no challenges", p)
	case money > maxMoney:
		return fmt.Errorf("%v: all money together is %d, and with fines it is at most %d", p, money, uint64(maxMoney))
	}
	return nil
}

// validateParameters says what is wrong with those of a genesis with so much money.
func (g *Genesis) validateParameters(money uint64) error {
	all := g.parameters()
	for _, p := range AllParameters() {
		if err := g.governs(p, money); err != nil {
			if p.Of(all) != 0 {
				return err
			}
			continue
		}
		if err := p.check(p.Of(all)); err != nil {
			return err
		}
	}
	return nil
}

// draws returns how many blobs are drawn in a committee of so many members.
func (p *Parameters) draws(members int) (uint64, error) {
	return challenge.Bound{
		Missing: p.Missing, Error: p.Error, Grinding: seeds.Grinding(members), Verifiers: uint16(members),
	}.Draws()
}

// migration returns the rules of fines for shards that are not handed over.
func (p *Parameters) migration() MigrationRules {
	return MigrationRules{Sender: p.Sender, Receiver: p.Receiver, Helpers: p.Helpers}
}

// Governance is the parameters of the current epoch, and of the next one once its committee is
// selected. Where nobody has voted for others there is none, and they are those of genesis.
type Governance struct {
	Now, Next Parameters
}

// governance returns it.
func governance(d *draft) *Governance {
	if v := get[Governance](d.tree, GovernanceKey()); v != nil {
		return v
	}
	p := d.genesis.parameters()
	return &Governance{p, p}
}

// inForce returns the parameters of the current epoch.
func inForce(d *draft) *Parameters { return &governance(d).Now }

// ParameterVote is what somebody wants one parameter to be.
type ParameterVote struct {
	Parameter uint8 // a Parameter
	Value     uint16
}

// Ballot is what a node votes for, see [VoteParameters].
type Ballot struct {
	Votes []ParameterVote
}

// VoteParameters sets what a node votes for, in the order of the parameters, each once. Of others, and as
// long as it has no votes, the node wants what is in force. When the next committee is selected,
// its parameters are made of the votes of its members.
type VoteParameters struct {
	Node  NodeID
	Votes []ParameterVote
}

func (a VoteParameters) apply(d *draft, sender Address) error {
	if _, err := ownNode(d, a.Node, sender); err != nil {
		return err
	}
	for i, v := range a.Votes {
		p := Parameter(v.Parameter)
		if i > 0 && v.Parameter <= a.Votes[i-1].Parameter {
			return broken(RuleTwice, "the votes are not in the order of the parameters, each once")
		}
		if err := d.genesis.governs(p, d.system.Minted); err != nil {
			return broken(RuleUnknown, "%v", err)
		}
		if err := p.check(v.Value); err != nil {
			return broken(RuleAmount, "%v", err)
		}
	}
	if len(a.Votes) == 0 {
		d.remove(BallotKey(a.Node))
		return nil
	}
	d.put(BallotKey(a.Node), Ballot{a.Votes})
	return nil
}

// selectParameters fixes those of the next epoch, by the votes of its committee.
func selectParameters(d *draft, c *Committee) {
	g := governance(d)
	wanted := make([]Parameters, len(c.Members))
	for i, m := range c.Members {
		wanted[i] = g.Now
		if b := get[Ballot](d.tree, BallotKey(m.Node)); b != nil {
			for _, v := range b.Votes {
				*parameters[v.Parameter].of(&wanted[i]) = v.Value
			}
		}
	}
	g.Next = g.Now
	votes := make([]apportion.Vote, len(c.Members))
	for _, p := range parameters {
		for i, m := range c.Members {
			votes[i] = apportion.Vote{Value: uint64(*p.of(&wanted[i])), Weight: len(m.Shards)}
		}
		*p.of(&g.Next) = uint16(p.agreed(votes))
	}
	if g.Next != g.Now {
		d.put(GovernanceKey(), g)
		d.emit(ParametersSelected{d.system.Epoch + 1, g.Next})
	}
}

// changeParameters has those take effect that were selected for the epoch that begins.
func changeParameters(d *draft) {
	if g := governance(d); g.Next != g.Now {
		g.Now = g.Next
		d.put(GovernanceKey(), g)
	}
}
