package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/redstuff-go/redstuff/cmd/internal/ledgerui"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// ledgerCmd is what a ledger can be asked.
type ledgerCmd struct {
	Status ledgerStatusCmd `cmd:"" help:"Tell how a ledger is."`
	Events ledgerEventsCmd `cmd:"" help:"Print what happened on a ledger."`
	Proof  ledgerProofCmd  `cmd:"" help:"Show what the state has under a key, and prove it."`
	Verify ledgerVerifyCmd `cmd:"" help:"Verify a ledger, trusting its genesis alone."`
}

// askFlags say which ledger to ask.
type askFlags struct {
	jsonFlag
	clusterFlags
}

type ledgerStatusCmd struct{ askFlags }

func (c *ledgerStatusCmd) Help() string {
	return `Example: rs2d ledger status --ledger http://127.0.0.1:7000

JSON: ` + ledgerui.StatusJSON
}

// Run tells how the ledger is.
func (c *ledgerStatusCmd) Run(a *app) error {
	return c.onLedger(a, func(ctx context.Context, l chain.Ledger) error {
		r, err := ledgerui.Ask(ctx, l)
		if err != nil {
			return err
		}
		return c.report(a, r, func(w io.Writer) error { return ledgerui.Status(w, r) })
	})
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

// Run prints events. They may be followed for longer than the command's time.
func (c *ledgerEventsCmd) Run(a *app) error {
	return c.onLedger(a, func(_ context.Context, l chain.Ledger) error {
		return ledgerui.Events(a.ctx, l, c.From, c.Follow, func(e chain.Event) error { return ledgerui.Event(a.stdout, e, c.JSON) })
	})
}

type ledgerProofCmd struct {
	askFlags
	Account ledger.Address  `placeholder:"ADDRESS" help:"The key is that of an account."`
	Object  ledger.ObjectID `placeholder:"OBJECT" help:"The key is that of a blob's registration, as stat names it."`
	Key     string          `arg:"" optional:"" placeholder:"HEX" help:"Key of the state in hexadecimal."`
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

// key returns the key of the state that is asked for.
func (c *ledgerProofCmd) key() ([]byte, error) {
	switch {
	case c.Account != ledger.Address{}:
		return ledger.AccountKey(c.Account), nil
	case c.Object != ledger.ObjectID{}:
		return ledger.BlobKey(c.Object), nil
	}
	key, err := hex.DecodeString(c.Key)
	if err != nil || len(key) == 0 || len(key) > tree.MaxKey {
		return nil, fmt.Errorf("%q is no key of the state: give one in hexadecimal, of up to %d bytes, or --account ADDRESS, or --object OBJECT", c.Key, tree.MaxKey)
	}
	return key, nil
}

// Run proves what a key has.
func (c *ledgerProofCmd) Run(a *app) error {
	key, err := c.key()
	if err != nil {
		return err
	}
	return c.onLedger(a, func(ctx context.Context, l chain.Ledger) error {
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
	})
}
