package client

import (
	"context"
	"errors"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// cachedMetadata is how many blobs' metadata a client remembers.
const cachedMetadata = 256

// metadataCache remembers the metadata of a few blobs. It is safe for concurrent use.
type metadataCache struct {
	blobs sync.Map // commit.BlobID to *commit.Metadata
	order chan commit.BlobID
}

func newMetadataCache() metadataCache {
	return metadataCache{order: make(chan commit.BlobID, cachedMetadata)}
}

func (m *metadataCache) get(id commit.BlobID) (*commit.Metadata, bool) {
	meta, ok := m.blobs.Load(id)
	if !ok {
		return nil, false
	}
	return meta.(*commit.Metadata), true
}

// put keeps metadata, in the place of some that was kept longest.
func (m *metadataCache) put(id commit.BlobID, meta *commit.Metadata) {
	if _, known := m.blobs.LoadOrStore(id, meta); known {
		return
	}
	for {
		select {
		case m.order <- id:
			return
		default:
		}
		select {
		case old := <-m.order:
			m.blobs.Delete(old)
		default:
		}
	}
}

// operation is one call of a client, which sees one committee from its beginning to its
// end.
type operation struct {
	*Client
	view *peer.View
}

// fetchMetadata returns the metadata of a blob, see [Client.Metadata].
func (o operation) fetchMetadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if meta, ok := o.metadata.get(id); ok {
		return meta, nil
	}
	quorum, without := &QuorumError{Need: o.view.Quorum(committee.Stored)}, o.view.NewTally()
	meta, _, err := o.fetcher.Fetch(ctx, o.view, id, func(p *peer.Peer, err error) error {
		// Of the owners of any n-f shards, one at least is honest and among those that made
		// a certificate, if there is one.
		if errors.Is(err, peer.ErrNotFound) {
			without.Add(p)
			if quorum.Have = without.Least(); without.Quorum() {
				return ErrNotFound
			}
		}
		return nil
	})
	var none *peer.NoneError
	switch {
	case errors.As(err, &none):
		quorum.Errors, quorum.Cause = none.Errors, none.Cause
		return nil, quorum
	case err != nil:
		return nil, err
	}
	o.metadata.put(id, meta)
	return meta, nil
}
