// Package account submits what the owner of an account on a ledger wants done: it signs
// transactions in the order of their nonces, and pays the fee that is asked. One is on its
// way at a time; what is wanted meanwhile goes together in the next one.
package account

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// ErrOutcome is returned when a transaction may be in a block, and what became of it was
// lost with a connection, or there was no quorum for it.
var ErrOutcome = errors.New("account: what became of the transaction is not known; look at the account before trying again")

// Account is an account of which the secret is known. It is safe for concurrent use by
// those who share the secret; others who do make its transactions fail now and then,
// and these are tried again.
type Account struct {
	ledger chain.Ledger
	owner  atomic.Pointer[owner]

	session atomic.Pointer[chain.Session]
	queue   queue

	turn  chan struct{} // has an element while a transaction is on its way, whose sender owns what follows
	chain ledger.ChainID
	known bool // chain, nonce and fee are
	nonce uint64
	fee   uint64 // the most that is paid for a byte
}

// owner is whose account it is.
type owner struct {
	key     ed25519.PrivateKey
	address ledger.Address
}

// New returns the account of a key. It asks nobody.
func New(l chain.Ledger, key ed25519.PrivateKey) *Account {
	a := &Account{ledger: l, turn: make(chan struct{}, 1)}
	a.session.Store(new(chain.Session))
	a.owner.Store(newOwner(key))
	return a
}

func newOwner(key ed25519.PrivateKey) *owner {
	o := &owner{key: key}
	copy(o.address[:], key.Public().(ed25519.PublicKey))
	return o
}

// Address returns the account's address.
func (a *Account) Address() ledger.Address { return a.owner.Load().address }

// Use makes it the account of another key, when no transaction of the old one is on its way.
func (a *Account) Use(key ed25519.PrivateKey) {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	if !key.Equal(a.owner.Load().key) {
		a.owner.Store(newOwner(key))
		a.known = false
	}
}

// Ledger returns the ledger that the account is on.
func (a *Account) Ledger() chain.Ledger { return a.ledger }

// InSession returns a context in which the ledger's servers show what the account's last
// transactions have seen, or a later state.
func (a *Account) InSession(ctx context.Context) context.Context {
	return a.session.Load().Context(ctx)
}

// State returns what the account has. One that nobody has heard of has nothing.
func (a *Account) State(ctx context.Context) (state ledger.Account, err error) {
	_, _, err = chain.Value(ctx, a.ledger, ledger.AccountKey(a.Address()), &state)
	return state, err
}

// Registrations returns the account's registrations of a blob that live, those that end last
// first. They are found also where others have registered it so often that the ledger does
// not list them all at once.
func (a *Account) Registrations(ctx context.Context, id commit.BlobID) (own []chain.Registration, err error) {
	b, err := a.ledger.Blob(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(b.Registrations) < chain.MaxRegistrations {
		for _, r := range b.Registrations {
			if r.Owner == a.Address() {
				own = append(own, r)
			}
		}
		return own, nil
	}
	status, err := a.ledger.Status(ctx)
	if err != nil {
		return nil, err
	}
	prefix := ledger.ByBlobIDKey(id, ledger.ObjectID{})
	prefix = prefix[:len(prefix)-len(ledger.ObjectID{})]
	err = chain.ListAll(ctx, a.ledger, prefix, func(p chain.Pair) error {
		if len(p.Key) != len(prefix)+len(ledger.ObjectID{}) {
			return fmt.Errorf("%w: a key of %d bytes", chain.ErrAnswer, len(p.Key))
		}
		r := chain.Registration{Object: ledger.ObjectID(p.Key[len(prefix):])}
		_, ok, err := chain.Value(ctx, a.ledger, ledger.BlobKey(r.Object), &r.Blob)
		if ok && r.Owner == a.Address() && r.Storage.Start <= status.Epoch && status.Epoch < r.Storage.End {
			own = append(own, r)
		}
		return err
	})
	slices.SortStableFunc(own, func(a, b chain.Registration) int { return cmp.Compare(b.Storage.End, a.Storage.End) })
	return own, err
}

// Bounds of how often a transaction is tried.
const (
	attempts   = 8
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
	// races is how often another process may be quicker, which uses the account, too, or the fee
	// rise. What was beaten is dead if the ledger says the truth: its nonce has passed. A server
	// that lies may keep each, and pay with all of them: so they have an end.
	races = 100
	// racePause is the longest pause after that. It is short, and random, so that of two who write
	// all the time none is always late.
	racePause = 20 * time.Millisecond
)

// tries are the attempts at a transaction.
type tries struct{ failed, lost int }

// again waits until it is time for another attempt after one that has failed. It reports whether
// there is to be one, or else the error is the context's, or nil.
func (t *tries) again(ctx context.Context, last error) (bool, error) {
	var wait time.Duration
	if another(ledger.RuleOf(last)) {
		wait = rand.N(racePause)
		t.lost++
	} else {
		wait = min(firstPause<<t.failed, lastPause)
		t.failed++
	}
	if t.failed >= attempts || t.lost >= races {
		return false, nil
	}
	err := pause.For(ctx, wait)
	return err == nil, err
}

// feeMargin is how much more than asked at present is offered: what is charged is what
// the ledger asks.
const feeMargin = 16

// Do has an action done, and returns when it is in a block. The error is a
// *ledger.RuleError if the action broke a rule, with a receipt, or if nobody may pay for
// it; ErrOutcome; chain.ErrBusy, chain.ErrNoQuorum or that of asking, if it was tried often
// enough; chain.ErrBehind if no server of the ledger has what was seen of it before; or the
// context's.
//
// A transaction of which nobody knows whether it is in a block is sent again as it is, and
// nothing else of the account's meanwhile.
func (a *Account) Do(ctx context.Context, action ledger.Action) (_ chain.Receipt, err error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return chain.Receipt{}, ctx.Err()
	}
	ctx = a.InSession(ctx)
	var (
		doubtful []byte // may be in a block
		last     error
	)
	defer func() {
		if err != nil && doubtful != nil && !errors.Is(err, ErrOutcome) {
			err = fmt.Errorf("%w: %w", ErrOutcome, err)
		}
		a.noteBehind(err)
	}()
	for t := new(tries); ; {
		if last != nil {
			if again, err := t.again(ctx, last); !again {
				return chain.Receipt{}, errors.Join(last, err)
			}
		}
		passed, err := a.learn(ctx)
		if errors.Is(err, chain.ErrBehind) {
			return chain.Receipt{}, err
		}
		if err != nil {
			last = err
			continue
		}
		if doubtful != nil && passed {
			return chain.Receipt{}, ErrOutcome
		}
		tx := doubtful
		if tx == nil {
			if tx, err = a.sign(action); err != nil {
				return chain.Receipt{}, err
			}
		}
		got, err := a.submit(ctx, tx)
		switch rule := ledger.RuleOf(err); {
		case err == nil:
			return got, nil
		case another(rule):
			last = err // what is in doubt is so still: its nonce may have passed because it was applied
		case rule != "":
			doubtful = nil
			return got, err
		default:
			if last = err; ctx.Err() != nil || errors.Is(err, chain.ErrBehind) {
				return chain.Receipt{}, err
			}
			if !errors.Is(err, chain.ErrBusy) {
				doubtful = tx
			}
		}
	}
}

