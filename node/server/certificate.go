package server

import (
	"errors"
	"net/http"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/store"
)

// certificates takes certificates of stored blobs, and reads those of both kinds.
type certificates struct {
	blobs    *blobs
	verifier Verifier
	registry control.Registry
}

// put takes the point of availability. A node that lacks slivers of the blob learns so
// that it has to recover them.
func (t *certificates) put(r *request) {
	if t.registry != nil {
		r.Fail(http.StatusForbidden, "a ledger says which blobs are certified: give the certificate to it")
		return
	}
	info, err := t.blobs.store.Info(r.id)
	if err != nil {
		t.blobs.fail(r, err)
		return
	}
	cert, raw, ok := t.read(r, func(a committee.Attestation) bool { return a.Stores(r.id) })
	if !ok {
		return
	}
	if !info.Has(store.Certificate) {
		if err := t.blobs.store.Apply(r.id, store.Update{Records: map[store.Record][]byte{store.Certificate: raw}}); err != nil {
			t.blobs.fail(r, err)
			return
		}
	}
	if !complete(r.view, r.id, &info) {
		t.blobs.healer.Enqueue(cert.Blob)
	}
	r.WriteHeader(http.StatusCreated)
}

// read reads and verifies a certificate. If it is none, or attests something else, read
// answers.
func (t *certificates) read(r *request, attests func(committee.Attestation) bool) (*committee.Certificate, []byte, bool) {
	raw, ok := r.ReadBody(int64(committee.MaxCertificate(t.blobs.params.N)))
	if !ok {
		return nil, nil, false
	}
	cert, err := t.verifier.ParseCertificate(r.view.Epochs, raw)
	switch {
	case errors.Is(err, committee.ErrCertificate):
		r.Fail(http.StatusBadRequest, err.Error())
		return nil, nil, false
	case err != nil:
		t.blobs.metrics.rejected.Inc()
		r.Fail(http.StatusUnprocessableEntity, err.Error())
		return nil, nil, false
	case !attests(cert.Attestation):
		r.Fail(http.StatusBadRequest, "certificate of something else")
		return nil, nil, false
	}
	return cert, raw, true
}
