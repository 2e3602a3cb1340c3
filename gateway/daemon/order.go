package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// order is one blob that is to be stored.
type order struct {
	account.Registrar
	options  PutOptions
	encoded  uint64 // bytes that the blob takes
	storages *storages

	now        chain.Status       // when it was registered
	end        uint64             // the epoch before which it must not end
	registered chain.Registration // for this order, or found and extended
	done       bool               // it was certified, and lasts as long: nothing was done
	looked     bool               // step was called
	written    bool               // it was registered
	certified  bool               // it was, when it was found
	storage    *account.Storage   // that it was registered on
	bought     uint32             // epochs of storage
}

// use tells whether a registration that is there may be taken up.
func (o *order) use(r chain.Registration) bool {
	return !o.options.Force && (o.options.Reuse || uint64(r.Storage.End) >= o.end)
}

// step notes what a transaction has bought.
func (o *order) step(s account.Step) {
	if !o.looked {
		o.certified = s.Certified != nil
	}
	o.looked, o.registered, o.written = true, s.Registration, o.written || s.Written
	o.bought += s.Epochs
}

// certifiedIn notes in which epoch the blob was certified, unless it was before.
func (o *order) certifiedIn(epoch uint32) {
	if o.registered.Certified == nil {
		o.registered.Certified = &epoch
	}
}

// register registers the blob.
func (o *order) register(ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation)) (_ client.Certify, err error) {
	if err := o.options.vet(id); err != nil {
		return nil, err
	}
	l := o.Account.Ledger()
	if o.now, err = l.Status(ctx); err != nil {
		return nil, onLedger(err)
	}
	o.end = uint64(o.now.Epoch) + uint64(o.Epochs)
	before, err := l.Blob(ctx, id)
	switch {
	case err != nil:
		return nil, onLedger(err)
	case before.Invalid:
		return nil, fmt.Errorf("daemon: %v: %w", id, client.ErrInconsistent)
	case o.options.Force:
	default:
		if o.done = o.find(before.Registrations); o.done {
			return nil, errCertified
		}
		if done, err := o.extend(ctx, id, before.Registrations); done || err != nil {
			return nil, cmp.Or(onLedger(err), errCertified)
		}
	}
	if o.options.Registering != nil {
		var there []ObjectID
		for _, r := range before.Registrations {
			there = append(there, ObjectID(r.Object))
		}
		if err := o.options.Registering(id, there); err != nil {
			return nil, err
		}
	}
	certify, err := o.buy(ctx, id, meta, named)
	if err != nil {
		return nil, onLedger(err)
	}
	return func(ctx context.Context, c *committee.Certificate) error { return onLedger(certify(ctx, c)) }, nil
}

// buy registers the blob on storage that there is, if it is to be used, or else on what is bought.
func (o *order) buy(ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation)) (client.Certify, error) {
	if o.options.Reuse {
		one, give, err := o.storages.take(ctx, o.encoded, o.now.Epoch, o.end)
		if err != nil {
			return nil, err
		}
		defer give()
		o.storage = one
	}
	if o.storage != nil {
		o.Storage = &o.storage.Object
		certify, err := o.Register(ctx, id, meta, named)
		switch ledger.RuleOf(err) {
		case ledger.RuleUnknown, ledger.RuleOwner, ledger.RuleExpired: // another process has used it, or an epoch has begun
		default:
			return certify, err
		}
	}
	o.storage, o.Storage = nil, nil
	return o.Register(ctx, id, meta, named)
}

// find looks for a registration for as long that is certified, and that nobody but the account can
// end: a permanent one, or its own where it may be deletable.
func (o *order) find(all []chain.Registration) bool {
	for _, r := range all {
		own := r.Deletable && !o.Permanent && !r.Shared && r.Owner == o.Account.Address()
		if r.Certified != nil && uint64(r.Storage.End) >= o.end && (!r.Deletable || own) {
			o.registered = r
			return true
		}
	}
	return false
}

// extend extends a registration of the account's that is certified, and ends too early, if it is to.
// One that lasts as long, and is not certified, costs nothing.
func (o *order) extend(ctx context.Context, id commit.BlobID, all []chain.Registration) (done bool, err error) {
	own := slices.DeleteFunc(slices.Clone(all), func(r chain.Registration) bool {
		return r.Shared || r.Owner != o.Account.Address() || r.Deletable == o.Permanent
	})
	lasts := func(r chain.Registration) bool { return uint64(r.Storage.End) >= o.end }
	at := slices.IndexFunc(own, func(r chain.Registration) bool { return r.Certified != nil })
	if !o.options.Reuse || at < 0 || slices.ContainsFunc(own, lasts) {
		return false, nil
	}
	o.registered, o.certified = own[at], true
	if o.bought, err = o.Account.Extend(ctx, id, own[at].Object, uint32(o.end)); err == nil {
		o.registered.Storage.End = uint32(o.end)
	}
	return err == nil, err
}

// result returns what became of the blob when it is stored.
func (o *order) result() *Stored {
	s := &Stored{Object: object(o.registered), New: !o.done, EncodedSize: o.encoded, Epochs: o.bought}
	size := cmp.Or(s.Reserved, o.encoded)
	s.Cost = unitsOf(size) * o.now.StoragePrice * uint64(o.bought)
	switch {
	case o.written:
		if s.Cost += unitsOf(o.encoded) * o.now.WritePrice; o.storage != nil {
			s.Operation, s.Start, s.Reserved = ReuseStorage, o.storage.Start, o.storage.Size
		}
	case o.bought == 0:
		s.Operation = ReuseRegistration
	case o.certified:
		s.Operation = ReuseAndExtend
	default:
		s.Operation = ReuseAndExtendNonCertified
	}
	return s
}

// unitSize is what storage is paid for by, bytes.
const unitSize = 1 << 20

func unitsOf(size uint64) uint64 { return (size + unitSize - 1) / unitSize }

// maxStorages is how much storage of everybody's is looked at to find the account's.
const maxStorages = 10_000

// storages gives out storage that an account has, to one order each.
type storages struct {
	account *account.Account

	mu    sync.Mutex
	taken map[ledger.ObjectID]bool // by an order
}

func newStorages(a *account.Account) *storages {
	return &storages{account: a, taken: make(map[ledger.ObjectID]bool)}
}

// take returns storage for so many bytes, from an epoch on and until before another one: of what
// there is the smallest, and of that what ends first. It is nil if there is none. give is called
// when it has been used, or could not be.
func (s *storages) take(ctx context.Context, size uint64, now uint32, end uint64) (one *account.Storage, give func(), err error) {
	all, err := s.account.Storages(ctx, maxStorages)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(all, func(a, b account.Storage) int { return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.End, b.End)) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range all {
		if r.Size >= size && r.Start <= now && uint64(r.End) >= end && !s.taken[r.Object] {
			s.taken[r.Object] = true
			return &r, func() { s.give(r.Object) }, nil
		}
	}
	return nil, func() {}, nil
}

func (s *storages) give(id ledger.ObjectID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, id)
}
