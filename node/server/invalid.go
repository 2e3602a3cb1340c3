package server

import (
	"errors"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// invalidator takes proofs and certificates that blobs are inconsistent.
type invalidator struct {
	blobs   *blobs
	code    *rs2d.Code
	mark    func(commit.BlobID, []byte) error
	confirm *confirmer
}

// putProof verifies a proof that the blob is inconsistent, keeps it, and attests it.
// Nothing else changes before the owners of f+1 shards have: one node's word is not
// enough to refuse a blob.
func (v *invalidator) putProof(r *request) {
	kept, err := v.blobs.kept(r.id)
	if errors.Is(err, store.ErrNotFound) || err == nil && kept.Whole == nil {
		// Where the node keeps a part, all of it stays in memory for a while once it was sent.
		r.Fail(http.StatusConflict, "the metadata comes first")
		return
	}
	if err != nil {
		v.blobs.fail(r, err)
		return
	}
	if v.blobs.has(r.id, store.Proof) {
		v.confirm.confirm(r, committee.Attestation{Kind: committee.Inconsistent, Blob: r.id}) // the body stays unread
		return
	}
	raw, ok := r.ReadBody(placement.MaxProof(v.blobs.params))
	if !ok {
		return
	}
	proof, err := rs2d.ParseInconsistencyProof(raw)
	if err != nil {
		r.Fail(http.StatusBadRequest, err.Error())
		return
	}
	done, err := r.Turn(r.Context())
	if err != nil {
		return
	}
	err = v.code.VerifyInconsistency(kept.Whole, proof)
	done()
	if err != nil {
		v.blobs.metrics.rejected.Inc()
		r.Fail(http.StatusUnprocessableEntity, err.Error())
		return
	}
	if err := v.blobs.store.Apply(r.id, store.Update{Records: map[store.Record][]byte{store.Proof: raw}}); err != nil {
		v.blobs.fail(r, err)
		return
	}
	v.confirm.confirm(r, committee.Attestation{Kind: committee.Inconsistent, Blob: r.id})
}

// putCertificate takes the attestations of f+1 shards that the blob is inconsistent. Its
// slivers are of no use to anybody then.
func (v *invalidator) putCertificate(r *request, certificates *certificates) {
	if v.blobs.has(r.id, store.InvalidBlobCertificate) {
		r.WriteHeader(http.StatusCreated) // the body stays unread
		return
	}
	_, raw, ok := certificates.read(r, func(a committee.Attestation) bool { return a.Invalidates(r.id) })
	if !ok {
		return
	}
	if err := v.mark(r.id, raw); err != nil {
		v.blobs.fail(r, err)
		return
	}
	v.blobs.log.Warn("blob is inconsistent", "blob", r.id)
	v.blobs.metrics.invalid.Inc()
	r.WriteHeader(http.StatusCreated)
}
