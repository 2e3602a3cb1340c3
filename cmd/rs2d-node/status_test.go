package main

import (
	"bytes"
	"testing"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/control/chain"
)

// TestStatusText has all that status says of nodes: how far each is with its shards while they
// move and what is left, and nothing of that when it is done; and how they stand in a challenge.
func TestStatusText(t *testing.T) {
	room := func(bytes uint64) *uint64 { return &bytes }
	copying := &api.Migration{Epoch: 5, Settled: 4, Phase: "copying", Blobs: 1200, Total: 4800, TimeLeft: "3m0s"}
	recovering := &api.Migration{Epoch: 5, Settled: 4, Phase: "recovering", Blobs: 4800, Total: 4800, Lacking: 37, Lies: 3, Liars: []string{"d", "e"}}
	done := &api.Migration{Epoch: 5, Settled: 5, Phase: "done", Blobs: 4800, Total: 4800}
	r := &statusReport{Epoch: 5, Shards: 20, Faulty: 6, ShardsUp: 15, Nodes: []statusNode{
		{Name: "a", Address: "10.0.0.1:7100", State: "healing", Owned: "0-4", Missing: 12, Uptime: "1h0m0s", FreeBytes: room(3 << 30), Migration: copying},
		{Name: "b", Address: "10.0.0.2:7100", State: "healing", Owned: "5-9", Missing: 37, Recovered: 2400, Uptime: "2h0m0s", FreeBytes: room(5 << 30), Migration: recovering},
		{Name: "c", Address: "10.0.0.3:7100", State: "down", Owned: "10-14", Error: "connection refused"},
		{
			Name: "d", Address: "10.0.0.4:7100", State: "healthy", Owned: "15-19", Uptime: "1m0s", Migration: done,
			Problems: []api.Problem{{Name: "epoch", Message: "no epoch is settled after epoch 4", Remedy: "start those that are down"}},
		},
	}, Challenge: &chain.ChallengeStatus{Epoch: 5, Height: 1200, Kind: "light", Stage: "running", Blobs: 4800, Drawn: 744, Draws: 744, Passed: 1, PassedWeight: 5}}
	r.Nodes[0].Challenged = &chain.ChallengedMember{Name: "a", Shards: 5, Passed: true, Last: &chain.Outcome{Epoch: 4, Verdict: "passed", Reward: 12_345}}
	r.Nodes[3].Challenged = &chain.ChallengedMember{Name: "d", Shards: 5, FailedInRow: 3, Slashed: 1000, Last: &chain.Outcome{Epoch: 4, Verdict: "failed"}}
	const want = `NODE  ADDRESS        SHARDS  STATE    MISSING  RECOVERED  UPTIME  FREE
a     10.0.0.1:7100  0-4     healing  12       0          1h0m0s  3.0 GiB
b     10.0.0.2:7100  5-9     healing  37       2,400      2h0m0s  5.0 GiB
c     10.0.0.3:7100  10-14   down     -        -          -       -
d     10.0.0.4:7100  15-19   healthy  0        0          1m0s    ?
a: shards of epoch 5: copying, 1,200 of 4,800 blobs, 3m0s left, 0 slivers lacking
b: shards of epoch 5: recovering, 4,800 of 4,800 blobs, 37 slivers lacking
b: was given wrong slivers of shards that moved, and recovered them from others: by d, e
d: no epoch is settled after epoch 4
  remedy: start those that are down

challenge of epoch 5, light, armed at height 1200, running: 744 of 4,800 blobs proven by 1 nodes with 5 of 20 shards
NODE  SHARDS  EPOCH 5  LAST EPOCH  REWARD  FAILED IN ROW  SLASHED
a     5       passed   4: passed   12,345  0              0
d     5       waiting  4: failed   0       3              1,000
`
	var out bytes.Buffer
	if err := new(statusCmd).print(&cli.App{Stdout: &out}, r); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
