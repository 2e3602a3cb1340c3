package client

import (
	"context"
	"errors"

	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// A node that makes a read wait is asked last from then on. Whether it is still slow is
// found out by requests that no read waits for, further and further apart.

// probe asks a slow node for a sliver, as a read would that nobody waits for.
func probe(r *reading, member, row, size int) {
	r.background.Go(func() {
		ctx, cancel := context.WithTimeout(r.life, r.peers.Timeout(size))
		defer cancel()
		memory, err := r.memory.reserve(ctx, int64(size))
		if err != nil {
			return
		}
		defer memory.release()
		p := r.view.Peers[member]
		err = p.Slivers(ctx, r.id, []int{row}, nil, [2]int{size, 0}, nil, func(rs2d.Sliver) error { return nil })
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
