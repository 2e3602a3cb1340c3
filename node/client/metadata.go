package client

import (
	"context"
	"errors"
	"sync"
	"time"

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
// ErrNotFound, a *QuorumError, or the context's.
func (c *Client) Metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if meta, ok := c.metadata.Load(id); ok {
		return meta.(*commit.Metadata), nil
	}
	ctx, cancel := c.within(ctx)
	defer cancel()
	type answer struct {
		peer *peer.Peer
		meta *commit.Metadata
		err  error
	}
	answers := make(chan answer, len(c.peers))
	order := c.ranked()
	asked := make(map[*peer.Peer]time.Time) // who has not answered yet, since when
	var requests sync.WaitGroup
	defer requests.Wait()
	defer cancel()
	ask := func() {
		if len(order) == 0 {
			return
		}
		p := order[0]
		order = order[1:]
		asked[p] = time.Now()
		requests.Go(func() {
			meta, err := p.Metadata(ctx, id, c.hasher)
			answers <- answer{p, meta, err}
		})
	}
	ask()
	size := placement.MaxMetadata(c.committee.Params().N)
	patience := c.pace.patience(c.options.HedgeAfter, size)
	hedge := time.NewTicker(patience)
	defer hedge.Stop()
	quorum := &QuorumError{Need: c.committee.Quorum(committee.Stored)}
	for open := len(c.peers); open > 0; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-hedge.C:
			ask()
		case a := <-answers:
			open--
			if a.err == nil {
				c.pace.note(time.Since(asked[a.peer]), size)
				for p, since := range asked {
					// Overtaken by one that was asked later.
					if since.Before(asked[a.peer]) && time.Since(since) >= patience {
						c.late(p, since)
					}
				}
				c.remember(id, a.meta)
				return a.meta, nil
			}
			delete(asked, a.peer)
			if errors.Is(a.err, peer.ErrLied) {
				a.peer.Distrust()
			}
			quorum.Errors = append(quorum.Errors, &MemberError{a.peer.Name(), a.err})
			if errors.Is(a.err, peer.ErrNotFound) {
				// Of the owners of any n-f shards, one at least is honest and among those
				// that made a certificate, if there is one.
				if quorum.Have += c.committee.Weight(a.peer.Member()); quorum.Have >= quorum.Need {
					return nil, ErrNotFound
				}
			}
			ask()
		}
	}
	return nil, quorum
}
