package chain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
)

func TestChallengeStatus(t *testing.T) {
	n, err := ledgertest.NewNetwork(4, 10)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(chain.StatusOf(n.State))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(plain), "challenge") {
		t.Errorf("a ledger without challenges has the status %s", plain)
	}
	// The same state with a challenge that runs.
	c := ledger.Challenge{Challenge: *challenge.Arm(n.State.ChainID(), 1, 7), Deadline: 99}
	if err := c.Start(challenge.List{Blobs: 30}, challenge.Seed{1}, 1<<63); err != nil {
		t.Fatal(err)
	}
	c.Passed, c.Weight = []uint16{0, 2}, 5
	s, err := ledger.Restore(n.State.Genesis(), func(yield func(k, v []byte) bool) {
		done := false
		for k, v := range n.State.Snapshot() {
			if !done && string(k) > string(ledger.ChallengeKey()) {
				done = true
				if !yield(ledger.ChallengeKey(), codec.Marshal(c)) {
					return
				}
			}
			if !yield(k, v) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	got := chain.StatusOf(s).Challenge
	want := chain.ChallengeStatus{Epoch: 1, Height: 7, Kind: "off", Draws: 1 << 63, Stage: "running", Blobs: 30, Drawn: 30, Passed: 2, PassedWeight: 5, DeadlineMillis: 99}
	if got == nil || *got != want {
		t.Errorf("status %+v, want %+v", got, want)
	}
}
