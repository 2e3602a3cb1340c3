package heal

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// blob is a blob of which the node lacks something.
type blob struct {
	id      commit.BlobID
	records map[store.Record][]byte // to store
	meta    *commit.Metadata
	fetched bool // the metadata is to be stored, too
	size    int  // of a symbol
	missing [2][]*target
	stored  map[store.Ref]bool // slivers that the node has

	failed    bool
	gone      bool  // it was removed meanwhile
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

// batch is blobs that are recovered at once.
type batch struct {
	*Round
	blobs []*blob
	bytes int64 // to restore at once, of large blobs less than there are
}

// run recovers the batch: large blobs of it one after another, small ones together.
func (b *batch) run(ctx context.Context) {
	room := b.space.left()
	var part []*blob
	bytes := int64(0)
	for _, one := range b.blobs {
		if takes := b.restores(one); !one.failed && takes > room {
			one.failed, one.postponed = true, true
		} else if !one.failed {
			room -= takes
			bytes += takes
		}
		if one.failed {
			b.finish(one)
			continue
		}
		if part = append(part, one); bytes >= b.bytes {
			b.recover(ctx, part)
			part, bytes = nil, 0
		}
	}
	b.recover(ctx, part)
}

// prepare finds out what the node lacks of a blob now: another round may have recovered
// it since it was found. It returns nil if there is nothing to recover.
func (b *batch) prepare(l Lost) *blob {
	c := &b.config
	one := &blob{id: l.Blob, records: make(map[store.Record][]byte), stored: make(map[store.Ref]bool), lack: int64(l.Lacking)}
	if l.Certificate != nil {
		one.records[store.Certificate] = l.Certificate
	}
	info, err := c.Store.Info(l.Blob)
	if err != nil {
		c.Logger.Error("store", "blob", l.Blob, "error", err)
		one.failed = true
		b.finish(one)
		return nil
	}
	for _, e := range info.Slivers {
		one.stored[e.Ref] = true
	}
	missing := placement.Missing(b.view.Committee, b.view.Member, l.Blob, info.Slivers, func(e store.Entry) placement.Ref { return placement.Ref(e.Ref) })
	if info.Has(store.InvalidBlobCertificate) {
		missing = nil
	}
	b.lack(int64(len(missing)) - one.lack)
	one.lack = int64(len(missing))
	kept, err := b.ownMetadata(l.Blob)
	if err == nil {
		one.meta = kept.Metadata()
	}
	if info.Has(store.InvalidBlobCertificate) || len(missing) == 0 && err == nil {
		b.finish(one)
		return nil
	}
	if err == nil {
		one.meta = kept.Whole // others' roots are needed to find out who lies
	}
	n := b.view.Params().N
	for _, ref := range missing {
		one.missing[ref.Axis] = append(one.missing[ref.Axis], &target{ref: ref.Sliver(n), pair: ref.Pair})
	}
	return one
}

// portion returns those of a blob's missing slivers of one axis that are recovered
// together: no more bytes than a batch has, because of a large blob the node may lack
// more than it could hold. The last portion is followed by empty ones.
func (b *batch) portion(one *blob, axis rs2d.Axis, portion int) []*target {
	params := b.view.Params()
	symbols := params.S
	if axis == rs2d.Secondary {
		symbols = params.P
	}
	missing := one.missing[axis]
	all := len(missing)
	most := int(min(max(1, b.bytes/max(1, int64(symbols)*int64(one.size))), int64(all)))
	return missing[min(portion*most, all):min((portion+1)*most, all)]
}

// restores returns the bytes of slivers that are to be restored, 0 while the metadata is
// not there, and notes the size of symbols.
func (b *batch) restores(one *blob) int64 {
	if one.meta == nil {
		return 0
	}
	params := b.view.Params()
	size, err := params.SymbolSize(one.meta.Length)
	if err != nil {
		return 0 // metadata of such a length is not valid
	}
	one.size = size
	return int64(size) * int64(len(one.missing[rs2d.Primary])*params.S+len(one.missing[rs2d.Secondary])*params.P)
}

// metadataFetchers is how many blobs' metadata is fetched at once.
const metadataFetchers = 8

// fetchMetadata gets the metadata that the node has not, as far as it could store it.
func (b *batch) fetchMetadata(ctx context.Context) {
	var group sync.WaitGroup
	turns := make(chan struct{}, metadataFetchers)
	room := b.space.left()
	for _, one := range b.blobs {
		if one.meta != nil {
			continue
		}
		if room -= int64(placement.MaxMetadata(b.view.Params().N)); room < 0 {
			one.failed, one.postponed = true, true
			continue
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			meta, err := b.Round.fetchMetadata(ctx, one.id)
			if err != nil {
				b.config.Logger.Debug("no metadata", "blob", one.id, "error", err)
				one.failed = true
				return
			}
			one.meta, one.fetched = meta, true
		})
	}
	group.Wait()
}

