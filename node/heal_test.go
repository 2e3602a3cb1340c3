package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/heal"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// sync heals a node, and expects that nothing is left to heal.
func (m *member) sync(t *testing.T) heal.Report {
	t.Helper()
	r, err := m.node.Healer().Sync(t.Context())
	if err != nil || r.Failed > 0 {
		t.Fatalf("%v, %v", r, err)
	}
	return r
}

// expectWhole expects that a node has all it should have.
func (m *member) expectWhole(t *testing.T) {
	t.Helper()
	if r := m.sync(t); r.Slivers > 0 {
		t.Fatalf("still had to recover: %v", r)
	}
}

func TestWipedNodeHeals(t *testing.T) {
	c := newCluster(t, 7, 28, nil)
	cl := c.client(nil)
	blobs := make(map[int][]byte)
	for i := range 12 {
		blobs[i] = randomBlob(uint64(i), 1+i*i*9_000)
		put(t, cl, blobs[i])
	}
	m := c.nodes[2]
	m.wipe()
	m.start()
	r := m.sync(t)
	t.Log(r)
	if r.Blobs != 12 || r.Slivers != 12*2*4 || r.Lies != 0 {
		t.Fatalf("%+v", r)
	}
	if r.ProofBytes != 0 {
		t.Errorf("%d bytes of proofs although nobody lied", r.ProofBytes)
	}
	if r.Ratio() > 1.3 {
		t.Errorf("%.2f bytes received for each restored", r.Ratio())
	}
	m.expectWhole(t)
	// What was recovered serves: two other nodes are gone.
	c.nodes[0].kill()
	c.nodes[1].kill()
	cl = c.client(nil)
	for _, blob := range blobs {
		id, err := cl.Code().ID(blob)
		if err != nil {
			t.Fatal(err)
		}
		expectRead(t, cl, id, blob)
	}
}

func TestHealAmongLiars(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Corrupt, fault.OtherBlob, fault.Stall, fault.Refuse} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 7, 28, func(o *node.Config) {
				if kind == fault.Stall {
					o.Peers.Idle = 500 * time.Millisecond
				}
			})
			cl := c.client(nil)
			one, two := twins(t, cl, 500_000)
			a, b := put(t, cl, one), put(t, cl, two)
			m := c.nodes[3]
			m.wipe()
			for _, liar := range []int{1, 5} {
				c.nodes[liar].faults.Other = swap(a.ID, b.ID)
				c.nodes[liar].faults.Set(kind)
			}
			m.start()
			r := m.sync(t)
			t.Log(r)
			if r.Slivers != 2*2*4 {
				t.Fatalf("%+v", r)
			}
			// The blobs are twins, so a node that looks in the wrong one finds a pair there
			// and gives out its symbols.
			if (kind == fault.Corrupt || kind == fault.OtherBlob) != (r.Lies > 0) {
				t.Errorf("%d lies", r.Lies)
			}
		})
	}
}

// swap returns the other of two.
func swap[T comparable](a, b T) func(T) (T, bool) {
	return func(v T) (T, bool) {
		if v == a {
			return b, true
		}
		return a, v == b
	}
}

func TestRotHeals(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	blob := randomBlob(1, 1_000_000)
	id := put(t, cl, blob).ID
	m := c.nodes[1]
	pair := c.committee.Pairs(id, 1)[1]
	wrong := make([]byte, 8*cl.Code().Params().S)
	// A sliver that is not what the metadata commits to, with a right checksum.
	for _, ref := range []store.Ref{{Axis: rs2d.Primary, Pair: pair}, {Axis: rs2d.Secondary, Pair: pair}} {
		if err := m.disk.Apply(id, store.Update{Slivers: []store.Sliver{{Ref: ref, Data: wrong}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.node.Scrubber().Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.node.Scrubber().Totals(); got.Rot != 2 || got.Passes != 1 {
		t.Fatalf("%+v", got)
	}
	if r := m.sync(t); r.Slivers != 2 {
		t.Fatalf("%+v", r)
	}
	if err := m.node.Scrubber().Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.node.Scrubber().Totals(); got.Rot != 2 {
		t.Fatalf("%+v", got)
	}
}

// TestCertificateOfAttestations lets nobody have the certificate of a blob, as when a
// client dies right after its quorum: the nodes' attestations are as good.
func TestCertificateOfAttestations(t *testing.T) {
	c := newCluster(t, 7, 28, nil)
	c.nodes[2].kill()
	cl := c.client(func(o *client.Options) { o.Grace = time.Nanosecond })
	blob := randomBlob(1, 50_000)
	r, err := cl.Store(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	id := r.ID
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, p := range cl.Peers() {
		if _, err := p.Certificate(t.Context(), id); err == nil {
			t.Fatalf("node %d has a certificate", i)
		}
	}
	c.nodes[2].start()
	if got := c.nodes[2].sync(t); got.Slivers != 8 {
		t.Fatalf("%+v", got)
	}
	if _, err := cl.Peers()[2].Certificate(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}
