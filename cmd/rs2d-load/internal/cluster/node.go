package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/network"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// NodeConfig is what a node process is told when it starts.
type NodeConfig struct {
	Committee    string // file; without a ledger
	Genesis      string // file; with a ledger
	Ledger       string // its URL
	Listen       string // address; without one, the committee's
	Key          string // file
	Store        string // directory
	Plaintext    bool
	HealInterval time.Duration
	HealDelay    time.Duration
	OpenFiles    uint64 // limit of open files; the system's if 0
	Network      string // address of the emulator of links; none if empty
	Host         string // the node's own address, by which the emulator knows it
	Profile      string // file, or none; for the program
}

const (
	statsEvery  = 50 * time.Millisecond
	serverGrace = 2 * time.Second
	bindFor     = 5 * time.Second // how long the address of a killed process may stay taken
)

// What a node has that may open as many files as it likes, as in rs2d-node.
const (
	maxConns    = 4096
	maxRequests = 256
	storeFiles  = 512
)

// RunNode runs a node process. It ends with orders, and then closes the
// store.
func RunNode(c NodeConfig, orders io.Reader, stats io.Writer, log *slog.Logger) error {
	if err := limitOpenFiles(c.OpenFiles); err != nil {
		return err
	}
	files := httpd.Divide(httpd.RaiseDescriptors(), maxConns, maxRequests, storeFiles, store.MinOpenFiles)
	system, config, err := plane(c)
	if err != nil {
		return err
	}
	key, err := identity.LoadKey(c.Key)
	if err != nil {
		return err
	}
	disk, err := store.Open(c.Store, store.Options{
		Owner:  store.Owner{Node: key.Public().String(), System: system.Genesis().String(), Shards: system.Shards},
		Logger: log, MaxOpenFiles: files.Files,
	})
	if err != nil {
		return err
	}
	if c.Ledger != "" {
		config.Follower, err = follow.Open(context.Background(), follow.Config{
			Ledger: rpc.NewClient(c.Ledger), Genesis: *config.genesis, Store: disk, Logger: log,
		})
		if err != nil {
			return errors.Join(err, disk.Close())
		}
	}
	counters := new(peer.ByteCounters)
	cheat := &cheater{Store: disk}
	config.Store, config.Plaintext, config.Logger, config.Metrics = cheat, c.Plaintext, log, prometheus.NewRegistry()
	config.MaxConns, config.MaxRequests, config.Descriptors = files.Conns, files.Requests, files
	config.HealInterval, config.HealDelay, config.Peers = c.HealInterval, c.HealDelay, peer.Options{Counters: counters}
	if c.Network != "" {
		config.Peers.Dial = network.Dialer(c.Network, c.Host)
	}
	n, err := node.New(identity.NewKeyring(key), config.Config)
	if err != nil {
		return errors.Join(err, disk.Close())
	}
	seen := config.Control
	if config.Follower != nil {
		seen = config.Follower
	}
	others, err := client.New(seen, key, client.Options{Peer: peer.Options{Plaintext: c.Plaintext}})
	if err != nil {
		return errors.Join(err, disk.Close())
	}
	defer others.Close()
	cheat.fetch = func(ctx context.Context, id commit.BlobID) (*rs2d.Encoding, error) {
		data, err := others.Read(ctx, id)
		if err != nil {
			return nil, err
		}
		return others.Code().Encode(data)
	}
	listener, err := listen(cmp.Or(c.Listen, n.Address()))
	if err != nil {
		return errors.Join(err, disk.Close())
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b := &behaviour{disk: disk, cheater: cheat}
	b.injector.Other = b.other
	go func() {
		defer cancel()
		b.obey(orders)
	}()
	var talk sync.WaitGroup
	talk.Go(func() {
		defer cancel() // nobody listens any more
		tell(ctx, n, counters, &meter{metrics: config.Metrics}, json.NewEncoder(stats))
	})
	err = n.RunWrapped(ctx, listener, nil, serverGrace, b.injector.Wrap)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // clients keep connections open, and some requests never end
	}
	cancel()
	talk.Wait()
	return errors.Join(err, disk.Close())
}

// nodePlane is the control plane of a node's configuration.
type nodePlane struct {
	node.Config
	genesis *ledger.Genesis // with a ledger
}

// plane reads the committee's file or the genesis.
func plane(c NodeConfig) (system committee.System, p nodePlane, err error) {
	if c.Ledger == "" {
		f, err := fixed.Load(c.Committee)
		if err != nil {
			return system, p, err
		}
		p.Control = f
		return f.View().Current.System(), p, nil
	}
	g, err := genesis.Load(c.Genesis)
	p.genesis = &g
	return g.System(), p, err
}

// listen takes an address, which a process that was killed just before may still have.
func listen(address string) (net.Listener, error) {
	for deadline := time.Now().Add(bindFor); ; time.Sleep(10 * time.Millisecond) {
		l, err := net.Listen("tcp", address)
		if err == nil || time.Now().After(deadline) {
			return l, err
		}
	}
}

// tell writes Stats whenever they change until the context ends or nobody reads them.
func tell(ctx context.Context, n *node.Node, counters *peer.ByteCounters, m *meter, out *json.Encoder) {
	var s, told Stats
	first := true
	tick := time.NewTicker(statsEvery)
	defer tick.Stop()
	for {
		totals := n.Healer().Totals()
		s.First, s.Last = totals.First, totals.Last
		s.Recovery = recovery(totals)
		s.Healthy = n.State() == api.StateHealthy
		if m := n.Migration(); m != nil {
			s.Copied, s.Lies, s.Cleared = m.CopiedBytes, m.Lies, m.Cleared
		}
		s.Usage = m.look()
		s.Refused = m.refused
		s.Received, s.Sent = counters.Received.Load(), counters.Sent.Load()
		if first || s != told {
			if out.Encode(s) != nil {
				return
			}
			first, told = false, s
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done(): // once more: the last word
		case <-tick.C:
		}
	}
}

// behaviour is how a node misbehaves.
type behaviour struct {
	injector fault.Injector
	disk     *store.Disk
	cheater  *cheater
}

// obey follows orders until there are no more.
func (b *behaviour) obey(orders io.Reader) {
	for d := json.NewDecoder(orders); ; {
		var o Order
		if d.Decode(&o) != nil {
			return
		}
		b.injector.SetDelay(o.Delay)
		b.injector.SetRate(o.Rate)
		b.injector.Set(o.Faults)
		b.cheater.cheat(o.Cheat)
	}
}

// other returns a blob to lie with: the one that the store has next to the given one.
func (b *behaviour) other(id commit.BlobID) (commit.BlobID, bool) {
	ids, err := b.disk.Blobs(&id, 1)
	if err != nil || len(ids) == 0 {
		ids, err = b.disk.Blobs(nil, 1)
	}
	if err != nil || len(ids) == 0 {
		return id, false
	}
	return ids[0], true
}
