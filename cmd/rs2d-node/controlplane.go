package main

import (
	"context"
	"errors"
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
	"github.com/redstuff-go/redstuff/node/identity"
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

// identify finds out which node has the keys: whose the store is to be, and, with a ledger,
// the node's id on it. When the ledger cannot be asked, the store that there is says whose it
// is, or else the genesis, and the node finds out later whether its keys are that node's.
func (p *controlPlane) identify(ctx context.Context, keys *identity.Keyring, dir string) (owner string, id committee.NodeID, err error) {
	if p.control != nil {
		if _, ok := keys.Member(p.control.View().Current); !ok {
			return "", id, fmt.Errorf("is the key of no node in %s", p.file)
		}
		return keys.First().Public().String(), id, nil
	}
	ctx, cancel := context.WithTimeout(ctx, identifyTime)
	defer cancel()
	n, err := nodeOf(ctx, rpc.NewClient(p.url), keys)
	switch {
	case err == nil && n == nil:
		return "", id, errors.New("is the key of no node on the ledger: register it with rs2d-node join")
	case err == nil:
		id = committee.NodeID(n.id)
		return id.String(), id, nil
	}
	has, e := store.OwnerOf(dir)
	if e != nil {
		begin, e := ledger.Begin(p.genesis)
		if e != nil {
			return "", id, e
		}
		for node, n := range begin.Nodes() {
			if _, ok := keys.OfTLS(n.Info.TLSKey); ok {
				id = committee.NodeID(node)
				return id.String(), id, nil
			}
		}
		return "", id, fmt.Errorf("which node has it the ledger cannot be asked: %w", err)
	}
	if err := (*ledger.ObjectID)(&id).UnmarshalText([]byte(has.Node)); err != nil {
		return has.Node, id, nil // opening the store says what is wrong with it
	}
	return has.Node, id, nil
}

// identifyTime is how long the ledger may take to say which node has a key.
const identifyTime = 10 * time.Second

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
		Name: system.Network, Shards: uint16(system.Shards), Scheme: uint8(system.Scheme), Metadata: uint8(system.Metadata), Start: uint64(time.Now().UnixMilli()),
		EpochMillis: uint64(c.EpochTime.Milliseconds()), MaxNodes: uint16(min(ledger.DefaultMaxNodes, system.Shards)),
		StakeTolerance: c.Tolerance, Challenges: ledger.ChallengeRules{Mode: c.Challenges},
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
