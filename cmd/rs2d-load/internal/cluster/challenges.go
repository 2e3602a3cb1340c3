package cluster

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Challenged is what became of a member in the challenge of an epoch.
type Challenged struct {
	Epoch   uint32
	Name    string // of the node
	Started bool   // there was a round
	Passed  bool
	Failed  bool   // others who own n-f shards have passed, and it has not; told when the epoch has ended
	Refused int64  // messages of the node that others did not take, by what its processes count
	Reward  uint64 // of the epoch, told when it has ended
	Slashed uint64
}

// Round is the course of a challenge, as it was seen.
type Round struct {
	Epoch   uint32
	Armed   time.Time
	Started time.Time // zero if it has not; so is Closed
	Closed  time.Time
	Blobs   uint64 // of the list
	Drawn   uint64 // of these
}

// Rounds returns the course of all challenges until now.
func Rounds(c *Cluster) []Round {
	if c.churn == nil {
		return nil
	}
	c.churn.watched.Lock()
	defer c.churn.watched.Unlock()
	return append([]Round(nil), c.churn.rounds...)
}

// noteRound notes an event, if it is of a challenge.
func (h *churn) noteRound(e ledger.Event) {
	h.watched.Lock()
	defer h.watched.Unlock()
	if e, ok := e.(ledger.ChallengeArmed); ok {
		h.rounds = append(h.rounds, Round{Epoch: e.Epoch, Armed: time.Now()})
	}
	if len(h.rounds) == 0 {
		return
	}
	last := &h.rounds[len(h.rounds)-1]
	switch e := e.(type) {
	case ledger.ChallengeStarted:
		last.Started, last.Blobs, last.Drawn = time.Now(), e.Round.List.Blobs, min(e.Round.Draws, e.Round.List.Blobs)
	case ledger.ChallengeClosed:
		last.Closed = time.Now()
	}
}

// challengeTime is how long a ledger may take to tell of challenges.
const challengeTime = 10 * time.Second

// Challenges asks the ledger what became of all challenges until now, by epoch and name.
func Challenges(ctx context.Context, c *Cluster) ([]Challenged, error) {
	if c.ledger == nil || c.options.Challenges == ledger.ChallengesOff {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, challengeTime)
	defer cancel()
	l := c.ledger.from(0)
	status, err := l.Status(ctx)
	if err != nil {
		return nil, err
	}
	type key struct {
		epoch uint32
		node  ledger.NodeID
	}
	rows := make(map[key]*Challenged)
	note := func(epoch uint32, node ledger.NodeID, f func(*Challenged)) {
		if row := rows[key{epoch, node}]; row != nil {
			f(row)
		}
	}
	for at := (chain.Cursor{Height: 1}); at.Height <= status.Height; {
		events, next, err := l.Events(ctx, at, 500)
		if err != nil {
			return nil, err
		}
		if next == at {
			break
		}
		at = next
		for _, e := range events {
			switch e := e.Event.(type) {
			case ledger.ChallengeArmed:
				var of ledger.Committee
				if _, _, err := chain.Value(ctx, l, ledger.CommitteeKey(e.Epoch), &of); err != nil {
					return nil, err
				}
				for _, m := range of.Members {
					rows[key{e.Epoch, m.Node}] = &Challenged{Epoch: e.Epoch, Name: m.Name}
				}
			case ledger.ChallengeStarted:
				for k, row := range rows {
					row.Started = row.Started || k.epoch == e.Round.Epoch
				}
			case ledger.ChallengePassed:
				note(e.Epoch, e.Node, func(row *Challenged) { row.Passed = true })
			case ledger.ChallengeFailed:
				note(e.Epoch, e.Node, func(row *Challenged) { row.Failed = true })
			case ledger.NodeRewarded:
				note(e.Epoch, e.Node, func(row *Challenged) { row.Reward = e.Amount })
			case ledger.StakeSlashed:
				note(e.Epoch, e.Node, func(row *Challenged) { row.Slashed = e.Amount })
			}
		}
	}
	for _, of := range refusalsOf(c) {
		for k, row := range rows {
			if row.Name == of.name {
				row.Refused += of.byEpoch[k.epoch]
			}
		}
	}
	list := make([]Challenged, 0, len(rows))
	for _, row := range rows {
		list = append(list, *row)
	}
	slices.SortFunc(list, func(a, b Challenged) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// refusals is what others refused of a node in one run.
type refusals struct {
	name    string
	byEpoch map[uint32]int64
}

// refusalsOf returns what others refused of all nodes, in each run of each.
func refusalsOf(c *Cluster) (all []refusals) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.nodes {
		for _, r := range m.runs {
			all = append(all, refusals{m.name, r.Refused})
		}
		if m.process != nil {
			all = append(all, refusals{m.name, m.process.refusedIn()})
		}
	}
	return all
}
