package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/store"
)

// confirmer attests what the node has.
type confirmer struct {
	blobs    *blobs
	signer   Signer
	registry control.Registry // nil if all blobs may be stored
}

// parse reads what is to be attested of the request's blob. If it cannot, it answers.
func (c *confirmer) parse(r *request) (a committee.Attestation, ok bool) {
	a, err := api.ParseConfirmationQuery(r.URL.Query(), r.id)
	if err != nil {
		r.Fail(http.StatusBadRequest, err.Error())
	}
	return a, err == nil
}

// get attests that the node has all of its slivers, for as long as the blob is
// registered.
func (c *confirmer) get(r *request) {
	a, ok := c.parse(r)
	if !ok {
		return
	}
	info, err := c.blobs.store.Info(r.id)
	if err != nil {
		c.blobs.fail(r, err)
		return
	}
	if !complete(r.view, r.id, &info) {
		r.Fail(http.StatusNotFound, "not all of the node's slivers are here")
		return
	}
	if end, ok := c.registered(r, a); ok && c.keep(r, &info, end) {
		c.confirm(r, a)
	}
}

// registered returns the epoch before which the storage of the request's blob ends, if
// there is somebody who registers blobs, and 0 otherwise. If the blob has no registration
// that the attestation may be of, it answers. An attestation of no kind may be of any.
func (c *confirmer) registered(r *request, a committee.Attestation) (end uint32, ok bool) {
	return c.await(r.Context(), r, a)
}

// await is registered, and waits as long as a context lets it.
func (c *confirmer) await(ctx context.Context, r *request, a committee.Attestation) (end uint32, ok bool) {
	if c.registry == nil {
		return 0, true
	}
	end, err := c.registry.AwaitFor(ctx, a)
	switch {
	case err == nil:
		return end, true
	case errors.Is(err, control.ErrUnregistered):
		c.blobs.metrics.unregistered.Inc()
		r.Fail(http.StatusForbidden, unregistered(a))
	case r.Context().Err() == nil:
		r.Busy("whether the blob is registered cannot be known at present: the ledger does not answer")
	}
	return 0, false
}

// unregistered says what the ledger does not know.
func unregistered(a committee.Attestation) string {
	if id, named := a.Registration(); named {
		return fmt.Sprintf("the ledger has no deletable registration 0x%x of the blob", id)
	}
	if a.Kind != 0 {
		return "the blob is not registered on the ledger as permanent: a deletable registration has to be named, by object=…"
	}
	return "the blob is not registered on the ledger"
}

// keep has the store keep a blob of which it has all as long as it is registered: what had
// ended may be about to be removed. If it cannot, it answers.
func (c *confirmer) keep(r *request, info *store.Info, end uint32) bool {
	if info.End == 0 || info.End >= end {
		return true
	}
	return c.apply(r, nil, store.Update{}, end)
}

// apply changes the store, if the blob is registered still. If it cannot, it answers.
func (c *confirmer) apply(r *request, stage store.Stage, u store.Update, end uint32) bool {
	c.condition(r, &u, end)
	var err error
	if stage != nil {
		err = stage.Apply(u)
	} else {
		err = c.blobs.store.Apply(r.id, u)
	}
	if err != nil {
		c.fail(r, err)
	}
	return err == nil
}

// condition has a change happen only if the request's blob is registered then, and nobody
// has proven meanwhile that it is inconsistent.
func (c *confirmer) condition(r *request, u *store.Update, end uint32) {
	stores := len(u.Records)+len(u.Rewrite) > 0
	u.AtLeast, u.If = end, func(i store.Info) bool {
		if i.Has(store.InvalidBlobCertificate) {
			return false
		}
		return c.registry == nil || c.registry.Live(r.id) && (stores || complete(r.view, r.id, &i))
	}
}

// fail answers for a change of the store that failed.
func (c *confirmer) fail(r *request, err error) {
	switch {
	case !errors.Is(err, store.ErrRefused):
		c.blobs.fail(r, err)
	case c.blobs.has(r.id, store.InvalidBlobCertificate):
		r.gone()
	default:
		r.Busy("the blob was deleted on the ledger, or others have to be asked again")
	}
}

// confirm answers with an attestation. The caller knows that it is true.
func (c *confirmer) confirm(r *request, a committee.Attestation) {
	s := c.signer.Attest(r.view.Committee, a)
	of := r.view.Committee
	r.answer(http.StatusOK, api.Confirmation{Member: r.name(), Epoch: of.Epoch(), Committee: of.Fingerprint(), Signature: s})
}
