package account

import (
	"context"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Registrar registers blobs for an account and has them certified, see
// client.Registrar. What was done before, by whoever has the account's secret, is not
// done again: a registration that is there is taken up, and extended if it ends too
// early. Its fields are not changed once it is in use.
type Registrar struct {
	Account   *Account
	Epochs    uint32 // for which blobs are stored, the current one included
	Permanent bool   // blobs cannot be deleted
	// Use tells whether a registration that was there may be taken up. By default all may.
	Use func(chain.Registration) bool

	// Storage, if it is not nil, is storage of the account's that a blob is registered on instead of
	// what is bought. It is for one blob.
	Storage *ledger.ObjectID

	Hasher  *commit.Hasher              // of the ledger's scheme
	Refresh func(context.Context) error // is called when another epoch has begun; may be nil
	// Step, which may be nil, is told of each registration that was found and of each
	// transaction.
	Step func(Step)
}

// Step is what a transaction has bought for a blob: nothing, if there was none because all
// was done before.
type Step struct {
	chain.Registration        // as it is now
	Written            bool   // it was registered
	Epochs             uint32 // of storage
	Fee                uint64
}

func (r *Registrar) told(s Step) {
	if r.Step != nil {
		r.Step(s)
	}
}

// Register registers a blob, unless it is. It calls named with what nodes attest of the
// registration before that is sent. What it returns gives the ledger the blob's
// certificate, unless it has one.
func (r *Registrar) Register(
	ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation),
) (func(context.Context, *committee.Certificate) error, error) {
	root, err := meta.Root(r.Hasher)
	if err != nil {
		return nil, err
	}
	o := order{registrar: r}
	name := func(object ledger.ObjectID) {
		a := committee.Attestation{Kind: committee.StoredDeletable, Blob: id, Object: committee.ObjectID(object)}
		if r.Permanent {
			a = committee.Attestation{Kind: committee.Stored, Blob: id}
		}
		named(a)
	}
	if r.Permanent {
		name(ledger.ObjectID{}) // whichever it will be
	}
	got, err := r.Account.once(ctx, wish{
		about: &id,
		next: func(ctx context.Context) (_ ledger.Action, err error) {
			if o.found, err = o.find(ctx, id); o.found || err != nil {
				return nil, err
			}
			return r.action(id, root, meta.Length), nil
		},
		named: func(object ledger.ObjectID) {
			o.object = object
			name(object)
		},
	})
	switch {
	case err != nil:
	case o.found:
		name(o.one.Object)
		r.told(Step{Registration: o.one})
	default:
		if err = o.registered(got); err == nil {
			name(o.one.Object)
			step := Step{o.one, true, r.Epochs, got.Fee}
			if r.Storage != nil {
				step.Epochs = 0
			}
			r.told(step)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("registering: %w", err)
	}
	return o.certify, nil
}

// action registers a blob.
func (r *Registrar) action(id commit.BlobID, root commit.Hash, length uint64) ledger.Action {
	if r.Storage != nil {
		return ledger.RegisterBlob{Storage: *r.Storage, ID: id, Root: root, Length: length, Encoding: ledger.EncodingRS2, Deletable: !r.Permanent}
	}
	return ledger.ReserveAndRegister{Epochs: r.Epochs, ID: id, Root: root, Length: length, Encoding: ledger.EncodingRS2, Deletable: !r.Permanent}
}

// order is a blob that is being paid for.
type order struct {
	registrar *Registrar
	one       chain.Registration
	found     bool                     // it was there
	object    ledger.ObjectID          // which it is to be, if it was not
	before    map[ledger.ObjectID]bool // what was there when it was looked for first
	end       uint32                   // the epoch before which one that was there must not end
}

// find looks for the account's registration of a blob that ends last, of those that will
// do.
func (o *order) find(ctx context.Context, id commit.BlobID) (bool, error) {
	all, err := o.registrar.Account.Registrations(ctx, id)
	if err != nil {
		return false, err
	}
	if o.before == nil {
		o.before = make(map[ledger.ObjectID]bool)
		for _, r := range all {
			o.before[r.Object] = true
		}
	}
	for _, o.one = range all {
		if !o.wanted() {
			continue
		}
		status, err := o.registrar.Account.Ledger().Status(ctx)
		o.end = status.Epoch + min(o.registrar.Epochs, ^status.Epoch)
		return err == nil, err
	}
	return false, nil
}

// wanted tells whether a registration will do: one that may be taken up, or that an
// attempt has made whose answer was lost.
func (o *order) wanted() bool {
	r := o.registrar
	fit := !o.one.Shared && o.one.Deletable != r.Permanent
	return fit && (r.Use == nil || r.Use(o.one) || !o.before[o.one.Object])
}

// registered notes what the receipt of a registration tells of it.
func (o *order) registered(got chain.Receipt) error {
	owner := o.registrar.Account.Address()
	for _, e := range got.Events {
		if e, ok := e.(ledger.BlobRegistered); ok && e.Object == o.object {
			o.one = chain.Registration{Object: e.Object, Blob: ledger.Blob{
				Owner: owner, ID: e.ID, Length: e.Length, Encoding: e.Encoding, Deletable: e.Deletable, Registered: e.Epoch,
				Storage: ledger.Storage{Owner: owner, Start: e.Epoch, End: e.End},
			}}
			return nil
		}
	}
	return fmt.Errorf("%w: the receipt of a registration without its event", chain.ErrAnswer)
}

// certify gives the ledger the certificate, unless it has one, and extends a blob that
// ends too early.
func (o *order) certify(ctx context.Context, cert *committee.Certificate) error {
	data, err := cert.MarshalBinary()
	if err != nil {
		return err
	}
	look := o.found // nobody else certifies what was registered a moment ago
	err = o.once(ctx, 0, func(ctx context.Context) (ledger.Action, error) {
		if look {
			if err := o.look(ctx); err != nil {
				return nil, err
			}
		}
		if look = true; o.one.Certified != nil {
			return nil, nil
		}
		return ledger.CertifyBlob{Blob: o.one.Object, Certificate: data}, nil
	})
	if ledger.RuleOf(err) == ledger.RuleEpoch && o.registrar.Refresh != nil {
		// Of the state that refused it, or a later one, whichever server shows it.
		if failed := o.registrar.Refresh(o.registrar.Account.InSession(ctx)); failed != nil {
			err = fmt.Errorf("%w; %w", err, failed)
		}
	}
	if err != nil {
		return fmt.Errorf("certifying: %w", err)
	}
	for o.one.Storage.End < o.end {
		more := o.end - o.one.Storage.End
		err := o.once(ctx, more, func(ctx context.Context) (ledger.Action, error) {
			if err := o.look(ctx); err != nil || o.one.Storage.End != o.end-more {
				return nil, err // somebody else has extended it
			}
			return ledger.ExtendBlob{Blob: o.one.Object, Epochs: more}, nil
		})
		if err != nil {
			return fmt.Errorf("stored until epoch %d; extending: %w", o.one.Storage.End, err)
		}
	}
	return nil
}

// once has the rest of an order done, which buys some epochs.
func (o *order) once(ctx context.Context, epochs uint32, next func(context.Context) (ledger.Action, error)) error {
	id := o.one.ID // next may write to the other
	got, err := o.registrar.Account.once(ctx, wish{about: &id, next: next})
	if err != nil {
		epochs = 0
	}
	if got.Height > 0 {
		o.one.Storage.End += epochs
		o.registrar.told(Step{Registration: o.one, Epochs: epochs, Fee: got.Fee})
	}
	return err
}

// look brings the registration up to date with the ledger.
func (o *order) look(ctx context.Context) error {
	_, ok, err := chain.Value(ctx, o.registrar.Account.Ledger(), ledger.BlobKey(o.one.Object), &o.one.Blob)
	if err == nil && !ok {
		err = &ledger.RuleError{Rule: ledger.RuleUnknown, Detail: "the blob was deleted meanwhile"}
	}
	return err
}
