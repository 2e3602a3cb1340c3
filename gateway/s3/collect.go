package s3

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// collector ends the registrations of blobs that nothing uses any more. What a request needs
// until it has said so in the index, or has read it, it holds: that is not ended.
//
// A blob that is stored while its registration is being ended may be found certified, and be
// gone a moment later. So a put learns what was being ended while it went on, and is done
// again if it is one of those.
type collector struct {
	index *index
	free  func(ctx context.Context, id commit.BlobID, object daemon.ObjectID) error
	log   *slog.Logger
	wake  chan struct{} // has one element if there is something to do
	// registered returns the registrations of a blob that the gateway could end; nil without a ledger.
	registered func(ctx context.Context, id commit.BlobID) ([]daemon.ObjectID, error)
	sweep      func(context.Context) error // removes notes of no use; nil without a ledger

	mu     sync.Mutex
	holds  map[commit.BlobID]int
	ending map[commit.BlobID]chan struct{} // closed at its end
	puts   map[*putting]bool               // that go on
	busy   map[string]bool                 // intents and notes that go on, by their keys
}

// putting is a put that goes on.
type putting struct{ gone map[commit.BlobID]bool } // whose registrations are, or were, being ended meanwhile

func newCollector(x *index, free func(context.Context, commit.BlobID, daemon.ObjectID) error, log *slog.Logger) *collector {
	return &collector{
		index: x, free: free, log: log, wake: make(chan struct{}, 1),
		holds: make(map[commit.BlobID]int), ending: make(map[commit.BlobID]chan struct{}), puts: make(map[*putting]bool), busy: make(map[string]bool),
	}
}

// held are blobs that somebody holds.
type held struct {
	collector *collector
	blobs     []commit.BlobID
}

// hold holds blobs until release is called. Whether they are still of use, see index, is for
// the caller to find out afterwards.
func (c *collector) hold(pieces []piece) *held {
	h := &held{collector: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range pieces {
		c.holds[p.Blob]++
		h.blobs = append(h.blobs, p.Blob)
	}
	return h
}

// add holds a blob, too, which somebody else holds.
func (h *held) add(id commit.BlobID) {
	h.collector.mu.Lock()
	defer h.collector.mu.Unlock()
	h.collector.holds[id]++
	h.blobs = append(h.blobs, id)
}

// release ends the hold, once.
func (h *held) release() {
	c := h.collector
	c.mu.Lock()
	for _, id := range h.blobs {
		if c.holds[id]--; c.holds[id] == 0 {
			delete(c.holds, id)
		}
	}
	h.blobs = nil
	c.mu.Unlock()
	c.hurry()
}

// hurry has the collector look at what there is to do.
func (c *collector) hurry() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// put has a blob stored, and holds it.
func (h *held) put(ctx context.Context, store func() (*daemon.Stored, error)) (*daemon.Stored, error) {
	c := h.collector
	for {
		p := &putting{gone: make(map[commit.BlobID]bool)}
		c.mu.Lock()
		for id := range c.ending {
			p.gone[id] = true
		}
		c.puts[p] = true
		c.mu.Unlock()
		got, err := store()
		c.mu.Lock()
		delete(c.puts, p)
		if err != nil {
			c.mu.Unlock()
			return nil, err
		}
		if !p.gone[got.Blob] {
			c.holds[got.Blob]++
			h.blobs = append(h.blobs, got.Blob)
			c.mu.Unlock()
			return got, nil
		}
		end := c.ending[got.Blob] // nil if it has ended
		c.mu.Unlock()
		if end != nil {
			select {
			case <-end:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

// Pauses before what failed is tried again.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// run looks into doubts until the context ends.
func (c *collector) run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		waits, err := c.resolve(ctx)
		err = errors.Join(err, c.index.doubts(func(id commit.BlobID, keys [][]byte) error {
			return errors.Join(ctx.Err(), c.settle(ctx, id, keys))
		}))
		if c.sweep != nil {
			err = errors.Join(err, c.sweep(ctx))
		}
		var again <-chan time.Time
		var timer *time.Timer
		wake := c.wake
		switch {
		case err != nil && ctx.Err() == nil:
			c.log.Warn("blobs of no use are still there", "error", err, "again in", pause)
			timer = time.NewTimer(pause)
			again, wake = timer.C, nil // no more often
			pause = min(2*pause, lastPause)
		case waits:
			timer = time.NewTimer(lastPause)
			again, pause = timer.C, firstPause
		default:
			pause = firstPause
		}
		select {
		case <-wake:
		case <-again:
		case <-ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// settle looks into the doubts of a blob: if nothing uses it, its registrations are ended.
func (c *collector) settle(ctx context.Context, id commit.BlobID, doubts [][]byte) error {
	end, used, err := c.begin(id)
	if err != nil || end == nil && !used {
		return err
	}
	var done []daemon.ObjectID
	if !used {
		defer func() {
			c.mu.Lock()
			delete(c.ending, id)
			c.mu.Unlock()
			close(end)
		}()
		if done, err = c.index.registrations(id); err != nil {
			return err
		}
		for _, object := range done {
			if err := c.free(ctx, id, object); err != nil {
				return err
			}
		}
	}
	return c.index.apply(func(change change) error {
		for _, object := range done {
			if err := change.remove(blobKey(kindRegistration, id, object[:]...)); err != nil {
				return err
			}
		}
		for _, key := range doubts {
			if err := change.remove(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// begin reports whether a blob is used, or else lets nobody rely on it until end is closed;
// end is nil if it is held, and so not for now.
func (c *collector) begin(id commit.BlobID) (end chan struct{}, used bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holds[id] > 0 {
		return nil, false, nil
	}
	if used, err = c.index.used(id); used || err != nil {
		return nil, used, err
	}
	end = make(chan struct{})
	c.ending[id] = end
	for p := range c.puts {
		p.gone[id] = true
	}
	return end, false, nil
}
