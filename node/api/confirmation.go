package api

import (
	"encoding/hex"
	"fmt"
	"net/url"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Keys of a confirmation's query: which of Walrus's messages is to be signed.
const (
	walrusKey = "walrus" // permanent or deletable
	objectKey = "object" // the registration in hexadecimal, where it is deletable
)

// ConfirmationQuery returns the query of a request that an attestation of a stored blob be
// signed.
func ConfirmationQuery(a committee.Attestation) string {
	q := url.Values{}
	switch a.Kind {
	case committee.WalrusPermanent:
		q.Set(walrusKey, a.Kind.String())
	case committee.WalrusDeletable:
		q.Set(walrusKey, a.Kind.String())
		q.Set(objectKey, hex.EncodeToString(a.Object[:]))
	default:
		return ""
	}
	return "?" + q.Encode()
}

// ParseConfirmationQuery reads what ConfirmationQuery writes. The error wraps ErrMalformed.
func ParseConfirmationQuery(q url.Values, id commit.BlobID) (committee.Attestation, error) {
	a := committee.Attestation{Kind: committee.Stored, Blob: id}
	switch kind := q.Get(walrusKey); kind {
	case "":
	case committee.WalrusPermanent.String():
		a.Kind = committee.WalrusPermanent
	case committee.WalrusDeletable.String():
		a.Kind = committee.WalrusDeletable
		object, err := hex.DecodeString(q.Get(objectKey))
		if err != nil || len(object) != len(a.Object) {
			return a, fmt.Errorf("%w: %q is no registration in hexadecimal", ErrMalformed, clip(q.Get(objectKey)))
		}
		copy(a.Object[:], object)
	default:
		return a, fmt.Errorf("%w: %q is neither permanent nor deletable", ErrMalformed, clip(kind))
	}
	return a, nil
}
