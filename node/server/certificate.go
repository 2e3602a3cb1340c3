package server

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
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
	if !t.taken(r) {
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

// taken answers if certificates are taken by a ledger, and not here.
func (t *certificates) taken(r *request) bool {
	if t.registry != nil {
		r.Fail(http.StatusForbidden, "a ledger says which blobs are certified: give the certificate to it")
	}
	return t.registry == nil
}

// putMany takes certificates of many blobs, which are verified together and made durable
// together. If some are wrong the others are taken, and the answer is about the first of
// those.
func (t *certificates) putMany(r *request) {
	most := api.CertificatesLength(t.blobs.params.N)
	if !t.taken(r) || !r.Expected(most, most) {
		return
	}
	raws, ok := t.readMany(r)
	if !ok {
		return
	}
	certs, errs := t.verifier.ParseCertificates(r.view.Epochs, raws)
	updates := make(map[commit.BlobID]store.BlobUpdate)
	var lacking []commit.BlobID
	for i, cert := range certs {
		if errs[i] != nil {
			continue
		}
		if !cert.Stores(cert.Blob) {
			errs[i] = fmt.Errorf("%w: of something else than that blob %v is stored", committee.ErrCertificate, cert.Blob)
			continue
		}
		info, err := t.blobs.store.Info(cert.Blob)
		if err != nil {
			t.blobs.fail(r, err)
			return
		}
		if info.Has(store.InvalidBlobCertificate) {
			errs[i] = errGone
			continue
		}
		if !info.Has(store.Certificate) {
			u := store.Update{Records: map[store.Record][]byte{store.Certificate: raws[i]}}
			updates[cert.Blob] = store.BlobUpdate{Blob: cert.Blob, Update: u}
		}
		if !complete(r.view, cert.Blob, &info) {
			lacking = append(lacking, cert.Blob)
		}
	}
	if len(updates) > 0 {
		if err := t.blobs.store.ApplyAll(slices.Collect(maps.Values(updates))); err != nil {
			t.blobs.fail(r, err)
			return
		}
	}
	for _, id := range lacking {
		t.blobs.healer.Enqueue(id)
	}
	for i, err := range errs {
		if err != nil {
			t.fail(r, fmt.Errorf("certificate %d of %d: %w", i, len(errs), err))
			return
		}
	}
	r.WriteHeader(http.StatusCreated)
}

// errGone is what is wrong with the certificate of a blob that is none.
var errGone = errors.New("the blob is inconsistent")

// readMany reads certificates in frames. If it cannot, it answers.
func (t *certificates) readMany(r *request) (raws [][]byte, ok bool) {
	frames := api.NewFrameReader(bufio.NewReader(r.Body))
	for {
		h, err := frames.Next()
		switch {
		case err != nil:
			r.badBody(err)
			return nil, false
		case h.Kind == api.FrameEnd && len(raws) > 0:
			return raws, true
		case h.Kind != api.FrameCertificate || len(raws) == api.MaxCertificates:
			r.Fail(http.StatusBadRequest, fmt.Sprintf("frame of kind %d is none of 1 to %d certificates", h.Kind, api.MaxCertificates))
			return nil, false
		}
		raw, err := frames.Body(nil, committee.MaxCertificate(t.blobs.params.N))
		if err != nil {
			r.badBody(err)
			return nil, false
		}
		raws = append(raws, raw)
	}
}

// fail answers for a certificate that is wrong.
func (t *certificates) fail(r *request, err error) {
	switch {
	case errors.Is(err, committee.ErrCertificate):
		r.Fail(http.StatusBadRequest, err.Error())
	case errors.Is(err, errGone):
		r.Fail(http.StatusGone, err.Error())
	default:
		t.blobs.metrics.rejected.Inc()
		r.Fail(http.StatusUnprocessableEntity, err.Error())
	}
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
	case err != nil:
		t.fail(r, err)
		return nil, nil, false
	case !attests(cert.Attestation):
		r.Fail(http.StatusBadRequest, "certificate of something else")
		return nil, nil, false
	}
	return cert, raw, true
}
