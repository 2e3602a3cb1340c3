package chain

import "github.com/redstuff-go/redstuff/node/ledger"

// ChallengeStatus is the last challenge of a ledger.
type ChallengeStatus struct {
	Epoch          uint32 `json:"epoch"`
	Height         uint64 `json:"height"` // at which it was armed
	Stage          string `json:"stage"`
	Blobs          uint64 `json:"blobs"`           // in question; 0 before it has started
	Drawn          uint64 `json:"drawn"`           // of these, to be proven
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
	return &ChallengeStatus{
		Epoch: c.Epoch, Height: c.Height, Stage: c.Stage.String(), Blobs: c.List.Blobs, Drawn: min(c.Draws, c.List.Blobs),
		Acked: len(c.Acks), Passed: len(c.Passed), PassedWeight: c.Weight, DeadlineMillis: c.Deadline,
	}
}
