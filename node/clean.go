package node

import (
	"context"
	"time"
)

// cleanEvery is the most time between two looks for blobs that nobody certified.
const cleanEvery = 10 * time.Minute

// clean removes blobs that nobody certified for long, until the context ends. It waits
// for the healer: a certificate that this node missed is known to others, and blobs that
// enough nodes have are certified by their healers.
func (n *Node) clean(ctx context.Context) {
	if n.config.HealInterval < 0 {
		return
	}
	tick := time.NewTicker(min(cleanEvery, n.config.PendingAge/4+time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if !n.healer.Healthy() {
			continue
		}
		removed, err := n.server.CleanPending(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Error("cleaning", "error", err)
		}
		if removed > 0 {
			n.log.Info("removed blobs that nobody certified", "blobs", removed, "age", n.config.PendingAge)
		}
	}
}
