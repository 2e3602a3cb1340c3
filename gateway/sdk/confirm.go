package sdk

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
)

// confirmer attests what is stored.
type confirmer struct{ *admitter }

func (f confirmer) getPermanent(r *request) error {
	return f.confirm(r, committee.Attestation{Kind: committee.WalrusPermanent, Blob: r.id})
}

func (f confirmer) getDeletable(r *request) error {
	a := committee.Attestation{Kind: committee.WalrusDeletable, Blob: r.id}
	digits, ok := strings.CutPrefix(r.PathValue("object"), "0x")
	object, err := hex.DecodeString(digits)
	if !ok || err != nil || len(object) != len(a.Object) {
		badRequest(r, errors.New("an object is 0x and 64 digits in hexadecimal"))
		return errAnswered
	}
	copy(a.Object[:], object)
	return f.confirm(r, a)
}

// confirm attests that the node has all of its slivers of a blob, which has a registration
// that the attestation is of.
func (f confirmer) confirm(r *request, what committee.Attestation) error {
	var a admission
	var err error
	if f.Registry != nil {
		if a, err = f.admitFor(r, what); err != nil {
			return err
		}
	}
	info, err := f.Store.Info(r.id)
	switch {
	case err != nil:
		return err
	case info.Has(store.InvalidBlobCertificate):
		return unmet("NOT_REGISTERED", "the blob was encoded wrongly, and is marked as invalid")
	}
	place := func(e store.Entry) placement.Ref { return placement.Ref(e.Ref) }
	v := r.view
	if v.Member < 0 || !info.Has(store.Metadata) || len(placement.Missing(v.Committee, v.Member, r.id, info.Slivers, place)) > 0 {
		return unmet("MISSING_SLIVERS", "the node has not got all of its slivers of the blob")
	}
	if !lasts(&info, a) { // what had ended may be about to be removed
		if err := f.apply(r, a, store.Update{}); err != nil {
			return err
		}
	}
	signature := f.Signer.Attest(v.Committee, what)
	r.answer(200, map[string]any{"signed": map[string]string{
		"serializedMessage": base64.StdEncoding.EncodeToString(what.WalrusMessage(v.Epoch())),
		"signature":         base64.StdEncoding.EncodeToString(signature[:]),
	}})
	return nil
}
