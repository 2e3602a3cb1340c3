package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/gateway/s3"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/identity"
)

// errLost is returned when not all could be made again.
var errLost = errors.New("some objects are lost")

type rebuildCmd struct {
	ledgerFlags
	Key       string        `required:"" type:"path" placeholder:"FILE" env:"REDSTUFF_KEY" help:"Secret of the account that has paid for what is stored."`
	State     string        `required:"" type:"path" placeholder:"DIR" env:"REDSTUFF_S3_STATE" help:"Directory of the database, which must not be there yet."`
	AccessKey string        `required:"" placeholder:"ID" env:"REDSTUFF_S3_ACCESS_KEY" help:"Id of the key that clients sign with. Buckets are its own of which nothing else is known."`
	Timeout   time.Duration `default:"1m" help:"Time for nodes to send a blob."`
	EndRest   bool          `help:"Have the gateway end all deletable registrations of the account of which no note tells: what was being stored when the database was lost, and what anybody else has stored with the account."`
	JSON      bool          `name:"json" help:"Print JSON."`
}

func (c *rebuildCmd) Help() string {
	return `Makes the database of a gateway again, of the notes that it has kept on the ledger. Stop the gateway before. Uploads that go on are there as far as they have parts, and what was removed a moment before the database was lost may be there again. If it is cut off, run it again.

Example: rs2d-s3 rebuild --ledger http://127.0.0.1:7000 --key client.key --state s3 --access-key me

JSON: buckets, objects, bytes, uploads (that go on), unknown (registrations that can be ended, of which no note tells: see --end-rest), older (notes of what was overwritten), foreign (attributes that this account's owner has not made), lost (bucket, key, reason).`
}

// Run makes a database.
func (c *rebuildCmd) Run(a *app) error {
	if c.Ledger == "" {
		return errors.New("--ledger URL is needed: without a ledger nothing says which blobs an object is of")
	}
	key, err := identity.LoadKey(c.Key)
	if err != nil {
		return err
	}
	l, views, err := c.open(a.ctx)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, nil))
	api, err := client.New(views, key, client.Options{Timeout: c.Timeout, Registrar: daemon.Orders{}, Logger: log})
	if err != nil {
		return err
	}
	defer api.Close()
	payer := account.New(l, key.Account())
	store, err := daemon.ForLedger(api, payer, views.Refresh)
	if err != nil {
		return err
	}
	sealer, err := s3.NewSealer(key.Account())
	if err != nil {
		return err
	}
	got, err := s3.Rebuild(a.ctx, c.State, store, s3.Options{Account: payer, Sealer: sealer}, c.AccessKey, c.EndRest)
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(a.stdout).Encode(got)
	} else {
		_, err = fmt.Fprintf(a.stdout, "%s in %d buckets, %s\n", humanize.Comma(int64(got.Objects))+" objects", got.Buckets, humanize.IBytes(uint64(got.Bytes)))
		if got.Uploads > 0 {
			fmt.Fprintf(a.stdout, "%d uploads go on\n", got.Uploads)
		}
		if got.Unknown > 0 {
			fmt.Fprintf(a.stdout, "%d registrations that can be ended have no note\n", got.Unknown)
		}
		for _, lost := range got.Lost {
			fmt.Fprintf(a.stdout, "lost %q of bucket %q: %s\n", lost.Key, lost.Bucket, lost.Reason)
		}
	}
	if err == nil && len(got.Lost) > 0 {
		err = fmt.Errorf("%d: %w", len(got.Lost), errLost)
	}
	return err
}
