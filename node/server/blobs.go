package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
)

// blobs is what the node has of blobs. n and the form of metadata are the same for ever.
type blobs struct {
	store   Store
	healer  Healer
	params  commit.Params
	keeper  *metadata.Keeper
	cache   *metadataCache
	metrics *metrics
	log     *slog.Logger
	starves func()       // notes that there are no descriptors
	gate    *gate.Gate   // nil if nothing is ever withheld
	full    atomic.Int64 // when the disk refused a write for want of room, Unix time in nanoseconds
}

// kept returns what the node has of a blob's metadata. The error wraps store.ErrNotFound, or
// store.ErrCorrupt if what is stored is not the blob's.
func (b *blobs) kept(id commit.BlobID) (*metadata.Kept, error) {
	if meta, ok := b.cache.get(id); ok {
		return &metadata.Kept{Length: meta.Length, Whole: meta}, nil
	}
	kept, err := b.keeper.Get(id)
	if err == nil && kept.Whole != nil {
		b.cache.put(id, kept.Whole)
	}
	return kept, err
}

// sizes returns the lengths of the slivers of a blob of so many bytes, by axis.
func (b *blobs) sizes(length uint64) (placement.Sizes, error) {
	return placement.SizesOf(b.params, length)
}

// has reports whether the blob has the record; an error counts as that it has not.
func (b *blobs) has(id commit.BlobID, r store.Record) bool {
	info, err := b.store.Info(id)
	return err == nil && info.Has(r)
}

// complete reports whether metadata and all slivers that the node should have of the blob
// are among what is stored.
func complete(v View, id commit.BlobID, info *store.Info) bool {
	if v.Member < 0 {
		return false
	}
	place := func(e store.Entry) placement.Ref { return placement.Ref(e.Ref) }
	return info.Has(store.Metadata) && len(placement.Missing(v.Committee, v.Member, id, info.Slivers, place)) == 0
}

// fail answers for an error of the store.
func (b *blobs) fail(r *request, err error) {
	switch {
	case errors.Is(err, httpd.ErrBusy):
		r.Busy(err.Error())
	case errors.Is(err, gate.ErrWithheld):
		withheld(r)
	case errors.Is(err, store.ErrNotFound):
		r.Fail(http.StatusNotFound, "not here")
	case errors.Is(err, store.ErrCorrupt):
		b.corrupt(err)
		r.Fail(http.StatusNotFound, "damaged, and about to be recovered")
	case errors.Is(err, store.ErrFull):
		b.metrics.failures.Inc()
		b.full.Store(time.Now().UnixNano())
		r.Fail(http.StatusInsufficientStorage, "disk is full")
	case errors.Is(err, store.ErrFailed):
		b.metrics.failures.Inc()
		r.Busy("the store failed")
	case errors.Is(err, store.ErrUnavailable):
		b.metrics.failures.Inc()
		if httpd.NoDescriptors(err) {
			b.starves()
		}
		b.log.Warn("store", "path", r.URL.Path, "error", err)
		r.Busy("cannot be read at present")
	case r.Context().Err() != nil:
		// Nobody waits for an answer.
	default:
		b.metrics.failures.Inc()
		b.log.Error("store", "path", r.URL.Path, "error", err)
		r.Fail(http.StatusInternalServerError, "the store has an error")
	}
}

// corrupt has a sliver recovered that the store says is corrupt. Other errors say nothing
// of the sliver, which stays.
func (b *blobs) corrupt(err error) {
	var sliver *store.CorruptError
	switch {
	case errors.As(err, &sliver):
		b.healer.Corrupt(sliver.Blob, sliver.Ref)
	case !errors.Is(err, store.ErrCorrupt):
		b.log.Warn("store", "error", err)
		return
	}
	b.log.Warn("corrupt", "error", err)
	b.metrics.corrupt.Inc()
}

// sliver reads which sliver the path names. If it is not one that the node may have,
// sliver answers.
func (b *blobs) sliver(r *request) (ref store.Ref, kept *metadata.Kept, sizes placement.Sizes, ok bool) {
	axis, err := api.ParseAxis(r.PathValue("axis"))
	if err == nil {
		ref.Axis = axis
		ref.Pair, err = api.ParseIndex(r.PathValue("pair"), b.params.N)
	}
	if err != nil {
		r.Fail(http.StatusBadRequest, err.Error())
		return ref, nil, sizes, false
	}
	if !r.owns(ref.Pair) {
		r.misdirected(fmt.Sprintf("pair %d is another node's", ref.Pair))
		return ref, nil, sizes, false
	}
	kept, err = b.kept(r.id)
	if errors.Is(err, store.ErrNotFound) && r.Method == http.MethodPut {
		r.Fail(http.StatusConflict, "the metadata comes first")
		return ref, nil, sizes, false
	}
	if err == nil {
		sizes, err = b.sizes(kept.Length)
	}
	if err != nil {
		b.fail(r, err)
		return ref, nil, sizes, false
	}
	return ref, kept, sizes, true
}
