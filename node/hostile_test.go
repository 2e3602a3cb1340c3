package node_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/identity"
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

// hostileRounds are endpoints that members answer in one way at once: each is asked in another
// part of testHostileMembers, by somebody who has not met them before, so that it is as if
// they answered that one alone. In the last round they answer so to everything.
var hostileRounds = []struct {
	name      string
	endpoints []enemy.Endpoint // each is asked, or the round proves nothing of it
	perhaps   []enemy.Endpoint // asked where metadata is coded, or by who has doubts
}{
	{name: "blobs and lists", endpoints: []enemy.Endpoint{enemy.PutBlob, enemy.Slivers, enemy.PutProof, enemy.List}},
	{name: "certificates and symbols", endpoints: []enemy.Endpoint{enemy.PutCertificate, enemy.Status, enemy.PutInvalidBlobCertificate, enemy.Symbols}},
	{
		name: "metadata", endpoints: []enemy.Endpoint{enemy.Metadata},
		perhaps: []enemy.Endpoint{enemy.MetadataParts, enemy.Proof, enemy.InvalidBlobCertificate},
	},
	{name: "health", endpoints: []enemy.Endpoint{enemy.Health}},
	{name: "everything"},
}

// TestHostileMembers lets as many members as may be faulty answer endpoints in one way, for
// all of those that blobs need and all ways, and expects that blobs are written, read, listed
// and healed, that blobs that are none are found out, and that nobody else is blamed.
func TestHostileMembers(t *testing.T) {
	for _, round := range hostileRounds {
		if testing.Short() && round.endpoints != nil {
			continue
		}
		t.Run(round.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			asked := make(map[enemy.Endpoint]int)
			t.Cleanup(func() {
				asked[enemy.Metadata] += asked[enemy.MetadataParts]
				for _, e := range round.endpoints {
					if asked[e] == 0 && !t.Failed() {
						t.Errorf("nobody asked the hostile for %s", e)
					}
				}
			})
			for _, b := range enemy.Behaviours() {
				t.Run(b.String(), func(t *testing.T) {
					t.Parallel()
					seen := testHostileMembers(t, slices.Concat(round.endpoints, round.perhaps), b)
					mu.Lock()
					defer mu.Unlock()
					for e, n := range seen {
						asked[e] += n
					}
				})
			}
		})
	}
}

// shortPatience is how long a caller bears a member that says nothing: much more than
// honest ones take on a machine that has much else to do.
const shortPatience = 2 * time.Second

// testHostileMembers has two of seven members answer some endpoints so, or all if there are
// none. It returns how often each of those was asked for while they did.
func testHostileMembers(t *testing.T, endpoints []enemy.Endpoint, b enemy.Behaviour) map[enemy.Endpoint]int {
	c := newCluster(t, 7, 7, func(o *node.Config) { o.Peers.Idle = shortPatience })
	var clients []*client.Client
	newClient := func(who *identity.Key) *client.Client {
		cl := c.clientOf(who, func(o *client.Options) {
			// With less grace an honest member that is late lacks the blob, and too few are left to heal from.
			o.Peer.Idle, o.Grace, o.Timeout = shortPatience, 5*time.Second, 30*time.Second
		})
		clients = append(clients, cl)
		return cl
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
	seen := make(map[enemy.Endpoint]int)
	for _, i := range hostile {
		if endpoints == nil {
			c.nodes[i].hostile.SetAll(b)
		}
		for _, e := range endpoints {
			seen[e] -= c.nodes[i].hostile.Seen(e)
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
	cl = newClient(c.writer)
	blob := randomBlob(10, 20_000)
	r, err := cl.Store(t.Context(), blob)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	blobs[r.ID] = blob
	_ = cl.Flush(t.Context()) // the honest have the certificate; the hostile may not say so
	done("write")

	reader := newClient(nil)
	for id, want := range blobs {
		if got, err := reader.Read(t.Context(), id); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read of %d bytes: %d bytes, %v", len(want), len(got), err)
		}
	}
	done("reads")

	reader = newClient(nil)
	reader.Status(t.Context(), r.ID)
	reader.Health(t.Context())
	done("status and health")

	if _, err := newClient(c.writer).Read(t.Context(), wrong); !errors.Is(err, client.ErrInconsistent) {
		t.Errorf("read of an inconsistent blob: %v", err)
	}
	done("read of an inconsistent blob")

	listed := make(map[commit.BlobID]bool)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	err = newClient(nil).List(ctx, func(b client.Blob) bool {
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

	for _, cl := range clients {
		for i, p := range cl.Peers() {
			if p.Lies() > 0 && i != hostile[0] && i != hostile[1] {
				t.Errorf("%s is called a liar", p.Name())
			}
		}
	}
	for e := range seen {
		for _, i := range hostile {
			seen[e] += c.nodes[i].hostile.Seen(e)
		}
	}
	return seen
}
