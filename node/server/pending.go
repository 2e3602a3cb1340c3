package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
)

// Blobs that nobody certified are pending: a write is under way, or was given up. They
// take room on the disk, so each writer may have so many bytes of them, and they go after
// some time.

// defaultQuota is the part of what is free on the disk that one writer's pending blobs may
// take. They can so never fill it.
const defaultQuota = 8

// writerName names a party in the store.
func writerName(p httpd.Party) string { return p.Class.String() + " " + p.Name }

// withinQuota reports whether the request's writer may have as many bytes more of pending
// blobs as the body has. If not, it answers.
func (w *writer) withinQuota(r *request, info *store.Info) bool {
	if w.confirm.registry != nil || info.Certified() { // what is registered is paid for
		return true
	}
	quota := w.quota
	if quota == 0 {
		free, ok := w.blobs.store.Free()
		if !ok {
			return true
		}
		quota = int64(min(free/defaultQuota, 1<<62))
	}
	name := writerName(r.Party)
	usage, err := w.blobs.store.Usage(name)
	if err != nil {
		w.blobs.fail(r, err)
		return false
	}
	if r.ContentLength <= quota-usage.Pending {
		return true
	}
	w.blobs.metrics.overQuota.Inc()
	r.Fail(http.StatusInsufficientStorage, fmt.Sprintf(
		"%s has %d bytes of blobs without a certificate here, and may have %d: certify them, or wait until they are removed, %v after they came",
		name, usage.Pending, quota, w.age))
	return false
}

// cleanBatch is how many blobs CleanPending looks up at once.
const cleanBatch = 256

// CleanPending removes blobs that came so long ago that nobody will certify them any more,
// and returns how many. Whoever calls it knows that the certificates of other nodes have
// come. It ends with the context.
func (s *Server) CleanPending(ctx context.Context) (removed int, err error) {
	before := time.Now().Add(-s.config.PendingAge)
	for ctx.Err() == nil {
		ids, err := s.config.Store.Pending(before, cleanBatch)
		if err != nil || len(ids) == 0 {
			return removed, err
		}
		gone := 0
		for _, id := range ids {
			ok, err := s.config.Store.Delete(id, func(info store.Info) bool {
				return !info.Certified() && !info.Has(store.InvalidBlobCertificate) && info.Inserted.Before(before)
			})
			if err != nil {
				return removed, err
			}
			if ok {
				gone++
				s.blobs.cache.remove(id)
				s.blobs.metrics.removed.Inc()
			}
		}
		if removed += gone; gone == 0 { // all have changed since they were listed
			return removed, nil
		}
	}
	return removed, context.Cause(ctx)
}
