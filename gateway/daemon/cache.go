package daemon

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

// CacheOptions are choices for NewCache.
type CacheOptions struct {
	Bytes int64         // to hold at most; must be more than zero
	Age   time.Duration // after which the store is asked again: blobs expire, and are deleted; default 10 min
}

// Cache is a Store that remembers what was read last of another one: metadata, short blobs and
// columns of quilts. What several ask for at once is read once. Everything in it was verified
// against the id that it is asked for by.
type Cache struct {
	Store
	options CacheOptions
	stats   CacheStats

	mu      sync.Mutex
	held    int64 // bytes
	entries map[cacheKey]*list.Element
	order   list.List // of *cached, the last used first
	flights map[cacheKey]*flight
}

// CacheStats count what a cache did, and hold what is in it.
type CacheStats struct {
	Hits, Misses, Shared, Evicted atomic.Int64 // Shared are those that waited for a read of others
	Bytes, Entries                atomic.Int64 // held now
}

// cacheKey says what is remembered: a blob's metadata, or all of it, or columns.
type cacheKey struct {
	id   commit.BlobID
	from int // of columns; or one of the values below
	to   int
}

const (
	wholeBlob     = -1
	blobsMetadata = -2
)

// cached is what is remembered of a blob.
type cached struct {
	key   cacheKey
	value any // that nobody changes
	bytes int64
	until time.Time
}

// flight is a read that goes on, for as long as somebody waits for it.
type flight struct {
	done    chan struct{} // closed when value and err are set
	value   any
	err     error
	waiting int
	cancel  context.CancelFunc
}

// NewCache returns a cache before a store. The error names a field of the options.
func NewCache(store Store, o CacheOptions) (*Cache, error) {
	switch {
	case store == nil:
		return nil, fmt.Errorf("daemon: the store is nil")
	case o.Bytes <= 0:
		return nil, fmt.Errorf("daemon: CacheOptions.Bytes is %d, want more than zero", o.Bytes)
	case o.Age < 0:
		return nil, fmt.Errorf("daemon: CacheOptions.Age is %v, want at least 0", o.Age)
	}
	if o.Age == 0 {
		o.Age = 10 * time.Minute
	}
	return &Cache{Store: store, options: o, entries: make(map[cacheKey]*list.Element), flights: make(map[cacheKey]*flight)}, nil
}

// MaxEntry returns how many bytes there may be in one thing that is remembered: an eighth of
// all, so that it takes more than one to replace all that is there.
func (c *Cache) MaxEntry() int64 { return c.options.Bytes / 8 }

// Stats returns the counts, which go on counting.
func (c *Cache) Stats() *CacheStats { return &c.stats }

// entrySize is what an entry takes besides its value, bytes, about.
const entrySize = 256

func metadataSize(meta *commit.Metadata) int64 {
	return int64(len(meta.Primary)+len(meta.Secondary)) * int64(len(commit.Hash{}))
}

// Metadata returns metadata, which the caller must not change.
func (c *Cache) Metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	return recall(ctx, c, cacheKey{id: id, from: blobsMetadata}, metadataSize, func(ctx context.Context) (*commit.Metadata, error) {
		return c.Store.Metadata(ctx, id)
	})
}

func bytesSize(b []byte) int64 { return int64(cap(b)) }

// Read returns a blob, which the caller must not change.
func (c *Cache) Read(ctx context.Context, id commit.BlobID) ([]byte, error) {
	return recall(ctx, c, cacheKey{id: id, from: wholeBlob}, bytesSize, func(ctx context.Context) ([]byte, error) {
		blob, err := c.Store.Read(ctx, id)
		return slices.Clip(blob), err
	})
}

// ReadColumns returns columns, which the caller must not change.
func (c *Cache) ReadColumns(ctx context.Context, id commit.BlobID, from, to int) ([]byte, error) {
	return recall(ctx, c, cacheKey{id, from, to}, bytesSize, func(ctx context.Context) ([]byte, error) {
		columns, err := c.Store.ReadColumns(ctx, id, from, to)
		return slices.Clip(columns), err // or who appends to them would write into what others read
	})
}

