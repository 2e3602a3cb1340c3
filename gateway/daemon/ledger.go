package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Orders is the registrar of a client that stands before a ledger: each write registers
// its blob as its request asks for.
type Orders struct{}

// registrar is what a write's context has of its request.
type registrar interface {
	register(ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation)) (client.Certify, error)
}

// orderKey is the key of a write's registrar in its context.
type orderKey struct{}

// Register registers a blob for the request whose context it is.
func (Orders) Register(ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation)) (client.Certify, error) {
	o, ok := ctx.Value(orderKey{}).(registrar)
	if !ok {
		return nil, errors.New("daemon: the write is of no request")
	}
	return o.register(ctx, id, meta, named)
}

var (
	// errLedger is returned when the ledger cannot be asked, or is too busy.
	errLedger = errors.New("daemon: the ledger does not answer")
	// errCertified ends a write of what somebody has stored for as long.
	errCertified = errors.New("daemon: the blob is certified already")
)

// onLedger tells a ledger's silence from what it says.
func onLedger(err error) error {
	if err == nil || ledger.RuleOf(err) != "" || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", errLedger, err)
}

// ledgerStore is the Store of a cluster on a ledger.
type ledgerStore struct {
	*client.Client
	account *account.Account
	hasher  *commit.Hasher
	refresh func(context.Context) error

	storages *storages
}

// ForLedger returns the Store of a cluster on a ledger. The account pays for what is
// stored; it is one with a key where the client may write, and whose client's registrar is
// Orders. refresh, which may be nil, is called when another epoch has begun.
func ForLedger(c *client.Client, a *account.Account, refresh func(context.Context) error) (Store, error) {
	hasher, err := commit.NewHasher(c.Committee().Scheme(), "")
	if err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	return &ledgerStore{c, a, hasher, refresh, newStorages(a)}, nil
}

func (s *ledgerStore) Params() commit.Params { return s.Code().Params() }

// object returns the record of a registration.
func object(r chain.Registration) Object {
	o := Object{
		ID: ObjectID(r.Object), Blob: r.ID, Size: r.Length, Registered: r.Registered, Reserved: r.Storage.Size,
		// Storage that a blob is on has no name of its own.
		Storage: ObjectID(r.Object), Start: r.Storage.Start, End: r.Storage.End, Permanent: !r.Deletable, Shared: r.Shared,
	}
	if r.Certified != nil {
		o.Certified = *r.Certified
	}
	if len(r.Attributes) > 0 {
		o.Attributes = make(map[string]string, len(r.Attributes))
	}
	for _, a := range r.Attributes {
		o.Attributes[a.Name] = a.Value
	}
	return o
}

func (s *ledgerStore) Put(ctx context.Context, blob []byte, o PutOptions) (*Stored, error) {
	return s.put(ctx, int64(len(blob)), o, func(ctx context.Context) (*client.Receipt, error) { return s.Store(ctx, blob) })
}

func (s *ledgerStore) PutFrom(ctx context.Context, src io.ReaderAt, size int64, o PutOptions) (*Stored, error) {
	return s.put(ctx, size, o, func(ctx context.Context) (*client.Receipt, error) { return s.StoreFrom(ctx, src, size) })
}

// put registers a blob as it is stored, and has it certified.
func (s *ledgerStore) put(ctx context.Context, size int64, o PutOptions, store func(context.Context) (*client.Receipt, error)) (*Stored, error) {
	encoded, err := s.Params().EncodedLength(uint64(size))
	if err != nil {
		return nil, err
	}
	one := &order{options: o, encoded: encoded, storages: s.storages}
	one.Registrar = account.Registrar{Account: s.account, Epochs: o.Epochs, Permanent: o.Permanent, Hasher: s.hasher, Refresh: s.refresh, Use: one.use, Step: one.step}
	// The ledger is asked for what is no older than what the account has done.
	receipt, err := store(context.WithValue(s.account.InSession(ctx), orderKey{}, registrar(one)))
	switch {
	case errors.Is(err, errCertified):
		err = nil
	case err != nil:
		return nil, err
	default:
		one.certifiedIn(uint32(receipt.Certificate.Epoch))
	}
	stored := one.result()
	if !stored.New {
		return stored, nil
	}
	if receipt != nil {
		stored.signed(s.Committee(), receipt.Certificate)
	}
	switch at := one.registered.Object; {
	case o.Owner != nil:
		to := ledger.Address(*o.Owner)
		err = s.once(ctx, at, ledger.TransferBlob{Blob: at, To: to}, func(b *ledger.Blob) bool { return b.Owner == to })
	case o.Share:
		err = s.once(ctx, at, ledger.ShareBlob{Blob: at}, func(b *ledger.Blob) bool { return b.Shared })
		stored.Shared = err == nil
	}
	return stored, onLedger(err)
}

// once does something with a blob, unless that is done: together with what others want of
// the account meanwhile.
func (s *ledgerStore) once(ctx context.Context, object ledger.ObjectID, action ledger.Action, done func(*ledger.Blob) bool) error {
	_, err := s.account.Once(ctx, func(ctx context.Context) (ledger.Action, error) {
		var b ledger.Blob
		_, ok, err := chain.Value(ctx, s.account.Ledger(), ledger.BlobKey(object), &b)
		if err != nil || ok && done(&b) {
			return nil, err
		}
		return action, nil
	})
	return err
}

