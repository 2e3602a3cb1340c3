package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/redstuff-go/redstuff/cmd/internal/ledgerui"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// blobReport is what extend and rm print as JSON of a registration of a blob.
type blobReport struct {
	ID        string `json:"id"`
	Object    string `json:"object"`
	EndEpoch  uint32 `json:"end_epoch"`
	EndMillis int64  `json:"end_millis,omitempty"`
	Cost      uint64 `json:"cost"`
	Fee       uint64 `json:"fee"`
	Height    uint64 `json:"height"`
}

// ends notes when the registration ends.
func (r *blobReport) ends(s chain.Status, epoch uint32) {
	r.EndEpoch, r.EndMillis = epoch, endMillis(s, epoch)
}

// endMillis is when an epoch to come begins, in milliseconds since 1970; 0 is not known.
func endMillis(s chain.Status, epoch uint32) int64 {
	if at := s.Start(epoch); !at.IsZero() {
		return at.UnixMilli()
	}
	return 0
}

// own returns the registrations of the blob that the account has, those that end last
// first. There is one at least.
func own(ctx context.Context, a *account.Account, id commit.BlobID) (own []chain.Registration, err error) {
	own, err = a.Registrations(ctx, id)
	own = slices.DeleteFunc(own, func(r chain.Registration) bool { return r.Shared })
	if err != nil || len(own) > 0 {
		return own, err
	}
	b, err := a.Ledger().Blob(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(b.Registrations) > 0 {
		return nil, found("the account %v has not registered it, and is not its owner", a.Address())
	}
	return nil, found("nobody has registered it, or its storage has ended")
}

type extendCmd struct {
	ownerFlags
	Epochs uint32  `required:"" placeholder:"N" help:"Epochs by which the blob is stored longer."`
	ID     blobArg `arg:"" help:"Blob id."`
}

func (c *extendCmd) Help() string {
	return `The account pays for more epochs of storage of a blob that it owns, and that is certified.

Example: rs2d extend --ledger http://127.0.0.1:7000 --key cluster/client.key --epochs 5 zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc

JSON: id, object, end_epoch (the first one in which the blob is not stored), end_millis (when that begins, at the earliest), cost, fee, height.`
}

// Run extends a blob.
func (c *extendCmd) Run(a *app) error {
	return c.with(a, func(ctx context.Context, who *account.Account) error {
		p, err := pricesOf(ctx, who.Ledger())
		if err != nil {
			return err
		}
		r, err := c.extend(ctx, who, p)
		if err != nil {
			return fmt.Errorf("%v: %w", c.ID, c.ledgerError(err))
		}
		return c.report(a, r, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "stored until %s, cost %s, fee %s\n", ledgerui.Epoch(p.Status, r.EndEpoch), ui.Count(r.Cost), ui.Count(r.Fee))
			return err
		})
	})
}

// extend extends the registration that ends last of those that are certified.
func (c *extendCmd) extend(ctx context.Context, who *account.Account, p prices) (*blobReport, error) {
	all, err := own(ctx, who, c.ID.BlobID)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.Certified == nil {
			continue
		}
		r := &blobReport{ID: c.ID.String(), Object: one.Object.String()}
		if r.Cost, err = p.cost(one.Length, c.Epochs); err != nil {
			return nil, err
		}
		got, err := who.Do(ctx, ledger.ExtendBlob{Blob: one.Object, Epochs: c.Epochs})
		if err != nil {
			return nil, err
		}
		r.ends(p.Status, one.Storage.End+c.Epochs)
		r.Fee, r.Height = got.Fee, got.Height
		return r, nil
	}
	return nil, found("it is not certified yet: give it to rs2d put again, which goes on where it was")
}

type rmCmd struct {
	ownerFlags
	Recursive bool      `short:"r" help:"The ids are those of manifests: delete all that they list, too."`
	IDs       []blobArg `arg:"" name:"id" help:"Blob ids."`
}

func (c *rmCmd) Help() string {
	return `Deletes blobs that the account owns and that are not permanent. Nodes remove them at once, if nobody else has registered them. What is left of the storage that was paid for is the account's. With --recursive, blobs go that other manifests list, too.

Example: rs2d rm --ledger http://127.0.0.1:7000 --key cluster/client.key zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc

JSON: deleted (id, object, end_epoch, end_millis, cost, fee, height), errors (id, error). The exit code is 1 if one could not be deleted.`
}

// rmReport is what rm prints as JSON.
type rmReport struct {
	Deleted []blobReport `json:"deleted"`
	Errors  []rmError    `json:"errors"`
}

type rmError struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

// Run deletes blobs.
func (c *rmCmd) Run(a *app) error {
	return c.with(a, func(ctx context.Context, who *account.Account) error {
		ids, err := c.listed(a)
		if err != nil {
			return err
		}
		status, err := who.Ledger().Status(ctx)
		if err != nil {
			return err
		}
		r := rmReport{Deleted: []blobReport{}, Errors: []rmError{}}
		var failed []error
		for _, id := range ids {
			deleted, err := remove(ctx, who, status, id)
			r.Deleted = append(r.Deleted, deleted...)
			if err != nil {
				err = fmt.Errorf("%v: %w", id, c.ledgerError(err))
				r.Errors = append(r.Errors, rmError{id.String(), err.Error()})
				failed = append(failed, err)
			}
			if ctx.Err() != nil {
				break
			}
		}
		err = c.report(a, r, func(w io.Writer) error {
			for _, one := range r.Deleted {
				fmt.Fprintf(w, "%s deleted; its storage until %s is the account's, fee %s\n", one.ID, ledgerui.Epoch(status, one.EndEpoch), ui.Count(one.Fee))
			}
			return nil
		})
		return errors.Join(append(failed, err)...)
	})
}

// remove deletes all of the account's registrations of a blob.
func remove(ctx context.Context, who *account.Account, s chain.Status, id commit.BlobID) (deleted []blobReport, err error) {
	all, err := own(ctx, who, id)
	if err != nil {
		return nil, err
	}
	until := uint32(0)
	for _, one := range all {
		if !one.Deletable {
			until = max(until, one.Storage.End)
			continue
		}
		got, err := who.Do(ctx, ledger.DeleteBlob{Blob: one.Object})
		if err != nil {
			return deleted, err
		}
		r := blobReport{ID: id.String(), Object: one.Object.String(), Fee: got.Fee, Height: got.Height}
		r.ends(s, one.Storage.End)
		deleted = append(deleted, r)
	}
	if until > 0 {
		return deleted, found("it is permanent: it stays until %s", ledgerui.Epoch(s, until))
	}
	return deleted, nil
}

// listed returns the blobs that are named, or those that the manifests list, and the manifests; each
// once.
func (c *rmCmd) listed(a *app) (all []commit.BlobID, err error) {
	seen := make(map[commit.BlobID]bool)
	add := func(ids ...commit.BlobID) {
		for _, id := range ids {
			if !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	if !c.Recursive {
		for _, id := range c.IDs {
			add(id.BlobID)
		}
		return all, nil
	}
	cl, err := c.open(a, client.Options{})
	if err != nil {
		return nil, err
	}
	defer cl.close()
	for _, id := range c.IDs {
		m, err := manifestOf(cl.ctx, cl, id.BlobID)
		if err != nil {
			return nil, err
		}
		add(append(m.Blobs(), id.BlobID)...)
	}
	return all, nil
}
