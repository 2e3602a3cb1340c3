package main

import (
	"context"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Attributes of blobs.
const (
	nameAttribute = "name"            // of the file
	typeAttribute = "_walrusBlobType" // as Walrus's clients have it
	quiltType     = "quilt"
)

// note sets an attribute of a blob that was stored, unless it has it.
func (o *order) note(ctx context.Context, id commit.BlobID, name, value string) error {
	var one chain.Registration
	o.mu.Lock()
	for _, s := range o.steps {
		if s.ID == id {
			one = s.Registration
		}
	}
	o.mu.Unlock()
	want := ledger.Attribute{Name: name, Value: value}
	who := o.registrar.Account
	got, err := who.Once(ctx, func(ctx context.Context) (ledger.Action, error) {
		if _, _, err := chain.Value(ctx, who.Ledger(), ledger.BlobKey(one.Object), &one.Blob); err != nil || slices.Contains(one.Attributes, want) {
			return nil, err
		}
		return ledger.SetAttributes{Blob: one.Object, Attributes: []ledger.Attribute{want}}, nil
	})
	if got.Height > 0 {
		o.step(account.Step{Registration: one, Fee: got.Fee})
	}
	return err
}
