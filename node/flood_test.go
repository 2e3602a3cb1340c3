package node_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault/flood"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/internal/enemy"
)

// strangersCome is where floods of tests come from: one address, which is not that of
// the honest.
var strangersCome = netip.MustParseAddr("127.0.0.9")

// floodOf returns what a flood of all nodes is made of.
func (c *cluster) floodOf() flood.Config {
	config := flood.Config{Source: strangersCome, Reconnect: time.Second}
	for _, m := range c.nodes {
		config.Targets = append(config.Targets, flood.Target{
			Address:  m.address,
			Stranger: (*identity.Key)(nil).ClientTLS(m.key.TLSPublic()),
			Client:   c.intruder.ClientTLS(m.key.TLSPublic()),
		})
	}
	return config
}

// TestServedUnderFlood has as many strangers as a node has connections, or a client
// that announces more than a node has memory for, and puts and gets blobs meanwhile.
func TestServedUnderFlood(t *testing.T) {
	const conns, blobs = 32, 2
	strangers := conns
	if testing.Short() {
		strangers /= 3 // under the race detector two processors do not shake more hands than that
	}
	for _, kind := range flood.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 4, 8, func(o *node.Config) { o.MaxConns, o.MaxBytes = conns, 8<<20 })
			before := put(t, c.client(nil), randomBlob(100, 50_000))
			enemy.Strangers(t, c.floodOf(), kind, strangers)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var all sync.WaitGroup
			for i := range blobs {
				all.Go(func() {
					patient := func(o *client.Options) { o.Timeout, o.Peer.Idle = time.Minute, 20*time.Second }
					cl := c.client(patient)
					blob := randomBlob(uint64(i), 50_000)
					r, err := cl.Store(ctx, blob)
					if err != nil {
						t.Errorf("put: %v", err)
						return
					}
					if _, err := cl.Read(ctx, r.ID); err != nil {
						t.Errorf("get: %v", err)
					}
					if _, err := c.clientOf(nil, patient).Read(ctx, before.ID); err != nil {
						t.Errorf("get by a stranger: %v", err)
					}
				})
			}
			all.Wait()
		})
	}
}
