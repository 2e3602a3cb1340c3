package client_test

import (
	"bytes"
	"testing"

	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// counted returns a client for blobs that do not fit into its memory, and the count of what
// it receives.
func (c *cluster) counted(t *testing.T) (*client.Client, *peer.ByteCounters) {
	t.Helper()
	counters := new(peer.ByteCounters)
	return c.client(t, func(o *client.Options) {
		o.MaxMemory, o.Check, o.Peer.Counters = longMemory, rs2d.CheckSystematic, counters
	}), counters
}

// TestCrossing reads rows of nodes that do not give them, or lie: each from as many bytes of
// symbols of others as it has, while as many nodes as may misbehave in the same way.
func TestCrossing(t *testing.T) {
	c := newCluster(t, 7, 100)
	blob := randomBlob(8, longBlob)
	id := put(t, c.client(t, nil), blob)
	const rows = 34
	row := int64(longBlob / rows)
	bad := []int{c.committee.OwnerOfPair(id, 0)}
	for other := range 7 {
		if len(bad) < 2 && other != bad[0] {
			bad = append(bad, other)
		}
	}
	for name, kind := range map[string]fault.Kind{"refuse": fault.Refuse, "lie": fault.Corrupt, "stall": fault.Stall} {
		t.Run(name, func(t *testing.T) {
			c.set(kind, bad...)
			defer c.set(0, bad...)
			cl, counters := c.counted(t)
			got, err := cl.ReadRange(t.Context(), id, 10, 100_000)
			if err != nil || !bytes.Equal(got, blob[10:][:100_000]) {
				t.Fatalf("range: %d bytes, %v", len(got), err)
			}
			// The row itself from a liar, symbols without proofs and then with them, more of
			// each than it takes where some are of a liar, and metadata.
			if most := 6 * row; counters.Received.Load() > most {
				t.Errorf("%d bytes were received for a row of %d, want at most %d", counters.Received.Load(), row, most)
			}
			for _, m := range c.nodes {
				m.ranges.Store(0)
			}
			before := counters.Received.Load()
			var all bytes.Buffer
			if err := cl.ReadTo(t.Context(), id, &all); err != nil || !bytes.Equal(all.Bytes(), blob) {
				t.Fatalf("all: %d bytes, %v", all.Len(), err)
			}
			// What the two nodes own, 29 rows of 100, may take five times its length.
			if most, came := int64(longBlob)*3, counters.Received.Load()-before; came > most {
				t.Errorf("%d bytes were received for a blob of %d, want at most %d", came, longBlob, most)
			}
			for i, m := range c.nodes {
				if n := m.ranges.Load(); n > 0 {
					t.Errorf("%d ranges of slivers were asked of node %d: all of the blob was decoded", n, i)
				}
			}
		})
	}
}
