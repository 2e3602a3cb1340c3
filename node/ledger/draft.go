package ledger

import (
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// draft is a state that a block changes. What it reads and writes is typed by the key.
type draft struct {
	tree       tree.Tree
	genesis    *Genesis
	system     System
	hasher     *commit.Hasher // of the system's scheme
	committees *committees

	verified map[string]verified // of certificates of the block, by the current committee

	tx     TxDigest // that is being applied
	made   uint64   // objects that it made
	events []Event  // that it caused
}

// get reads a value, or returns nil if there is none. It panics if what is there has
// another form, for nothing but this package wrote it.
func get[T any](t tree.Tree, key []byte) *T {
	data, ok := t.Get(key)
	if !ok {
		return nil
	}
	v := new(T)
	if err := codec.Unmarshal(data, v); err != nil {
		panic(fmt.Sprintf("ledger: value of key %q: %v", key, err))
	}
	return v
}

// object reads what a transaction names. The error is of RuleUnknown.
func object[T any](d *draft, key []byte) (*T, error) {
	if v := get[T](d.tree, key); v != nil {
		return v, nil
	}
	return nil, broken(RuleUnknown, "there is no %s %x", kindOf[T](), key[1:])
}

// kindOf returns the name of a type of objects.
func kindOf[T any]() string {
	var v T
	switch any(v).(type) {
	case Storage:
		return "storage"
	case Blob:
		return "blob"
	case Node:
		return "node"
	case Stake:
		return "stake"
	}
	return fmt.Sprintf("%T", v)
}

func (d *draft) put(key []byte, v any) { d.tree = d.tree.Set(key, codec.Marshal(v)) }

func (d *draft) remove(key []byte) { d.tree = d.tree.Delete(key) }

// newID returns the id of an object that the transaction makes.
func (d *draft) newID() ObjectID {
	d.made++
	return ObjectIDOf(d.tx, d.made-1)
}

// emit adds an event.
func (d *draft) emit(e Event) { d.events = append(d.events, e) }

// credit gives money to an account.
func (d *draft) credit(a Address, amount uint64) {
	account := d.account(a)
	account.Balance += amount // of all money there is less than 2^64
	d.put(AccountKey(a), account)
}

// debit takes money from an account. The error is of RuleFunds.
func (d *draft) debit(a Address, amount uint64) error {
	account := d.account(a)
	if account.Balance < amount {
		return broken(RuleFunds, "%v has %d, and %d are needed", a, account.Balance, amount)
	}
	account.Balance -= amount
	d.put(AccountKey(a), account)
	return nil
}

// account returns an account, which is empty if nobody knows it.
func (d *draft) account(a Address) *Account {
	if account := get[Account](d.tree, AccountKey(a)); account != nil {
		return account
	}
	return new(Account)
}

// slot returns what is reserved and earned in an epoch.
func (d *draft) slot(epoch uint32) *Slot {
	if slot := get[Slot](d.tree, SlotKey(epoch)); slot != nil {
		return slot
	}
	return new(Slot)
}

// committee returns the committee of the current epoch.
func (d *draft) committee() *Committee { return d.committeeOf(d.system.Epoch) }

// committeeOf returns the committee of an epoch, which is empty before the first one is
// selected.
func (d *draft) committeeOf(epoch uint32) *Committee {
	if c := get[Committee](d.tree, CommitteeKey(epoch)); c != nil {
		return c
	}
	return new(Committee)
}

// owned checks that an object is the sender's. The error is of RuleOwner.
func owned(owner, sender Address) error {
	if owner != sender {
		return broken(RuleOwner, "it is %v's", owner)
	}
	return nil
}

// certificate reads and verifies a certificate of the current committee's. The error is
// of RuleProof or RuleEpoch.
func (d *draft) certificate(data []byte, attests func(committee.Attestation) error) error {
	v, known := d.verified[string(data)]
	if !known {
		c, err := d.committees.get(d.genesis, d.tree, d.system.Epoch)
		if err != nil {
			return broken(RuleProof, "%v", err)
		}
		v.cert, v.err = d.committees.verifier.ParseCertificate(c, data)
	}
	switch cert, err := v.cert, v.err; {
	case errors.Is(err, committee.ErrEpoch):
		return broken(RuleEpoch, "%v", err)
	case err != nil:
		return broken(RuleProof, "%v", err)
	default:
		return attests(cert.Attestation)
	}
}
