package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// accountCmd is what there is to do with accounts on a ledger.
type accountCmd struct {
	New      accountNewCmd      `cmd:"" help:"Make the secret of an account."`
	Balance  accountBalanceCmd  `cmd:"" help:"Tell an account's address and balance."`
	Transfer accountTransferCmd `cmd:"" help:"Give money to another account."`
}

type accountNewCmd struct {
	jsonFlag
	File string `arg:"" help:"File for the secret. It must not exist."`
}

func (c *accountNewCmd) Help() string {
	return `Whoever has the secret has the account's money, and is known by it to nodes. The address, which is printed, may be told to everybody.

Example: rs2d account new client.key

JSON: address, key (the file).`
}

// newReport is what new prints as JSON.
type newReport struct {
	Address string `json:"address"`
	Key     string `json:"key"`
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
		return errors.Join(err, os.Remove(c.File)) // half a secret is none
	}
	r := newReport{ledger.Address(key.TLSPublic()).String(), c.File}
	return c.report(a, r, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, r.Address)
		return err
	})
}

type accountBalanceCmd struct {
	ownerFlags
	Address ledger.Address `arg:"" optional:"" help:"Address of an account; default that of the key."`
}

func (c *accountBalanceCmd) Help() string {
	return `Asks for the balance of the key's account, or of another one. The exit code is 1 if the ledger knows no such account: nobody has given it anything yet.

Example: rs2d account balance --ledger http://127.0.0.1:7000 --key cluster/client.key

JSON: address, balance, nonce (transactions that it has paid for).`
}

// balanceReport is what balance prints as JSON.
type balanceReport struct {
	Address string `json:"address"`
	Balance uint64 `json:"balance"`
	Nonce   uint64 `json:"nonce"`
}

// Run tells of an account.
func (c *accountBalanceCmd) Run(a *app) error {
	tell := func(ctx context.Context, l chain.Ledger, address ledger.Address) error {
		var on ledger.Account
		_, known, err := chain.Value(ctx, l, ledger.AccountKey(address), &on)
		if err != nil {
			return err
		}
		if !known {
			return found("the ledger knows no account %v: nobody has given it anything yet", address)
		}
		r := balanceReport{address.String(), on.Balance, on.Nonce}
		return c.report(a, r, func(w io.Writer) error {
			t := ui.NewTable(w)
			t.Row("address", r.Address)
			t.Row("balance", ui.Count(r.Balance))
			return t.Flush()
		})
	}
	if c.Address != (ledger.Address{}) {
		return c.onLedger(a, func(ctx context.Context, l chain.Ledger) error { return tell(ctx, l, c.Address) })
	}
	return c.with(a, func(ctx context.Context, who *account.Account) error { return tell(ctx, who.Ledger(), who.Address()) })
}

type accountTransferCmd struct {
	ownerFlags
	Amount uint64         `arg:"" help:"How much, in the smallest unit."`
	To     ledger.Address `arg:"" help:"Address of the account that gets it."`
}

func (c *accountTransferCmd) Help() string {
	return `Gives money of the key's account to another one, which begins with it if it is new. What was given is not to be had back.

Example: rs2d account transfer --ledger http://127.0.0.1:7000 --key cluster/client.key 1000000 ADDRESS

JSON: from, to, amount, fee, height.`
}

// transferReport is what transfer prints as JSON.
type transferReport struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Amount uint64 `json:"amount"`
	Fee    uint64 `json:"fee"`
	Height uint64 `json:"height"`
}

// Run gives money.
func (c *accountTransferCmd) Run(a *app) error {
	return c.with(a, func(ctx context.Context, who *account.Account) error {
		got, err := who.Do(ctx, ledger.Transfer{To: c.To, Amount: c.Amount})
		if err != nil {
			return err
		}
		r := transferReport{who.Address().String(), c.To.String(), c.Amount, got.Fee, got.Height}
		return c.report(a, r, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s given to %s, fee %s\n", ui.Count(r.Amount), r.To, ui.Count(r.Fee))
			return err
		})
	})
}