// whole returns a blob that is remembered, or nil.
func (c *Cache) whole(id commit.BlobID) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.find(cacheKey{id: id, from: wholeBlob}); e != nil {
		c.stats.Hits.Add(1)
		return e.value.([]byte)
	}
	return nil
}

// ReadRange returns a range, which the caller must not change. It is not remembered by itself.
func (c *Cache) ReadRange(ctx context.Context, id commit.BlobID, off, n uint64) ([]byte, error) {
	if blob := c.whole(id); blob != nil && off <= uint64(len(blob)) && n <= uint64(len(blob))-off {
		return blob[off:][:n], nil
	}
	return c.Store.ReadRange(ctx, id, off, n)
}

// Stream writes a part of a blob, which is not remembered.
func (c *Cache) Stream(ctx context.Context, id commit.BlobID, w io.Writer, p Part) error {
	if blob := c.whole(id); blob != nil && p.Off <= uint64(len(blob)) && p.N <= uint64(len(blob))-p.Off {
		_, err := w.Write(blob[p.Off:][:p.N])
		return err
	}
	return c.Store.Stream(ctx, id, w, p)
}

// recall returns what is remembered, or what read returns, which is called once however many
// ask, and goes on until nobody does.
func recall[T any](ctx context.Context, c *Cache, key cacheKey, size func(T) int64, read func(context.Context) (T, error)) (T, error) {
	var none T
	c.mu.Lock()
	if e := c.find(key); e != nil {
		c.mu.Unlock()
		c.stats.Hits.Add(1)
		return e.value.(T), nil
	}
	f := c.flights[key]
	if f != nil {
		c.stats.Shared.Add(1)
	} else {
		c.stats.Misses.Add(1)
		// Whoever asks first may give up while others wait.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = &flight{done: make(chan struct{}), cancel: cancel}
		c.flights[key] = f
		go func() {
			defer cancel()
			value, err := read(own)
			c.land(key, f, value, err, func() int64 { return size(value) })
		}()
	}
	f.waiting++
	c.mu.Unlock()
	select {
	case <-f.done:
		if f.err != nil {
			return none, f.err
		}
		return f.value.(T), nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
		if c.flights[key] == f {
			delete(c.flights, key) // whoever asks from now on reads anew
		}
	}
	return none, ctx.Err()
}

// land ends a flight, and remembers what it brought.
func (c *Cache) land(key cacheKey, f *flight, value any, err error, size func() int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[key] == f {
		delete(c.flights, key)
	}
	f.value, f.err = value, err
	close(f.done)
	if err != nil {
		return
	}
	bytes := size() + entrySize
	if bytes > c.MaxEntry() {
		return
	}
	if old := c.entries[key]; old != nil {
		c.drop(old)
	}
	c.entries[key] = c.order.PushFront(&cached{key, value, bytes, time.Now().Add(c.options.Age)})
	for c.held += bytes; c.held > c.options.Bytes; {
		c.drop(c.order.Back())
		c.stats.Evicted.Add(1)
	}
	c.count()
}

// find returns what is remembered, and is not too old. c.mu is held.
func (c *Cache) find(key cacheKey) *cached {
	at := c.entries[key]
	if at == nil {
		return nil
	}
	e := at.Value.(*cached)
	if time.Now().After(e.until) {
		c.drop(at)
		c.count()
		return nil
	}
	c.order.MoveToFront(at)
	return e
}

// drop forgets an entry. c.mu is held.
func (c *Cache) drop(at *list.Element) {
	e := c.order.Remove(at).(*cached)
	delete(c.entries, e.key)
	c.held -= e.bytes
}

// count brings the counts of what is held up to date. c.mu is held.
func (c *Cache) count() {
	c.stats.Bytes.Store(c.held)
	c.stats.Entries.Store(int64(len(c.entries)))
}
