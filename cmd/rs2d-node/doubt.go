package main

import (
	"context"
	"fmt"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
)

type doubtCmd struct {
	Ledger string `required:"" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	JSON   bool   `name:"json" help:"Print one JSON object instead of text."`
	Key    string `arg:"" help:"The secret of the node that says so, as keygen makes it."`
}

func (c *doubtCmd) Help() string {
	return `Says, for a node that owns shards, that blobs cannot be read though nodes pass light challenges: there may be nodes that lack a smaller share of the blobs than challenges find. When nodes with more than a third of the shards say so in an epoch, challenges draw twice as many blobs from the next epoch on, and after an epoch in which they do not, half as many, down to what missing and error of 'rs2d-node vote' come to. Given again, the command shows how many have said so.

Example: rs2d-node doubt --ledger http://127.0.0.1:7000 node.key

JSON: node (its id on the ledger), epoch, weight (shards of those who have said so in this epoch), needed (shards), doublings (of the blobs that are drawn, in this epoch).`
}

// doubting is what doubt prints.
type doubting struct {
	Node      string `json:"node"`
	Epoch     uint32 `json:"epoch"`
	Weight    int    `json:"weight"`
	Needed    int    `json:"needed"`
	Doublings int    `json:"doublings"`
}

// Run doubts challenges, and shows who else does.
func (c *doubtCmd) Run(a *cli.App) error {
	ctx, cancel := context.WithTimeout(a.Ctx, ledgerTime)
	defer cancel()
	l := rpc.NewClient(c.Ledger)
	_, node, self, err := openGoverned(ctx, l, c.Key)
	if err != nil {
		return err
	}
	status, err := l.Status(ctx)
	if err != nil {
		return err
	}
	params, err := commit.NewParams(status.Shards)
	if err != nil {
		return err
	}
	_, err = self.Do(ctx, ledger.DoubtChallenges{Node: node.id, Epoch: status.Epoch})
	if err != nil && ledger.RuleOf(err) != ledger.RuleTwice {
		return fmt.Errorf("doubting: %w", err)
	}
	var v ledger.Doubt
	if _, _, err := chain.Value(self.InSession(ctx), l, ledger.DoubtKey(), &v); err != nil {
		return err
	}
	r := doubting{Node: node.String(), Epoch: status.Epoch, Weight: int(v.Weight), Needed: params.F + 1, Doublings: int(v.Doublings)}
	if c.JSON {
		return cli.WriteJSON(a.Stdout, r)
	}
	_, err = fmt.Fprintf(a.Stdout, "owners of %d shards doubt the challenges in epoch %d, and %d are needed for the next ones to draw twice as many blobs\n", r.Weight, r.Epoch, r.Needed)
	return err
}
