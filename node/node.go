package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/agreement"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/heal"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/inventory"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/migrate"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/prove"
	"github.com/redstuff-go/redstuff/node/scrub"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ErrNotMember is returned when the key is that of no member of the committee.
var ErrNotMember = errors.New("node: key is that of no member")

// Node is a storage node.
type Node struct {
	config    Config
	tls       *tls.Config
	keys      *identity.Keyring
	known     atomic.Pointer[committee.NodeID]
	peers     *peer.Set
	healer    *Healer
	scrubber  *scrub.Scrubber
	server    *server.Server
	whole     *whole
	ledger    *following        // nil if there is no ledger
	migrator  *migrate.Migrator // nil if there is no ledger
	rotation  *rotation         // nil if there is no ledger
	gate      *gate.Gate        // nil if there are no challenges
	disprover *disprover        // nil if there are no challenges
	prover    *prove.Prover     // nil if there are no challenges
	others    *agreement.Checker
	inventory *inventory.Counter
	log       *slog.Logger
	started   time.Time
	closing   atomic.Bool
	heard     atomic.Bool // all that the ledger had to tell, once
}

// New returns the node that has the keys, which it does not hand out. It starts nothing.
// The error is ErrNotMember if there is no ledger and so no later committee that the node
// could be of, names a field of the configuration, or says why there is no code for the
// committee.
func New(keys *identity.Keyring, c Config) (*Node, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	if keys == nil {
		return nil, errors.New("node: New needs a key")
	}
	current := c.Control.View().Current
	if _, ok := keys.Member(current); !ok && c.Follower == nil {
		return nil, ErrNotMember
	}
	code, err := rs2d.New(current.Params().N, rs2d.WithScheme(current.Scheme()), rs2d.WithWorkers(c.Workers))
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	hasher, err := commit.NewHasher(current.Scheme(), "")
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	keeper, err := metadata.NewKeeper(c.Store, current.System(), hasher)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	fetcher, err := metadata.NewFetcher(current.System(), hasher)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	n := &Node{config: c, keys: keys, started: time.Now()}
	if c.ID != (committee.NodeID{}) {
		n.known.Store(&c.ID)
	}
	n.log = c.Logger.With("node", n.Name())
	if !c.Plaintext {
		n.tls = keys.ServerTLS()
	}
	options := c.Peers
	options.Plaintext = c.Plaintext
	if options.Counters == nil {
		options.Counters = new(peer.ByteCounters)
	}
	options.Logger = n.log
	n.peers = peer.NewSet(keys.First(), options)
	view := func() *peer.View { return n.peers.View(c.Control.View(), n.ID()) }
	n.healer, err = newHealer(c, view, heal.Config{
		Peers: n.peers, Signer: keys, Code: code, Keeper: keeper, Fetcher: fetcher, Store: c.Store, Marked: n.inconsistent, BatchBytes: c.HealBatch, Logger: n.log,
	})
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	var registry control.Registry
	if c.Follower != nil {
		registry = c.Follower
	}
	var self *account.Account
	var challenges server.Challenges
	if c.Follower != nil {
		self = account.New(c.Follower.Ledger(), keys.First().Account())
		if err := newProver(n, self, code, view); err != nil {
			return nil, fmt.Errorf("node: %w", err)
		}
		if n.prover != nil {
			challenges = n.prover
		}
	}
	n.server, err = server.New(server.Config{
		View:  func() server.View { return server.ViewOf(c.Control.View(), n.ID()) },
		Store: c.Store, Code: code, Hasher: hasher, Healer: n.healer,
		Signer: keys, Verifier: committee.NewBatchVerifier(keys.Hashes()), // certificates follow what was signed
		Health: n.health,
		MarkInvalid: func(id commit.BlobID, certificate []byte) error {
			err := invalid.Mark(c.Store, id, certificate)
			if err == nil {
				n.inconsistent(id)
			}
			return err
		},
		Plaintext: c.Plaintext,
		Registry:  registry,
		Gate:      n.gate, Challenges: challenges,
		PendingQuota: c.PendingQuota, PendingAge: c.PendingAge, WriteTime: writeTime(c),
		HTTP: httpd.Options{
			MaxConns: c.MaxConns, MaxRequests: c.MaxRequests, MaxBytes: c.MaxBytes, Descriptors: c.Descriptors,
			HeaderTimeout: c.HeaderTimeout, StallTimeout: c.StallTimeout, MinRate: c.MinRate,
		},
		Metrics: c.Metrics, Logger: n.log,
	})
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	n.whole = newWhole(n.server, fetcher, view)
	n.scrubber, err = scrub.New(scrub.Config{
		View: view, Code: code, Store: c.Store, Metadata: n.server.Metadata, Healer: n.healer,
		Rate: c.ScrubRate, Pause: c.ScrubPause, Logger: n.log,
	})
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	n.others, err = agreement.New(agreement.Config{View: c.Control.View, Peers: n.otherMembers, Plaintext: c.Plaintext})
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	if c.Follower != nil {
		n.rotation = newRotation(n, self)
		if n.migrator, err = newMigrator(n, self, code, keeper, fetcher, view); err != nil {
			return nil, fmt.Errorf("node: %w", err)
		}
		n.healer.hold = n.migrator.Copying
		if n.ledger, err = newFollowing(n, self, view); err != nil {
			return nil, fmt.Errorf("node: %w", err)
		}
	}
	n.inventory = inventory.New(c.Store, n.log)
	register(c.Metrics, n, options.Counters)
	return n, nil
}

