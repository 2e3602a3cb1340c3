package client

import (
	"context"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/peer"
)

// NodeStatus is what one node says of itself, or why it does not.
type NodeStatus struct {
	Name   string
	Health api.Health
	Err    error
}

// BlobStatus is what one node has of a blob, or why it does not say.
type BlobStatus struct {
	Name   string
	Status api.Status
	Err    error
}

// askAll asks all nodes something, and waits for no node that is slower than others.
func askAll[T any](ctx context.Context, v *peer.View, ask func(*peer.Peer, context.Context) (T, error), take func(i int, answer T, err error)) {
	weight := 0
	peer.Each(ctx, v.Peers, func(ctx context.Context, p *peer.Peer) (T, error) { return ask(p, ctx) }, func(i int, answer T, err error) bool {
		take(i, answer, err)
		if err == nil {
			weight += v.Weight(i)
		}
		return weight >= honest(v)
	})
}

// honest returns so many shards that among the owners of any so many there is an honest
// one of every n-f.
func honest(v *peer.View) int { return 2*v.Params().F + 1 }
