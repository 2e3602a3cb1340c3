package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/store"
)

// batchWait is how long a request waits in all for its blobs to be registered.
const batchWait = 10 * time.Second

// batch takes metadata and slivers of many small blobs in one body. They are stored at
// once, or none of them is, and attested with one signature.
type batch struct {
	writer  *writer
	bundles []*bundle // what came of each blob
	batch   []committee.Attestation
}

// batcher takes batches.
type batcher struct{ writer *writer }

// put takes many blobs, and attests that the node has all of its slivers of each.
func (t batcher) put(r *request) {
	w := t.writer
	if !r.Expected(api.MaxBatchBody, api.MaxBatchBody) {
		return
	}
	b := &batch{writer: w}
	defer b.discard()
	if !b.read(r) {
		return
	}
	updates, ok := b.updates(r)
	if !ok {
		return
	}
	if len(updates) > 0 {
		if err := w.blobs.store.ApplyAll(updates); err != nil {
			w.confirm.fail(r, err)
			return
		}
	}
	for _, one := range b.bundles {
		w.blobs.cache.put(one.r.id, one.meta)
	}
	b.attest(r)
}

// discard gives up the memory of slivers.
func (b *batch) discard() {
	for _, one := range b.bundles {
		one.discard()
	}
}

// read reads the body. If it cannot, it answers.
func (b *batch) read(r *request) (ok bool) {
	frames := framesOf(r)
	seen := make(map[commit.BlobID]bool)
	for {
		h, err := frames.Next()
		if err != nil {
			r.badBody(err)
			return false
		}
		switch last := len(b.bundles) - 1; {
		case h.Kind == api.FrameEnd:
			if err := committee.CheckBatch(b.batch); err != nil {
				r.Fail(http.StatusBadRequest, err.Error())
				return false
			}
			return true
		case h.Kind == api.FrameBlob:
			a, err := api.ReadBlob(frames)
			switch {
			case err != nil:
				r.badBody(err)
				return false
			case len(b.batch) == committee.MaxBatch || seen[a.Blob]:
				r.Fail(http.StatusBadRequest, fmt.Sprintf("blob %v is one too many, or there twice", a.Blob))
				return false
			}
			seen[a.Blob] = true
			one := *r
			one.id = a.Blob
			bundle := bundleOf(b.writer, &one, frames)
			b.batch, b.bundles = append(b.batch, a), append(b.bundles, bundle)
			if !bundle.metadata() {
				return false
			}
		case last < 0 || h.Kind != api.FrameSliver:
			r.Fail(http.StatusBadRequest, fmt.Sprintf("frame of kind %d is no blob, and no sliver of one", h.Kind))
			return false
		default:
			if !b.bundles[last].take(h) {
				return false
			}
		}
	}
}

// updates verifies what came, and returns how the store changes by it. If one of the blobs
// cannot be stored, or not be attested then, it answers.
func (b *batch) updates(r *request) (updates []store.BlobUpdate, ok bool) {
	ctx, cancel := context.WithTimeout(r.Context(), batchWait)
	defer cancel()
	for i, one := range b.bundles {
		u, ok := b.update(ctx, one, b.batch[i])
		if !ok {
			return nil, false
		}
		if u != nil {
			updates = append(updates, store.BlobUpdate{Blob: one.r.id, Update: *u})
		}
	}
	return updates, true
}

// update returns how the store changes by one of the blobs, or nil if it has all of it.
func (b *batch) update(ctx context.Context, one *bundle, a committee.Attestation) (u *store.Update, ok bool) {
	w, r := b.writer, one.r
	end, ok := w.confirm.await(ctx, r, a)
	if !ok {
		return nil, false
	}
	info, err := w.blobs.store.Info(r.id)
	if err != nil {
		w.blobs.fail(r, err)
		return nil, false
	}
	if info.Has(store.InvalidBlobCertificate) {
		r.gone()
		return nil, false
	}
	u = &store.Update{}
	if !complete(r.view, r.id, &info) {
		if !w.withinQuota(r, &info) || !w.verify(r, one.meta, one.slivers) {
			return nil, false
		}
		if *u, err = w.update(r, one.meta, one.raw, w.stored(one.slivers, one.sums)); err != nil {
			w.blobs.fail(r, err)
			return nil, false
		}
		info.Records, info.Slivers = append(info.Records, store.Metadata), append(info.Slivers, one.entries...)
		if !complete(r.view, r.id, &info) {
			r.Fail(http.StatusBadRequest, fmt.Sprintf("not all of the node's slivers of blob %v are there", r.id))
			return nil, false
		}
	} else if info.End == 0 || info.End >= end {
		return nil, true
	}
	w.confirm.condition(r, u, end)
	return u, true
}

// attest answers with attestations that are made at once.
func (b *batch) attest(r *request) {
	c := r.view.Committee
	s := b.writer.confirm.signer.AttestBatch(c, b.batch)
	r.answer(http.StatusOK, api.Confirmation{Member: r.name(), Epoch: c.Epoch(), Committee: c.Fingerprint(), Signature: s})
}
