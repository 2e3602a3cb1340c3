package client_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// cluster is nodes without TLS that neither heal nor scrub.
type cluster struct {
	committee *committee.Committee
	control   *fixed.Control
	nodes     []*member
}

type member struct {
	fault.Injector
	slivers, ranges, writes, certificates atomic.Int64 // requests
	cut                                   atomic.Int64 // how many of the next writes are cut off when some of them has come
}

// newCluster starts nodes that own shards evenly.
func newCluster(t *testing.T, nodes, shards int) *cluster {
	t.Helper()
	c := new(cluster)
	spread := committee.Spread(shards, nodes)
	var members []committee.Member
	var keys []*identity.Key
	var listeners []net.Listener
	for i := range nodes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		keys, listeners = append(keys, identity.GenerateKey()), append(listeners, l)
		members = append(members, identity.NewMember(fmt.Sprintf("node-%d", i), l.Addr().String(), keys[i], spread[i]))
	}
	var err error
	if c.committee, err = committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3}, 1, members); err != nil {
		t.Fatal(err)
	}
	control, err := fixed.New(c.committee)
	if err != nil {
		t.Fatal(err)
	}
	c.control = control
	for i := range nodes {
		disk, err := store.Open("store", store.Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		n, err := node.New(identity.NewKeyring(keys[i]), node.Config{Control: control, Store: disk, Plaintext: true})
		if err != nil {
			t.Fatal(err)
		}
		m := new(member)
		c.nodes = append(c.nodes, m)
		server := httptest.NewUnstartedServer(m.count(m.Wrap(n.Handler())))
		if err := server.Listener.Close(); err != nil {
			t.Fatal(err)
		}
		server.Listener = listeners[i]
		ctx, end := context.WithCancel(context.Background())
		server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
		server.Start()
		t.Cleanup(func() {
			end() // what stalls
			server.CloseClientConnections()
			server.Close()
			if err := disk.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return c
}

// count counts requests.
func (m *member) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, api.SliversPath):
			m.slivers.Add(1)
		case r.Method == http.MethodGet && r.Header.Get("Range") != "":
			m.ranges.Add(1)
		case r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, api.CertificatePath):
			m.certificates.Add(1)
		case r.Method == http.MethodPut:
			m.writes.Add(1)
			if m.cut.Add(-1) >= 0 {
				_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
				panic(http.ErrAbortHandler)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// client returns a client that retries nothing, and waits a minute before it tries slow
// nodes again.
func (c *cluster) client(t *testing.T, tune func(*client.Options)) *client.Client {
	t.Helper()
	o := client.Options{
		Peer:       peer.Options{Plaintext: true, Idle: 20 * time.Second, Attempts: 1, FailFor: time.Minute},
		HedgeAfter: 50 * time.Millisecond, Grace: 20 * time.Second,
	}
	if tune != nil {
		tune(&o)
	}
	cl, err := client.New(c.control, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func (c *cluster) set(k fault.Kind, members ...int) {
	for _, i := range members {
		c.nodes[i].Set(k)
	}
}

func randomBlob(seed byte, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func put(t *testing.T, cl *client.Client, blob []byte) commit.BlobID {
	t.Helper()
	r, err := cl.Store(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func expectRead(t *testing.T, cl *client.Client, id commit.BlobID, want []byte) {
	t.Helper()
	got, err := cl.Read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes that differ from the %d stored", len(got), len(want))
	}
}

// Seven nodes with four shards each: f is 9, so two nodes may misbehave, and the ten
// rows of a blob are on three or four nodes.

func TestSlowNodesAreWaitedForOnce(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Stall, fault.Slow, fault.Refuse} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 7, 28)
			blob := randomBlob(1, 300_000)
			id := put(t, c.client(t, nil), blob)
			// The first two of the blob's rows are theirs.
			bad := []int{c.committee.OwnerOfPair(id, 0), c.committee.OwnerOfPair(id, 4)}
			for _, i := range bad {
				c.nodes[i].SetDelay(time.Hour)
			}
			c.set(kind, bad...)
			cl := c.client(t, nil)
			expectRead(t, cl, id, blob)
			for _, i := range bad {
				if s := cl.Peers()[i].ObservedHealth(); s != peer.Slow {
					t.Errorf("health of node %d: %d", i, s)
				}
			}
			// A reader who knows this much and hedges nothing does without them.
			cl = c.client(t, func(o *client.Options) { o.HedgeAfter = time.Hour })
			asked := make(map[int]int64)
			for _, i := range bad {
				asked[i] = c.nodes[i].slivers.Load()
				cl.Peers()[i].MarkLate(time.Now())
			}
			for range 3 {
				expectRead(t, cl, id, blob)
				if got, err := cl.ReadRange(t.Context(), id, 1000, 200_000); err != nil || !bytes.Equal(got, blob[1000:201_000]) {
					t.Fatal(err)
				}
			}
			for _, i := range bad {
				if n := c.nodes[i].slivers.Load(); n != asked[i] {
					t.Errorf("node %d was asked %d times more", i, n-asked[i])
				}
			}
		})
	}
}

func TestRecoveredNodesAreUsedAgain(t *testing.T) {
	c := newCluster(t, 7, 28)
	blob := randomBlob(1, 300_000)
	id := put(t, c.client(t, nil), blob)
	bad := c.committee.OwnerOfPair(id, 0)
	c.set(fault.Stall, bad)
	// Every read tries it again.
	cl := c.client(t, func(o *client.Options) { o.Peer.FailFor = time.Nanosecond })
	for range 2 {
		expectRead(t, cl, id, blob)
		if err := cl.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := cl.Peers()[bad].ObservedHealth(); s != peer.Slow {
			t.Fatalf("health while it stalls: %d", s)
		}
	}
	c.set(0, bad)
	// A busy machine may take too long for one probe, but not for ever.
	for cl.Peers()[bad].ObservedHealth() != peer.Good && t.Context().Err() == nil {
		expectRead(t, cl, id, blob)
		if err := cl.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := c.nodes[bad].slivers.Load()
	expectRead(t, cl, id, blob)
	if c.nodes[bad].slivers.Load() == before {
		t.Error("not asked for the rows it has")
	}
}

func TestRangeDoesNotWaitForItsNode(t *testing.T) {
	c := newCluster(t, 7, 28)
	blob := randomBlob(1, 300_000)
	id := put(t, c.client(t, nil), blob)
	c.set(fault.Stall, c.committee.OwnerOfPair(id, 0))
	cl := c.client(t, func(o *client.Options) { o.Timeout = 15 * time.Second }) // less than a node may stall
	if got, err := cl.ReadRange(t.Context(), id, 0, 1000); err != nil || !bytes.Equal(got, blob[:1000]) {
		t.Fatal(err)
	}
}

func TestStalledNodesKeepNoMemory(t *testing.T) {
	c := newCluster(t, 7, 28)
	c.set(fault.Stall, 2, 4)
	const size = 50_000
	encoded, err := c.committee.Params().EncodedLength(size)
	if err != nil {
		t.Fatal(err)
	}
	cl := c.client(t, func(o *client.Options) {
		o.MaxMemory = int64(encoded)
		o.Grace, o.Peer.Idle, o.Timeout = time.Hour, time.Hour, time.Minute
	})
	for seed := range byte(4) {
		if _, err := cl.Store(t.Context(), randomBlob(seed, size)); err != nil {
			t.Fatal(err)
		}
	}
}
