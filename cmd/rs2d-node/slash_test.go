package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
)

// TestSlash: operators vote on a node, once each, and the vote that makes a quorum burns its
// commission.
func TestSlash(t *testing.T) {
	s := newStage(t)
	vote := func(voter int, candidate string) (r slashing) {
		t.Helper()
		s.run(&slashCmd{Ledger: s.url, JSON: true, Key: s.file(s.keys[voter]), Candidate: candidate}, &r)
		return r
	}
	first := vote(0, "node-2")
	if first.Name != "node-2" || first.Weight == 0 || first.Weight >= first.Quorum || first.Quorum != 9 || first.Slashed || first.Epoch != 1 {
		t.Errorf("the first vote: %+v, want one of node-2 that is no quorum of 9 of 12 shards", first)
	}
	if again := vote(0, first.Candidate); again != first {
		t.Errorf("given again, with the id: %+v, want %+v", again, first)
	}
	if second := vote(1, "node-2"); second.Weight <= first.Weight || second.Slashed {
		t.Errorf("the second vote: %+v, want more weight, and no quorum yet", second)
	}
	if third := vote(2, "node-2"); third.Weight != 12 || !third.Slashed {
		t.Errorf("the third vote: %+v, want it slashed", third)
	}
	for _, test := range []struct {
		name, candidate, want string
		key                   int
	}{
		{"no such node", "nobody", "no node on the ledger has the name or id nobody", 0},
		{"no node votes", "node-2", "is the key of no node", 3},
	} {
		err := (&slashCmd{Ledger: s.url, Key: s.file(s.keys[test.key]), Candidate: test.candidate}).Run(&cli.App{Ctx: t.Context(), Stdout: new(bytes.Buffer)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	var out bytes.Buffer
	if err := (&slashCmd{Ledger: s.url, Key: s.file(s.keys[0]), Candidate: "node-1"}).Run(&cli.App{Ctx: t.Context(), Stdout: &out}); err != nil ||
		!strings.Contains(out.String(), "and 9 are needed") {
		t.Errorf("text: %q (%v)", out.String(), err)
	}
}
