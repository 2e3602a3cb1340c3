package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Registrar registers blobs for an account and has them certified, see
// client.Registrar. Its fields are not changed once it is in use.
type Registrar struct {
	Account   *Account
	Epochs    uint32 // for which blobs are stored, the current one included
	Permanent bool   // blobs cannot be deleted
	Resume    bool   // a registration of the account's that lives long enough is taken up again

	Hasher  *commit.Hasher              // of the ledger's scheme
	Refresh func(context.Context) error // is called when another epoch has begun; may be nil
	// Registered, which may be nil, is told of each registration.
	Registered func(chain.Registration)
}

// Register registers a blob. What it returns gives the ledger the blob's certificate.
func (r *Registrar) Register(ctx context.Context, id commit.BlobID, meta *commit.Metadata) (func(context.Context, *committee.Certificate) error, error) {
	one, err := r.find(ctx, id, r.Resume)
	if err != nil {
		return nil, err
	}
	if one == nil {
		if one, err = r.register(ctx, id, meta); err != nil {
			return nil, fmt.Errorf("registering: %w", err)
		}
	}
	if r.Registered != nil {
		r.Registered(*one)
	}
	return func(ctx context.Context, cert *committee.Certificate) error { return r.certify(ctx, one, cert) }, nil
}

// find returns a registration of the account's that will do, or nil.
func (r *Registrar) find(ctx context.Context, id commit.BlobID, look bool) (*chain.Registration, error) {
	if !look {
		return nil, nil
	}
	l := r.Account.Ledger()
	status, err := l.Status(ctx)
	if err != nil {
		return nil, err
	}
	b, err := l.Blob(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, one := range b.Registrations {
		if one.Owner == r.Account.Address() && one.Deletable != r.Permanent && uint64(one.Storage.End) >= uint64(status.Epoch)+uint64(r.Epochs) {
			return &one, nil
		}
	}
	return nil, nil
}

func (r *Registrar) register(ctx context.Context, id commit.BlobID, meta *commit.Metadata) (*chain.Registration, error) {
	root, err := meta.Root(r.Hasher)
	if err != nil {
		return nil, err
	}
	action := ledger.ReserveAndRegister{
		Epochs: r.Epochs, ID: id, Root: root, Length: meta.Length, Encoding: ledger.EncodingRS2, Deletable: !r.Permanent,
	}
	got, err := r.Account.Do(ctx, action)
	if errors.Is(err, ErrOutcome) {
		one, lost := r.find(ctx, id, true)
		if one != nil && lost == nil {
			return one, nil
		}
		return nil, errors.Join(err, lost)
	}
	if err != nil {
		return nil, err
	}
	for _, e := range got.Events {
		if e, ok := e.(ledger.BlobRegistered); ok && e.ID == id {
			return &chain.Registration{Object: e.Object, Blob: ledger.Blob{
				Owner: r.Account.Address(), ID: id, Length: e.Length, Encoding: e.Encoding, Deletable: e.Deletable, Registered: e.Epoch,
				Storage: ledger.Storage{Owner: r.Account.Address(), Start: e.Epoch, End: e.End},
			}}, nil
		}
	}
	return nil, fmt.Errorf("%w: the receipt of a registration without its event", chain.ErrAnswer)
}

// certify gives the ledger a certificate, unless it has one.
func (r *Registrar) certify(ctx context.Context, one *chain.Registration, cert *committee.Certificate) error {
	if one.Certified != nil {
		return nil
	}
	data, err := cert.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = r.Account.Do(ctx, ledger.CertifyBlob{Blob: one.Object, Certificate: data})
	if ledger.RuleOf(err) == ledger.RuleEpoch && r.Refresh != nil {
		err = errors.Join(err, r.Refresh(ctx))
	}
	if errors.Is(err, ErrOutcome) || ledger.RuleOf(err) == ledger.RuleCertified {
		b, lost := r.Account.Ledger().Blob(ctx, one.ID)
		for _, now := range b.Registrations {
			if now.Object == one.Object && now.Certified != nil {
				return nil
			}
		}
		err = errors.Join(err, lost)
	}
	if err != nil {
		return fmt.Errorf("certifying: %w", err)
	}
	return nil
}
