package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// page is blobs that are copied at once.
type page struct {
	*Migrator
	view  *peer.View
	blobs []*blob
	begun time.Time

	mu     sync.Mutex // held while what is missing of blobs changes, too
	copied int64      // bytes
	failed error      // of the store
}

// blob is a blob of which the node lacks something.
type blob struct {
	id      commit.BlobID
	meta    *commit.Metadata // nil until it is there
	raw     []byte           // of metadata that is to be stored
	sizes   placement.Sizes
	missing []placement.Ref
	refused map[int]int // by pair: how many of those who may have it have not given it
}

// copyPage copies what the node lacks of some blobs, as far as it is given. It returns how
// many bytes that took. The error is the store's, or the context's.
func (m copier) copyPage(ctx context.Context, v *peer.View, ids []commit.BlobID) (copied int64, err error) {
	p := &page{Migrator: m.Migrator, view: v, begun: time.Now()}
	for _, id := range ids {
		missing, info, err := m.missing(v, id)
		if err != nil {
			return 0, err
		}
		if len(missing) == 0 {
			continue
		}
		b := &blob{id: id, missing: missing, refused: make(map[int]int)}
		if info.Has(store.Metadata) {
			kept, err := m.config.Keeper.Get(id)
			if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrCorrupt) {
				return 0, err
			}
			if err == nil && kept.Whole != nil { // what is wrong is replaced
				_ = p.know(b, kept.Whole)
			}
		}
		p.blobs = append(p.blobs, b)
	}
	if v.System().Metadata == committee.Coded {
		p.gather(ctx)
	}
	for ctx.Err() == nil && p.failed == nil {
		orders := p.orders()
		if len(orders) == 0 {
			break
		}
		var group sync.WaitGroup
		turns := make(chan struct{}, sources)
		for _, o := range orders {
			turns <- struct{}{}
			group.Go(func() {
				defer func() { <-turns }()
				p.fetch(ctx, o)
			})
		}
		group.Wait()
	}
	return p.copied, errors.Join(p.failed, ctx.Err())
}

// sources is how many nodes are asked at once.
const sources = 4

// learn verifies a blob's metadata.
func (p *page) learn(b *blob, raw []byte) error {
	meta, err := p.config.Keeper.Parse(b.id, raw)
	if err == nil {
		err = p.know(b, meta)
	}
	if err == nil {
		b.raw = raw
	}
	return err
}

// know notes a blob's metadata, which is right.
func (p *page) know(b *blob, meta *commit.Metadata) (err error) {
	if b.sizes, err = placement.SizesOf(p.view.Params(), meta.Length); err == nil {
		b.meta = meta
	}
	return err
}

// gatherers is how many blobs' metadata is gathered at once.
const gatherers = 8

// gather gathers the metadata of blobs where no node has all of it. Those of which it cannot
// be had at present are left: nobody could tell what slivers of them are.
func (p *page) gather(ctx context.Context) {
	var group sync.WaitGroup
	turns := make(chan struct{}, gatherers)
	for _, b := range p.blobs {
		if b.meta != nil {
			continue
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			limited, cancel := context.WithTimeout(ctx, p.config.Patience)
			defer cancel()
			meta, bytes, err := p.config.Fetcher.Fetch(limited, p.view, b.id, func(from *peer.Peer, err error) error {
				if errors.Is(err, peer.ErrLied) {
					p.note(func(p *Progress) { p.Lies++ })
					p.config.Logger.Warn("wrong metadata", "node", from.Name(), "blob", b.id, "error", err)
				}
				return nil
			})
			var raw []byte
			if err == nil {
				raw, err = meta.MarshalBinary()
			}
			if err == nil {
				err = p.know(b, meta)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.got(0, bytes)
			if err != nil {
				p.config.Logger.Debug("no metadata", "blob", b.id, "error", err)
				return
			}
			b.raw = raw
		})
	}
	group.Wait()
	p.blobs = slices.DeleteFunc(p.blobs, func(b *blob) bool { return b.meta == nil })
}

// order is what one node is asked for.
type order struct {
	place    int
	blobs    []*blob // of each request
	requests []api.SliverRequest
	bytes    int64 // of slivers whose length is known
}

// unknownAtOnce is how many blobs a node is asked for at once whose length is not known.
const unknownAtOnce = 16

