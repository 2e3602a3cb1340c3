package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/redstuff-go/redstuff/cmd/internal/plane"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// ownerFlags say on which ledger, and as whom, something is done.
type ownerFlags struct {
	jsonFlag
	clusterFlags
	Key string `placeholder:"FILE" env:"REDSTUFF_KEY" help:"Secret of the account; default client.key beside the genesis."`
}

var errNoLedger = errors.New("there is no ledger to ask: --ledger URL is needed, or REDSTUFF_LEDGER in the environment")

// account returns the account of the key on the ledger.
func (c *ownerFlags) account(a *app) (*account.Account, *plane.Plane, error) {
	if c.Ledger == "" {
		return nil, nil, errNoLedger
	}
	key, err := identity.LoadKey(c.keyFile(c.Key))
	if err != nil {
		return nil, nil, err
	}
	p, err := c.plane(a)
	if err != nil {
		return nil, nil, err
	}
	return account.New(p.Ledger, key.Account()), p, nil
}

// own returns the registration of the blob that the account has: the one that ends last.
func own(ctx context.Context, a *account.Account, id commit.BlobID) (*chain.Registration, error) {
	b, err := a.Ledger().Blob(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, r := range b.Registrations {
		if r.Owner == a.Address() {
			return &r, nil
		}
	}
	return nil, found("%v: the account has not registered it", id)
}

// lifetimeReport is what extend and rm print as JSON.
type lifetimeReport struct {
	ID       string `json:"id"`
	Object   string `json:"object"`
	EndEpoch uint32 `json:"end_epoch"`
	Cost     uint64 `json:"cost"`
	Fee      uint64 `json:"fee"`
	Height   uint64 `json:"height"`
}

type extendCmd struct {
	ownerFlags
	Epochs uint32        `required:"" placeholder:"N" help:"Epochs by which the blob is stored longer."`
	ID     commit.BlobID `arg:"" help:"Blob id."`
}

func (c *extendCmd) Help() string {
	return `The account pays for more epochs of storage of a blob that it owns, and that is certified.

Example: rs2d extend --ledger http://127.0.0.1:7000 --key cluster/client.key --epochs 5 zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc

JSON: id, object, end_epoch (the first one in which the blob is not stored), cost, fee, height.`
}

// Run extends a blob.
func (c *extendCmd) Run(a *app) error {
	return c.act(a, c.ID, func(r *chain.Registration) ledger.Action { return ledger.ExtendBlob{Blob: r.Object, Epochs: c.Epochs} },
		func(r *lifetimeReport, p prices, length uint64) (err error) {
			r.EndEpoch += c.Epochs
			r.Cost, err = p.cost(length, c.Epochs)
			return err
		}, "stored until epoch %d, cost %s\n")
}

type rmCmd struct {
	ownerFlags
	ID commit.BlobID `arg:"" help:"Blob id."`
}

func (c *rmCmd) Help() string {
	return `Deletes a blob that the account owns, unless it is permanent. Nodes remove it soon, if nobody else has registered it. What is left of the storage that was paid for is the account's.

Example: rs2d rm --ledger http://127.0.0.1:7000 --key cluster/client.key zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc

JSON: id, object, end_epoch, cost, fee, height.`
}

// Run deletes a blob.
func (c *rmCmd) Run(a *app) error {
	return c.act(a, c.ID, func(r *chain.Registration) ledger.Action { return ledger.DeleteBlob{Blob: r.Object} },
		func(*lifetimeReport, prices, uint64) error { return nil }, "deleted; it was paid for until epoch %d, cost %s\n")
}

// act does something to the registration of a blob, and tells of it.
func (c *ownerFlags) act(
	a *app, id commit.BlobID, action func(*chain.Registration) ledger.Action,
	change func(*lifetimeReport, prices, uint64) error, text string,
) error {
	who, _, err := c.account(a)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	p, err := pricesOf(ctx, who.Ledger())
	if err != nil {
		return err
	}
	one, err := own(ctx, who, id)
	if err != nil {
		return err
	}
	r := lifetimeReport{ID: id.String(), Object: one.Object.String(), EndEpoch: one.Storage.End}
	if err := change(&r, p, one.Length); err != nil {
		return err
	}
	got, err := who.Do(ctx, action(one))
	if err != nil {
		return fmt.Errorf("%v: %w", id, err)
	}
	r.Fee, r.Height = got.Fee, got.Height
	return c.report(a, r, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, text, r.EndEpoch, ui.Count(r.Cost+r.Fee))
		return err
	})
}
