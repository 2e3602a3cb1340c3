package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redstuff-go/redstuff/cmd/internal/plane"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

type lsCmd struct {
	jsonFlag
	clusterFlags
	Long      bool    `short:"l" help:"Print lengths and states too."`
	All       bool    `help:"List blobs too that are not certified, or are inconsistent."`
	Quilt     bool    `help:"The blob of the id is a quilt: fail if not."`
	Recursive bool    `short:"r" help:"The blob of the id is a manifest, as put --recursive makes it: fail if not."`
	ID        blobArg `arg:"" optional:"" help:"Id of a quilt or a manifest."`
}

func (c *lsCmd) Help() string {
	return `Lists the blobs of a committee in the order of their ids: on a ledger those that are registered at present, and else those that nodes have. All that were stored are certified: blobs without a certificate are being written, or were given up.

With an id, it lists what is in a quilt, or in a manifest, whichever the blob is.

Example: rs2d ls --committee cluster/committee.toml --long

Example: rs2d ls zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc

JSON: blobs (id, state: certified, uncertified or inconsistent; and with --long length, if a node has the metadata, and name, if its owner has noted one). Of a quilt: id, patches (identifier, id, tags). Of a manifest: id, files (path, length, mode, parts).`
}

// lsReport is what ls prints as JSON.
type lsReport struct {
	Blobs []lsBlob `json:"blobs"`
}

type lsBlob struct {
	ID     string  `json:"id"`
	State  string  `json:"state"`
	Length *uint64 `json:"length,omitempty"`
	Name   string  `json:"name,omitempty"` // that its owner noted
}

// Run lists blobs.
func (c *lsCmd) Run(a *app) error {
	named := c.ID.BlobID != commit.BlobID{}
	switch {
	case c.Quilt && c.Recursive:
		return errors.New("--quilt and --recursive: a blob is one or the other")
	case (c.Quilt || c.Recursive) && !named:
		return errors.New("--quilt and --recursive list what is in a blob: its id is needed")
	}
	p, err := c.plane(a)
	if err != nil {
		return c.ledgerError(err)
	}
	cl, err := c.session(a, p.Control, nil, client.Options{})
	if err != nil {
		return err
	}
	defer cl.close()
	switch {
	case c.Quilt:
		return c.listQuilt(a, cl)
	case c.Recursive:
		return c.listManifest(a, cl)
	case named:
		return c.listAny(a, cl)
	}
	r, err := within(cl, "listing", func(ctx context.Context) (*lsReport, error) {
		r := &lsReport{Blobs: []lsBlob{}}
		var err error
		if p.Ledger != nil {
			err = c.registered(ctx, p, r)
		} else {
			err = cl.List(ctx, func(b client.Blob) bool {
				c.add(ctx, cl, r, b)
				return ctx.Err() == nil
			})
		}
		return r, errors.Join(err, ctx.Err())
	})
	if err != nil {
		return c.ledgerError(err)
	}
	return c.report(a, r, func(w io.Writer) error {
		t := ui.NewTable(w)
		for _, b := range r.Blobs {
			if !c.Long {
				t.Row(b.ID)
				continue
			}
			length := "-"
			if b.Length != nil {
				length = ui.Count(*b.Length)
			}
			row := []string{b.ID, b.State, length}
			if b.Name != "" {
				row = append(row, strings.ToValidUTF8(strconv.Quote(b.Name), "\uFFFD"))
			}
			t.Row(row...)
		}
		return t.Flush()
	})
}

// add adds a blob to the report, if it is wanted.
func (c *lsCmd) add(ctx context.Context, cl *session, r *lsReport, b client.Blob) {
	listed := lsBlob{ID: b.ID.String(), State: stateUncertified}
	switch {
	case b.Inconsistent:
		listed.State = stateInconsistent
	case b.Certified:
		listed.State = stateCertified
	}
	if listed.State != stateCertified && !c.All {
		return
	}
	if c.Long {
		if meta, err := cl.Metadata(ctx, b.ID); err == nil {
			listed.Length = &meta.Length
		}
	}
	r.Blobs = append(r.Blobs, listed)
}

// registered adds the blobs that are registered on the ledger at present.
func (c *lsCmd) registered(ctx context.Context, p *plane.Plane, r *lsReport) error {
	now := p.Control.View().Current.Epoch()
	all := make(map[commit.BlobID]lsBlob)
	err := chain.ListAll(ctx, p.Ledger, ledger.BlobKey(ledger.ObjectID{})[:1], func(pair chain.Pair) error {
		var b ledger.Blob
		if err := ledger.Read(pair.Value, &b); err != nil {
			return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
		if now < uint64(b.Storage.Start) || now >= uint64(b.Storage.End) {
			return nil
		}
		one, known := all[b.ID]
		if !known {
			one = lsBlob{ID: b.ID.String(), State: stateUncertified}
		}
		if b.Certified != nil {
			one.State = stateCertified
		}
		if c.Long {
			one.Length = &b.Length
			for _, a := range b.Attributes {
				if a.Name == nameAttribute {
					one.Name = a.Value
				}
			}
		}
		all[b.ID] = one
		return nil
	})
	if err != nil {
		return err
	}
	prefix := ledger.InvalidKey(commit.BlobID{})[:1]
	err = chain.ListAll(ctx, p.Ledger, prefix, func(pair chain.Pair) error {
		if len(pair.Key) == len(prefix)+commit.HashSize {
			id := commit.BlobID(pair.Key[len(prefix):])
			if one, known := all[id]; known {
				one.State = stateInconsistent
				all[id] = one
			}
		}
		return nil
	})
	ids := slices.SortedFunc(maps.Keys(all), func(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range ids {
		if one := all[id]; c.All || one.State == stateCertified {
			r.Blobs = append(r.Blobs, one)
		}
	}
	return err
}
