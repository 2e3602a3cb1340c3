package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
)

type slashCmd struct {
	Ledger    string `required:"" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	JSON      bool   `name:"json" help:"Print one JSON object instead of text."`
	Key       string `arg:"" help:"The secret of the node that votes, as keygen makes it."`
	Candidate string `arg:"" help:"The node whose commission is to be burned: its name, or its id on the ledger."`
}

func (c *slashCmd) Help() string {
	return `Votes, as the operator of a node that owns shards, that the commission of another node is burned: of one that has voted twice, say, as /v1/chain of a validator tells. Votes count in the epoch in which they are given, by the shards that the voter owns. The one with which there is a quorum, more than two thirds of the shards, burns what the operator has earned and not collected; stake is untouched. Given again, the command shows how many have voted, and burns what can be burned.

Example: rs2d-node slash --ledger http://127.0.0.1:7000 node.key node-3

JSON: voter and candidate (ids on the ledger), name (of the candidate), epoch, weight (shards of those who have voted), quorum (shards that are needed), slashed (true if the commission is burned now), burned (the amount).`
}

// slashing is what slash prints.
type slashing struct {
	Voter     string `json:"voter"`
	Candidate string `json:"candidate"`
	Name      string `json:"name"`
	Epoch     uint32 `json:"epoch"`
	Weight    int    `json:"weight"`
	Quorum    int    `json:"quorum"`
	Slashed   bool   `json:"slashed"`
	Burned    uint64 `json:"burned"`
}

// Run votes, and burns the commission if a quorum has voted.
func (c *slashCmd) Run(a *cli.App) error {
	ctx, cancel := context.WithTimeout(a.Ctx, ledgerTime)
	defer cancel()
	l := rpc.NewClient(c.Ledger)
	_, voter, self, err := openGoverned(ctx, l, c.Key)
	if err != nil {
		return err
	}
	candidate, err := named(ctx, l, c.Candidate)
	if err != nil {
		return err
	}
	_, err = self.Do(ctx, ledger.VoteSlashing{Voter: voter.id, Candidate: candidate.id})
	if err != nil && ledger.RuleOf(err) != ledger.RuleTwice {
		return fmt.Errorf("voting: %w", err)
	}
	seen := self.InSession(ctx)
	status, err := l.Status(seen)
	if err != nil {
		return err
	}
	params, err := commit.NewParams(status.Shards)
	if err != nil {
		return err
	}
	var votes ledger.Slashing
	if _, _, err := chain.Value(seen, l, ledger.SlashingKey(candidate.id), &votes); err != nil {
		return err
	}
	r := slashing{
		Voter: voter.String(), Candidate: candidate.String(), Name: candidate.Info.Name, Epoch: status.Epoch,
		Weight: int(votes.Weight), Quorum: params.N - params.F,
	}
	if r.Weight >= r.Quorum {
		got, err := self.Do(ctx, ledger.Slash{Candidate: candidate.id})
		if err != nil {
			return fmt.Errorf("burning the commission: %w", err)
		}
		for _, e := range got.Events {
			if burned, ok := e.(ledger.NodeSlashed); ok {
				r.Slashed, r.Burned = true, burned.Burned
			}
		}
	}
	if c.JSON {
		return cli.WriteJSON(a.Stdout, r)
	}
	if r.Slashed {
		_, err = fmt.Fprintf(a.Stdout, "node %s (%s): a quorum has voted in epoch %d, and its commission of %d is burned\n", r.Name, r.Candidate, r.Epoch, r.Burned)
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "node %s (%s): owners of %d shards have voted in epoch %d, and %d are needed\n", r.Name, r.Candidate, r.Weight, r.Epoch, r.Quorum)
	return err
}

// named finds the node that has an id or a name. Names are what operators like, so one that
// several nodes have names none.
func named(ctx context.Context, l chain.Ledger, text string) (*registered, error) {
	var found []*registered
	prefix := ledger.NodeKey(ledger.NodeID{})[:1]
	err := chain.ListAll(ctx, l, prefix, func(p chain.Pair) error {
		r := new(registered)
		if err := ledger.Read(p.Value, &r.Node); err != nil {
			return err
		}
		if len(p.Key) != len(prefix)+len(r.id) {
			return nil
		}
		if r.id = ledger.NodeID(p.Key[len(prefix):]); r.Info.Name == text || strings.EqualFold(r.String(), text) {
			found = append(found, r)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("no node on the ledger has the name or id %s", text)
	case len(found) > 1:
		return nil, fmt.Errorf("%d nodes on the ledger have the name %s: give the id of one, such as %s", len(found), text, found[0])
	}
	return found[0], nil
}
