package cluster

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// cheats are the actions by which a node keeps less than it is paid for.
var cheats = map[Action]bool{Evict: true, Proxy: true, Lazy: true}

// IsCheat reports whether an action has nodes keep less than they are paid for.
func IsCheat(a Action) bool { return cheats[a] }

// cheater is the store of a node that may keep less than it says. What it has lost is still
// listed; only who reads it finds out.
type cheater struct {
	store.Store
	// fetch reads a blob from others, and encodes it.
	fetch func(context.Context, commit.BlobID) (*rs2d.Encoding, error)

	mu      sync.Mutex
	how     Action // none as long as the node is honest
	acked   map[commit.BlobID]bool
	last    commit.BlobID
	blob    *rs2d.Encoding // the last one that was fetched
	fetches map[commit.BlobID]bool
}

// proxyTime is how long a node asks others for what it is asked for.
const proxyTime = time.Second

// cheat has the node cheat from now on; none has it be honest, but for what it has lost.
func (c *cheater) cheat(how Action) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.how = how
}

// acks notes that a blob is acknowledged, and not kept.
func (c *cheater) acks(id commit.BlobID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.how == Lazy {
		if c.acked == nil {
			c.acked = make(map[commit.BlobID]bool)
		}
		c.acked[id] = true
	}
}

// Apply is of store.Store.
func (c *cheater) Apply(id commit.BlobID, u store.Update) error {
	if len(u.Slivers) > 0 {
		c.acks(id)
	}
	return c.Store.Apply(id, u)
}

// ApplyAll is of store.Store.
func (c *cheater) ApplyAll(updates []store.BlobUpdate) error {
	for i := range updates {
		c.acks(updates[i].Blob)
	}
	return c.Store.ApplyAll(updates)
}

// Stage is of store.Store.
func (c *cheater) Stage(id commit.BlobID) store.Stage {
	c.acks(id)
	return c.Store.Stage(id)
}

// Read is of store.Store.
func (c *cheater) Read(dst []byte, id commit.BlobID, ref store.Ref, off, n int64) ([]byte, error) {
	c.mu.Lock()
	how, lazy := c.how, c.acked[id]
	c.mu.Unlock()
	switch {
	case lazy, how == Evict && (int(id[0])+ref.Pair)%2 == 0:
		return dst, fmt.Errorf("%w: the node has lost it", store.ErrNotFound)
	case how == Proxy:
		return c.proxied(dst, id, ref, off, n)
	}
	return c.Store.Read(dst, id, ref, off, n)
}

// proxied reads a sliver that others have to make.
func (c *cheater) proxied(dst []byte, id commit.BlobID, ref store.Ref, off, n int64) ([]byte, error) {
	blob, err := c.fetched(id)
	if err != nil {
		return dst, fmt.Errorf("%w: others do not give it: %w", store.ErrNotFound, err)
	}
	primary, secondary := blob.Pair(ref.Pair)
	data := primary.Data
	if ref.Axis == rs2d.Secondary {
		data = secondary.Data
	}
	if n < 0 {
		n = int64(len(data)) - off
	}
	if off < 0 || n < 0 || off+n > int64(len(data)) {
		return dst, store.ErrRange
	}
	return append(dst, bytes.Clone(data[off:off+n])...), nil
}

func (c *cheater) fetched(id commit.BlobID) (*rs2d.Encoding, error) {
	c.mu.Lock()
	if c.blob != nil && c.last == id {
		defer c.mu.Unlock()
		return c.blob, nil
	}
	if c.fetches[id] { // others include the node itself
		c.mu.Unlock()
		return nil, store.ErrNotFound
	}
	if c.fetches == nil {
		c.fetches = make(map[commit.BlobID]bool)
	}
	c.fetches[id] = true
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), proxyTime)
	defer cancel()
	blob, err := c.fetch(ctx, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.fetches, id)
	if err == nil {
		c.last, c.blob = id, blob
	}
	return blob, err
}
