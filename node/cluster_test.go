package node_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/internal/enemy"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// cluster is some nodes in this process.
type cluster struct {
	t         testing.TB
	control   *fixed.Control
	committee *committee.Committee // of the control plane
	nodes     []*member
	writer    *identity.Key
	intruder  *identity.Key // of a client that may write, and means ill
	tune      func(*member, *node.Config)
}

// member is one node of a cluster, running or not.
type member struct {
	c        *cluster
	i        int
	key      *identity.Key
	fs       vfs.FS
	reserve  uint64        // of the disk, bytes
	grace    time.Duration // to end requests
	node     *node.Node
	disk     *store.Disk
	faults   *fault.Injector
	hostile  enemy.Member
	address  string
	listener net.Listener
	stop     func()
}

// form is what nodes of the tests keep of metadata. All tests hold for either.
var form = func() *committee.Form {
	f := new(committee.Form)
	flag.TextVar(f, "metadata", committee.Full, "what nodes keep of metadata: full or coded")
	return f
}()

// newCluster starts nodes that own shards evenly. tune may be nil.
func newCluster(t testing.TB, nodes, shards int, tune func(*node.Config)) *cluster {
	t.Helper()
	return newClusterOf(t, nodes, shards, func(_ *member, config *node.Config) {
		if tune != nil {
			tune(config)
		}
	})
}

// newClusterOf is newCluster for nodes that are not alike.
func newClusterOf(t testing.TB, nodes, shards int, tune func(*member, *node.Config)) *cluster {
	t.Helper()
	system := committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3, Metadata: *form}
	return newClusterIn(t, system, nodes, tune)
}

// newClusterIn is newClusterOf for a system of its own.
func newClusterIn(t testing.TB, system committee.System, nodes int, tune func(*member, *node.Config)) *cluster {
	t.Helper()
	c := &cluster{t: t, writer: identity.GenerateKey(), intruder: identity.GenerateKey(), tune: tune}
	spread := committee.Spread(system.Shards, nodes)
	var members []committee.Member
	for i := range nodes {
		m := &member{c: c, i: i, key: identity.GenerateKey(), faults: new(fault.Injector), fs: vfs.NewMem(), grace: 200 * time.Millisecond}
		listener := listen(t)
		m.listener, m.address = listener, listener.Addr().String()
		c.nodes = append(c.nodes, m)
		members = append(members, identity.NewMember(fmt.Sprintf("node-%d", i), m.address, m.key, spread[i]))
	}
	var err error
	if c.committee, err = committee.New(system, 1, members); err != nil {
		t.Fatal(err)
	}
	c.control, err = fixed.New(c.committee,
		fixed.Client{Name: "writer", TLSKey: c.writer.TLSPublic()}, fixed.Client{Name: "intruder", TLSKey: c.intruder.TLSPublic()})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.nodes {
		m.start()
	}
	t.Cleanup(func() {
		for _, m := range c.nodes {
			m.kill()
		}
	})
	return c
}

// listen takes an address on loopback that is free. Where the system allows it, it is one
// of its own, which nobody else takes while its node is down.
func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.N(254), rand.N(256), 1+rand.N(254)))
	if err != nil {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// listenAt takes an address that a node had.
func listenAt(t testing.TB, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func logger() *slog.Logger {
	if os.Getenv("REDSTUFF_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// fast are timeouts for tests.
func fast() peer.Options {
	return peer.Options{DialTimeout: 5 * time.Second, Idle: 5 * time.Second, Attempts: 2, Backoff: 5 * time.Millisecond, FailFor: 50 * time.Millisecond}
}

// start runs the node on what is on its disk.
func (m *member) start() {
	t := m.c.t
	t.Helper()
	disk, err := store.Open("store", store.Options{FS: m.fs, Reserve: m.reserve, Logger: logger()})
	if err != nil {
		t.Fatal(err)
	}
	config := node.Config{
		Control: m.c.control, Store: disk, Peers: fast(),
		HealInterval: -1, ScrubRate: -1, HealDelay: time.Millisecond, Logger: logger(),
	}
	m.c.tune(m, &config)
	n, err := node.New(identity.NewKeyring(m.key), config)
	if err != nil {
		t.Fatal(err)
	}
	if m.listener == nil {
		m.listener, err = net.Listen("tcp", m.address)
		if err != nil {
			t.Fatal(err)
		}
	}
	listener := m.listener
	m.listener, m.node, m.disk = nil, n, disk
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := n.RunWrapped(ctx, listener, nil, m.grace, func(h http.Handler) http.Handler { return m.hostile.Wrap(m.faults.Wrap(h)) }); err != nil && !testing.Short() {
			t.Logf("node %d: %v", m.i, err)
		}
	})
	m.stop = func() {
		cancel()
		done.Wait()
		if err := disk.Close(); err != nil {
			t.Errorf("node %d: %v", m.i, err)
		}
	}
}

// kill ends the node, if it runs.
func (m *member) kill() {
	if m.stop != nil {
		m.stop()
		m.stop, m.node, m.disk = nil, nil, nil
	}
}

// wipe ends the node and empties its disk.
func (m *member) wipe() {
	m.kill()
	m.fs = vfs.NewMem()
}

// client returns a client that may write.
func (c *cluster) client(tune func(*client.Options)) *client.Client {
	c.t.Helper()
	return c.clientOf(c.writer, tune)
}

// clientOf returns a client that has the key, or none.
func (c *cluster) clientOf(key *identity.Key, tune func(*client.Options)) *client.Client {
	c.t.Helper()
	o := client.Options{Peer: fast(), Timeout: time.Minute, Grace: 5 * time.Second, HedgeAfter: 30 * time.Millisecond, Logger: logger()}
	if tune != nil {
		tune(&o)
	}
	cl, err := client.New(c.control, key, o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(cl.Close)
	return cl
}

// randomBlob returns bytes that follow from the seed.
func randomBlob(seed uint64, size int) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, size)
	_, _ = r.Read(b)
	return b
}

// put stores a blob and waits until all nodes that answer have it.
func put(t testing.TB, cl *client.Client, blob []byte) *client.Receipt {
	t.Helper()
	r, err := cl.Store(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func expectRead(t testing.TB, cl *client.Client, id commit.BlobID, want []byte) {
	t.Helper()
	got, err := cl.Read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes that differ from the %d stored", len(got), len(want))
	}
}

// twins returns two blobs of the same size whose pairs lie on the same shards, so that
// a node that has slivers of one has those of the other.
func twins(t testing.TB, cl *client.Client, size int) (a, b []byte) {
	t.Helper()
	n := cl.Code().Params().N
	a = randomBlob(1, size)
	first, err := cl.Code().ID(a)
	for seed := uint64(2); err == nil; seed++ {
		b = randomBlob(seed, size)
		var second commit.BlobID
		if second, err = cl.Code().ID(b); err == nil && first.Rotation(n) == second.Rotation(n) {
			return a, b
		}
	}
	t.Fatal(err)
	return nil, nil
}