// inconsistent has a ledger told that a blob is marked as inconsistent, if there is one.
func (n *Node) inconsistent(id commit.BlobID) {
	if n.ledger != nil {
		n.ledger.witness.Inconsistent(id)
	}
}

// otherMembers returns the members of a committee but for the node itself.
func (n *Node) otherMembers(c *committee.Committee) (list []agreement.Peer) {
	self, ok := c.FindID(n.ID())
	for i, p := range n.peers.Of(c) {
		if !ok || i != self {
			list = append(list, p)
		}
	}
	return list
}

// ID returns the node's id, the zero one as long as no committee has had a member with one of
// its keys.
func (n *Node) ID() committee.NodeID {
	if id := n.known.Load(); id != nil {
		return *id
	}
	for _, c := range n.config.Control.View().Committees() {
		if i, ok := n.keys.Member(c); ok {
			id := c.Member(i).ID
			n.known.Store(&id)
			return id
		}
	}
	return committee.NodeID{}
}

// member returns the node as the committees at present have it: the current one, the next
// one, or one before. A node of none has its key for a name.
func (n *Node) member() committee.Member {
	v := n.config.Control.View()
	for _, c := range v.Committees() {
		if i, ok := c.FindID(n.ID()); ok {
			m := c.Member(i)
			if c != v.Current {
				m.Shards = nil
			}
			return m
		}
	}
	key := n.keys.Public()
	return committee.Member{Name: key.String()[:8], PublicKey: key}
}

// Name returns the node's name in the committee, or a part of its key if it is of none.
func (n *Node) Name() string { return n.member().Name }

// Address returns the node's address in the committee; none if it is of none.
func (n *Node) Address() string { return n.member().Address }

// Migration says how far the node is with its shards; nil if there is no ledger.
func (n *Node) Migration() *api.Migration {
	if n.migrator == nil {
		return nil
	}
	return migrationOf(n.config.Control.View(), n.migrator.Progress())
}

// Metadata returns all of the metadata of a blob of which the node keeps some. If it is not
// all of it, it is gathered from other nodes, and remembered for a while. The error wraps
// store.ErrNotFound or store.ErrCorrupt; or httpd.ErrBusy if too much is gathered already; or
// it says what the others answered.
func (n *Node) Metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	return n.whole.metadata(ctx, id)
}

// Healer returns the node's healer.
func (n *Node) Healer() *Healer { return n.healer }

// Scrubber returns the node's scrubber.
func (n *Node) Scrubber() *scrub.Scrubber { return n.scrubber }

// Handler returns the endpoints of package api, for a server of the caller's own.
func (n *Node) Handler() http.Handler { return n.server.Handler() }

