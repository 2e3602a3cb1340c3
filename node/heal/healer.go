package heal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ErrBlind: so few peers listed their blobs that there may be blobs nobody named.
var ErrBlind = errors.New("heal: too few peers listed their blobs")

var errEndless = errors.New("heal: too many blobs without a certificate")

// Config is what a healer works with. All but the last three must be set.
type Config struct {
	Committee *committee.Committee
	Member    int // the node itself
	Signer    *committee.Signer
	Code      *rs2d.Code
	Hasher    *commit.Hasher
	Store     store.Store
	Peers     []*peer.Peer // by member; nil for the node itself

	Interval   time.Duration // between two looks at what others have; never but when asked if negative
	Delay      time.Duration // before what was enqueued is looked at: writes may still be under way
	BatchBytes int64         // recovered at once; holds about as much in memory

	Logger *slog.Logger
}

// maxQueue bounds what waits to be healed. Beyond it the next look at what others
// have finds it.
const maxQueue = 1 << 16

// Healer recovers what one node lacks. Its methods are safe for concurrent use; one
// pass runs at a time.
type Healer struct {
	Config

	pass sync.Mutex // held while healing

	mu     sync.Mutex
	queue  map[commit.BlobID]struct{}
	totals Report

	wake    chan struct{}
	lacking atomic.Int64
	healthy atomic.Bool
}

// New returns a healer. It starts nothing.
func New(c Config) *Healer {
	h := &Healer{Config: c, queue: make(map[commit.BlobID]struct{}), wake: make(chan struct{}, 1)}
	h.healthy.Store(c.Interval < 0)
	return h
}

// Totals returns the sum of all that was healed until now, the pass under way
// included, but for its time.
func (h *Healer) Totals() Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.totals
}

// Lacking returns how many slivers the node is known to lack.
func (h *Healer) Lacking() int64 { return h.lacking.Load() }

// Healthy reports whether the node has all it should have, as far as it knows: the last
// look at what others have found nothing lacking, or all of it was recovered, and
// nothing waits to be. A healer that looks only when asked starts out healthy.
func (h *Healer) Healthy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.healthy.Load() && h.lacking.Load() == 0 && len(h.queue) == 0
}

// Enqueue has a certified blob healed after some time, if the node still lacks
// something of it then.
func (h *Healer) Enqueue(cert *committee.Certificate) { h.enqueue(cert.Blob) }

// Corrupt has a sliver recovered that was read as corrupt, if it still is. Until another
// is stored in its place the node keeps it, but neither serves nor attests it.
func (h *Healer) Corrupt(id commit.BlobID, ref store.Ref) {
	switch err := h.Store.Check(id, ref); {
	case errors.Is(err, store.ErrCorrupt):
		h.enqueue(id)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		h.Logger.Warn("sliver cannot be read at present, and is kept", "blob", id, "sliver", ref, "error", err)
	}
}

// replace has a sliver recovered that is not the blob's, though it reads well.
func (h *Healer) replace(id commit.BlobID, ref store.Ref) {
	if err := h.Store.Quarantine(id, ref); err != nil {
		h.Logger.Error("wrong sliver is still served", "blob", id, "sliver", ref, "error", err)
		return
	}
	h.enqueue(id)
}

func (h *Healer) enqueue(id commit.BlobID) {
	h.mu.Lock()
	if len(h.queue) < maxQueue {
		h.queue[id] = struct{}{}
	}
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
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

// Pauses after a pass that could not finish.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = time.Minute
)

// Run heals until the context ends: everything at the start and at every interval,
// and what is enqueued after the delay.
func (h *Healer) Run(ctx context.Context) {
	if h.Interval < 0 {
		<-ctx.Done()
		return
	}
	retry := firstRetry
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			report, err := h.Sync(ctx)
			if ctx.Err() != nil {
				return
			}
			h.log(report, err)
			if err == nil && report.Failed == 0 {
				retry = firstRetry
				next.Reset(h.Interval)
			} else {
				next.Reset(min(retry, h.Interval))
				retry = min(2*retry, lastRetry)
			}
		case <-h.wake:
			select {
			case <-ctx.Done():
				return
			case <-time.After(h.Delay):
			}
			report := h.Heal(ctx, h.takeQueue())
			if ctx.Err() != nil {
				return
			}
			if report.Failed > 0 {
				h.healthy.Store(false)
				next.Reset(retry)
			}
			h.log(report, nil)
		}
	}
}

