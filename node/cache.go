package node

import (
	"container/list"
	"errors"
	"fmt"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
)

// metadataCacheBytes bounds what the cache of metadata holds.
const metadataCacheBytes = 64 << 20

// metadataCache keeps the metadata that was used last, verified and parsed.
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

// metadataOf returns the metadata of a blob that the node has. The error wraps
// store.ErrNotFound, or store.ErrCorrupt if what is stored is not the blob's.
func (n *Node) metadataOf(id commit.BlobID) (*commit.Metadata, error) {
	if meta, ok := n.metadata.get(id); ok {
		return meta, nil
	}
	data, err := n.store.Record(id, store.Metadata)
	if err != nil {
		return nil, err
	}
	meta, err := n.parseMetadata(id, data)
	if err != nil {
		return nil, fmt.Errorf("%w: metadata of blob %v: %w", store.ErrCorrupt, id, err)
	}
	n.metadata.put(id, meta)
	return meta, nil
}

// errMetadata: metadata is not that of the blob, or not of this committee's code.
var errMetadata = errors.New("metadata is not that of the blob")

// parseMetadata reads and verifies a blob's metadata.
func (n *Node) parseMetadata(id commit.BlobID, data []byte) (*commit.Metadata, error) {
	meta, err := commit.ParseMetadata(data, n.committee.Scheme())
	if err != nil {
		return nil, err
	}
	if meta.Shards() != n.committee.Params().N {
		return nil, fmt.Errorf("%w: it is of %d shards", errMetadata, meta.Shards())
	}
	got, err := meta.ID(n.hasher)
	if err != nil {
		return nil, err
	}
	if got != id {
		return nil, errMetadata
	}
	return meta, nil
}
