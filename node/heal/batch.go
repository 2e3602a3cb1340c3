package heal

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/discover"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// blob is a blob of which the node lacks something.
type blob struct {
	id      commit.BlobID
	records map[store.Record][]byte // to store
	meta    *commit.Metadata
	size    int // of a symbol
	missing [2][]*target

	failed    bool
	postponed bool  // there is no room for it
	restored  bool  // something was
	lack      int64 // slivers that are not stored
}

// target is a sliver to recover.
type target struct {
	ref  rs2d.SliverRef
	pair int
	data []byte // nil until it is recovered
}

// maxBatch bounds the blobs of a batch.
const maxBatch = 256

// batch recovers as many of the blobs as make a batch, the first ones, and returns how
// many these are.
func (r *round) batch(ctx context.Context, found []discover.Found) (taken int) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return len(found)
	}
	// Without metadata nobody knows how much it will be: such blobs come in small
	// batches until it is fetched.
	most, mostBytes := maxBatch>>r.halved, r.config.BatchBytes>>r.halved
	var batch []*blob
	bytes := int64(0)
	for _, f := range found {
		if len(batch) == most || bytes >= mostBytes {
			break
		}
		taken++
		if b := r.prepare(f); b != nil {
			batch = append(batch, b)
			bytes += r.restores(b)
		}
	}
	r.fetchAll(ctx, batch)
	// Large blobs of the batch go one after another, small ones together.
	room := r.space.left()
	var part []*blob
	bytes = 0
	for _, b := range batch {
		if takes := r.restores(b); !b.failed && takes > room {
			b.failed, b.postponed = true, true
		} else if !b.failed {
			room -= takes
			bytes += takes
		}
		if b.failed {
			r.finish(b)
			continue
		}
		if part = append(part, b); bytes >= mostBytes {
			r.recover(ctx, part)
			part, bytes = nil, 0
		}
	}
	r.recover(ctx, part)
	r.halved = max(0, r.halved-1)
	return taken
}

// prepare finds out what the node lacks of a blob now: another round may have recovered
// it since it was found. It returns nil if there is nothing to recover.
func (r *round) prepare(f discover.Found) *blob {
	c := &r.config
	b := &blob{id: f.Blob, records: make(map[store.Record][]byte), lack: int64(f.Lacking)}
	if f.Certificate != nil {
		b.records[store.Certificate] = f.Certificate
	}
	info, err := c.Store.Info(f.Blob)
	if err != nil {
		c.Logger.Error("store", "blob", f.Blob, "error", err)
		b.failed = true
		r.finish(b)
		return nil
	}
	missing := placement.Missing(c.Committee, c.Member, f.Blob, info.Slivers, func(e store.Entry) placement.Ref { return placement.Ref(e.Ref) })
	if info.Has(store.Verdict) {
		missing = nil
	}
	r.lack(int64(len(missing)) - b.lack)
	b.lack = int64(len(missing))
	b.meta, err = r.ownMetadata(f.Blob)
	if info.Has(store.Verdict) || len(missing) == 0 && err == nil {
		r.finish(b)
		return nil
	}
	n := c.Committee.Params().N
	for _, ref := range missing {
		b.missing[ref.Axis] = append(b.missing[ref.Axis], &target{ref: ref.Sliver(n), pair: ref.Pair})
	}
	return b
}

// restores returns the bytes of slivers that are to be restored, 0 while the metadata is
// not there, and notes the size of symbols.
func (r *round) restores(b *blob) int64 {
	if b.meta == nil {
		return 0
	}
	params := r.config.Committee.Params()
	size, err := params.SymbolSize(b.meta.Length)
	if err != nil {
		return 0 // metadata of such a length is not valid
	}
	b.size = size
	return int64(size) * int64(len(b.missing[rs2d.Primary])*params.S+len(b.missing[rs2d.Secondary])*params.P)
}

// ownMetadata returns the blob's metadata if the node has it, and it is right.
func (r *round) ownMetadata(id commit.BlobID) (*commit.Metadata, error) {
	raw, err := r.config.Store.Record(id, store.Metadata)
	if err != nil {
		return nil, err
	}
	meta, err := commit.ParseMetadata(raw, r.config.Committee.Scheme())
	if err != nil {
		return nil, err
	}
	if got, err := meta.ID(r.config.Hasher); err != nil || got != id || meta.Shards() != r.config.Committee.Params().N {
		return nil, errors.Join(store.ErrCorrupt, err)
	}
	return meta, nil
}

