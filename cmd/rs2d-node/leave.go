package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

type leaveCmd struct {
	Ledger string        `required:"" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	Wait   time.Duration `placeholder:"TIME" help:"Wait so long until nobody needs the node any more, and show how far it is."`
	JSON   bool          `name:"json" help:"Print one JSON object instead of text."`
	Key    string        `arg:"" help:"The node's secret, as keygen makes it."`
}

func (c *leaveCmd) Help() string {
	return `Withdraws all stake of the node's account, so that the node owns no shards from one of the next epochs on. The node has to run until all its shards are with others: --wait waits for that. Then it can be stopped, and its disk is free. Stake of others with the node is theirs to withdraw.

Example: rs2d-node leave --ledger http://127.0.0.1:7000 --wait 24h node.key

JSON: node, withdrawn (stakes), epoch, shards (that it owns in it), free (nobody needs it). The exit code is 1 if it is not free when --wait is over.`
}

// left is what leave prints.
type left struct {
	Node      string `json:"node"`
	Withdrawn int    `json:"withdrawn"`
	Epoch     uint32 `json:"epoch"`
	Shards    int    `json:"shards"`
	Free      bool   `json:"free"`
}

// Run withdraws stake, and waits until the node is not needed.
func (c *leaveCmd) Run(a *cli.App) error {
	l := rpc.NewClient(c.Ledger)
	ctx, cancel := context.WithTimeout(a.Ctx, ledgerTime+c.Wait)
	defer cancel()
	keys, n, err := openNode(ctx, l, c.Key)
	if err != nil {
		return err
	}
	r := left{Node: n.String()}
	stakes, err := stakesWith(ctx, l, keys, n.id)
	if err != nil {
		return err
	}
	for _, s := range stakes {
		if _, err := account.New(l, s.key.Account()).Do(ctx, ledger.RequestWithdrawal{Stake: s.id}); err != nil {
			return fmt.Errorf("withdrawing: %w", err)
		}
		r.Withdrawn++
	}
	// Nobody needs a node that owns no shards in an epoch that is settled, and of which all
	// members have said that they have theirs.
	free := func(s standing) bool { return s.Shards == 0 && s.Settled == s.Epoch && s.Others }
	s, err := await(ctx, a, l, n.id, c.Wait, free)
	if err != nil {
		return err
	}
	r.Epoch, r.Shards, r.Free = s.Epoch, s.Shards, free(s)
	if err := c.print(a, r); err != nil {
		return err
	}
	if c.Wait > 0 && !r.Free {
		return cli.AsFound(errors.New("the node is needed yet"))
	}
	return nil
}

func (c *leaveCmd) print(a *cli.App, r left) error {
	if c.JSON {
		return cli.WriteJSON(a.Stdout, r)
	}
	state := fmt.Sprintf("it owns %d shards in epoch %d: let it run", r.Shards, r.Epoch)
	switch {
	case r.Free:
		state = fmt.Sprintf("in epoch %d nobody needs it: it can be stopped", r.Epoch)
	case r.Shards == 0:
		state = fmt.Sprintf("it owns no shards in epoch %d, and others have not got them all: let it run", r.Epoch)
	}
	_, err := fmt.Fprintf(a.Stdout, "node %s: %d stakes withdrawn; %s\n", r.Node, r.Withdrawn, state)
	return err
}

// ownStake is stake of the account of one of a node's keys.
type ownStake struct {
	id  ledger.ObjectID
	key *identity.Key
}

// stakesWith lists the stake of the keys' accounts with the node that is not withdrawn.
func stakesWith(ctx context.Context, l chain.Ledger, keys *identity.Keyring, id ledger.NodeID) (stakes []ownStake, err error) {
	prefix := ledger.StakeKey(ledger.ObjectID{})[:1]
	err = chain.ListAll(ctx, l, prefix, func(p chain.Pair) error {
		var s ledger.Stake
		if err := ledger.Read(p.Value, &s); err != nil {
			return err
		}
		key, ok := keys.OfTLS(committee.TLSKey(s.Owner))
		if ok && s.Node == id && s.Withdraw == nil && len(p.Key) == len(prefix)+len(ledger.ObjectID{}) {
			stakes = append(stakes, ownStake{ledger.ObjectID(p.Key[len(prefix):]), key})
		}
		return nil
	})
	return stakes, err
}
