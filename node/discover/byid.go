package discover

import (
	"bytes"
	"context"
	"errors"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// A node has nearly all that others list, and the certificates too. So it asks for the ids
// of certified blobs, and again, with certificates, for the parts of the list where it has
// none. What it lacks and has a certificate of it need not be told more of.

// idPage is a page of ids of certified blobs.
type idPage struct {
	ids      []commit.BlobID
	unproven []int         // places in ids of those that the node lacks, and has no certificate of
	taken    chan struct{} // closed when those are known
}

// together is how far apart, in places of a list, blobs may be that are asked for at once.
const together = 32

// errChanged is why a list ends that has lost blobs while it was read. The next round sees
// what it has become.
var errChanged = errors.New("discover: blobs of a list are not in it when it is asked for again")

// listByID gives the pages of a member's list of certified blobs to deliver: ids, and behind
// those entries with certificates, of as many of them as are needed.
func listByID(ctx context.Context, p *peer.Peer, member int, deliver func(page) error) error {
	var after *commit.BlobID
	for {
		ids, err := p.ListIDs(ctx, api.ListCertified, after, api.MaxList)
		if err != nil {
			return err
		}
		one := &idPage{ids: ids, taken: make(chan struct{})}
		if err := deliver(page{member: member, state: api.ListCertified, ids: one}); err != nil {
			return err
		}
		select {
		case <-one.taken:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		for rest := one.unproven; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n]-rest[n-1] <= together {
				n++
			}
			part := proving{p: p, member: member, before: after, limit: rest[n-1] + 1 - rest[0]}
			if rest[0] > 0 {
				part.before = &ids[rest[0]-1]
			}
			for _, at := range rest[:n] {
				part.want = append(part.want, ids[at])
			}
			if err := part.ask(ctx, deliver); err != nil {
				return err
			}
			rest = rest[n:]
		}
		if len(ids) < api.MaxList {
			return nil
		}
		after = &ids[len(ids)-1]
	}
}

// proving is a part of a member's list of certified blobs of which certificates are needed.
type proving struct {
	p      *peer.Peer
	member int
	before *commit.BlobID // the one before it
	limit  int            // blobs
	want   []commit.BlobID
}

// mostAsked is how often a part of a list is asked for because of blobs that were certified
// meanwhile, so that the part has more of them now.
const mostAsked = 8

// ask gives the part to deliver. A member that does not prove all that it has listed is not
// listened to any more.
func (c *proving) ask(ctx context.Context, deliver func(page) error) error {
	for range mostAsked {
		l, err := c.p.List(ctx, api.ListCertified, c.before, c.limit)
		if err != nil {
			return err
		}
		if err := deliver(page{member: c.member, state: api.ListCertified, list: l}); err != nil {
			return err
		}
		for _, e := range l.Blobs {
			if len(c.want) > 0 && e.Blob == c.want[0] {
				c.want = c.want[1:]
			}
		}
		switch {
		case len(c.want) == 0:
			return nil
		case !l.More || bytes.Compare(l.Next[:], c.want[0][:]) >= 0:
			return errChanged
		}
		c.before, c.limit = l.Next, together
	}
	return errChanged
}

// take notes of which of the blobs a round needs certificates. What just came, and lacks a
// certificate alone, is about to get it from whoever stores it: if not, the next round asks.
func (p *idPage) take(ctx context.Context, r *round) {
	var found []Found
	for i, id := range p.ids {
		if r.known[id] || ctx.Err() != nil {
			continue
		}
		b, info, lacks := r.look(id)
		switch {
		case !lacks:
		case info.Certified():
			found = append(found, b)
		case b.Lacking == 0 && info.Has(store.Metadata) && info.Within(r.config.WriteTime):
		default:
			p.unproven = append(p.unproven, i)
		}
	}
	close(p.taken)
	r.found(found)
}
