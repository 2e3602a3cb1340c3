package client

import (
	"context"
	"errors"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
)

// cachedMetadata is how many blobs' metadata a client remembers.
const cachedMetadata = 256

// remember keeps metadata, in the place of some that was kept longest.
func (c *Client) remember(id commit.BlobID, meta *commit.Metadata) {
	if _, known := c.metadata.LoadOrStore(id, meta); known {
		return
	}
	for {
		select {
		case c.cached <- id:
			return
		default:
		}
		select {
		case old := <-c.cached:
			c.metadata.Delete(old)
		default:
		}
	}
}

// Metadata returns the metadata of a blob, verified against the id. The error is
// ErrNotFound or a *QuorumError.
func (c *Client) Metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if meta, ok := c.metadata.Load(id); ok {
		return meta.(*commit.Metadata), nil
	}
	ctx, cancel := c.within(ctx)
	defer cancel()
	quorum := &QuorumError{Need: c.committee.Quorum(committee.Stored)}
	meta, err := peer.First(ctx, c.set, c.peers, placement.MaxMetadata(c.committee.Params().N), func(ctx context.Context, p *peer.Peer) (*commit.Metadata, error) {
		return p.Metadata(ctx, id, c.hasher)
	}, func(p *peer.Peer, err error) error {
		// Of the owners of any n-f shards, one at least is honest and among those that made
		// a certificate, if there is one.
		if errors.Is(err, peer.ErrNotFound) {
			if quorum.Have += c.committee.Weight(p.Member()); quorum.Have >= quorum.Need {
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
	c.remember(id, meta)
	return meta, nil
}
