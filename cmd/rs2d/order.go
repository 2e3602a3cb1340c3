package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/cmd/internal/ledgerui"
	"github.com/redstuff-go/redstuff/cmd/internal/plane"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// order is a blob that is to be stored on a ledger.
type order struct {
	ledger    chain.Ledger
	registrar *account.Registrar

	mu    sync.Mutex
	steps []account.Step
}

// order returns what put asks of the ledger, or nil if there is none.
func (c *putCmd) order(p *plane.Plane, key *identity.Key) (*order, error) {
	if p.Ledger == nil {
		if c.Epochs > 0 || c.Permanent || c.Names {
			return nil, errors.New("--epochs, --permanent and --names need a ledger: without one, blobs stay until they are removed")
		}
		return nil, nil
	}
	hasher, err := commit.NewHasher(p.Control.View().Current.Scheme(), "")
	if err != nil {
		return nil, err
	}
	o := &order{ledger: p.Ledger}
	o.registrar = &account.Registrar{
		Account: account.New(p.Ledger, key.Account()), Epochs: max(1, c.Epochs), Permanent: c.Permanent,
		Hasher: hasher, Refresh: p.Views.Refresh, Step: o.step,
	}
	return o, nil
}

func (o *order) step(s account.Step) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps = append(o.steps, s)
}

// report tells what became of the order.
func (o *order) report(ctx context.Context, r *paidReport) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.steps) == 0 {
		return nil
	}
	p, err := pricesOf(ctx, o.ledger)
	if err != nil {
		return err
	}
	var paid, fees uint64
	ends := make(map[ledger.ObjectID]uint32)
	for _, s := range o.steps {
		cost, err := p.cost(s.Length, s.Epochs)
		if err != nil {
			return err
		}
		if s.Written {
			cost += p.write(s.Length)
		}
		r.Object, ends[s.Object] = s.Object.String(), s.Storage.End
		paid += cost
		fees += s.Fee
	}
	r.EndEpoch = slices.Min(slices.Collect(maps.Values(ends)))
	r.EndMillis, r.Cost, r.Fee = endMillis(p.Status, r.EndEpoch), &paid, &fees
	r.ends = ledgerui.Epoch(p.Status, r.EndEpoch)
	return nil
}

// prices are what a ledger asks at present, and for what.
type prices struct {
	chain.Status
	params commit.Params
}

func pricesOf(ctx context.Context, l chain.Ledger) (p prices, err error) {
	if p.Status, err = l.Status(ctx); err != nil {
		return p, err
	}
	p.params, err = commit.NewParams(p.Shards)
	return p, err
}

// units returns the units of storage that a blob takes, over all shards.
func (p prices) units(length uint64) (uint64, error) {
	const unit = 1 << 20
	encoded, err := p.params.EncodedLength(length)
	return (encoded + unit - 1) / unit, err
}

// cost returns what it costs to keep a blob for some epochs.
func (p prices) cost(length uint64, epochs uint32) (uint64, error) {
	units, err := p.units(length)
	return units * p.StoragePrice * uint64(epochs), err
}

// write returns what it costs to write a blob.
func (p prices) write(length uint64) uint64 {
	units, _ := p.units(length) // cost has looked at the error
	return units * p.WritePrice
}
