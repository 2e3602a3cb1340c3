package challenge

import (
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/node/committee"
)

// Stage is how far a challenge is.
type Stage uint8

// The stages.
const (
	Armed   Stage = iota // it is announced, or members have acked, but too few
	Running              // enough have; members prove
	Closed               // all have proven, or the time is over
)

// String returns the stage in one word.
func (s Stage) String() string {
	switch s {
	case Armed:
		return "armed"
	case Running:
		return "running"
	case Closed:
		return "closed"
	}
	return fmt.Sprintf("stage %d", uint8(s))
}

var (
	// ErrStage is returned for what comes before its stage or after it.
	ErrStage = errors.New("challenge: not in this stage")
	// ErrTwice is returned for what a member has done already.
	ErrTwice = errors.New("challenge: done already")
	// ErrStranger is returned for a member that owns no shard.
	ErrStranger = errors.New("challenge: owns no shard")
)

// Ack is a member's ack on the ledger. Its signature has been verified.
type Ack struct {
	Member    uint16 // in the order of the committee
	List      List
	Signature committee.Signature
}

// Challenge is a challenge as the ledger keeps it. Its fields are for codecs; what changes it
// are its methods. Signatures are verified by who calls them.
type Challenge struct {
	Round
	Stage  Stage
	Acks   []Ack    // until it has started
	Passed []uint16 // members, in the order of their certificates
	Weight uint16   // shards of those who have passed
}

// Arm returns the challenge of an epoch.
func Arm(chain [32]byte, epoch uint32, height uint64) *Challenge {
	return &Challenge{Round: Round{Terms: Terms{Chain: chain, Epoch: epoch, Height: height}}}
}

// Electorate is whose shards are counted.
type Electorate struct {
	Quorum int                  // n-f
	All    int                  // n
	Weight func(member int) int // shards of a member; 0 of a stranger
}

// TermsOf returns the terms under a list.
func (c *Challenge) TermsOf(list List) Terms {
	t := c.Terms
	t.List = list
	return t
}

// Ack counts an ack. It returns those under the same list when they are enough: then the
// challenge is started with their certificate. The errors are ErrStage, ErrTwice and
// ErrStranger.
func (c *Challenge) Ack(e Electorate, ack Ack) ([]Ack, error) {
	switch {
	case c.Stage != Armed:
		return nil, fmt.Errorf("%w: it is %v, and acks are for armed ones", ErrStage, c.Stage)
	case e.Weight(int(ack.Member)) == 0:
		return nil, ErrStranger
	case slices.ContainsFunc(c.Acks, func(a Ack) bool { return a.Member == ack.Member }):
		return nil, fmt.Errorf("%w: member %d has acked", ErrTwice, ack.Member)
	}
	c.Acks = append(c.Acks, ack)
	var agreeing []Ack
	weight := 0
	for _, a := range c.Acks {
		if a.List == ack.List {
			agreeing = append(agreeing, a)
			weight += e.Weight(int(a.Member))
		}
	}
	if weight < e.Quorum {
		return nil, nil
	}
	return agreeing, nil
}

// AckWeight returns the shards of those who have acked under the list that most have.
func (c *Challenge) AckWeight(e Electorate) (most int) {
	weights := make(map[List]int)
	for _, a := range c.Acks {
		weights[a.List] += e.Weight(int(a.Member))
		most = max(most, weights[a.List])
	}
	return most
}

// Start starts the round. The error is ErrStage.
func (c *Challenge) Start(list List, seed Seed, draws uint64) error {
	if c.Stage != Armed {
		return fmt.Errorf("%w: it is %v already", ErrStage, c.Stage)
	}
	c.Stage, c.List, c.Seed, c.Draws, c.Acks = Running, list, seed, draws, nil
	return nil
}

// Pass counts the certificate of a member, and closes the challenge when all have one. The
// errors are ErrStage, ErrTwice and ErrStranger.
func (c *Challenge) Pass(e Electorate, member int) error {
	switch {
	case c.Stage != Running:
		return fmt.Errorf("%w: it is %v, and members pass running ones", ErrStage, c.Stage)
	case e.Weight(member) == 0:
		return ErrStranger
	case c.HasPassed(member):
		return fmt.Errorf("%w: member %d has passed", ErrTwice, member)
	}
	c.Passed = append(c.Passed, uint16(member))
	c.Weight += uint16(e.Weight(member))
	if int(c.Weight) >= e.All {
		c.Stage = Closed
	}
	return nil
}

// Enough reports whether those who have passed are a quorum: all honest members may be among
// them. Whoever still has no certificate then may be a cheater, or cut off; the challenge
// need not wait for it, and is closed soon.
func (c *Challenge) Enough(e Electorate) bool { return int(c.Weight) >= e.Quorum }

// HasPassed reports whether the member has.
func (c *Challenge) HasPassed(member int) bool { return slices.Contains(c.Passed, uint16(member)) }

// Started reports whether there was a round: members could prove.
func (c *Challenge) Started() bool { return c.Draws > 0 }

// Close ends the challenge because its time is over.
func (c *Challenge) Close() { c.Stage, c.Acks = Closed, nil }
