package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ledgerui"
	"github.com/redstuff-go/redstuff/node/control/rpc"
)

// TestVote: operators vote on fines, one parameter after the other; what a quorum wants is selected in the middle
// of the epoch, and in force in the next one.
func TestVote(t *testing.T) {
	s := newStage(t)
	vote := func(voter int, c voteCmd) (r voted) {
		t.Helper()
		c.Ledger, c.JSON, c.Key = s.url, true, s.file(s.keys[voter])
		s.run(&c, &r)
		return r
	}
	value := func(v uint16) *uint16 { return &v }
	const sender = 5
	for voter := range 3 {
		vote(voter, voteCmd{Sender: value(300)})
	}
	r := vote(0, voteCmd{Helpers: value(5000)})
	p := r.Parameters[sender]
	if len(r.Parameters) != 8 || r.FromEpoch != 2 || p.Name != "sender" || p.Now != 0 || p.Next != nil || p.Vote == nil || *p.Vote != 300 || p.Most != 10_000 {
		t.Errorf("after votes: %+v, want 300 of the sender voted for, and nothing selected yet", r)
	}
	s.half()
	if r = vote(0, voteCmd{}); r.FromEpoch != 3 || r.Parameters[sender].Now != 0 || r.Parameters[sender].Next == nil || *r.Parameters[sender].Next != 300 {
		t.Errorf("in the middle of the epoch: %+v, want 300 selected", r)
	}
	status, err := rpc.NewClient(s.url).Status(t.Context())
	const text = "sender 0, receiver 0, helpers 0; from epoch 2 on sender 300"
	if got := ledgerui.Parameters(status); err != nil || got != text {
		t.Errorf("status says %q (%v), want %q", got, err, text)
	}
	var out bytes.Buffer
	run := func(c voteCmd, key int) error {
		out.Reset()
		c.Ledger, c.Key = s.url, s.file(s.keys[key])
		return c.Run(&cli.App{Ctx: t.Context(), Stdout: &out})
	}
	s.half()
	if err := run(voteCmd{Abstain: true}, 0); err != nil || !strings.Contains(out.String(), "sender        300      -        -     0 to 10000") {
		t.Errorf("text: %s (%v), want 300 in force and no vote", out.String(), err)
	}
	for _, test := range []struct {
		name, want string
		key        int
		cmd        voteCmd
	}{
		{"too much", "helpers 10001: must be within 0 and 10000", 0, voteCmd{Helpers: value(10_001)}},
		{"both", "give one or the other", 0, voteCmd{Helpers: value(1), Abstain: true}},
		{"no challenges", "the ledger has no challenges", 0, voteCmd{Penalty: value(1)}},
		{"no node votes", "is the key of no node", 3, voteCmd{Helpers: value(1)}},
	} {
		if err := run(test.cmd, test.key); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
