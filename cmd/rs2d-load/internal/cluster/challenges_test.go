package cluster

import (
	"errors"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// TestTrialRows: what was slashed and paid adds up, whoever is fined has a row, and what is said of
// others than members is not noted.
func TestTrialRows(t *testing.T) {
	a, b, left, stranger := ledger.NodeID{1}, ledger.NodeID{2}, ledger.NodeID{3}, ledger.NodeID{4}
	rows := trialRows{
		members: func(epoch uint32) ([]ledger.Member, error) {
			if epoch != 5 {
				return nil, errors.New("no such committee")
			}
			return []ledger.Member{{Node: a, Name: "node-10"}, {Node: b, Name: "node-2"}}, nil
		},
		name: func(id ledger.NodeID) (string, error) {
			if id != left {
				return "", errors.New("no such node")
			}
			return "left", nil
		},
		rows: make(map[trialKey]*Challenged),
	}
	for _, e := range []ledger.Event{
		ledger.TransferFined{Epoch: 4, Node: left, Amount: 7},
		ledger.ChallengeArmed{Epoch: 5},
		ledger.ChallengeStarted{Round: challenge.Round{Terms: challenge.Terms{Epoch: 5}}},
		ledger.ChallengePassed{Epoch: 5, Node: a},
		ledger.ChallengePassed{Epoch: 5, Node: stranger},
		ledger.NodeRewarded{Epoch: 5, Node: a, Amount: 100},
		ledger.ChallengeFailed{Epoch: 5, Node: b},
		ledger.StakeSlashed{Epoch: 5, Node: b, Amount: 30},
		ledger.StakeSlashed{Epoch: 5, Node: b, Amount: 12},
		ledger.TransferFined{Epoch: 5, Node: b, Amount: 1},
		ledger.TransferFined{Epoch: 5, Node: b, Amount: 2},
		ledger.TransferFined{Epoch: 5, Node: left, Amount: 4},
	} {
		if err := rows.take(e); err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
	}
	want := []Challenged{
		{Epoch: 4, Name: "left", Fined: 7},
		{Epoch: 5, Name: "left", Fined: 4},
		{Epoch: 5, Name: "node-2", Member: true, Started: true, Failed: true, Slashed: 42, Fined: 3},
		{Epoch: 5, Name: "node-10", Member: true, Started: true, Passed: true, Reward: 100},
	}
	if got := rows.sorted(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, e := range []ledger.Event{ledger.ChallengeArmed{Epoch: 6}, ledger.TransferFined{Epoch: 6, Node: stranger}} {
		if err := rows.take(e); err == nil {
			t.Errorf("%+v: the ledger does not know it, and it is no error", e)
		}
	}
}
