package heal

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// work is a blob of which the node lacks something.
type work struct {
	id      commit.BlobID
	records map[store.Record][]byte // to store
	meta    *commit.Metadata
	size    int // of a symbol
	missing [2][]*target

	failed   bool
	restored bool // something was
	lack     int  // slivers that are not stored
}

// target is a sliver to recover.
type target struct {
	ref  rs2d.SliverRef
	pair int
	data []byte // nil until it is recovered
}

// maxBatch bounds the blobs of a batch.
const maxBatch = 256

// firstRamp makes the first batch of a pass small, so that the first slivers are back
// soon. Each batch is twice the one before, up to the bounds.
const firstRamp = 5

// add takes a blob into the batch.
func (p *pass) add(ctx context.Context, w *work) {
	p.seen[w.id] = true
	p.lacking.Add(int64(w.lack))
	p.batch = append(p.batch, w)
	if w.meta != nil {
		p.bytes += p.restores(w)
	}
	// Without metadata nobody knows how much it will be: such blobs come in small
	// batches until it is fetched.
	if p.bytes >= p.BatchBytes>>p.ramp || len(p.batch) >= maxBatch>>p.ramp {
		p.flush(ctx)
	}
}

// restores returns the bytes of slivers the work will restore, and notes the size of
// its symbols.
func (p *pass) restores(w *work) int64 {
	params := p.Committee.Params()
	size, err := params.SymbolSize(w.meta.Length)
	if err != nil {
		return 0 // metadata of such a length is not valid
	}
	w.size = size
	return int64(size) * int64(len(w.missing[rs2d.Primary])*params.S+len(w.missing[rs2d.Secondary])*params.P)
}

// fetchMetadata gets a blob's metadata from the first peer that has it.
func (p *pass) fetchMetadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if meta, err := p.ownMetadata(id); err == nil {
		return meta, nil
	}
	return peer.First(ctx, p.shuffled(), hedgeAfter, func(ctx context.Context, remote *peer.Peer) (*commit.Metadata, error) {
		meta, err := remote.Metadata(ctx, id, p.Hasher)
		if err != nil {
			p.Logger.Debug("no metadata", "peer", remote.Name(), "blob", id, "error", err)
		}
		p.count(func(r *Report) {
			if err == nil {
				r.MetadataBytes += int64(commit.HashSize + placement.MaxMetadata(meta.Shards()))
			} else if errors.Is(err, peer.ErrLied) {
				r.Lies++
			}
		})
		return meta, err
	})
}

// hedgeAfter is how long one peer is waited for before another is asked too.
const hedgeAfter = 300 * time.Millisecond

// metadataFetchers is how many blobs' metadata is fetched at once.
const metadataFetchers = 8

// flush recovers the batch.
func (p *pass) flush(ctx context.Context) {
	batch := p.batch
	p.batch, p.bytes = nil, 0
	var group sync.WaitGroup
	turns := make(chan struct{}, metadataFetchers)
	for _, w := range batch {
		if w.meta != nil {
			continue
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			meta, err := p.fetchMetadata(ctx, w.id)
			if err != nil {
				p.Logger.Debug("no metadata", "blob", w.id, "error", err)
				w.failed = true
				return
			}
			raw, err := meta.MarshalBinary()
			if err != nil {
				w.failed = true
				return
			}
			w.meta, w.records[store.Metadata] = meta, raw
			p.restores(w)
		})
	}
	group.Wait()

	// Large blobs of the batch go one after another, small ones together.
	var part []*work
	bytes := int64(0)
	for _, w := range batch {
		if w.failed {
			p.finish(w)
			continue
		}
		part = append(part, w)
		if bytes += p.restores(w); bytes >= p.BatchBytes>>p.ramp {
			p.recover(ctx, part)
			part, bytes = nil, 0
		}
	}
	p.recover(ctx, part)
	p.ramp = max(0, p.ramp-1)
}

// recover recovers all that is missing of some blobs.
func (p *pass) recover(ctx context.Context, works []*work) {
	if len(works) == 0 {
		return
	}
	for _, axis := range []rs2d.Axis{rs2d.Secondary, rs2d.Primary} {
		p.recoverAxis(ctx, works, axis)
	}
	for _, w := range works {
		p.finish(w)
	}
}

// keep stores slivers of one axis as soon as they are recovered, the first ones with
// the records that the node lacked. Nothing but what is stored counts as restored.
func (p *pass) keep(w *work, axis rs2d.Axis, recovered []*target) {
	if len(recovered) == 0 || p.inconsistent(w) {
		return
	}
	u := store.Update{Records: w.records}
	restored := int64(0)
	for _, t := range recovered {
		u.Slivers = append(u.Slivers, store.Sliver{Ref: store.Ref{Axis: axis, Pair: t.pair}, Data: t.data})
		restored += int64(len(t.data))
	}
	if err := p.Store.Apply(w.id, u); err != nil {
		p.Logger.Error("store", "blob", w.id, "error", err)
		return
	}
	w.records = nil
	w.lack -= len(recovered)
	p.lacking.Add(-int64(len(recovered)))
	another := !w.restored
	w.restored = true
	params := p.Committee.Params()
	now := time.Now()
	p.count(func(r *Report) {
		if another {
			r.Blobs++
			r.WholeBlob += int64(params.P*params.S) * int64(w.size)
		}
		r.Slivers += int64(len(recovered))
		r.Restored += restored
		if r.First.IsZero() {
			r.First = now
		}
		r.Last = now
	})
}

// inconsistent reports whether the blob turned out to be: there is nothing to have.
func (p *pass) inconsistent(w *work) bool {
	_, err := p.Store.Record(w.id, store.Verdict)
	return err == nil
}

// finish is the end of a blob in this pass. What could not be recovered may be in the
// next one.
func (p *pass) finish(w *work) {
	p.lacking.Add(-int64(w.lack))
	w.missing = [2][]*target{}
	if p.inconsistent(w) {
		return
	}
	failed := w.lack
	if w.meta == nil {
		failed = max(1, failed)
	} else if len(w.records) > 0 {
		if err := p.Store.Apply(w.id, store.Update{Records: w.records}); err != nil {
			p.Logger.Error("store", "blob", w.id, "error", err)
			failed = max(1, failed)
		}
	}
	p.count(func(r *Report) { r.Failed += int64(failed) })
}
