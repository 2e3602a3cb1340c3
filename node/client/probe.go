package client

import (
	"context"

	"github.com/redstuff-go/redstuff/rs2d"
)

// A node that makes a read wait is asked last from then on. Whether it is still slow is
// found out by requests that no read waits for, further and further apart.

// probe asks a slow node for a sliver, as a read would that nobody waits for.
func probe(r *reading, place int, ref rs2d.SliverRef) {
	r.background.Go(func() {
		p, size := r.view.All[place], r.sliverSize(ref.Axis)
		r.peers.Probe(r.life, p, size, func(ctx context.Context) error {
			memory, err := r.memory.reserve(ctx, int64(size))
			if err != nil {
				return err
			}
			defer memory.release()
			return r.slivers(ctx, p, ref.Axis, []int{ref.Index}, nil, func(rs2d.Sliver) error { return nil })
		})
	})
}
