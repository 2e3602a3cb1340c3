package heal

import (
	"context"
	"errors"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// ownMetadata returns what the node has of the blob's metadata, if it is right.
func (r *Round) ownMetadata(id commit.BlobID) (*metadata.Kept, error) { return r.config.Keeper.Get(id) }

// fetchMetadata returns all of a blob's metadata: the node's own, or what other nodes give.
func (r *Round) fetchMetadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if kept, err := r.ownMetadata(id); err == nil && kept.Whole != nil {
		return kept.Whole, nil
	}
	c := &r.config
	meta, bytes, err := c.Fetcher.Fetch(ctx, r.view, id, func(p *peer.Peer, err error) error {
		c.Logger.Debug("no metadata", "peer", p.Name(), "blob", id, "error", err)
		if errors.Is(err, peer.ErrLied) {
			r.Count(func(report *Report) { report.Lies++ })
		}
		return nil
	})
	r.Count(func(report *Report) { report.MetadataBytes += bytes })
	return meta, err
}

// keepMetadata has an update store what the node keeps of a blob's metadata.
func (r *Round) keepMetadata(u *store.Update, id commit.BlobID, meta *commit.Metadata) error {
	raw, err := meta.MarshalBinary()
	if err != nil {
		return err
	}
	return r.config.Keeper.Keep(u, meta, raw, r.view.Mine(id))
}
