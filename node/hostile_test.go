package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/internal/enemy"
)

// heals expects that a node heals all it lacks within a time.
func (m *member) heals(t *testing.T, within time.Duration, slivers int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	began := time.Now()
	r, err := m.node.Healer().Sync(ctx)
	if ctx.Err() != nil || r.Slivers != slivers {
		t.Errorf("recovered %d of %d slivers in %v: %v, %v", r.Slivers, slivers, time.Since(began).Round(time.Millisecond), r, err)
	}
}

// TestHealAmongHostileMembers lets as many members as may be faulty keep a wiped node
// from what it lacks: by lists that come a blob at a time, by lists of blobs that do not
// exist, or by symbols that come drop by drop. Any of them would take minutes to hear
// to the end.
func TestHealAmongHostileMembers(t *testing.T) {
	for name, hostile := range map[string]struct {
		kind  fault.Kind
		delay time.Duration
		rate  int64
	}{
		"slow list":     {fault.SlowList, 4 * time.Second, 0},
		"invents blobs": {fault.InventBlobs, 0, 0},
		"drips symbols": {fault.DripSymbols, 0, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const blobs = 30
			c := newCluster(t, 7, 28, nil)
			cl := c.client(nil)
			for i := range blobs {
				put(t, cl, randomBlob(uint64(i), 500_000))
			}
			m := c.nodes[3]
			m.wipe()
			m.start()
			for _, i := range []int{1, 5} {
				c.nodes[i].faults.SetDelay(hostile.delay)
				c.nodes[i].faults.SetRate(hostile.rate)
				c.nodes[i].faults.Set(hostile.kind)
			}
			m.heals(t, time.Minute, blobs*2*4)
		})
	}
}

// TestHostileMembers lets as many members as may be faulty answer one endpoint in one
// way, for all endpoints and all ways, and expects that blobs are written, read, listed
// and healed, that blobs that are none are found out, and that nobody else is blamed.
func TestHostileMembers(t *testing.T) {
	endpoints := enemy.Endpoints()
	if testing.Short() {
		endpoints = []enemy.Endpoint{""} // all at once
	}
	for _, e := range endpoints {
		for _, b := range enemy.Behaviours() {
			t.Run(fmt.Sprintf("%s %v", e, b), func(t *testing.T) {
				t.Parallel()
				testHostileMembers(t, e, b)
			})
		}
	}
}

// shortPatience is how long a caller bears a member that says nothing: much more than
// honest ones take on a machine that has much else to do.
const shortPatience = 2 * time.Second

func testHostileMembers(t *testing.T, e enemy.Endpoint, b enemy.Behaviour) {
	c := newCluster(t, 7, 7, func(o *node.Config) { o.Peers.Idle = shortPatience })
	newClient := func(key bool) *client.Client {
		who := c.writer
		if !key {
			who = nil
		}
		return c.clientOf(who, func(o *client.Options) {
			o.Peer.Idle, o.Grace, o.Timeout = shortPatience, 100*time.Millisecond, 30*time.Second
		})
	}
	cl := c.client(nil)
	blobs := make(map[commit.BlobID][]byte)
	for i := range 4 {
		blob := randomBlob(uint64(i), 20_000)
		blobs[put(t, cl, blob).ID] = blob
	}
	meta, pair := cheat(t, cl, randomBlob(9, 5_000))
	wrong := storeAll(t, cl, meta, pair).ID
	hostile := []int{1, 5}
	for _, i := range hostile {
		if e == "" {
			c.nodes[i].hostile.SetAll(b)
		} else {
			c.nodes[i].hostile.Set(e, b)
		}
	}

	began := time.Now()
	done := func(what string) {
		t.Helper()
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("%s took %v", what, took)
		}
		began = time.Now()
	}
	cl = newClient(true)
	blob := randomBlob(10, 20_000)
	r, err := cl.Store(t.Context(), blob)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	blobs[r.ID] = blob
	_ = cl.Flush(t.Context()) // the honest have the certificate; the hostile may not say so
	done("write")

	reader := newClient(false)
	for id, want := range blobs {
		if got, err := reader.Read(t.Context(), id); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read of %d bytes: %d bytes, %v", len(want), len(got), err)
		}
	}
	done("reads")

	reader.Status(t.Context(), r.ID)
	reader.Health(t.Context())
	done("status and health")

	if _, err := cl.Read(t.Context(), wrong); !errors.Is(err, client.ErrInconsistent) {
		t.Errorf("read of an inconsistent blob: %v", err)
	}
	done("read of an inconsistent blob")

	listed := make(map[commit.BlobID]bool)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	err = reader.List(ctx, func(b client.Blob) bool {
		listed[b.ID] = true
		return true
	})
	for id := range blobs {
		if !listed[id] {
			t.Errorf("not listed: %v, %v", id, err)
		}
	}
	done("list")

	m := c.nodes[3]
	m.wipe()
	m.start()
	m.heals(t, 60*time.Second, int64(len(blobs)*2))
	done("healing")

	for i, p := range reader.Peers() {
		if p.Lies() > 0 && i != hostile[0] && i != hostile[1] {
			t.Errorf("%s is called a liar", p.Name())
		}
	}
}