// recover recovers all that is missing of some blobs.
func (b *batch) recover(ctx context.Context, blobs []*blob) {
	if len(blobs) == 0 {
		return
	}
	for _, axis := range []rs2d.Axis{rs2d.Secondary, rs2d.Primary} {
		for portion := 0; ctx.Err() == nil && b.recoverPortion(ctx, blobs, axis, portion); portion++ {
		}
	}
	for _, one := range blobs {
		b.finish(one)
	}
}

// update returns an update with the records that the node lacks of a blob. A blob that was
// removed or marked as inconsistent meanwhile stays away.
func (one *blob) update(r *Round) store.Update {
	certified := one.records[store.Certificate] != nil
	u := store.Update{Records: make(map[store.Record][]byte), If: func(i store.Info) bool {
		return (certified || i.Certified()) && !i.Has(store.InvalidBlobCertificate)
	}}
	maps.Copy(u.Records, one.records)
	if one.fetched {
		if err := r.keepMetadata(&u, one.id, one.meta); err != nil {
			r.config.Logger.Error("metadata", "blob", one.id, "error", err) // it was verified
		}
	}
	return u
}

// store stores slivers of one axis as soon as they are recovered, the first ones with
// the records that the node lacked. Nothing but what is stored counts as restored.
func (b *batch) store(one *blob, axis rs2d.Axis, recovered []*target) {
	c := &b.config
	if len(recovered) == 0 || invalid.Marked(c.Store, one.id) {
		return
	}
	u := one.update(b.Round)
	restored := int64(0)
	for _, t := range recovered {
		u.Slivers = append(u.Slivers, store.Sliver{Ref: store.Ref{Axis: axis, Pair: t.pair}, Data: t.data})
		restored += int64(len(t.data))
	}
	if err := c.Store.Apply(one.id, u); errors.Is(err, store.ErrRefused) {
		b.lack(-one.lack)
		one.lack, one.gone = 0, true
		return
	} else if err != nil {
		if one.postponed = errors.Is(err, store.ErrFull); one.postponed {
			b.space.refused(restored)
		} else {
			c.Logger.Error("store", "blob", one.id, "error", err)
		}
		return
	}
	keep := axis == rs2d.Secondary && b.restores(one) <= b.bytes // primary ones take symbols of it
	for _, t := range recovered {
		if one.stored[store.Ref{Axis: axis, Pair: t.pair}] = true; !keep {
			t.data = nil // the store has it
		}
	}
	one.records, one.fetched = nil, false
	one.lack -= int64(len(recovered))
	b.lack(-int64(len(recovered)))
	another := !one.restored
	one.restored = true
	params := b.view.Params()
	now := time.Now()
	b.Count(func(report *Report) {
		if another {
			report.Blobs++
			report.WholeBlob += int64(params.P*params.S) * int64(one.size)
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
func (b *batch) finish(one *blob) {
	b.lack(-one.lack)
	noRoom := int64(0)
	if one.postponed {
		noRoom = b.restores(one)
		if one.meta == nil {
			noRoom = int64(placement.MaxMetadata(b.view.Params().N))
		}
	}
	one.missing = [2][]*target{}
	if one.gone || invalid.Marked(b.config.Store, one.id) {
		return
	}
	failed := one.lack
	if one.failed || one.meta == nil {
		failed = max(1, failed)
	}
	if (len(one.records) > 0 || one.fetched) && one.meta != nil {
		if err := b.config.Store.Apply(one.id, one.update(b.Round)); err != nil && !errors.Is(err, store.ErrRefused) {
			if !errors.Is(err, store.ErrFull) {
				b.config.Logger.Error("store", "blob", one.id, "error", err)
			}
			failed = max(1, failed)
		}
	}
	b.Count(func(report *Report) {
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
