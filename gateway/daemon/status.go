package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
)

// lookTime is how long nodes have to say how they are.
const lookTime = 5 * time.Second

// clusterOf asks the nodes how they are.
func clusterOf(ctx context.Context, c *client.Client) *Cluster {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	all := c.Committee()
	out := &Cluster{
		Network: all.System().Network, Epoch: all.Epoch(), Shards: all.Params().N, ShardsNeeded: all.Quorum(committee.Stored),
		Members: make([]Member, 0, all.Len()),
	}
	health := make(map[string]client.NodeStatus)
	for _, h := range c.Health(ctx) {
		health[h.Name] = h
	}
	for i := range all.Len() {
		m := all.Member(i)
		one := Member{Name: m.Name, Address: m.Address, Shards: m.Shards.String(), Weight: all.Weight(i), State: "down"}
		h, asked := health[m.Name]
		switch {
		case !asked:
			one.Error = "the committee has changed"
		case h.Err != nil:
			one.Error = h.Err.Error()
		default:
			one.Up, one.State, one.Uptime = true, h.Health.State, h.Health.Uptime
			one.Free, one.Missing, one.Recovered = h.Health.FreeBytes, h.Health.Missing, h.Health.Recovered
			one.Blobs, one.Stored = h.Health.StoredBlobs, h.Health.StoredBytes
			if m := h.Health.Migration; m != nil && m.Phase != "done" {
				one.Migration = fmt.Sprintf("epoch %d: %s, %d of %d blobs", m.Epoch, m.Phase, m.Blobs, m.Total)
			}
			for _, p := range h.Health.Problems {
				one.Problems = append(one.Problems, p.Message)
			}
			out.NodesUp++
			out.ShardsUp += one.Weight
			if one.Free != nil {
				if out.Free == nil {
					out.Free = new(uint64)
				}
				*out.Free += *one.Free
			}
			out.Stored += one.Stored
			out.Missing += one.Missing
		}
		out.Members = append(out.Members, one)
	}
	return out
}