// log tells of a pass that did something, or could not.
func (h *Healer) log(r Report, err error) {
	switch {
	case err != nil:
		h.Logger.Warn("healed in part", "report", r.String(), "error", err)
	case r.Failed > 0:
		h.Logger.Warn("healed in part", "report", r.String())
	case r.Slivers > 0:
		h.Logger.Info("healed", "report", r.String())
	}
}

// Heal recovers what the node lacks of the given blobs, as far as they are certified.
func (h *Healer) Heal(ctx context.Context, ids []commit.BlobID) Report {
	h.pass.Lock()
	defer h.pass.Unlock()
	p := h.newPass()
	p.considerAll(ctx, ids)
	p.flush(ctx)
	return p.end()
}

// Sync finds out from all peers and the node's own store which certified blobs there
// are, and recovers what the node lacks of them.
//
// The error is ErrBlind, with what the peers said, if with those who listed all of
// their blobs the owners of fewer than 2f+1 shards took part. For a certified blob is
// stored by n-f shards, so honest owners of at most f shards have not got it; and with
// the node itself, owners of at most f shards are faulty, if they name it or not. Or
// the error is that of the node's store.
func (h *Healer) Sync(ctx context.Context) (Report, error) {
	h.pass.Lock()
	defer h.pass.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := h.newPass()
	p.considerAll(ctx, h.takeQueue())
	weight := 0
	var errs []error
	useless := make([]int, len(h.Peers))
	pages := p.lists(ctx)
	for open := len(h.Peers); open > 0; {
		var l page
		select {
		case <-ctx.Done():
			return p.end(), ctx.Err()
		case l = <-pages:
		}
		useless[l.member] += p.consider(ctx, l.blobs, h.Committee.Weight(l.member))
		if useless[l.member] >= maxDoubts {
			l.stop(errEndless)
		}
		if l.end {
			open--
		}
		switch remote := h.Peers[l.member]; {
		case l.err == nil && l.end:
			weight += h.Committee.Weight(l.member)
		case l.err == nil:
		case remote == nil:
			errs = append(errs, l.err)
		default:
			if errors.Is(l.err, peer.ErrLied) {
				remote.Distrust()
				p.count(func(r *Report) { r.Lies++ })
			}
			h.Logger.Debug("no list of blobs", "peer", remote.Name(), "error", l.err)
			errs = append(errs, fmt.Errorf("%s: %w", remote.Name(), l.err))
		}
	}
	p.flush(ctx)
	report := p.end()
	h.lacking.Store(report.Failed)
	var err error
	if params := h.Committee.Params(); weight < 2*params.F+1 {
		err = errors.Join(append([]error{ErrBlind}, errs...)...)
	}
	h.healthy.Store(err == nil && report.Failed == 0)
	return report, errors.Join(err, ctx.Err())
}

// listOwn lists the node's own blobs as a peer does.
func (h *Healer) listOwn(_ context.Context, after *commit.BlobID, limit int) (list api.BlobList, err error) {
	ids, err := h.Store.Blobs(after, limit)
	for _, id := range ids {
		list.Blobs = append(list.Blobs, api.BlobEntry{Blob: id})
	}
	list.More = len(ids) == limit
	return list, err
}

// place names a stored sliver as placement does.
func place(e store.Entry) placement.Ref { return placement.Ref(e.Ref) }

// Condemn stores the certificate that a blob is inconsistent, and drops its slivers.
func Condemn(s store.Store, id commit.BlobID, cert []byte) error {
	info, err := s.Info(id)
	if err != nil {
		return err
	}
	u := store.Update{Records: map[store.Record][]byte{store.Verdict: cert}}
	for _, e := range append(info.Slivers, info.Quarantined...) {
		u.Drop = append(u.Drop, e.Ref)
	}
	return s.Apply(id, u)
}
