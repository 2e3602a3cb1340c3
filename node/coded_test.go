package node_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/internal/enemy"
	"github.com/redstuff-go/redstuff/node/store"
)

// TestCodedMetadata has nodes that keep parts of metadata: blobs are written, read whole and
// in ranges, healed and found to be none as by others, while as many nodes as may be lie, or
// are gone.
func TestCodedMetadata(t *testing.T) {
	t.Parallel()
	const nodes = 10
	system := committee.System{Network: "test", Shards: nodes, Scheme: commit.BLAKE3, Metadata: committee.Coded}
	c := newClusterIn(t, system, nodes, func(_ *member, o *node.Config) { o.Peers.Idle = shortPatience })
	fresh := func() *client.Client { // that remembers no metadata
		return c.client(func(o *client.Options) { o.Peer.Idle = shortPatience })
	}
	cl := fresh()
	blobs := make(map[commit.BlobID][]byte)
	for i := range 4 {
		blob := randomBlob(uint64(i), 20_000)
		blobs[put(t, cl, blob).ID] = blob
	}
	meta, pair := cheat(t, cl, randomBlob(9, 5_000))
	wrong := storeAll(t, cl, meta, pair).ID
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := func() {
		t.Helper()
		cl := fresh()
		for id, blob := range blobs {
			expectRead(t, cl, id, blob)
			part, err := fresh().ReadRange(t.Context(), id, 5_000, 100)
			if err != nil || !bytes.Equal(part, blob[5_000:5_100]) {
				t.Fatalf("a range: %v, or other bytes", err)
			}
		}
	}
	kept := func(m *member) {
		t.Helper()
		for id := range blobs {
			raw, err := m.disk.Record(id, store.Metadata)
			if err != nil || !coded.IsRecord(raw) {
				t.Fatalf("node %d: %v, or it keeps all of the metadata: %d bytes", m.i, err, len(raw))
			}
		}
	}
	all()
	for _, m := range c.nodes {
		kept(m)
	}

	if _, err := fresh().Read(t.Context(), wrong); !errors.Is(err, client.ErrInconsistent) {
		t.Errorf("a blob that is none: %v, want %v", err, client.ErrInconsistent)
	}

	for _, b := range enemy.Behaviours() {
		for _, i := range []int{1, 5, 8} {
			c.nodes[i].hostile.Set(enemy.MetadataParts, b)
		}
		cl := fresh()
		for id, blob := range blobs {
			expectRead(t, cl, id, blob)
			break
		}
	}
	// A disk is lost, while the others lie in one way or another.
	m := c.nodes[3]
	m.wipe()
	m.start()
	m.heals(t, time.Minute, int64(len(blobs))*2)
	kept(m)
	for _, i := range []int{1, 5, 8} {
		c.nodes[i].hostile.Set(enemy.MetadataParts, 0)
	}

	// A sliver that reads well and is another's is found by the roots that are kept.
	for id := range blobs {
		ref := store.Ref{Pair: c.committee.Pairs(id, 3)[0]}
		data, err := m.disk.Read(nil, id, ref, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		data[0] ^= 1
		if err := m.disk.Apply(id, store.Update{Slivers: []store.Sliver{{Ref: ref, Data: data}}}); err != nil {
			t.Fatal(err)
		}
		break
	}
	if err := m.node.Scrubber().Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.node.Scrubber().Totals().Corrupt; got != 1 {
		t.Errorf("%d slivers were found to be wrong, want 1", got)
	}
	m.heals(t, time.Minute, 1)

	for _, i := range []int{0, 4, 7} {
		c.nodes[i].kill()
	}
	all()
	if _, err := fresh().Read(t.Context(), wrong); !errors.Is(err, client.ErrInconsistent) {
		t.Errorf("a blob that is none, with nodes gone: %v, want %v", err, client.ErrInconsistent)
	}
}