func (s *ledgerStore) Free(ctx context.Context, id commit.BlobID, object ObjectID) error {
	_, err := s.account.Once(ctx, func(ctx context.Context) (ledger.Action, error) {
		var b ledger.Blob
		_, ok, err := chain.Value(ctx, s.account.Ledger(), ledger.BlobKey(ledger.ObjectID(object)), &b)
		if err != nil || !ok {
			return nil, err
		}
		now, err := s.account.Ledger().Status(ctx)
		if err != nil || now.Epoch >= b.Storage.End || !b.Deletable || b.Shared || b.ID != id || b.Owner != s.account.Address() {
			return nil, err
		}
		return ledger.DeleteBlob{Blob: ledger.ObjectID(object)}, nil
	})
	switch ledger.RuleOf(err) {
	case ledger.RuleUnknown, ledger.RuleExpired, ledger.RuleOwner: // it has ended meanwhile
		return nil
	}
	return onLedger(err)
}

func (s *ledgerStore) Stream(ctx context.Context, id commit.BlobID, w io.Writer, p Part) error {
	return stream(ctx, s.Client, id, w, p)
}

func (s *ledgerStore) Object(ctx context.Context, id ObjectID) (*Object, error) {
	var b ledger.Blob
	_, ok, err := chain.Value(ctx, s.account.Ledger(), ledger.BlobKey(ledger.ObjectID(id)), &b)
	switch {
	case err != nil:
		return nil, onLedger(err)
	case !ok || uint64(b.Storage.End) <= s.Committee().Epoch():
		return nil, fmt.Errorf("daemon: object %v: %w", id, client.ErrNotFound)
	}
	o := object(chain.Registration{Object: ledger.ObjectID(id), Blob: b})
	return &o, nil
}

func (s *ledgerStore) Certify(ctx context.Context, id commit.BlobID, object *ObjectID, raw *Certificate) error {
	cert, err := raw.verify(s.Committee(), id)
	if err != nil {
		return err
	}
	if cert.Invalidates(id) {
		return s.invalidate(ctx, cert)
	}
	if cert.Kind == committee.WalrusDeletable {
		object = (*ObjectID)(&cert.Object)
	}
	if object == nil {
		return malformed("the certificate does not say of which object it is: give object=0x…")
	}
	data, err := cert.MarshalBinary()
	if err != nil {
		return err
	}
	at := ledger.ObjectID(*object)
	err = s.once(ctx, at, ledger.CertifyBlob{Blob: at, Certificate: data}, func(b *ledger.Blob) bool { return b.Certified != nil })
	switch ledger.RuleOf(err) {
	case ledger.RuleCertified:
		return nil
	case ledger.RuleProof, ledger.RuleEpoch, ledger.RuleUnknown, ledger.RuleExpired:
		return refuse("INVALID_CERTIFICATE", err.Error())
	case ledger.RuleInvalid:
		return &walrusapi.Error{Code: http.StatusBadRequest, Status: "FAILED_PRECONDITION", Reason: "INVALID_BLOB", Domain: domain, Message: err.Error()}
	}
	return onLedger(err)
}

// invalidate has the ledger know that there is no blob of an id, if anybody has registered it.
func (s *ledgerStore) invalidate(ctx context.Context, cert *committee.Certificate) error {
	b, err := s.account.Ledger().Blob(ctx, cert.Blob)
	switch {
	case err != nil:
		return onLedger(err)
	case b.Invalid:
		return nil
	case len(b.Registrations) == 0:
		return &walrusapi.Error{Code: http.StatusBadRequest, Status: "FAILED_PRECONDITION", Reason: "NOT_REGISTERED", Domain: domain, Message: "nobody has registered the blob"}
	}
	data, err := cert.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = s.account.Once(ctx, func(ctx context.Context) (ledger.Action, error) {
		if b, err := s.account.Ledger().Blob(ctx, cert.Blob); err != nil || b.Invalid {
			return nil, err
		}
		return ledger.InvalidateBlob{ID: cert.Blob, Certificate: data}, nil
	})
	switch ledger.RuleOf(err) {
	case ledger.RuleTwice:
		return nil
	case ledger.RuleProof, ledger.RuleEpoch:
		return refuse("INVALID_CERTIFICATE", err.Error())
	}
	if err != nil {
		return onLedger(err)
	}
	// The nodes hear of it from the ledger. What says why, and has them drop what they store, most of
	// them get at once, and the others from them.
	_ = client.Publish(ctx, s.Client, cert)
	return nil
}

func (s *ledgerStore) Cluster(ctx context.Context) (*Cluster, error) {
	now, err := s.account.Ledger().Status(ctx)
	if err != nil {
		return nil, onLedger(err)
	}
	c := clusterOf(ctx, s.Client)
	left := func(millis uint64) int64 {
		return int64(time.Until(time.UnixMilli(int64(min(millis, math.MaxInt64)))).Seconds())
	}
	c.Ledger = &Ledger{
		Height: now.Height, Phase: now.Phase, Ends: left(now.NextMillis), Due: left(now.DueMillis), FeePerByte: now.FeePerByte, Challenge: now.Challenge,
		StoragePrice: now.StoragePrice, WritePrice: now.WritePrice, Capacity: now.Capacity, Used: now.Used,
	}
	return c, nil
}