// orders distributes what is missing to those who may have it, not more to each than makes a
// page. Of a blob without metadata one node alone is asked.
func (p *page) orders() map[int]*order {
	orders := make(map[int]*order)
	for _, b := range p.blobs {
		first := -1
		for _, ref := range b.missing {
			place := p.source(b, ref.Pair)
			if place < 0 || b.meta == nil && first >= 0 && place != first {
				continue
			}
			first = place
			o := orders[place]
			if o == nil {
				o = &order{place: place}
				orders[place] = o
			}
			if o.bytes >= int64(p.config.PageBytes) {
				continue // it is in one of the next rounds
			}
			if !o.has(b) {
				if b.meta == nil && len(o.blobs) >= unknownAtOnce {
					continue // likewise
				}
				o.blobs = append(o.blobs, b)
				o.requests = append(o.requests, api.SliverRequest{Blob: b.id, Metadata: b.meta == nil})
			}
			r := &o.requests[len(o.requests)-1]
			if ref.Axis == rs2d.Primary {
				r.Primary = append(r.Primary, uint16(ref.Pair))
			} else {
				r.Secondary = append(r.Secondary, uint16(ref.Pair))
			}
			if b.meta != nil {
				o.bytes += int64(b.sizes[ref.Axis])
			}
		}
	}
	return orders
}

func (o *order) has(b *blob) bool { return len(o.blobs) > 0 && o.blobs[len(o.blobs)-1] == b }

// source returns the place of the node to ask for a pair, or -1 if there is none that was
// not given up.
func (p *page) source(b *blob, pair int) int {
	for ; ; b.refused[pair]++ {
		place := p.view.Source(b.id, pair, b.refused[pair])
		if place < 0 || !p.isGivenUp(place) {
			return place
		}
	}
}

// leastRate is how many bytes a second a node must give that is not given up.
const leastRate = 256 << 10

