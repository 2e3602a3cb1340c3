package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/redstuff-go/redstuff/cmd/internal/ledgerui"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// ledgerCmd is what a ledger can be asked.
type ledgerCmd struct {
	Status ledgerStatusCmd `cmd:"" help:"Tell how a ledger is."`
	Events ledgerEventsCmd `cmd:"" help:"Print what happened on a ledger."`
	Proof  ledgerProofCmd  `cmd:"" help:"Show what the state has under a key, and prove it."`
}

// askFlags say which ledger to ask.
type askFlags struct {
	jsonFlag
	clusterFlags
}

func (c *askFlags) ledger() (chain.Ledger, error) {
	if c.Ledger == "" {
		return nil, errNoLedger
	}
	return rpc.NewClient(c.Ledger), nil
}

type ledgerStatusCmd struct{ askFlags }

func (c *ledgerStatusCmd) Help() string {
	return `Example: rs2d ledger status --ledger http://127.0.0.1:7000

JSON: ` + ledgerui.StatusJSON
}

// Run tells how the ledger is.
func (c *ledgerStatusCmd) Run(a *app) error {
	l, err := c.ledger()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	s, err := l.Status(ctx)
	if err != nil {
		return err
	}
	return c.report(a, s, func(w io.Writer) error { return ledgerui.Status(w, s) })
}

type ledgerEventsCmd struct {
	askFlags
	From   uint64 `placeholder:"HEIGHT" help:"Height of the first block to print events of; default the first one."`
	Follow bool   `short:"f" help:"Wait for more, until interrupted."`
}

func (c *ledgerEventsCmd) Help() string {
	return `Prints one event a line. With --json, each line is a JSON object: height, index, tx, kind, bcs, fields.

Example: rs2d ledger events --ledger http://127.0.0.1:7000 --follow`
}

// Run prints events.
func (c *ledgerEventsCmd) Run(a *app) error {
	l, err := c.ledger()
	if err != nil {
		return err
	}
	return ledgerui.Events(a.ctx, l, c.From, c.Follow, func(e chain.Event) error { return ledgerui.Event(a.stdout, e, c.JSON) })
}

type ledgerProofCmd struct {
	askFlags
	Account ledger.Address `placeholder:"ADDRESS" help:"The key is that of an account."`
	Key     string         `arg:"" optional:"" placeholder:"HEX" help:"Key of the state in hexadecimal."`
}

func (c *ledgerProofCmd) Help() string {
	return `The proof is verified against the root that the ledger names; whether that is the ledger's root is for others to say who follow it.

Example: rs2d ledger proof --ledger http://127.0.0.1:7000 --account ADDRESS

JSON: height, root, key, found, value, proof (in hexadecimal).`
}

// proofReport is what proof prints as JSON.
type proofReport struct {
	Height uint64    `json:"height"`
	Root   chain.Hex `json:"root"`
	Key    chain.Hex `json:"key"`
	Found  bool      `json:"found"`
	Value  chain.Hex `json:"value,omitempty"`
	Proof  chain.Hex `json:"proof"`
}

// Run proves what a key has.
func (c *ledgerProofCmd) Run(a *app) error {
	l, err := c.ledger()
	if err != nil {
		return err
	}
	key, err := hex.DecodeString(c.Key)
	switch {
	case c.Account != ledger.Address{}:
		key = ledger.AccountKey(c.Account)
	case err != nil || len(key) == 0:
		return fmt.Errorf("%q is no key of the state: give one in hexadecimal, or --account ADDRESS", c.Key)
	}
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	p, err := l.Prove(ctx, key)
	if err != nil {
		return err
	}
	value, ok, err := p.Proof.Verify(tree.Hash(p.Root), key)
	if err != nil {
		return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
	}
	proof, err := p.Proof.MarshalBinary()
	if err != nil {
		return err
	}
	r := proofReport{p.Height, p.Root[:], key, ok, value, proof}
	return c.report(a, r, func(w io.Writer) error {
		what := "has no value"
		if ok {
			what = fmt.Sprintf("has the value %x", value)
		}
		_, err := fmt.Fprintf(w, "key %x %s\nat height %d, root %x, proven by %d bytes\n", key, what, r.Height, []byte(r.Root), len(proof))
		return err
	})
}