// Run serves the listener, and heals and scrubs, until the context ends; then it stops
// to take connections, finishes the requests it has begun, for at most grace, and
// returns. admin may be nil; it gets AdminHandler. Both are closed.
//
// The error is that of a listener, context.DeadlineExceeded if requests had to be cut
// off, or store.ErrFailed if the store failed: the process should end then, and be
// started again.
func (n *Node) Run(ctx context.Context, listener, admin net.Listener, grace time.Duration) error {
	return n.RunWrapped(ctx, listener, admin, grace, nil)
}

// RunWrapped is Run with a handler around the node's, to watch it or to make it fail.
// nil is none.
func (n *Node) RunWrapped(ctx context.Context, listener, admin net.Listener, grace time.Duration, wrap func(http.Handler) http.Handler) error {
	handler := n.Handler()
	if wrap != nil {
		handler = wrap(handler)
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 2)
	go func() { failed <- n.server.HTTP().Serve(listener, n.tls, handler) }()
	servers := []interface {
		Shutdown(context.Context) error
		Close() error
	}{n.server.HTTP()}
	if admin != nil {
		a := &http.Server{
			Handler: n.AdminHandler(), ReadHeaderTimeout: n.config.HeaderTimeout,
			ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
		}
		servers = append(servers, a)
		go func() { failed <- a.Serve(admin) }()
	}
	var background sync.WaitGroup
	if n.ledger != nil {
		background.Go(func() { n.ledger.run(work) })
		background.Go(func() { n.migrator.Run(work) })
		background.Go(func() { n.rotation.run(work) })
		if n.prover != nil {
			background.Go(func() { n.prover.Run(work) })
		}
	}
	background.Go(func() { n.healer.run(work) })
	background.Go(func() { n.scrubber.Run(work) })
	background.Go(func() { n.others.Run(work) })
	background.Go(func() { n.inventory.Run(work) })
	background.Go(func() { n.watch(work) })
	background.Go(func() { n.clean(work) })
	n.log.Info("serving", "address", listener.Addr().String(), "shards", n.member().Shards.String())

	var err error
	select {
	case err = <-failed:
	case <-n.config.Store.Done():
		err = store.ErrFailed // only opening it again tells what is on the disk
	case <-ctx.Done():
	}
	n.closing.Store(true)
	stop()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for _, s := range servers {
		if e := s.Shutdown(end); e != nil {
			err = errors.Join(err, e, s.Close())
		}
	}
	background.Wait()
	n.peers.Close()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// State returns the node's state, one of those of package api.
func (n *Node) State() string {
	switch {
	case n.closing.Load():
		return api.StateClosing
	case n.config.Store.Failed() != nil:
		return api.StateFailed
	case n.others.Outvoted():
		return api.StateDiverged
	case !n.healer.Healthy() || n.ledger != nil && !(n.config.Follower.CaughtUp() && n.migrator.Done()):
		return api.StateHealing
	}
	return api.StateHealthy
}

// health says how the node is.
func (n *Node) health() api.Health {
	v := n.config.Control.View()
	c := v.Current
	self := n.member()
	h := api.Health{
		Network: c.System().Network, Committee: c.Fingerprint().String(), View: v.Digest.String(),
		Name: self.Name, PublicKey: self.PublicKey.String(), Epoch: c.Epoch(), Shards: c.Params().N,
		Owned: self.Shards.String(), State: n.State(), Uptime: time.Since(n.started).Round(time.Second).String(),
		Missing: n.healer.Lacking(), Recovered: n.healer.Totals().Slivers, Problems: n.Problems(),
	}
	if free, known := n.config.Store.Free(); known {
		h.FreeBytes = &free
	}
	stored, _ := n.inventory.Totals()
	h.StoredBlobs, h.StoredBytes = stored.Blobs, stored.Bytes
	h.Migration = n.Migration()
	return h
}

// AdminHandler serves Prometheus metrics at /metrics, profiles at /debug/pprof/, the
// node's health at /health, and at /ready whether it is to be sent requests, with a status
// of 200 or 503. It asks nobody who they are: listen where only
// operators reach it.
func (n *Node) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.config.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.Handle("GET /health", n.server.AdminHealth())
	mux.HandleFunc("GET /ready", readiness(n))
	return mux
}
