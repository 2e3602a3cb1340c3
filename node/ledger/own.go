package ledger

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// TransferBlob gives a blob to somebody.
type TransferBlob struct {
	Blob ObjectID
	To   Address
}

func (a TransferBlob) apply(d *draft, sender Address) error {
	b, err := ownBlob(d, a.Blob, sender)
	if err != nil {
		return err
	}
	b.Owner = a.To
	b.Storage.Owner = a.To
	d.put(BlobKey(a.Blob), b)
	return nil
}

// SetAttributes sets attributes of a blob. One with an empty value is removed.
type SetAttributes struct {
	Blob       ObjectID
	Attributes []Attribute
}

func (a SetAttributes) apply(d *draft, sender Address) error {
	b, err := ownBlob(d, a.Blob, sender)
	if err != nil {
		return err
	}
	for _, set := range a.Attributes {
		if set.Name == "" || len(set.Name) > maxAttributeName || len(set.Value) > maxAttributeValue || !utf8.ValidString(set.Name) {
			return broken(RuleText, "an attribute's name has 1 to %d bytes, and its value up to %d", maxAttributeName, maxAttributeValue)
		}
		at, there := slices.BinarySearchFunc(b.Attributes, set.Name, func(x Attribute, name string) int { return strings.Compare(x.Name, name) })
		switch {
		case set.Value == "" && there:
			b.Attributes = slices.Delete(b.Attributes, at, at+1)
		case set.Value == "":
		case there:
			b.Attributes[at].Value = set.Value
		default:
			b.Attributes = slices.Insert(b.Attributes, at, set)
		}
	}
	if len(b.Attributes) > maxAttributes {
		return broken(RuleText, "%d attributes, and there can be %d", len(b.Attributes), maxAttributes)
	}
	d.put(BlobKey(a.Blob), b)
	return nil
}

// BurnBlob drops the entry of a blob. Nothing comes back: what is left of a shared blob's
// funds goes to the storage fund. Everybody may burn a blob whose storage has ended, and
// the owner a deletable one at any time. A permanent one stays until its end: certificates
// count on it, see certifies.
type BurnBlob struct {
	Blob ObjectID
}

func (a BurnBlob) apply(d *draft, sender Address) error {
	b, err := object[Blob](d, BlobKey(a.Blob))
	if err != nil {
		return err
	}
	if checkLive(d, b) == nil {
		if _, err := ownBlob(d, a.Blob, sender); err != nil {
			return err
		}
		if !b.Deletable {
			return broken(RulePermanent, "it stays until epoch %d", b.Storage.End)
		}
	}
	d.remove(BlobKey(a.Blob))
	d.remove(ByBlobIDKey(b.ID, a.Blob))
	if b.Funds > 0 {
		earn(d, d.system.Epoch, b.Funds)
	}
	return nil
}

// ShareBlob makes a blob nobody's, for good: everybody may fund and extend it, and nobody
// can delete it any more.
type ShareBlob struct {
	Blob ObjectID
}

func (a ShareBlob) apply(d *draft, sender Address) error {
	b, err := ownBlob(d, a.Blob, sender)
	if err != nil {
		return err
	}
	b.Shared, b.Owner, b.Storage.Owner = true, Address{}, Address{}
	d.put(BlobKey(a.Blob), b)
	return nil
}

// FundBlob gives money to a shared blob, with which everybody may extend it.
type FundBlob struct {
	Blob   ObjectID
	Amount uint64
}

func (a FundBlob) apply(d *draft, sender Address) error {
	b, err := object[Blob](d, BlobKey(a.Blob))
	switch {
	case err != nil:
		return err
	case !b.Shared:
		return broken(RuleOwner, "it is %v's, and not shared", b.Owner)
	case a.Amount == 0:
		return broken(RuleAmount, "nothing to give")
	}
	if err := checkLive(d, b); err != nil {
		return err
	}
	if err := d.debit(sender, a.Amount); err != nil {
		return err
	}
	b.Funds += a.Amount // of all money there is less than 2^64
	d.put(BlobKey(a.Blob), b)
	return nil
}

// spend takes money from a shared blob. The error is of RuleFunds.
func (b *Blob) spend(cost uint64) error {
	if b.Funds < cost {
		return broken(RuleFunds, "the blob has %d, and %d are needed", b.Funds, cost)
	}
	b.Funds -= cost
	return nil
}
