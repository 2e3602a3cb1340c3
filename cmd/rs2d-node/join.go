package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// ledgerTime is how long the ledger may take for one thing.
const ledgerTime = time.Minute

type joinCmd struct {
	Ledger       string    `required:"" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	Name         string    `required:"" placeholder:"NAME" help:"Name of the node."`
	Address      string    `required:"" placeholder:"HOST:PORT" help:"Address by which others reach it."`
	Capacity     cli.Bytes `default:"1TiB" help:"Bytes that the node says it can store."`
	StoragePrice uint64    `default:"1000" help:"What it asks for a MiB and epoch."`
	WritePrice   uint64    `default:"200" help:"What it asks for writing a MiB."`
	Stake        uint64    `default:"1000000000" help:"Stake, of the money of the node's account."`
	Commission   uint16    `default:"0" help:"The operator's share of what stake with the node earns, in basis points, up to 10000."`
	JSON         bool      `name:"json" help:"Print one JSON object instead of text."`
	Key          string    `arg:"" help:"The node's secret, as keygen makes it."`
}

func (c *joinCmd) Help() string {
	return `Registers the node on the ledger, unless it is, and stakes with it. The account of the node's key governs it, and needs money for the stake and for fees: rs2d account shows its address. When the committee of the next epoch is selected, in the middle of an epoch, stake counts; run the node from then on at the latest, with --genesis, --ledger and --listen.

Example: rs2d-node join --ledger http://127.0.0.1:7000 --name delta --address storage.example.org:7100 node.key

JSON: node (its id on the ledger), account, registered (now, and not before), stake, from_epoch (in which it owns shards, if it is elected).`
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
	if err := committee.CheckAddress(c.Address); err != nil {
		return fmt.Errorf("--address: %w", err)
	}
	if c.Commission > maxCommission {
		return fmt.Errorf("--commission %d: must be %d at most, which is all", c.Commission, maxCommission)
	}
	key, err := identity.LoadKey(c.Key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.Ctx, ledgerTime)
	defer cancel()
	l := rpc.NewClient(c.Ledger)
	self := account.New(l, key.Account())
	id, known, err := nodeOf(ctx, l, key)
	if err != nil {
		return err
	}
	if !known {
		n := genesis.NewNode(c.Name, c.Address, key)
		got, err := self.Do(ctx, ledger.RegisterNode{Node: ledger.NodeInfo{
			Name: n.Name, Address: n.Address, PublicKey: n.PublicKey.Bytes(), Possession: n.Proof, TLSKey: n.TLSKey, TLSProof: n.TLSProof,
			Votes:      ledger.Votes{StoragePrice: c.StoragePrice, WritePrice: c.WritePrice, Capacity: uint64(c.Capacity)},
			Commission: c.Commission,
		}})
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
	j := joined{ledger.ObjectID(id).String(), self.Address(), !known, c.Stake, stake.Active}
	if c.JSON {
		return cli.WriteJSON(a.Stdout, j)
	}
	_, err = fmt.Fprintf(a.Stdout, "node %s has a stake of %s of account %v; it owns shards from epoch %d on, if it is elected\n", j.Node, ui.Count(j.Stake), j.Account, j.FromEpoch)
	return err
}

// nodeOf finds the node of a key on the ledger.
func nodeOf(ctx context.Context, l chain.Ledger, key *identity.Key) (id ledger.NodeID, known bool, err error) {
	prefix := ledger.NodeKey(ledger.NodeID{})[:1]
	err = chain.ListAll(ctx, l, prefix, func(p chain.Pair) error {
		var n ledger.Node
		if err := ledger.Read(p.Value, &n); err != nil {
			return err
		}
		if n.Info.TLSKey == [32]byte(key.TLSPublic()) && len(p.Key) == len(prefix)+len(id) {
			id, known = ledger.NodeID(p.Key[len(prefix):]), true
		}
		return nil
	})
	return id, known, err
}

type leaveCmd struct {
	Ledger string        `required:"" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	Wait   time.Duration `placeholder:"TIME" help:"Wait so long until nobody needs the node any more."`
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

// leavePoll is the time between two looks at the ledger.
const leavePoll = time.Second

// Run withdraws stake, and waits until the node is not needed.
func (c *leaveCmd) Run(a *cli.App) error {
	key, err := identity.LoadKey(c.Key)
	if err != nil {
		return err
	}
	l := rpc.NewClient(c.Ledger)
	ctx, cancel := context.WithTimeout(a.Ctx, ledgerTime+c.Wait)
	defer cancel()
	id, known, err := nodeOf(ctx, l, key)
	if err != nil {
		return err
	}
	if !known {
		return fmt.Errorf("%s is the key of no node on the ledger", c.Key)
	}
	r := left{Node: ledger.ObjectID(id).String()}
	if r.Withdrawn, err = withdraw(ctx, l, key, id); err != nil {
		return fmt.Errorf("withdrawing: %w", err)
	}
	for end := time.Now().Add(c.Wait); ; {
		if err := r.look(ctx, l, id); err != nil {
			return err
		}
		if r.Free || !time.Now().Before(end) {
			break
		}
		if err := pause.For(ctx, min(leavePoll, time.Until(end))); err != nil {
			return err
		}
	}
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

// withdraw requests all stakes of the key's account with the node back, and counts them.
func withdraw(ctx context.Context, l chain.Ledger, key *identity.Key, id ledger.NodeID) (count int, err error) {
	self := account.New(l, key.Account())
	prefix := ledger.StakeKey(ledger.ObjectID{})[:1]
	var stakes []ledger.ObjectID
	err = chain.ListAll(ctx, l, prefix, func(p chain.Pair) error {
		var s ledger.Stake
		if err := ledger.Read(p.Value, &s); err != nil {
			return err
		}
		if s.Owner == self.Address() && s.Node == id && s.Withdraw == nil && len(p.Key) == len(prefix)+len(id) {
			stakes = append(stakes, ledger.ObjectID(p.Key[len(prefix):]))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, s := range stakes {
		if _, err := self.Do(ctx, ledger.RequestWithdrawal{Stake: s}); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// look finds out whether anybody needs the node: it owns no shards, the epoch is settled, and
// all members have said that they have theirs.
func (r *left) look(ctx context.Context, l chain.Ledger, id ledger.NodeID) error {
	status, err := l.Status(ctx)
	if err != nil {
		return err
	}
	r.Epoch, r.Shards, r.Free = status.Epoch, 0, false
	var now ledger.Committee
	if _, ok, err := chain.Value(ctx, l, ledger.CommitteeKey(status.Epoch), &now); err != nil || !ok {
		return errors.Join(err, errors.New("the ledger has no committee"))
	}
	for _, m := range now.Members {
		if m.Node == id {
			r.Shards = len(m.Shards)
		}
	}
	if r.Shards > 0 || status.Settled != status.Epoch {
		return nil
	}
	for _, m := range now.Members {
		_, reported, err := chain.Value(ctx, l, ledger.SyncedKey(status.Epoch, m.Node), nil)
		if err != nil || !reported {
			return err
		}
	}
	r.Free = true
	return nil
}
