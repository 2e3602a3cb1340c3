package client

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// A node that makes a read wait is asked last from then on. Whether it is still slow is
// found out by requests that no read waits for, further and further apart.

// ranked returns the nodes in the order in which to ask them. Among equals, chance
// spreads the load.
func (c *Client) ranked() []*peer.Peer {
	standing := make([]peer.Standing, len(c.peers))
	for i, p := range c.peers {
		standing[i] = p.Standing()
	}
	peers := slices.Clone(c.peers)
	rand.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] })
	slices.SortStableFunc(peers, func(a, b *peer.Peer) int {
		return cmp.Compare(standing[a.Member()], standing[b.Member()])
	})
	return peers
}

// late remembers that a node made a read wait that asked it then.
func (c *Client) late(p *peer.Peer, since time.Time) {
	before := p.Standing()
	if p.Late(since); before == peer.Good && p.Standing() == peer.Slow {
		c.log.Debug("slow", "node", p.Name())
	}
}

// slow reports whether a read that takes the node would probably have to wait for it.
func (c *Client) slow(member int) bool {
	s := c.peers[member].Standing()
	return s == peer.Slow || s == peer.Failing
}

// probe asks a slow node for a sliver, as a read would that nobody waits for.
func (c *Client) probe(member int, id commit.BlobID, row, size int) {
	c.background.Go(func() {
		ctx, cancel := context.WithTimeout(c.life, c.pace.patience(c.options.HedgeAfter, size))
		defer cancel()
		memory, err := c.memory.reserve(ctx, int64(size))
		if err != nil {
			return
		}
		defer memory.release()
		p := c.peers[member]
		err = p.Slivers(ctx, id, []int{row}, nil, [2]int{size, 0}, nil, func(rs2d.Sliver) error { return nil })
		switch {
		case errors.Is(err, peer.ErrLied):
			p.Distrust()
		case answered(err):
			p.InTime()
		}
	})
}

// answered reports whether a node has done what it can, although it may not have what
// was asked for.
func answered(err error) bool {
	return err == nil || errors.Is(err, peer.ErrNotFound) || errors.Is(err, peer.ErrInconsistent)
}