// fetch asks a node for its order, and stores what comes.
func (p *page) fetch(ctx context.Context, o *order) {
	bytes := o.bytes
	if bytes == 0 {
		bytes = int64(len(o.blobs)) << 20
	}
	limited, cancel := context.WithTimeout(ctx, p.config.Patience+time.Duration(float64(bytes)/leastRate*float64(time.Second)))
	defer cancel()
	from := p.view.At(o.place)
	begun := time.Now()
	var slivers []rs2d.Sliver
	item, came, cameBytes := 0, 0, 0
	// The slivers of a blob come one after another, and are verified and stored together. Those
	// of several blobs are at once, so that they share the store's waits for the disk.
	w := takers{page: p, turns: make(chan struct{}, takenAtOnce)}
	flush := func() error {
		b, got := o.blobs[item], slivers
		slivers = nil
		if len(got) == 0 {
			return nil
		}
		came += len(got)
		return w.take(b, got)
	}
	err := peer.Page(limited, from, o.requests, func(i int, axis rs2d.Axis) int { return o.blobs[i].sizes[axis] }, func(piece peer.PagePiece) error {
		if piece.Item != item {
			if err := flush(); err != nil {
				return err
			}
			item = piece.Item
		}
		if piece.Metadata != nil {
			if err := p.learn(o.blobs[item], piece.Metadata); err != nil {
				return fmt.Errorf("%w: %w", peer.ErrLied, err)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.got(0, int64(len(piece.Metadata)))
			cameBytes += len(piece.Metadata)
			return nil
		}
		slivers = append(slivers, piece.Sliver)
		cameBytes += len(piece.Sliver.Data)
		return nil
	})
	if err == nil {
		err = flush()
	}
	if e := w.wait(); e != nil {
		err = e
	}
	if ctx.Err() != nil || p.failure() != nil {
		return
	}
	var status *peer.StatusError
	switch {
	case errors.As(err, &status) && status.Epoch != 0 && status.Epoch < p.view.Epoch() && time.Since(p.begun) < p.config.Patience:
		// It has not heard of the epoch yet, and is asked again.
		_ = pause.For(ctx, behindPause) // the next round knows the context
		return
	case errors.Is(err, peer.ErrLied):
		from.Distrust()
		p.note(func(p *Progress) { p.lied(from.Name()) })
		p.config.Logger.Warn("wrong slivers of a shard that moved: recovering them from others", "node", from.Name(), "error", err)
		p.giveUp(o.place)
	case err != nil:
		if limited.Err() != nil {
			from.MarkLate(begun)
		}
		p.note(func(p *Progress) { p.GivenUp++ })
		p.config.Logger.Warn("no slivers of a shard that moved: recovering them from others", "node", from.Name(), "error", err)
		p.giveUp(o.place)
	case came > 0:
		p.handed(p.view.IDOf(o.place), true)
	}
	// What has not come of blobs that were answered is not there. Behind the last one that
	// was, a page may have ended; and within it, if the page was as long as pages get.
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, b := range o.blobs {
		if came > 0 && (i > item || i == item && cameBytes >= api.MaxPage) {
			break
		}
		for _, pair := range append(o.requests[i].Primary, o.requests[i].Secondary...) {
			if slices.ContainsFunc(b.missing, func(ref placement.Ref) bool { return ref.Pair == int(pair) }) {
				b.refused[int(pair)]++
			}
		}
	}
}

// behindPause is the time between two questions to a node that is an epoch behind.
const behindPause = 50 * time.Millisecond

// errStore is why a page ends when the store fails.
var errStore = errors.New("migrate: the store failed")

// takenAtOnce is how many blobs of one node's order are verified and stored at once.
const takenAtOnce = 8

// takers verify and store what comes.
type takers struct {
	page  *page
	turns chan struct{}
	group sync.WaitGroup

	mu    sync.Mutex
	first error
}

// take has slivers of a blob taken, when it is their turn. The error is one of those before.
func (w *takers) take(b *blob, slivers []rs2d.Sliver) error {
	w.turns <- struct{}{}
	w.group.Go(func() {
		defer func() { <-w.turns }()
		if err := w.page.take(b, slivers); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.first == nil {
				w.first = err
			}
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}

// wait waits for all of them, and returns the first error.
func (w *takers) wait() error {
	w.group.Wait()
	return w.first
}

// take verifies slivers of a blob, and stores them. The error says that they are wrong, or is
// errStore.
func (p *page) take(b *blob, slivers []rs2d.Sliver) error {
	if err := errors.Join(p.config.Code.VerifySlivers(b.meta, slivers)...); err != nil {
		return fmt.Errorf("%w: blob %v: %w", peer.ErrLied, b.id, err)
	}
	n := p.view.Params().N
	u := store.Update{If: func(i store.Info) bool { return needed(p.view, &i) }}
	p.mu.Lock()
	raw := b.raw
	p.mu.Unlock()
	if raw != nil {
		if err := p.config.Keeper.Keep(&u, b.meta, raw, p.view.Mine(b.id)); err != nil {
			return err // it was verified
		}
	}
	bytes := int64(0)
	for _, s := range slivers {
		u.Slivers = append(u.Slivers, store.Sliver{Ref: store.Ref{Axis: s.Axis, Pair: s.Pair(n)}, Data: s.Data})
		bytes += int64(len(s.Data))
	}
	err := p.config.Store.Apply(b.id, u)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case errors.Is(err, store.ErrRefused): // it has ended meanwhile
		b.missing = nil
		return nil
	case err != nil:
		p.failed = err
		return errStore
	}
	b.raw = nil
	b.missing = slices.DeleteFunc(b.missing, func(ref placement.Ref) bool {
		return slices.ContainsFunc(u.Slivers, func(s store.Sliver) bool { return placement.Ref(s.Ref) == ref })
	})
	p.got(len(slivers), bytes)
	return nil
}

// got counts what was copied. The page is locked.
func (p *page) got(slivers int, bytes int64) {
	p.note(func(p *Progress) {
		p.Slivers += int64(slivers)
		p.Bytes += bytes
	})
	p.copied += bytes
}

func (p *page) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// givenUpFor is how long a node is not asked again that was given up.
const givenUpFor = time.Minute

// giveUp notes that a node is not to be asked for a while.
func (p *page) giveUp(place int) {
	key := p.view.IDOf(place)
	p.handed(key, false)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.givenUp[key] = time.Now().Add(givenUpFor)
}

func (p *page) isGivenUp(place int) bool {
	key := p.view.IDOf(place)
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.givenUp[key])
}