// another reports whether a rule asks for another transaction: others use the account, or
// the fee has risen.
func another(r ledger.Rule) bool { return r == ledger.RuleNonce || r == ledger.RuleFee }

// submit sends a transaction, and notes what that tells of the account.
func (a *Account) submit(ctx context.Context, tx []byte) (chain.Receipt, error) {
	got, err := a.ledger.Submit(ctx, tx)
	if err == nil {
		err = got.Err
	}
	switch rule := ledger.RuleOf(err); {
	case err == nil || got.Fee > 0:
		a.nonce++
	case rule == "" || another(rule):
		a.known = false
	}
	return got, err
}

// noteBehind begins another session after chain.ErrBehind: whoever shows again what was seen
// may never come back, or has lied.
func (a *Account) noteBehind(err error) {
	if errors.Is(err, chain.ErrBehind) {
		a.session.Store(new(chain.Session))
		a.known = false
	}
}

// learn asks for what is not known of the account. It reports whether the nonce of the
// transaction that was tried last has passed.
func (a *Account) learn(ctx context.Context) (passed bool, err error) {
	if a.known {
		return false, nil
	}
	status, err := a.ledger.Status(ctx)
	if err != nil {
		return false, err
	}
	state, err := a.State(ctx)
	if err != nil {
		return false, err
	}
	if copy(a.chain[:], status.Chain) != len(a.chain) {
		return false, fmt.Errorf("%w: the id of a ledger in %d bytes", chain.ErrAnswer, len(status.Chain))
	}
	passed = state.Nonce > a.nonce
	a.known, a.nonce, a.fee = true, state.Nonce, max(1, min(status.FeePerByte, 1<<58)*feeMargin)
	return passed, nil
}

func (a *Account) sign(action ledger.Action) ([]byte, error) {
	return ledger.Tx{Chain: a.chain, Nonce: a.nonce, FeePerByte: a.fee, Action: action}.Sign(a.owner.Load().key)
}

// Storage is storage that an account has, and that no blob is on.
type Storage struct {
	Object ledger.ObjectID
	ledger.Storage
}

// errEnough ends a list.
var errEnough = errors.New("account: enough was listed")

// Storages returns the account's storage. The ledger lists everybody's: no more than most of it is
// looked at.
func (a *Account) Storages(ctx context.Context, most int) (own []Storage, err error) {
	prefix := ledger.StorageKey(ledger.ObjectID{})
	prefix = prefix[:len(prefix)-len(ledger.ObjectID{})]
	looked := 0
	err = chain.ListAll(ctx, a.ledger, prefix, func(p chain.Pair) error {
		if len(p.Key) != len(prefix)+len(ledger.ObjectID{}) {
			return fmt.Errorf("%w: a key of %d bytes", chain.ErrAnswer, len(p.Key))
		}
		one := Storage{Object: ledger.ObjectID(p.Key[len(prefix):])}
		if err := codec.Unmarshal(p.Value, &one.Storage); err != nil {
			return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
		if one.Owner == a.Address() {
			own = append(own, one)
		}
		if looked++; looked >= most {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return own, err
}

// Extend has a blob of the account's stored until the epoch end, unless it is, and returns for how
// many epochs the account has paid. Of two who want it at once one pays.
func (a *Account) Extend(ctx context.Context, id commit.BlobID, object ledger.ObjectID, end uint32) (bought uint32, err error) {
	_, err = a.once(ctx, wish{about: &id, next: func(ctx context.Context) (ledger.Action, error) {
		var b ledger.Blob
		_, ok, err := chain.Value(ctx, a.ledger, ledger.BlobKey(object), &b)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, &ledger.RuleError{Rule: ledger.RuleUnknown, Detail: "the blob was deleted meanwhile"}
		case b.Storage.End >= end:
			return nil, nil // an attempt whose answer was lost has done it, or somebody else
		}
		bought = end - b.Storage.End
		return ledger.ExtendBlob{Blob: object, Epochs: bought}, nil
	}})
	if err != nil {
		bought = 0
	}
	return bought, err
}
