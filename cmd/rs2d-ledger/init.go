package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/ledger"
)

type initCmd struct {
	Network        string               `placeholder:"NAME" help:"Name of the network, which tells it from others. By default one that is made up."`
	Shards         uint16               `short:"n" default:"100" help:"Number of shards, which the nodes share by their stake."`
	Scheme         commit.Scheme        `default:"blake3" help:"Hash of the commitments: blake3, or walrus for the ids of Walrus mainnet."`
	Metadata       committee.Form       `default:"full" help:"What nodes keep of the metadata of blobs: full, all of it; or coded, a part, of which readers gather f+1: with 1000 shards of as many nodes 1 MB for each blob instead of 66 MB."`
	Epoch          time.Duration        `default:"336h" help:"Duration of an epoch."`
	MaxEpochsAhead uint32               `default:"53" help:"Epochs for which storage can be reserved."`
	StakeTolerance uint16               `default:"0" placeholder:"BP" help:"By how much stake may get out of proportion to shards before a shard moves, in basis points, up to 10000: 500 keeps shards where they are when stake jitters by 5 percent."`
	Challenges     ledger.ChallengeMode `default:"off" help:"Whether nodes have to prove in each epoch what they store, and are paid for it only then: off, light (some blobs, drawn at random) or full. Blobs that are challenged cannot be read for as long as it takes, and reads wait."`
	Account        []string             `placeholder:"ADDRESS=BALANCE" help:"Money that somebody has at first. It may be given several times."`
	NodeMoney      uint64               `default:"1000000000000" placeholder:"AMOUNT" help:"Money that the account which governs a node has at first, for the fees of what the node tells the ledger, unless --account says how much."`
	JSON           bool                 `name:"json" help:"Print one JSON object instead of text."`
	Out            string               `arg:"" help:"File to write. It must not exist."`
	Nodes          []string             `arg:"" optional:"" help:"Files of registrations, as rs2d-node register prints them."`
}

func (c *initCmd) Help() string {
	return `All who run the ledger, and all its nodes, have the file that is written; it holds no secret. Nodes pay fees for what they tell the ledger, from the accounts that govern them: these have money from the beginning. rs2d-node init --control embedded makes it and all else for nodes of one operator.

Example: rs2d-ledger init --network example genesis.toml alpha.toml beta.toml gamma.toml delta.toml

JSON: genesis (file), network, chain, shards, scheme, metadata, epoch_millis, nodes.`
}

// initReport is what init prints as JSON.
type initReport struct {
	Genesis     string         `json:"genesis"`
	Network     string         `json:"network"`
	Chain       string         `json:"chain"`
	Shards      uint16         `json:"shards"`
	Scheme      commit.Scheme  `json:"scheme"`
	Metadata    committee.Form `json:"metadata"`
	EpochMillis uint64         `json:"epoch_millis"`
	Nodes       int            `json:"nodes"`
}

// Run writes a genesis.
func (c *initCmd) Run(a *cli.App) error {
	if len(c.Nodes) == 0 {
		return errors.New("a ledger begins with one node at least: give the files of their registrations")
	}
	if c.Epoch < time.Millisecond {
		return fmt.Errorf("--epoch %v: must be a millisecond at least", c.Epoch)
	}
	if c.StakeTolerance > ledger.MaxStakeTolerance {
		return fmt.Errorf("--stake-tolerance %d: must be %d at most, which lets stake double", c.StakeTolerance, ledger.MaxStakeTolerance)
	}
	var nodes []genesis.Node
	for _, name := range c.Nodes {
		var f struct {
			Nodes []genesis.Node `toml:"node"`
		}
		if _, err := toml.DecodeFile(name, &f); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(f.Nodes) == 0 {
			return fmt.Errorf("%s: no registration of a node is in it", name)
		}
		nodes = append(nodes, f.Nodes...)
	}
	accounts, err := parseAccounts(c.Account)
	if err != nil {
		return err
	}
	if c.NodeMoney > math.MaxInt64 {
		return fmt.Errorf("--node-money %d: is a number up to %d", c.NodeMoney, int64(math.MaxInt64))
	}
	accounts = endow(accounts, nodes, genesis.Amount(c.NodeMoney))
	if c.Network == "" {
		c.Network = "redstuff-" + strings.ToLower(rand.Text()[:8])
	}
	g := ledger.Genesis{
		Name: c.Network, Shards: c.Shards, Scheme: uint8(c.Scheme), Metadata: uint8(c.Metadata), Start: uint64(time.Now().UnixMilli()),
		EpochMillis: uint64(c.Epoch.Milliseconds()), MaxEpochsAhead: c.MaxEpochsAhead, MaxNodes: min(ledger.DefaultMaxNodes, c.Shards),
		StakeTolerance: c.StakeTolerance, Challenges: ledger.ChallengeRules{Mode: c.Challenges},
	}
	genesis.Set(&g, nodes, accounts)
	text, err := genesis.Marshal(g)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(c.Out); err == nil {
		return fmt.Errorf("%s exists already", c.Out)
	}
	f, err := atomicfile.Create(a.Ctx, c.Out)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return err
	}
	if g, err = genesis.Parse(text); err != nil {
		return err
	}
	r := initReport{c.Out, g.Name, g.ChainID().String(), g.Shards, commit.Scheme(g.Scheme), committee.Form(g.Metadata), g.EpochMillis, len(g.Nodes)}
	if c.JSON {
		return cli.WriteJSON(a.Stdout, r)
	}
	_, err = fmt.Fprintf(a.Stdout, "%s: network %s of %d nodes and %d shards, chain %s\n", r.Genesis, r.Network, r.Nodes, r.Shards, r.Chain)
	return err
}

// endow gives money to the accounts that govern nodes and have none.
func endow(accounts []genesis.Account, nodes []genesis.Node, money genesis.Amount) []genesis.Account {
	has := make(map[ledger.Address]bool)
	for _, a := range accounts {
		has[a.Address] = true
	}
	for i := range nodes {
		if owner := nodes[i].Owner; !has[owner] && money > 0 {
			has[owner] = true
			accounts = append(accounts, genesis.Account{Address: owner, Balance: money})
		}
	}
	return accounts
}

func parseAccounts(list []string) (accounts []genesis.Account, err error) {
	for _, text := range list {
		address, balance, ok := strings.Cut(text, "=")
		var one genesis.Account
		if err := one.Address.UnmarshalText([]byte(address)); err != nil || !ok {
			return nil, fmt.Errorf("--account %s: is not ADDRESS=BALANCE, as in rs2d account balance", text)
		}
		amount, err := strconv.ParseUint(balance, 10, 64)
		if err != nil || amount > math.MaxInt64 {
			return nil, fmt.Errorf("--account %s: the balance is a number up to %d", text, int64(math.MaxInt64))
		}
		one.Balance = genesis.Amount(amount)
		accounts = append(accounts, one)
	}
	return accounts, nil
}
