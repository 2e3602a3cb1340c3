package main

import (
	"errors"
	"fmt"

	"github.com/BurntSushi/toml"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// newNode is what there is to say of a node that a ledger does not know.
type newNode struct {
	Name         string    `required:"" placeholder:"NAME" help:"Name of the node."`
	Address      string    `required:"" placeholder:"HOST:PORT" help:"Address by which others reach it."`
	Capacity     cli.Bytes `default:"1TiB" help:"Bytes that the node says it can store."`
	StoragePrice uint64    `default:"1000" help:"What it asks for a MiB and epoch."`
	WritePrice   uint64    `default:"200" help:"What it asks for writing a MiB."`
	Commission   uint16    `default:"0" help:"The operator's share of what stake with the node earns, in basis points, up to 10000."`
}

// maxCommission is all that stake earns, in basis points.
const maxCommission = 10_000

// check says what no ledger takes.
func (n *newNode) check() error {
	if n.Name == "" {
		return errors.New("--name: is empty")
	}
	if err := committee.CheckAddress(n.Address); err != nil {
		return fmt.Errorf("--address: %w", err)
	}
	if n.Commission > maxCommission {
		return fmt.Errorf("--commission %d: must be %d at most, which is all", n.Commission, maxCommission)
	}
	return nil
}

// entry returns the node that has the key as a genesis has it, but for its stake.
func (n *newNode) entry(key *identity.Key) genesis.Node {
	e := genesis.NewNode(n.Name, n.Address, key)
	e.Capacity, e.StoragePrice, e.WritePrice = genesis.Amount(n.Capacity), genesis.Amount(n.StoragePrice), genesis.Amount(n.WritePrice)
	e.Commission = n.Commission
	return e
}

type registerCmd struct {
	newNode `embed:""`
	Stake   uint64 `default:"1000000000" help:"Stake that the node has from the beginning."`
	JSON    bool   `name:"json" help:"Print one JSON object instead of an entry of a file in TOML."`
	Key     string `arg:"" help:"The node's secret, as keygen makes it."`
}

func (c *registerCmd) Help() string {
	return `Prints the entry of the node for the genesis of a ledger, which holds no secret: rs2d-ledger init takes files of such entries. The account of the node's key governs it.

Example: rs2d-node register --name alpha --address storage.example.org:7100 node.key > alpha.toml

JSON: name, address, public_key and proof (that the node has its secret), tls_key and tls_proof, owner (address of the account that governs it), stake, storage_price and write_price (it votes for), capacity (bytes), commission (basis points).`
}

// Run prints a registration.
func (c *registerCmd) Run(a *cli.App) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Stake < ledger.DefaultMinStake {
		return fmt.Errorf("--stake %d: must be %d at least", c.Stake, uint64(ledger.DefaultMinStake))
	}
	key, err := identity.LoadKey(c.Key)
	if err != nil {
		return err
	}
	n := c.entry(key)
	n.Stake = genesis.Amount(c.Stake)
	if c.JSON {
		return cli.WriteJSON(a.Stdout, n)
	}
	return toml.NewEncoder(a.Stdout).Encode(map[string][]genesis.Node{"node": {n}})
}
