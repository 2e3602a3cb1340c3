package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/discover"
	"github.com/redstuff-go/redstuff/node/heal"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// maxQueue bounds what waits to be healed. Beyond it the next look at what others
// have finds it.
const maxQueue = 1 << 16

// Healer has what a node lacks found out and recovered. Its methods are safe for
// concurrent use. What was enqueued does not wait for a look at what others have: the two
// take turns from one batch of blobs to the next.
type Healer struct {
	view      func() *peer.View // called once for each round
	store     store.Store
	finder    *discover.Finder
	recoverer *heal.Recoverer
	marked    func(commit.BlobID) // is told of blobs that are marked as inconsistent
	interval  time.Duration       // between two looks at what others have; never but when asked if negative
	delay     time.Duration       // before what was enqueued is looked at: writes may still be under way
	hold      func() bool         // reports that what is lacking is about to come otherwise; nil is never
	log       *slog.Logger

	syncing sync.Mutex

	mu      sync.Mutex
	queue   map[commit.BlobID]struct{}
	looks   int  // that were asked for
	healthy bool // the last look found nothing lacking, or all of it was recovered

	wake, again chan struct{} // something was enqueued; some of it failed
	failed      atomic.Int64  // slivers that the last look at what others have left lacking
}

// newHealer returns a healer. It starts nothing. The recovery's Replace is the healer's.
func newHealer(c Config, view func() *peer.View, recovery heal.Config) (*Healer, error) {
	h := &Healer{
		view: view, store: recovery.Store, marked: recovery.Marked, interval: c.HealInterval, delay: c.HealDelay, log: recovery.Logger,
		queue: make(map[commit.BlobID]struct{}), wake: make(chan struct{}, 1), again: make(chan struct{}, 1),
	}
	recovery.Replace = h.Replace
	var err error
	if h.recoverer, err = heal.New(recovery); err != nil {
		return nil, err
	}
	if h.finder, err = discover.New(discover.Config{Store: recovery.Store, Ledger: c.Follower != nil, Logger: recovery.Logger, WriteTime: writeTime(c)}); err != nil {
		return nil, err
	}
	h.healthy = c.HealInterval < 0
	return h, nil
}

// Totals returns the sum of all that was healed until now, what is under way included,
// but for its time.
func (h *Healer) Totals() heal.Report { return h.recoverer.Totals() }

// Lacking returns how many slivers the node is known to lack.
func (h *Healer) Lacking() int64 { return h.recoverer.Lacking() + h.failed.Load() }

// NoRoom returns how many bytes of slivers are not recovered because the disk has no
// room for them.
func (h *Healer) NoRoom() int64 { return h.recoverer.NoRoom() }

// Healthy reports whether the node has all it should have, as far as it knows: the last
// look at what others have found nothing lacking, or all of it was recovered, and
// nothing waits to be. A healer that looks only when asked starts out healthy.
func (h *Healer) Healthy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.healthy && h.Lacking() == 0 && len(h.queue) == 0
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

// Look has the healer look for all that the node lacks. It returns at once. Until that look
// has ended, the node is not healthy.
func (h *Healer) Look() {
	h.mu.Lock()
	h.looks++
	h.healthy = false
	h.mu.Unlock()
	signal(h.again)
}

// looked notes what a look has found. One that was asked for since it began may find more.
func (h *Healer) looked(looks int, healthy bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.looks == looks {
		h.healthy = healthy
	}
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
	switch err := h.store.Check(id, ref); {
	case errors.Is(err, store.ErrCorrupt):
		h.Enqueue(id)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		h.log.Warn("sliver cannot be read at present, and is kept", "blob", id, "sliver", ref, "error", err)
	}
}

