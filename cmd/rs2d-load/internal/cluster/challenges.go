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
	Member  bool   // of the epoch that is challenged: who has left may be fined still
	Started bool   // there was a round
	Passed  bool
	Failed  bool   // others who own n-f shards have passed, and it has not; told when the epoch has ended
	Refused int64  // messages of the node that others did not take, by what its processes count
	Reward  uint64 // of the epoch, told when it has ended
	Slashed uint64 // for challenges that it failed
	Fined   uint64 // for shards that it did not hand over, or did not get
}

// Round is the course of a challenge, as it was seen.
type Round struct {
	Epoch   uint32
	Armed   time.Time
	Started time.Time // zero if it has not; so is Closed
	Closed  time.Time
	Blobs   uint64 // of the list
	Drawn   uint64 // of these
	// Whole are the names of the nodes that served, did as they should, and lacked nothing that they
	// knew of when it was armed.
	Whole map[string]bool
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

// whole returns the names of the nodes that are whole at present.
func (h *churn) whole() map[string]bool {
	names := make(map[string]bool)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.nodes {
		stats, _, _ := m.process.status()
		names[m.name] = m.process.running() && stats.Healthy && (m.state == Untouched || m.state == Restored)
	}
	return names
}

// noteRound notes an event, if it is of a challenge.
func (h *churn) noteRound(e ledger.Event) {
	h.watched.Lock()
	defer h.watched.Unlock()
	if e, ok := e.(ledger.ChallengeArmed); ok {
		h.rounds = append(h.rounds, Round{Epoch: e.Epoch, Armed: time.Now(), Whole: h.whole()})
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
	rows := trialRows{
		members: func(epoch uint32) ([]ledger.Member, error) {
			var of ledger.Committee
			_, _, err := chain.Value(ctx, l, ledger.CommitteeKey(epoch), &of)
			return of.Members, err
		},
		name: func(id ledger.NodeID) (string, error) {
			var n ledger.Node
			_, _, err := chain.Value(ctx, l, ledger.NodeKey(id), &n)
			return n.Info.Name, err
		},
		rows: make(map[trialKey]*Challenged),
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
			if err := rows.take(e.Event); err != nil {
				return nil, err
			}
		}
	}
	for _, of := range refusalsOf(c) {
		for k, row := range rows.rows {
			if row.Name == of.name {
				row.Refused += of.byEpoch[k.epoch]
			}
		}
	}
	return rows.sorted(), nil
}

// trialKey is of which row an event is.
type trialKey struct {
	epoch uint32
	node  ledger.NodeID
}

// trialRows gathers what events say of members in challenges.
type trialRows struct {
	members func(epoch uint32) ([]ledger.Member, error)
	name    func(ledger.NodeID) (string, error)
	rows    map[trialKey]*Challenged
}

// take notes an event.
func (t *trialRows) take(e ledger.Event) error {
	note := func(epoch uint32, node ledger.NodeID, f func(*Challenged)) {
		if row := t.rows[trialKey{epoch, node}]; row != nil {
			f(row)
		}
	}
	switch e := e.(type) {
	case ledger.ChallengeArmed:
		members, err := t.members(e.Epoch)
		if err != nil {
			return err
		}
		for _, m := range members {
			t.rows[trialKey{e.Epoch, m.Node}] = &Challenged{Epoch: e.Epoch, Name: m.Name, Member: true}
		}
	case ledger.ChallengeStarted:
		for k, row := range t.rows {
			row.Started = row.Started || k.epoch == e.Round.Epoch
		}
	case ledger.ChallengePassed:
		note(e.Epoch, e.Node, func(row *Challenged) { row.Passed = true })
	case ledger.ChallengeFailed:
		note(e.Epoch, e.Node, func(row *Challenged) { row.Failed = true })
	case ledger.NodeRewarded:
		note(e.Epoch, e.Node, func(row *Challenged) { row.Reward += e.Amount })
	case ledger.StakeSlashed:
		note(e.Epoch, e.Node, func(row *Challenged) { row.Slashed += e.Amount })
	case ledger.TransferFined:
		k := trialKey{e.Epoch, e.Node}
		if t.rows[k] == nil { // it has left, or was fined for an epoch without a challenge
			name, err := t.name(e.Node)
			if err != nil {
				return err
			}
			t.rows[k] = &Challenged{Epoch: e.Epoch, Name: name}
		}
		t.rows[k].Fined += e.Amount
	}
	return nil
}

// sorted returns the rows by epoch and name.
func (t *trialRows) sorted() []Challenged {
	list := make([]Challenged, 0, len(t.rows))
	for _, row := range t.rows {
		list = append(list, *row)
	}
	slices.SortFunc(list, func(a, b Challenged) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return list
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
