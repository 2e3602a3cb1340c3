// Package inventory counts what a store has: how many blobs, and how many bytes of their
// slivers.
package inventory

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
)

const (
	// page is how many blobs are listed at once.
	page = 256
	// pause is the least time between two counts, and share how many times as long as a
	// count the time until the next one is: counting never takes more than a small part of
	// a processor, however many blobs there are.
	pause = 5 * time.Second
	share = 50
)

// Store is what is counted, see store.Store.
type Store interface {
	Blobs(after *commit.BlobID, limit int) ([]commit.BlobID, error)
	Info(id commit.BlobID) (store.Info, error)
}

// Totals are what a store has.
type Totals struct {
	Blobs     int64 // that have metadata
	Certified int64 // of those
	Slivers   int64 // that are served
	Bytes     int64 // of these
}

// Counter counts again and again what a store has. Its methods are safe for concurrent
// use.
type Counter struct {
	store  Store
	log    *slog.Logger
	totals atomic.Pointer[Totals]
	counts atomic.Int64
}

// New returns a counter that has not counted yet.
func New(s Store, log *slog.Logger) *Counter { return &Counter{store: s, log: log} }

// Totals returns what the last count found; false if none has ended.
func (c *Counter) Totals() (Totals, bool) {
	if t := c.totals.Load(); t != nil {
		return *t, true
	}
	return Totals{}, false
}

// Counts returns how many counts have ended.
func (c *Counter) Counts() int64 { return c.counts.Load() }

// Run counts until the context ends.
func (c *Counter) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		if err := c.Count(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("counting blobs", "error", err)
		}
		timer.Reset(max(pause, share*time.Since(began)))
	}
}

// Count counts once. The error is the store's or the context's; the totals stay those of
// the count before then. Blobs that come and go meanwhile may count or not.
func (c *Counter) Count(ctx context.Context) error {
	var t Totals
	var after *commit.BlobID
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		ids, err := c.store.Blobs(after, page)
		if err != nil {
			return err
		}
		for i := range ids {
			info, err := c.store.Info(ids[i])
			if err != nil {
				return err
			}
			t.add(&info)
		}
		if len(ids) < page {
			break
		}
		after = &ids[len(ids)-1]
	}
	c.totals.Store(&t)
	c.counts.Add(1)
	return nil
}

func (t *Totals) add(info *store.Info) {
	t.Blobs++
	if info.Certified() {
		t.Certified++
	}
	for _, e := range info.Slivers {
		t.Slivers++
		t.Bytes += e.Size
	}
}
