package main

import (
	"context"
	"errors"
	"io"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/client"
)

type lsCmd struct {
	jsonFlag
	clusterFlags
	Long bool `short:"l" help:"Print lengths and states too."`
	All  bool `help:"List blobs too that are not certified, or are inconsistent."`
}

func (c *lsCmd) Help() string {
	return `Lists the blobs of a committee in the order of their ids. All that were stored are certified: blobs without a certificate are being written, or were given up.

Example: rs2d ls --committee cluster/committee.toml --long

JSON: blobs (id, state: certified, uncertified or inconsistent; and with --long length, if a node has the metadata).`
}

// lsReport is what ls prints as JSON.
type lsReport struct {
	Blobs []lsBlob `json:"blobs"`
}

type lsBlob struct {
	ID     string  `json:"id"`
	State  string  `json:"state"`
	Length *uint64 `json:"length,omitempty"`
}

// Run lists blobs.
func (c *lsCmd) Run(a *app) error {
	cl, err := c.open(a, client.Options{})
	if err != nil {
		return err
	}
	defer cl.close()
	r, err := within(cl, "listing", func(ctx context.Context) (*lsReport, error) {
		r := &lsReport{Blobs: []lsBlob{}}
		err := cl.List(ctx, func(b client.Blob) bool {
			c.add(ctx, cl, r, b)
			return ctx.Err() == nil
		})
		return r, errors.Join(err, ctx.Err())
	})
	if err != nil {
		return err
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
			t.Row(b.ID, b.State, length)
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