// Replace has a sliver recovered that is not the blob's, though it reads well.
func (h *Healer) Replace(id commit.BlobID, ref store.Ref) {
	if err := h.store.Quarantine(id, ref); err != nil {
		h.log.Error("wrong sliver is still served", "blob", id, "sliver", ref, "error", err)
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

// lost returns what was found in the words of the recovery.
func lost(found []discover.Found) []heal.Lost {
	list := make([]heal.Lost, len(found))
	for i, f := range found {
		list[i] = heal.Lost(f)
	}
	return list
}

// expect notes what the node was found to lack. What the last round left lacking is
// found again, and counts once.
func (h *Healer) expect(r *heal.Round, list []heal.Lost) {
	r.Expect(list)
	slivers := int64(0)
	for _, l := range list {
		slivers += int64(l.Lacking)
	}
	for {
		before := h.failed.Load()
		if h.failed.CompareAndSwap(before, max(0, before-slivers)) {
			return
		}
	}
}

// note counts what was learnt while blobs were looked for, and has the proofs fetched
// that blobs are inconsistent.
func (h *Healer) note(ctx context.Context, r *heal.Round, seen discover.Seen) {
	r.Count(func(report *heal.Report) {
		report.Lies += seen.Lies
		report.Failed += seen.Failed
		report.Inconsistent += int64(len(seen.Invalid))
	})
	for _, id := range seen.Invalid {
		h.marked(id)
		if err := r.FetchProof(ctx, id); err != nil {
			h.log.Debug("no proof that a blob is inconsistent", "blob", id, "error", err)
		}
	}
}

// Invalidate returns a certificate of the current epoch that a blob is inconsistent. The
// error says what members answered who do not attest it.
func (h *Healer) Invalidate(ctx context.Context, id commit.BlobID) ([]byte, error) {
	view := h.view()
	if view.Member < 0 {
		return nil, ErrNotMember
	}
	r := h.recoverer.Begin(view)
	defer r.End()
	return r.Invalidate(ctx, id)
}

// Heal recovers what the node lacks of the given blobs, as far as they are certified.
func (h *Healer) Heal(ctx context.Context, ids []commit.BlobID) heal.Report {
	view := h.view()
	r := h.recoverer.Begin(view)
	if view.Member < 0 {
		return r.End()
	}
	found, seen := h.finder.Examine(ctx, view, ids)
	h.note(ctx, r, seen)
	list := lost(found)
	h.expect(r, list)
	all := make(chan []heal.Lost, 1)
	all <- list
	close(all)
	r.Recover(ctx, all)
	return r.End()
}

// foundAhead is how many pieces of lists are looked at ahead of recovery.
const foundAhead = 16

// Sync finds out from all peers and the node's own store which certified blobs there
// are, and recovers what the node lacks of them while it does. The error is that of
// [discover.Finder.Round].
func (h *Healer) Sync(ctx context.Context) (heal.Report, error) {
	h.syncing.Lock()
	defer h.syncing.Unlock()
	h.mu.Lock()
	looks := h.looks
	h.mu.Unlock()
	view := h.view()
	r := h.recoverer.Begin(view)
	if view.Member < 0 { // a node of no committee has nothing to lack
		h.looked(looks, true)
		return r.End(), nil
	}
	all := make(chan []heal.Lost, foundAhead)
	emit := func(found []discover.Found) {
		list := lost(found)
		h.expect(r, list)
		select {
		case all <- list:
		case <-ctx.Done():
		}
	}
	var recovery, queued sync.WaitGroup
	recovery.Go(func() { r.Recover(ctx, all) })
	queued.Go(func() {
		found, seen := h.finder.Examine(ctx, view, h.takeQueue())
		h.note(ctx, r, seen)
		if len(found) > 0 {
			emit(found)
		}
	})
	seen, err := h.finder.Round(ctx, view, emit)
	h.note(ctx, r, seen)
	queued.Wait()
	close(all)
	recovery.Wait()
	report := r.End()
	h.failed.Store(report.Failed)
	h.looked(looks, err == nil && report.Failed == 0)
	h.recoverer.NoteRoom(report)
	return report, err
}

// Pauses after a round that could not finish.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = time.Minute
)

// holdPause is the time between two questions whether what is lacking comes otherwise.
const holdPause = 200 * time.Millisecond

// lookForRoom is how often a healer that waits for room on its disk looks for it.
const lookForRoom = 5 * time.Second

// run heals until the context ends: everything at the start and at every interval, and
// what is enqueued after the delay.
func (h *Healer) run(ctx context.Context) {
	if h.interval < 0 {
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
			if h.recoverer.RoomIsBack() {
				next.Reset(0)
			}
		case <-next.C:
			if h.hold != nil && h.hold() {
				next.Reset(holdPause)
				continue
			}
			report, err := h.Sync(ctx)
			if ctx.Err() != nil {
				return
			}
			h.tell(report, err)
			wait := h.interval
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
		case <-time.After(h.delay):
		}
		report := h.Heal(ctx, h.takeQueue())
		if ctx.Err() != nil {
			return
		}
		if report.Failed > 0 {
			h.Look()
		}
		h.tell(report, nil)
	}
}

// tell logs a round that did something, or could not.
func (h *Healer) tell(r heal.Report, err error) {
	switch {
	case err != nil:
		h.log.Warn("healed in part", "report", r.String(), "error", err)
	case r.Failed > r.Postponed:
		h.log.Warn("healed in part", "report", r.String())
	case r.Slivers > 0:
		h.log.Info("healed", "report", r.String())
	}
}
