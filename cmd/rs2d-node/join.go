package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// ledgerTime is how long the ledger may take for one thing.
const ledgerTime = time.Minute

type joinCmd struct {
	Ledger  string `required:"" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	newNode `embed:""`
	Stake   uint64        `default:"1000000000" help:"Stake, of the money of the node's account."`
	Wait    time.Duration `placeholder:"TIME" help:"Wait so long until the node owns shards and has them, and show how far it is. Run the node meanwhile."`
	JSON    bool          `name:"json" help:"Print one JSON object instead of text."`
	Key     string        `arg:"" help:"The node's secret, as keygen makes it."`
}

func (c *joinCmd) Help() string {
	return `Registers the node on the ledger, unless it is, and stakes with it. The account of the node's key governs it, and needs money for the stake and for fees: rs2d account shows its address. When the committee of the next epoch is selected, in the middle of an epoch, stake counts; run the node from then on at the latest, with --genesis, --ledger and --listen.

Example: rs2d-node join --ledger http://127.0.0.1:7000 --name delta --address storage.example.org:7100 node.key

JSON: node (its id on the ledger), account, registered (now, and not before), stake, from_epoch (in which it owns shards, if it is elected). The exit code is 1 if the node has no shards when --wait is over.`
}

// joined is what join prints.
type joined struct {
	Node       string         `json:"node"`
	Account    ledger.Address `json:"account"`
	Registered bool           `json:"registered"`
	Stake      uint64         `json:"stake"`
	FromEpoch  uint32         `json:"from_epoch"`
}

// Run registers a node and stakes with it.
func (c *joinCmd) Run(a *cli.App) error {
	if err := c.check(); err != nil {
		return err
	}
	keys, err := identity.LoadKeyring(c.Key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.Ctx, ledgerTime+c.Wait)
	defer cancel()
	l, key := rpc.NewClient(c.Ledger), keys.Last()
	self := account.New(l, key.Account())
	known, err := nodeOf(ctx, l, keys)
	if err != nil {
		return err
	}
	var id ledger.NodeID
	if known != nil {
		id = known.id
	} else {
		n := c.entry(key)
		got, err := self.Do(ctx, ledger.RegisterNode{Node: n.Info()})
		if err != nil {
			return fmt.Errorf("registering: %w", err)
		}
		for _, e := range got.Events {
			if e, ok := e.(ledger.NodeRegistered); ok {
				id = e.Node
			}
		}
	}
	got, err := self.Do(ctx, ledger.StakeWith{Node: id, Amount: c.Stake})
	if err != nil {
		return fmt.Errorf("staking: %w", err)
	}
	var stake ledger.Stake
	if _, ok, err := chain.Value(ctx, l, ledger.StakeKey(ledger.ObjectIDOf(got.Digest, 0)), &stake); err != nil || !ok {
		return errors.Join(err, errors.New("the ledger has no such stake"))
	}
	if c.Wait > 0 {
		has := func(s standing) bool { return s.Epoch >= stake.Active && s.Shards > 0 && s.Synced }
		s, err := await(ctx, a, l, id, c.Wait, has)
		if err != nil {
			return err
		}
		if !has(s) {
			return cli.AsFound(fmt.Errorf("the node has no shards yet: %v", s))
		}
	}
	j := joined{ledger.ObjectID(id).String(), self.Address(), known == nil, c.Stake, stake.Active}
	if c.JSON {
		return cli.WriteJSON(a.Stdout, j)
	}
	_, err = fmt.Fprintf(a.Stdout, "node %s has a stake of %s of account %v; it owns shards from epoch %d on, if it is elected\n", j.Node, ui.Count(j.Stake), j.Account, j.FromEpoch)
	return err
}
