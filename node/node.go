package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/heal"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ErrNotMember: the key is that of no member of the committee.
var ErrNotMember = errors.New("node: key is that of no member")

// Config is what a node is made of. Committee, Key and Store must be set; all else has
// defaults, for which the zero value stands.
type Config struct {
	Committee *committee.Committee
	Key       *committee.Key
	Store     store.Store // the node does not close it

	// Plaintext serves HTTP without TLS, and lets everybody write. It is for tests and
	// measurements on one machine.
	Plaintext bool

	MaxRequests   int           // requests served at once; default 256
	MaxBytes      int64         // bytes of bodies held at once; default 1 GiB
	MaxConns      int           // connections; default 4096
	HeaderTimeout time.Duration // for a request's header, and the TLS handshake; default 5 s
	StallTimeout  time.Duration // for a read or write without progress; default 10 s
	MinRate       int64         // least bytes a second of a body; default 64 KiB
	Workers       int           // goroutines that code and hash for one request; default all CPUs

	Peers        peer.Options  // how the healer speaks to other nodes; its key is the node's
	HealInterval time.Duration // between looks at what others have; default 10 min; never if negative
	HealDelay    time.Duration // how long a write may take before it is healed; default 5 s
	HealBatch    int64         // bytes recovered at once; default 64 MiB
	ScrubRate    int64         // bytes a second; default 16 MiB; no scrubbing if negative
	ScrubPause   time.Duration // between two passes; default 10 min

	Logger  *slog.Logger         // default drops all
	Metrics *prometheus.Registry // default a new one
}

func (c *Config) fill() {
	def(&c.MaxRequests, 256)
	def(&c.MaxBytes, 1<<30)
	def(&c.MaxConns, 4096)
	def(&c.HeaderTimeout, 5*time.Second)
	def(&c.StallTimeout, 10*time.Second)
	def(&c.MinRate, 64<<10)
	def(&c.Workers, runtime.GOMAXPROCS(0))
	def(&c.HealInterval, 10*time.Minute)
	def(&c.HealDelay, 5*time.Second)
	def(&c.HealBatch, 64<<20)
	def(&c.ScrubRate, 16<<20)
	def(&c.ScrubPause, 10*time.Minute)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
}

// def replaces a zero value.
func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Node is a storage node.
type Node struct {
	config    Config
	committee *committee.Committee
	signer    *committee.Signer
	member    int
	name      string
	code      *rs2d.Code
	hasher    *commit.Hasher
	store     store.Store
	peers     []*peer.Peer // nil for the node itself
	healer    *heal.Healer
	scrubber  *heal.Scrubber
	log       *slog.Logger
	metrics   *metrics
	metadata  *metadataCache
	started   time.Time

	certificates *committee.BatchVerifier
	http         *httpd.Server
	closing      atomic.Bool
	handler      http.Handler
}

// New returns a node. It starts nothing. The error is ErrNotMember, or says why there
// is no code for the committee.
func New(c Config) (*Node, error) {
	c.fill()
	member, ok := c.Committee.Find(c.Key.Public())
	if !ok {
		return nil, ErrNotMember
	}
	params := c.Committee.Params()
	code, err := rs2d.New(params.N, rs2d.WithScheme(c.Committee.Scheme()), rs2d.WithWorkers(c.Workers))
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	hasher, err := commit.NewHasher(c.Committee.Scheme(), "")
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	hashes := new(committee.HashCache) // certificates follow what was signed
	n := &Node{
		config: c, committee: c.Committee, signer: committee.NewSigner(c.Key, hashes), certificates: committee.NewBatchVerifier(hashes), member: member, name: c.Committee.Member(member).Name,
		code: code, hasher: hasher, store: c.Store,
		metadata: newMetadataCache(params.N),
		started:  time.Now(),
	}
	n.log = c.Logger.With("node", n.name)
	options := c.Peers
	options.Key, options.Plaintext = c.Key, c.Plaintext
	if options.Wire == nil {
		options.Wire = new(peer.Wire)
	}
	n.peers = peer.All(c.Committee, options)
	n.peers[member] = nil
	n.healer = heal.New(heal.Config{
		Committee: c.Committee, Member: member, Key: c.Key, Code: code, Hasher: hasher, Store: c.Store, Peers: n.peers,
		Interval: c.HealInterval, Delay: c.HealDelay, BatchBytes: c.HealBatch, Logger: n.log,
	})
	n.scrubber = heal.NewScrubber(heal.ScrubConfig{
		Code: code, Store: c.Store, Metadata: n.metadataOf, Healer: n.healer,
		Rate: c.ScrubRate, Pause: c.ScrubPause, Logger: n.log,
	})
	n.metrics = newMetrics(c.Metrics, n, options.Wire)
	n.http, err = httpd.New(httpd.Options{
		MaxConns: c.MaxConns, MaxRequests: c.MaxRequests, MaxBytes: c.MaxBytes,
		HeaderTimeout: c.HeaderTimeout, StallTimeout: c.StallTimeout, MinRate: c.MinRate,
		Identify: n.identify, Fail: fail, Metrics: c.Metrics, Logger: n.log,
	})
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	n.handler = n.routes()
	return n, nil
}

// Name returns the node's name in the committee.
func (n *Node) Name() string { return n.name }

// Healer returns the node's healer.
func (n *Node) Healer() *heal.Healer { return n.healer }

// Scrubber returns the node's scrubber.
func (n *Node) Scrubber() *heal.Scrubber { return n.scrubber }

// Handler returns the endpoints of package api, for a server of the caller's own.
func (n *Node) Handler() http.Handler { return n.handler }

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
	handler := n.handler
	if wrap != nil {
		handler = wrap(handler)
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 2)
	go func() {
		var config *tls.Config
		if !n.config.Plaintext {
			config = n.config.Key.ServerTLS()
		}
		failed <- n.http.Serve(listener, config, handler)
	}()
	servers := []interface {
		Shutdown(context.Context) error
		Close() error
	}{n.http}
	if admin != nil {
		a := &http.Server{Handler: n.AdminHandler(), ReadHeaderTimeout: n.config.HeaderTimeout, ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug)}
		servers = append(servers, a)
		go func() { failed <- a.Serve(admin) }()
	}
	var background sync.WaitGroup
	background.Go(func() { n.healer.Run(work) })
	background.Go(func() { n.scrubber.Run(work) })
	n.log.Info("serving", "address", listener.Addr().String(), "shards", n.committee.Member(n.member).Shards.String())

	var err error
	select {
	case err = <-failed:
	case <-n.store.Done():
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
	for _, p := range n.peers {
		if p != nil {
			p.Close()
		}
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// State returns the node's state, one of those of package api.
func (n *Node) State() string {
	if n.closing.Load() {
		return api.StateClosing
	}
	if n.store.Failed() != nil {
		return api.StateFailed
	}
	if !n.healer.Healthy() {
		return api.StateHealing
	}
	return api.StateHealthy
}
