// Package nodetest runs a cluster of nodes within a test, for what stands before nodes.
package nodetest

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/store"
)

// T is what is needed of a test: a testing.TB is one.
type T interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
	Cleanup(f func())
}

// Cluster is nodes with their stores in memory.
type Cluster struct {
	Control *fixed.Control // nil where there is a ledger
	Nodes   []*Node
	stops   []func()
}

// Node is a node, and what else may stand before its store.
type Node struct {
	*node.Node
	key      *identity.Key
	Store    *store.Disk
	Control  control.Control
	Follower *follow.Follower // nil where there is no ledger
	Metrics  *prometheus.Registry
	Delay    *Delay // of what comes to it; nil where there is no ledger
}

// Public returns the node's public key.
func (n *Node) Public() committee.PublicKey { return n.key.Public() }

// Key returns the node's key.
func (n *Node) Key() *identity.Key { return n.key }

// Signer returns what signs with the node's key.
func (n *Node) Signer() *committee.Signer { return n.key.Signer(nil) }

// settings are what options change.
type settings struct {
	committee.System
	dir string // of stores; in memory if it is empty
}

// Option changes a cluster.
type Option func(*settings)

// Metadata says what nodes keep of metadata.
func Metadata(form committee.Form) Option {
	return func(s *settings) { s.Metadata = form }
}

// OnDisk has nodes keep what they store in a directory.
func OnDisk(dir string) Option {
	return func(s *settings) { s.dir = dir }
}

// newSettings returns what the options make of the defaults.
func newSettings(scheme commit.Scheme, shards int, options []Option) settings {
	s := settings{System: committee.System{Network: "test", Shards: shards, Scheme: scheme}}
	for _, option := range options {
		option(&s)
	}
	return s
}

// Start runs nodes on loopback, which own the shards evenly, until the test ends. The key
// is that of a client that may write.
func Start(t T, scheme commit.Scheme, nodes, shards int, options ...Option) (*Cluster, *identity.Key) {
	t.Helper()
	settings := newSettings(scheme, shards, options)
	c, writer := new(Cluster), identity.GenerateKey()
	keys, listeners := listen(t, nodes)
	members := make([]committee.Member, nodes)
	for i, n := range committee.Spread(shards, nodes) {
		members[i] = identity.NewMember(fmt.Sprintf("node-%d", i), listeners[i].Addr().String(), keys[i], n)
	}
	all, err := committee.New(settings.System, 1, members)
	if err != nil {
		t.Fatal(err)
	}
	if c.Control, err = fixed.New(all, fixed.Client{Name: "writer", TLSKey: writer.TLSPublic()}); err != nil {
		t.Fatal(err)
	}
	for i, l := range listeners {
		c.run(t, keys[i], l, openStore(t, settings, i), node.Config{Control: c.Control})
	}
	return c, writer
}

// listen makes keys and listeners of nodes.
func listen(t T, nodes int) (keys []*identity.Key, listeners []net.Listener) {
	t.Helper()
	for range nodes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		keys, listeners = append(keys, identity.GenerateKey()), append(listeners, l)
	}
	return keys, listeners
}

// openStore opens the store of a node.
func openStore(t T, s settings, node int) *store.Disk {
	t.Helper()
	dir, o := "store", store.Options{Owner: store.Owner{Shards: s.Shards}}
	if s.dir == "" {
		o.FS = vfs.NewMem()
	} else {
		dir = filepath.Join(s.dir, fmt.Sprint("node-", node))
	}
	disk, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return disk
}

// run runs another node.
func (c *Cluster) run(t T, key *identity.Key, l net.Listener, disk *store.Disk, config node.Config) {
	t.Helper()
	config.HealInterval = -1
	one, stop := start(t, key, l, disk, config)
	c.Nodes, c.stops = append(c.Nodes, one), append(c.stops, stop)
}

// start runs a node until it is stopped, or the test ends.
func start(t T, key *identity.Key, l net.Listener, disk *store.Disk, config node.Config) (one *Node, stop func()) {
	t.Helper()
	config.Store, config.ScrubRate, config.Metrics = disk, -1, prometheus.NewRegistry()
	n, err := node.New(identity.NewKeyring(key), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = n.Run(ctx, l, nil, 100*time.Millisecond) })
	stop = sync.OnceFunc(func() {
		cancel()
		done.Wait()
		if err := disk.Close(); err != nil {
			t.Errorf("closing a store: %v", err)
		}
	})
	one = &Node{Node: n, key: key, Store: disk, Control: config.Control, Follower: config.Follower, Metrics: config.Metrics}
	if one.Control == nil {
		one.Control = config.Follower
	}
	t.Cleanup(stop)
	return one, stop
}

// Stop stops a node.
func (c *Cluster) Stop(node int) { c.stops[node]() }

// Renew runs a node that was stopped, where there is no ledger, with nothing on its disk: it recovers
// what it has lost.
func (c *Cluster) Renew(t T, i int) {
	t.Helper()
	before := c.Nodes[i]
	members := c.Control.View().Current
	member, ok := members.FindID(before.ID())
	if !ok {
		t.Fatal("the node is no member")
	}
	l, err := net.Listen("tcp", members.Member(member).Address)
	if err != nil {
		t.Fatal(err)
	}
	config := node.Config{Control: c.Control, HealInterval: 100 * time.Millisecond, HealDelay: time.Millisecond}
	c.Nodes[i], c.stops[i] = start(t, before.key, l, openStore(t, settings{System: members.System()}, i), config)
}