// fetchMetadata gets a blob's metadata from the first peer that has it.
func (r *round) fetchMetadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if meta, err := r.ownMetadata(id); err == nil {
		return meta, nil
	}
	c := &r.config
	length := placement.MaxMetadata(c.Committee.Params().N)
	meta, err := peer.First(ctx, c.Peers, r.peers, length, func(ctx context.Context, p *peer.Peer) (*commit.Metadata, error) {
		return p.Metadata(ctx, id, c.Hasher)
	}, func(p *peer.Peer, err error) error {
		c.Logger.Debug("no metadata", "peer", p.Name(), "blob", id, "error", err)
		if errors.Is(err, peer.ErrLied) {
			r.count(func(report *Report) { report.Lies++ })
		}
		return nil
	})
	if err == nil {
		r.count(func(report *Report) { report.MetadataBytes += int64(commit.HashSize + length) })
	}
	return meta, err
}

// metadataFetchers is how many blobs' metadata is fetched at once.
const metadataFetchers = 8

// fetchAll gets the metadata that the node has not, as far as it could store it.
func (r *round) fetchAll(ctx context.Context, batch []*blob) {
	var group sync.WaitGroup
	turns := make(chan struct{}, metadataFetchers)
	room := r.space.left()
	for _, b := range batch {
		if b.meta != nil {
			continue
		}
		if room -= int64(placement.MaxMetadata(r.config.Committee.Params().N)); room < 0 {
			b.failed, b.postponed = true, true
			continue
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			meta, err := r.fetchMetadata(ctx, b.id)
			var raw []byte
			if err == nil {
				raw, err = meta.MarshalBinary()
			}
			if err != nil {
				r.config.Logger.Debug("no metadata", "blob", b.id, "error", err)
				b.failed = true
				return
			}
			b.meta, b.records[store.Metadata] = meta, raw
		})
	}
	group.Wait()
}

// recover recovers all that is missing of some blobs.
func (r *round) recover(ctx context.Context, blobs []*blob) {
	if len(blobs) == 0 {
		return
	}
	for _, axis := range []rs2d.Axis{rs2d.Secondary, rs2d.Primary} {
		r.recoverAxis(ctx, blobs, axis)
	}
	for _, b := range blobs {
		r.finish(b)
	}
}

// store stores slivers of one axis as soon as they are recovered, the first ones with
// the records that the node lacked. Nothing but what is stored counts as restored.
func (r *round) store(b *blob, axis rs2d.Axis, recovered []*target) {
	c := &r.config
	if len(recovered) == 0 || invalid.Marked(c.Store, b.id) {
		return
	}
	u := store.Update{Records: b.records}
	restored := int64(0)
	for _, t := range recovered {
		u.Slivers = append(u.Slivers, store.Sliver{Ref: store.Ref{Axis: axis, Pair: t.pair}, Data: t.data})
		restored += int64(len(t.data))
	}
	if err := c.Store.Apply(b.id, u); err != nil {
		if b.postponed = errors.Is(err, store.ErrFull); b.postponed {
			r.space.refused(restored)
		} else {
			c.Logger.Error("store", "blob", b.id, "error", err)
		}
		return
	}
	b.records = nil
	b.lack -= int64(len(recovered))
	r.lack(-int64(len(recovered)))
	another := !b.restored
	b.restored = true
	params := c.Committee.Params()
	now := time.Now()
	r.count(func(report *Report) {
		if another {
			report.Blobs++
			report.WholeBlob += int64(params.P*params.S) * int64(b.size)
		}
		report.Slivers += int64(len(recovered))
		report.Restored += restored
		if report.First.IsZero() {
			report.First = now
		}
		report.Last = now
	})
}

// finish is the end of a blob in this round. What could not be recovered may be in the
// next one.
func (r *round) finish(b *blob) {
	r.lack(-b.lack)
	noRoom := int64(0)
	if b.postponed {
		noRoom = r.restores(b)
		if b.meta == nil {
			noRoom = int64(placement.MaxMetadata(r.config.Committee.Params().N))
		}
	}
	b.missing = [2][]*target{}
	if invalid.Marked(r.config.Store, b.id) {
		return
	}
	failed := b.lack
	if b.failed || b.meta == nil {
		failed = max(1, failed)
	}
	if len(b.records) > 0 && b.meta != nil {
		if err := r.config.Store.Apply(b.id, store.Update{Records: b.records}); err != nil {
			if !errors.Is(err, store.ErrFull) {
				r.config.Logger.Error("store", "blob", b.id, "error", err)
			}
			failed = max(1, failed)
		}
	}
	r.count(func(report *Report) {
		report.Failed += failed
		if noRoom > 0 {
			report.Postponed += failed
			report.NoRoom += noRoom
			if report.leastNoRoom == 0 || noRoom < report.leastNoRoom {
				report.leastNoRoom = noRoom
			}
		}
	})
}
