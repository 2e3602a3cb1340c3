package heal

import (
	"context"
	"errors"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
)

// ownMetadata returns the blob's metadata if the node has it, and it is right.
func (r *Round) ownMetadata(id commit.BlobID) (*commit.Metadata, error) {
	raw, err := r.config.Store.Record(id, store.Metadata)
	if err != nil {
		return nil, err
	}
	meta, err := commit.ParseMetadata(raw, r.view.Scheme())
	if err != nil {
		return nil, err
	}
	if got, err := meta.ID(r.config.Hasher); err != nil || got != id || meta.Shards() != r.view.Params().N {
		return nil, errors.Join(store.ErrCorrupt, err)
	}
	return meta, nil
}

// fetchMetadata gets a blob's metadata from the first peer that has it.
func (r *Round) fetchMetadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if meta, err := r.ownMetadata(id); err == nil {
		return meta, nil
	}
	c := &r.config
	length := placement.MaxMetadata(r.view.Params().N)
	meta, err := peer.First(ctx, c.Peers, r.view.All, length, func(ctx context.Context, p *peer.Peer) (*commit.Metadata, error) {
		return p.Metadata(ctx, id, c.Hasher)
	}, func(p *peer.Peer, err error) error {
		c.Logger.Debug("no metadata", "peer", p.Name(), "blob", id, "error", err)
		if errors.Is(err, peer.ErrLied) {
			r.Count(func(report *Report) { report.Lies++ })
		}
		return nil
	})
	if err == nil {
		r.Count(func(report *Report) { report.MetadataBytes += int64(commit.HashSize + length) })
	}
	return meta, err
}
