package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/reuse"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// writer takes metadata and slivers.
type writer struct {
	blobs   *blobs
	code    *rs2d.Code
	confirm *confirmer
	quota   int64         // bytes of pending blobs of one writer; 0 is the default
	age     time.Duration // after which they are removed
	memory  reuse.Pools[[]byte]
}

// putBlob takes metadata and slivers in one body, and attests that the node has all of
// its slivers, in the words that the query asks for.
func (w *writer) putBlob(r *request) {
	a, ok := w.confirm.parse(r)
	if !ok {
		return
	}
	end, ok := w.confirm.registered(r, a)
	if !ok {
		return
	}
	info, err := w.blobs.store.Info(r.id)
	if err != nil {
		w.blobs.fail(r, err)
		return
	}
	if complete(r.view, r.id, &info) {
		// The body stays unread: nobody needs to send it.
		if w.confirm.keep(r, &info, end) {
			w.confirm.confirm(r, a)
		}
		return
	}
	if !w.withinQuota(r, &info) {
		return
	}
	frames := 2*r.view.Weight(r.view.Member) + 2
	limit := int64(frames)*api.FrameHeaderSize + placement.MaxShare(r.view.Committee, r.view.Member)
	if !r.Expected(limit, bundleBytes(w.blobs.params, r.view.Weight(r.view.Member), r.ContentLength)) {
		return
	}
	b := newBundle(w, r)
	defer b.discard()
	if !b.read() || !w.store(r, b.meta, b.raw, b.slivers, b.sums, b.stage, end) {
		return
	}
	info.Records, info.Slivers = append(info.Records, store.Metadata), append(info.Slivers, b.entries...)
	if complete(r.view, r.id, &info) {
		w.confirm.confirm(r, a)
		return
	}
	r.answer(http.StatusAccepted, api.Error{Message: "stored, but not all of the node's slivers"})
}

// store verifies slivers and stores them with the metadata, and with what was staged
// before, if stage is not nil. If it cannot, it answers.
func (w *writer) store(
	r *request, meta *commit.Metadata, raw []byte, slivers []rs2d.Sliver, sums []*store.Sums, stage store.Stage, end uint32,
) (ok bool) {
	if !w.verify(r, meta, slivers) {
		return false
	}
	u, err := w.update(r, meta, raw, w.stored(slivers, sums))
	if err != nil {
		w.blobs.fail(r, err)
		return false
	}
	if !w.confirm.apply(r, stage, u, end) {
		return false
	}
	w.blobs.cache.put(r.id, meta)
	return true
}

// update returns how the store changes by slivers and metadata, which were verified.
func (w *writer) update(r *request, meta *commit.Metadata, raw []byte, slivers []store.Sliver) (store.Update, error) {
	u := store.Update{Writer: writerName(r.Party), Slivers: slivers}
	err := w.blobs.keeper.Keep(&u, meta, raw, r.view.Mine(r.id))
	return u, err
}

// verify verifies slivers. If one is not the blob's, it answers.
func (w *writer) verify(r *request, meta *commit.Metadata, slivers []rs2d.Sliver) (ok bool) {
	done, err := r.Turn(r.Context())
	if err != nil {
		return false
	}
	errs := w.code.VerifySlivers(meta, slivers)
	done()
	for _, err := range errs {
		if err != nil {
			w.blobs.metrics.rejected.Inc()
			r.Fail(http.StatusUnprocessableEntity, err.Error())
			return false
		}
	}
	return true
}

// stored returns slivers as a store names them, with their checksums, if sums is not nil.
// Nobody needs them any more.
func (w *writer) stored(slivers []rs2d.Sliver, sums []*store.Sums) []store.Sliver {
	named := make([]store.Sliver, len(slivers))
	for i, s := range slivers {
		named[i] = store.Sliver{Ref: store.Ref{Axis: s.Axis, Pair: s.Pair(w.blobs.params.N)}, Data: s.Data, Spent: true}
		if sums != nil {
			named[i].Sums = sums[i]
		}
	}
	return named
}

func (w *writer) putMetadata(r *request) {
	end, ok := w.confirm.registered(r, committee.Attestation{Blob: r.id})
	if !ok {
		return
	}
	if info, err := w.blobs.store.Info(r.id); err != nil {
		w.blobs.fail(r, err)
		return
	} else if !w.withinQuota(r, &info) {
		return
	}
	raw, ok := r.ReadBody(int64(placement.MaxMetadata(w.blobs.params.N)))
	if !ok {
		return
	}
	meta, err := w.blobs.keeper.Parse(r.id, raw)
	switch {
	case errors.Is(err, commit.ErrMalformed):
		r.Fail(http.StatusBadRequest, err.Error())
		return
	case err != nil:
		w.blobs.metrics.rejected.Inc()
		r.Fail(http.StatusUnprocessableEntity, err.Error())
		return
	}
	if w.store(r, meta, raw, nil, nil, nil, end) {
		r.WriteHeader(http.StatusCreated)
	}
}

func (w *writer) putSliver(r *request) {
	end, ok := w.confirm.registered(r, committee.Attestation{Blob: r.id})
	if !ok {
		return
	}
	ref, kept, sizes, ok := w.blobs.sliver(r)
	if !ok {
		return
	}
	if info, err := w.blobs.store.Info(r.id); err != nil {
		w.blobs.fail(r, err)
		return
	} else if !w.withinQuota(r, &info) {
		return
	}
	data, ok := r.ReadBody(int64(sizes[ref.Axis]))
	if !ok {
		return
	}
	raw, err := w.blobs.store.Record(r.id, store.Metadata)
	if err != nil {
		w.blobs.fail(r, err)
		return
	}
	slivers := []rs2d.Sliver{{SliverRef: placement.Ref(ref).Sliver(w.blobs.params.N), Data: data}}
	if !w.verify(r, kept.Metadata(), slivers) {
		return
	}
	u := store.Update{Writer: writerName(r.Party), Slivers: w.stored(slivers, nil)}
	w.blobs.keeper.Retain(&u, raw)
	if w.confirm.apply(r, nil, u, end) {
		r.WriteHeader(http.StatusCreated)
	}
}
