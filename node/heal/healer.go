package heal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/discover"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Config is what a healer works with. All but the last four must be set.
type Config struct {
	View   func() *peer.View // as the node sees it at present; called once for each round
	Peers  *peer.Set         // of the view
	Signer *committee.Signer
	Code   *rs2d.Code
	Hasher *commit.Hasher
	Store  store.Store

	Interval   time.Duration // between two looks at what others have; never but when asked if negative
	Delay      time.Duration // before what was enqueued is looked at: writes may still be under way
	BatchBytes int64         // recovered at once; holds about as much in memory

	Logger *slog.Logger
}

// maxQueue bounds what waits to be healed. Beyond it the next look at what others
// have finds it.
const maxQueue = 1 << 16

// Healer recovers what one node lacks. Its methods are safe for concurrent use. What
// was enqueued does not wait for a look at what others have: the two take turns from
// one batch of blobs to the next.
type Healer struct {
	config Config
	finder *discover.Finder
	turn   chan struct{} // held while a batch is recovered
	turns  chan struct{} // one for each sliver that is computed
	space  space

	syncing sync.Mutex

	mu     sync.Mutex
	queue  map[commit.BlobID]struct{}
	totals Report

	wake, again chan struct{} // something was enqueued; some of it failed
	lacking     atomic.Int64  // slivers found lacking, and not recovered yet
	failed      atomic.Int64  // slivers that the last look at what others have left lacking
	healthy     atomic.Bool
}

// New returns a healer. It starts nothing.
func New(c Config) *Healer {
	h := &Healer{
		config: c, queue: make(map[commit.BlobID]struct{}), turn: make(chan struct{}, 1), turns: make(chan struct{}, solvers),
		wake: make(chan struct{}, 1), again: make(chan struct{}, 1),
	}
	h.space = space{store: c.Store, log: c.Logger}
	h.finder = discover.New(discover.Config{Store: c.Store, Logger: c.Logger})
	h.healthy.Store(c.Interval < 0)
	return h
}

// Totals returns the sum of all that was healed until now, what is under way included,
// but for its time.
func (h *Healer) Totals() Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.totals
}

// Lacking returns how many slivers the node is known to lack.
func (h *Healer) Lacking() int64 { return h.lacking.Load() + h.failed.Load() }

// NoRoom returns how many bytes of slivers are not recovered because the disk has no
// room for them.
func (h *Healer) NoRoom() int64 { return h.space.lacking() }

// Healthy reports whether the node has all it should have, as far as it knows: the last
// look at what others have found nothing lacking, or all of it was recovered, and
// nothing waits to be. A healer that looks only when asked starts out healthy.
func (h *Healer) Healthy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.healthy.Load() && h.Lacking() == 0 && len(h.queue) == 0
}

// Enqueue has a blob healed after some time, if it is certified and the node still lacks
// something of it then.
func (h *Healer) Enqueue(id commit.BlobID) {
	h.mu.Lock()
	if len(h.queue) < maxQueue {
		h.queue[id] = struct{}{}
	}
	h.mu.Unlock()
	signal(h.wake)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Corrupt has a sliver recovered that was read as corrupt, if it still is. Until another
// is stored in its place the node keeps it, but neither serves nor attests it.
func (h *Healer) Corrupt(id commit.BlobID, ref store.Ref) {
	switch err := h.config.Store.Check(id, ref); {
	case errors.Is(err, store.ErrCorrupt):
		h.Enqueue(id)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		h.config.Logger.Warn("sliver cannot be read at present, and is kept", "blob", id, "sliver", ref, "error", err)
	}
}

// Replace has a sliver recovered that is not the blob's, though it reads well.
func (h *Healer) Replace(id commit.BlobID, ref store.Ref) {
	if err := h.config.Store.Quarantine(id, ref); err != nil {
		h.config.Logger.Error("wrong sliver is still served", "blob", id, "sliver", ref, "error", err)
		return
	}
	h.Enqueue(id)
}

// takeQueue empties the queue.
func (h *Healer) takeQueue() []commit.BlobID {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]commit.BlobID, 0, len(h.queue))
	for id := range h.queue {
		ids = append(ids, id)
	}
	clear(h.queue)
	return ids
}

