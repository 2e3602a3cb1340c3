package node_test

import (
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestPendingBlobsAreCleaned has a writer leave blobs at too few nodes for a certificate.
// Nodes that run remove them by themselves, with all that they took, and nothing else; they
// can be stored again.
func TestPendingBlobsAreCleaned(t *testing.T) {
	t.Parallel()
	const abandoned, size = 5, 100_000
	c := newCluster(t, 4, 12, func(o *node.Config) { o.PendingAge, o.HealInterval = 2*time.Second, 50*time.Millisecond })
	cl := c.client(nil)
	kept := randomBlob(1, size)
	id := put(t, cl, kept).ID
	var blobs [][]byte
	for i := range uint64(abandoned) {
		blob := randomBlob(100+i, size)
		blobs = append(blobs, blob)
		e, err := cl.Code().Encode(blob)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := e.Metadata().MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range cl.Peers()[:2] { // of n-f they own too few shards
			var slivers []rs2d.Sliver
			for _, pair := range c.committee.Pairs(e.ID(), p.Member()) {
				primary, secondary := e.Pair(pair)
				slivers = append(slivers, primary, secondary)
			}
			if _, err := p.PutBlob(t.Context(), committee.Attestation{Kind: committee.Stored, Blob: e.ID()}, meta, slivers); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, m := range c.nodes {
		waitFor(t, func() bool {
			ids, err := m.disk.Blobs(nil, 100)
			if err != nil {
				t.Fatal(err)
			}
			return len(ids) == 1 && ids[0] == id
		})
		if u, err := m.disk.Usage("client writer"); err != nil || u.Pending != 0 || u.Certified == 0 {
			t.Errorf("node %d: the writer has %+v, %v, want nothing that is pending", m.i, u, err)
		}
		if ids, err := m.disk.Pending(time.Now().Add(time.Hour), 100); err != nil || len(ids) > 0 {
			t.Errorf("node %d: %d blobs are pending, %v", m.i, len(ids), err)
		}
	}
	expectRead(t, cl, id, kept)
	again := put(t, cl, blobs[0])
	for _, m := range c.nodes {
		waitFor(t, func() bool {
			info, err := m.disk.Info(again.ID)
			if err != nil {
				t.Fatal(err)
			}
			return info.Has(store.Certificate) && len(info.Slivers) == 6
		})
	}
}
