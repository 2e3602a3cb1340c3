package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// controlPlane is what a node is controlled by: a committee's file, or a ledger.
type controlPlane struct {
	system   committee.System
	control  control.Control // without a ledger
	follower *follow.Follower

	file    string // of the committee
	url     string // of the ledger
	genesis ledger.Genesis
}

// plane reads the committee's file or the genesis.
func (c *settings) plane() (*controlPlane, error) {
	if c.Ledger == "" {
		f, err := fixed.Load(c.Committee)
		if err != nil {
			return nil, err
		}
		return &controlPlane{system: f.View().Current.System(), control: f, file: c.Committee}, nil
	}
	g, err := genesis.Load(c.Genesis)
	if err != nil {
		return nil, err
	}
	return &controlPlane{system: g.System(), url: c.Ledger, genesis: g}, nil
}

// knows returns an error if the key is that of no node. Of a ledger, only following it
// tells.
func (p *controlPlane) knows(key committee.PublicKey) error {
	if p.control == nil {
		return nil
	}
	if _, ok := p.control.View().Current.Find(key); !ok {
		return fmt.Errorf("is the key of no node in %s", p.file)
	}
	return nil
}

// follow begins to follow the ledger, if there is one.
func (p *controlPlane) follow(ctx context.Context, s store.Store, log *slog.Logger) (err error) {
	if p.control != nil {
		return nil
	}
	p.follower, err = follow.Open(ctx, follow.Config{Ledger: rpc.NewClient(p.url), Genesis: p.genesis, Store: s, Logger: log})
	return err
}

// Prices and room that nodes vote for, and money that they and clients have, where one
// operator makes all of them.
const (
	storagePrice = 1000 // of a MiB for an epoch
	writePrice   = 200  // of a MiB
	nodeMoney    = 1_000_000_000_000
	clientMoney  = 1_000_000_000_000_000
)

// ledgerOf returns the genesis of a ledger with nodes of equal stake.
func (c *initCmd) ledgerOf(system committee.System, nodes []genesis.Node, clients []fixed.Client) (ledger.Genesis, error) {
	g := ledger.Genesis{
		Name: system.Network, Shards: uint16(system.Shards), Scheme: uint8(system.Scheme), Start: uint64(time.Now().UnixMilli()),
		EpochMillis: uint64(c.EpochTime.Milliseconds()), MaxNodes: uint16(min(ledger.DefaultMaxNodes, system.Shards)),
		StakeTolerance: c.Tolerance,
	}
	var accounts []genesis.Account
	for i := range nodes {
		n := &nodes[i]
		n.Stake, n.Capacity, n.StoragePrice, n.WritePrice = ledger.DefaultMinStake, genesis.Amount(c.Capacity), storagePrice, writePrice
		accounts = append(accounts, genesis.Account{Address: n.Owner, Balance: nodeMoney})
	}
	for _, client := range clients {
		accounts = append(accounts, genesis.Account{Address: ledger.Address(client.TLSKey), Balance: clientMoney})
	}
	genesis.Set(&g, slices.Clone(nodes), accounts)
	begin, err := ledger.Begin(g)
	if err != nil {
		return g, err
	}
	return begin.Genesis(), nil
}
