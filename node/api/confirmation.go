package api

import (
	"encoding/hex"
	"fmt"
	"net/url"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Keys of the query of what is answered by a confirmation: what is to be signed.
const (
	walrusKey = "walrus" // in which of Walrus's messages: permanent or deletable
	objectKey = "object" // the registration in hexadecimal, where it is deletable
)

// ConfirmationQuery returns the query of a request that an attestation of a stored blob be
// signed.
func ConfirmationQuery(a committee.Attestation) string {
	q := url.Values{}
	if a.Kind == committee.WalrusPermanent || a.Kind == committee.WalrusDeletable {
		q.Set(walrusKey, a.Kind.String())
	}
	if object, named := a.Registration(); named {
		q.Set(objectKey, hex.EncodeToString(object[:]))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// ParseConfirmationQuery reads what ConfirmationQuery writes. The error wraps ErrMalformed.
func ParseConfirmationQuery(q url.Values, id commit.BlobID) (committee.Attestation, error) {
	a := committee.Attestation{Kind: committee.Stored, Blob: id}
	switch kind := q.Get(walrusKey); {
	case kind == committee.WalrusPermanent.String():
		a.Kind = committee.WalrusPermanent
	case kind == committee.WalrusDeletable.String():
		a.Kind = committee.WalrusDeletable
	case kind != "":
		return a, fmt.Errorf("%w: %q is neither permanent nor deletable", ErrMalformed, clip(kind))
	case q.Has(objectKey):
		a.Kind = committee.StoredDeletable
	}
	if _, named := a.Registration(); !named {
		return a, nil
	}
	object, err := hex.DecodeString(q.Get(objectKey))
	if err != nil || len(object) != len(a.Object) {
		return a, fmt.Errorf("%w: %q is no registration in hexadecimal", ErrMalformed, clip(q.Get(objectKey)))
	}
	copy(a.Object[:], object)
	return a, nil
}
