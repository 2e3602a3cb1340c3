package heal

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/discover"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// round is healing from one call for it to its report.
type round struct {
	*Healer
	view    *peer.View
	started time.Time
	halved  int          // the bounds of a batch are halved so many times
	open    atomic.Int64 // slivers found lacking in this round, and not recovered yet
	probes  sync.WaitGroup

	report Report // under the healer's mutex, as its totals are
}

// firstHalved makes the first batch of a round small, so that the first slivers are back
// soon. Each batch is twice the one before, up to the bounds.
const firstHalved = 5

func (h *Healer) begin() *round {
	return &round{Healer: h, view: h.config.View(), started: time.Now(), halved: firstHalved}
}

// end returns the report.
func (r *round) end() Report {
	r.probes.Wait()
	r.lack(-r.open.Load()) // what was found but not looked at
	took := time.Since(r.started)
	r.count(func(report *Report) { report.Elapsed += took })
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.report
}

// count changes the report and the healer's totals: it calls f with each.
func (r *round) count(f func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.report)
	f(&r.totals)
}

// lack notes that the node lacks so many slivers more.
func (r *round) lack(slivers int64) {
	r.open.Add(slivers)
	r.lacking.Add(slivers)
}

// expect notes what the node was found to lack. What the last round left lacking is
// found again, and counts once.
func (r *round) expect(found []discover.Found) {
	slivers := int64(0)
	for _, f := range found {
		slivers += int64(f.Lacking)
	}
	r.lack(slivers)
	for {
		before := r.failed.Load()
		if r.failed.CompareAndSwap(before, max(0, before-slivers)) {
			return
		}
	}
}

// note counts what was learnt while blobs were looked for, and fetches the proofs that
// blobs are inconsistent: others may ask for them.
func (r *round) note(ctx context.Context, seen discover.Seen) {
	r.count(func(report *Report) {
		report.Lies += seen.Lies
		report.Failed += seen.Failed
		report.Inconsistent += int64(len(seen.Invalid))
	})
	for _, id := range seen.Invalid {
		if err := r.fetchProof(ctx, id); err != nil {
			r.config.Logger.Debug("no proof that a blob is inconsistent", "blob", id, "error", err)
		}
	}
}

func (r *round) fetchProof(ctx context.Context, id commit.BlobID) error {
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	c := &r.config
	meta, err := r.fetchMetadata(ctx, id)
	if err != nil {
		return err
	}
	proof, err := invalid.FetchProof(ctx, c.Peers, r.view, c.Code, id, meta)
	if err != nil {
		return err
	}
	data, err := meta.MarshalBinary()
	if err != nil {
		return err
	}
	return c.Store.Apply(id, store.Update{Records: map[store.Record][]byte{store.Metadata: data, store.Proof: proof}})
}

// proofTime is how long to look for a proof that nobody needs to heal.
const proofTime = 10 * time.Second

// recoverAll recovers what is found, in batches, until there is no more.
func (r *round) recoverAll(ctx context.Context, found <-chan []discover.Found) {
	var waiting []discover.Found
	for open := true; ctx.Err() == nil; {
		if len(waiting) == 0 {
			f, ok := <-found
			if !ok {
				return
			}
			waiting = f
			continue
		}
		for more := open; more && len(waiting) < maxBatch; {
			select {
			case f, ok := <-found:
				waiting = append(waiting, f...)
				open, more = ok, ok
			default:
				more = false
			}
		}
		waiting = waiting[r.recoverSome(ctx, waiting):]
	}
}

// recoverSome recovers as many of the blobs as make a batch, the first ones, and returns
// how many these are.
func (r *round) recoverSome(ctx context.Context, found []discover.Found) (taken int) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return len(found)
	}
	// Without metadata nobody knows how much it will be: such blobs come in small
	// batches until it is fetched.
	b := &batch{round: r, bytes: r.config.BatchBytes >> r.halved}
	most, bytes := maxBatch>>r.halved, int64(0)
	for _, f := range found {
		if len(b.blobs) == most || bytes >= b.bytes {
			break
		}
		taken++
		if one := b.prepare(f); one != nil {
			b.blobs = append(b.blobs, one)
			bytes += b.restores(one)
		}
	}
	b.fetchMetadata(ctx)
	b.run(ctx)
	r.halved = max(0, r.halved-1)
	return taken
}
