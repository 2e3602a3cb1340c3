package chain

import (
	"cmp"
	"context"
	"slices"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// ChallengeStatus is the last challenge of a ledger.
type ChallengeStatus struct {
	Epoch          uint32 `json:"epoch"`
	Height         uint64 `json:"height"` // at which it was armed
	Kind           string `json:"kind"`   // light or full
	Stage          string `json:"stage"`
	Blobs          uint64 `json:"blobs"`           // in question; 0 before it has started
	Drawn          uint64 `json:"drawn"`           // of these, to be proven
	Draws          uint64 `json:"draws,omitempty"` // how many a light one draws, if there are so many
	Acked          int    `json:"acked"`           // members, before it has started
	Passed         int    `json:"passed"`          // members
	PassedWeight   uint16 `json:"passed_weight"`   // their shards
	DeadlineMillis uint64 `json:"deadline_millis"` // when it is closed at last
}

// challengeOf returns the status of the last challenge, or nil if there was none.
func challengeOf(s *ledger.State) *ChallengeStatus {
	c := ledger.Get[ledger.Challenge](s, ledger.ChallengeKey())
	if c == nil {
		return nil
	}
	kind, draws := s.Genesis().Challenges.Mode, c.Draws
	if kind == ledger.ChallengesFull {
		draws = 0
	}
	return &ChallengeStatus{
		Epoch: c.Epoch, Height: c.Height, Kind: kind.String(), Draws: draws, Stage: c.Stage.String(), Blobs: c.List.Blobs, Drawn: min(c.Draws, c.List.Blobs),
		Acked: len(c.Acks), Passed: len(c.Passed), PassedWeight: c.Weight, DeadlineMillis: c.Deadline,
	}
}

// ChallengedMember is how a member stands in the last challenge of a ledger, and what became of
// it before.
type ChallengedMember struct {
	Node        string   `json:"node"` // its id on the ledger
	Name        string   `json:"name"`
	Shards      int      `json:"shards"`
	Acked       bool     `json:"acked"` // until the round has started: then the ledger forgets who has
	Passed      bool     `json:"passed"`
	Last        *Outcome `json:"last,omitempty"` // of the last epoch that has ended
	FailedInRow uint16   `json:"failed_in_row"`  // challenges
	Slashed     uint64   `json:"slashed"`        // of the stake with it, in all
}

// Outcome is what became of a member in an epoch that has ended.
type Outcome struct {
	Epoch   uint32 `json:"epoch"`
	Verdict string `json:"verdict"` // undecided, passed, unproven or failed
	Reward  uint64 `json:"reward"`  // with the operator's commission
}

// ChallengedMembers asks a ledger for the members that its last challenge is for, by their names.
// There are none where there was no challenge.
func ChallengedMembers(ctx context.Context, l Ledger) ([]ChallengedMember, error) {
	var c ledger.Challenge
	_, ok, err := Value(ctx, l, ledger.ChallengeKey(), &c)
	if err != nil || !ok {
		return nil, err
	}
	var of ledger.Committee
	if _, _, err := Value(ctx, l, ledger.CommitteeKey(c.Epoch), &of); err != nil {
		return nil, err
	}
	list := make([]ChallengedMember, 0, len(of.Members))
	for i, m := range of.Members {
		var n ledger.Node
		if _, _, err := Value(ctx, l, ledger.NodeKey(m.Node), &n); err != nil {
			return nil, err
		}
		row := ChallengedMember{
			Node: ledger.ObjectID(m.Node).String(), Name: m.Name, Shards: len(m.Shards), FailedInRow: n.Failed, Slashed: n.Slashed,
			Passed: c.HasPassed(i),
		}
		for _, a := range c.Acks {
			row.Acked = row.Acked || int(a.Member) == i
		}
		if n.Last.Epoch > 0 {
			row.Last = &Outcome{n.Last.Epoch, ledger.Verdict(n.Last.Verdict).String(), n.Last.Reward}
		}
		list = append(list, row)
	}
	slices.SortFunc(list, func(a, b ChallengedMember) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}
