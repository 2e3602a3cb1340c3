package server

import (
	"container/list"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
)

// metadataCacheBytes bounds what the cache of metadata holds.
const metadataCacheBytes = 64 << 20

// metadataCache keeps the metadata that was used last, verified and parsed: all of it, also where
// the node stores a part.
type metadataCache struct {
	mu    sync.Mutex
	most  int
	order *list.List // of *metadataEntry, the last used first
	byID  map[commit.BlobID]*list.Element
}

type metadataEntry struct {
	id   commit.BlobID
	meta *commit.Metadata
}

func newMetadataCache(shards int) *metadataCache {
	return &metadataCache{
		most: max(16, metadataCacheBytes/(2*commit.HashSize*shards)), order: list.New(),
		byID: make(map[commit.BlobID]*list.Element),
	}
}

func (c *metadataCache) get(id commit.BlobID) (*commit.Metadata, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byID[id]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*metadataEntry).meta, true
}

func (c *metadataCache) put(id commit.BlobID, meta *commit.Metadata) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[id]; ok {
		return
	}
	c.byID[id] = c.order.PushFront(&metadataEntry{id, meta})
	if c.order.Len() > c.most {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.byID, last.Value.(*metadataEntry).id)
	}
}

func (c *metadataCache) remove(id commit.BlobID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byID[id]; ok {
		c.order.Remove(e)
		delete(c.byID, id)
	}
}
