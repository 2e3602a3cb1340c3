// Package collect removes blobs that nobody needs any more from a node's disk, at a
// bounded rate.
package collect

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/store"
)

// Store is what a collector needs of a store, see store.Store.
type Store interface {
	Expired(epoch uint32, limit int) ([]commit.BlobID, error)
	Delete(id commit.BlobID, when func(store.Info) bool) (bool, error)
	Compact(ctx context.Context) error
}

// Config is what a collector works with. Store and Epoch must be set; all else has
// defaults, for which the zero value stands.
type Config struct {
	Store   Store
	Epoch   func() uint32       // which may need blobs that end later
	Removed func(commit.BlobID) // is told of each blob that is gone
	Rate    int                 // blobs a second, at most; default 200
	Compact time.Duration       // between two times that the database gives bytes back; default 1 h
	Logger  *slog.Logger        // default drops all
}

// Collector removes blobs of which the store says that they have ended. Its methods are
// safe for concurrent use.
type Collector struct {
	config  Config
	wake    chan struct{}
	removed atomic.Int64
}

// New returns a collector. It starts nothing. The error names a field of the
// configuration.
func New(c Config) (*Collector, error) {
	if c.Store == nil || c.Epoch == nil {
		return nil, errors.New("collect: Config.Store and Config.Epoch must be set")
	}
	if c.Rate == 0 {
		c.Rate = 200
	}
	if c.Compact == 0 {
		c.Compact = time.Hour
	}
	if c.Rate < 0 || c.Compact < 0 {
		return nil, errors.New("collect: Config.Rate and Config.Compact must be more than zero")
	}
	if c.Removed == nil {
		c.Removed = func(commit.BlobID) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Collector{config: c, wake: make(chan struct{}, 1)}, nil
}

// Removed returns how many blobs were removed.
func (c *Collector) Removed() int64 { return c.removed.Load() }

// Wake has the collector look for what has ended. It returns at once.
func (c *Collector) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Times of a collector.
const (
	lookEvery = time.Minute // also when nobody says that something has ended
	retry     = 5 * time.Second
)

// Run removes what has ended, until the context ends.
func (c *Collector) Run(ctx context.Context) {
	var compacted time.Time
	dirty := false
	for ctx.Err() == nil {
		removed, err := c.Collect(ctx)
		if ctx.Err() != nil {
			return
		}
		dirty = dirty || removed > 0
		wait := lookEvery
		if err != nil {
			wait = retry
			c.config.Logger.Error("removing what has ended", "error", err)
		}
		if removed > 0 {
			c.config.Logger.Info("removed blobs that have ended", "blobs", removed, "epoch", c.config.Epoch())
		}
		if due := time.Until(compacted.Add(c.config.Compact)); dirty && err == nil && due <= 0 {
			if err := c.config.Store.Compact(ctx); err != nil && ctx.Err() == nil {
				c.config.Logger.Warn("the database keeps bytes of what was removed for now", "error", err)
			}
			compacted, dirty = time.Now(), false
		} else if dirty {
			wait = min(wait, max(due, time.Millisecond))
		}
		timer := time.NewTimer(wait)
		select {
		case <-c.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// batch is how many blobs are looked up at once.
const batch = 256

// Collect removes what has ended by now, at the configured rate, and returns how many
// blobs that were. The error is the store's, or the context's.
func (c *Collector) Collect(ctx context.Context) (removed int, err error) {
	each := time.Second / time.Duration(c.config.Rate)
	next := time.Now()
	for {
		epoch := c.config.Epoch()
		ids, err := c.config.Store.Expired(epoch, batch)
		if err != nil || len(ids) == 0 {
			return removed, err
		}
		gone := 0
		for _, id := range ids {
			if err := pause.For(ctx, time.Until(next)); err != nil {
				return removed, err
			}
			next = later(next.Add(each), time.Now().Add(-time.Second)) // what was not used is not saved up
			ok, err := c.config.Store.Delete(id, func(i store.Info) bool { return !i.Needed(uint64(epoch)) })
			if err != nil {
				return removed, err
			}
			if ok {
				gone++
				c.removed.Add(1)
				c.config.Removed(id)
			}
		}
		if removed += gone; gone == 0 { // all were given more time since they were listed
			return removed, nil
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
