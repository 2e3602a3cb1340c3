package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// accountCmd is what there is to do with accounts on a ledger.
type accountCmd struct {
	New      accountNewCmd      `cmd:"" help:"Make the secret of an account."`
	Show     accountShowCmd     `cmd:"" help:"Tell an account's address and balance."`
	Transfer accountTransferCmd `cmd:"" help:"Give money to another account."`
}

// accountReport is what the commands print as JSON.
type accountReport struct {
	Address string  `json:"address"`
	Balance *uint64 `json:"balance,omitempty"`
	Nonce   *uint64 `json:"nonce,omitempty"`
	Fee     uint64  `json:"fee,omitempty"`
	Height  uint64  `json:"height,omitempty"`
}

type accountNewCmd struct {
	jsonFlag
	File string `arg:"" help:"File for the secret. It must not exist."`
}

func (c *accountNewCmd) Help() string {
	return `Whoever has the secret has the account's money, and is known by it to nodes. The address may be told to everybody.

Example: rs2d account new client.key

JSON: address.`
}

// Run makes a secret.
func (c *accountNewCmd) Run(a *app) error {
	key := identity.GenerateKey()
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(key.Reveal(), '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	r := accountReport{Address: ledger.Address(key.TLSPublic()).String()}
	return c.report(a, r, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, r.Address)
		return err
	})
}

type accountShowCmd struct{ ownerFlags }

func (c *accountShowCmd) Help() string {
	return `Example: rs2d account show --ledger http://127.0.0.1:7000 --key cluster/client.key

JSON: address, balance, nonce.`
}

// Run tells of an account.
func (c *accountShowCmd) Run(a *app) error {
	who, _, err := c.account(a)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	state, err := who.State(ctx)
	if err != nil {
		return err
	}
	r := accountReport{Address: who.Address().String(), Balance: &state.Balance, Nonce: &state.Nonce}
	return c.report(a, r, func(w io.Writer) error {
		t := ui.NewTable(w)
		t.Row("address", r.Address)
		t.Row("balance", ui.Count(state.Balance))
		return t.Flush()
	})
}

type accountTransferCmd struct {
	ownerFlags
	To     ledger.Address `arg:"" help:"Address of the account that gets the money."`
	Amount uint64         `arg:"" help:"How much, in the smallest unit."`
}

func (c *accountTransferCmd) Help() string {
	return `Example: rs2d account transfer --ledger http://127.0.0.1:7000 --key cluster/client.key ADDRESS 1000000

JSON: address (of the account that gave), fee, height.`
}

// Run gives money.
func (c *accountTransferCmd) Run(a *app) error {
	who, _, err := c.account(a)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	got, err := who.Do(ctx, ledger.Transfer{To: c.To, Amount: c.Amount})
	if err != nil {
		return err
	}
	r := accountReport{Address: who.Address().String(), Fee: got.Fee, Height: got.Height}
	return c.report(a, r, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s given to %v, fee %s\n", ui.Count(c.Amount), c.To, ui.Count(got.Fee))
		return err
	})
}