// Heal recovers what the node lacks of the given blobs, as far as they are certified.
func (h *Healer) Heal(ctx context.Context, ids []commit.BlobID) Report {
	r := h.begin()
	if r.view.Member < 0 {
		return r.end()
	}
	found, seen := h.finder.Examine(ctx, r.view, ids)
	r.note(ctx, seen)
	r.expect(found)
	for len(found) > 0 && ctx.Err() == nil {
		found = found[r.recoverSome(ctx, found):]
	}
	return r.end()
}

// foundAhead is how many pieces of lists are looked at ahead of recovery.
const foundAhead = 16

// Sync finds out from all peers and the node's own store which certified blobs there
// are, and recovers what the node lacks of them while it does. The error is that of
// [discover.Finder.Round].
func (h *Healer) Sync(ctx context.Context) (Report, error) {
	h.syncing.Lock()
	defer h.syncing.Unlock()
	r := h.begin()
	if r.view.Member < 0 { // a node of no committee has nothing to lack
		h.healthy.Store(true)
		return r.end(), nil
	}
	found := make(chan []discover.Found, foundAhead)
	emit := func(f []discover.Found) {
		r.expect(f)
		select {
		case found <- f:
		case <-ctx.Done():
		}
	}
	var recovery, queued sync.WaitGroup
	recovery.Go(func() { r.recoverAll(ctx, found) })
	queued.Go(func() {
		f, seen := h.finder.Examine(ctx, r.view, h.takeQueue())
		r.note(ctx, seen)
		if len(f) > 0 {
			emit(f)
		}
	})
	seen, err := h.finder.Round(ctx, r.view, emit)
	r.note(ctx, seen)
	queued.Wait()
	close(found)
	recovery.Wait()
	report := r.end()
	h.failed.Store(report.Failed)
	h.healthy.Store(err == nil && report.Failed == 0)
	h.space.note(report)
	return report, err
}

// Pauses after a round that could not finish.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = time.Minute
)

// lookForRoom is how often a healer that waits for room on its disk looks for it.
const lookForRoom = 5 * time.Second

// Run heals until the context ends: everything at the start and at every interval,
// and what is enqueued after the delay.
func (h *Healer) Run(ctx context.Context) {
	if h.config.Interval < 0 {
		<-ctx.Done()
		return
	}
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { h.serveQueue(ctx) })
	retry := firstRetry
	next := time.NewTimer(0)
	defer next.Stop()
	look := time.NewTicker(lookForRoom)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.again:
			next.Reset(retry)
		case <-look.C:
			if h.space.back() {
				next.Reset(0)
			}
		case <-next.C:
			report, err := h.Sync(ctx)
			if ctx.Err() != nil {
				return
			}
			h.log(report, err)
			wait := h.config.Interval
			switch {
			case err == nil && report.Failed == 0:
				retry = firstRetry
			case report.Failed > 0 && report.Failed == report.Postponed && err == nil:
				// Only room is lacking, and that is looked for elsewhere.
				wait, retry = max(wait, retry), min(2*retry, time.Hour)
			default:
				wait, retry = min(retry, wait), min(2*retry, lastRetry)
			}
			next.Reset(wait)
		}
	}
}

// serveQueue heals what is enqueued.
func (h *Healer) serveQueue(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(h.config.Delay):
		}
		report := h.Heal(ctx, h.takeQueue())
		if ctx.Err() != nil {
			return
		}
		if report.Failed > 0 {
			h.healthy.Store(false)
			signal(h.again)
		}
		h.log(report, nil)
	}
}

// log tells of a round that did something, or could not.
func (h *Healer) log(r Report, err error) {
	switch {
	case err != nil:
		h.config.Logger.Warn("healed in part", "report", r.String(), "error", err)
	case r.Failed > r.Postponed:
		h.config.Logger.Warn("healed in part", "report", r.String())
	case r.Slivers > 0:
		h.config.Logger.Info("healed", "report", r.String())
	}
}
