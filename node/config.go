package node

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
)

// Config is what a node is made of. Store and either Control or Follower must be set;
// all else has defaults, for which the zero value stands.
type Config struct {
	Control control.Control // whose current committee the node is of
	// ID is which node it is on the ledger. By default it is the one that a committee knows by
	// one of the node's keys, once there is such.
	ID committee.NodeID
	// Follower is the control plane in place of Control where there is a ledger: it says
	// which blobs the node takes, heals and removes. It is of the same store, and the node
	// runs it.
	Follower *follow.Follower
	Store    store.Store // the node does not close it

	// Plaintext serves HTTP without TLS, and lets everybody write. It is for tests and
	// measurements on one machine.
	Plaintext bool

	MaxRequests   int               // requests served at once; default 256
	MaxBytes      int64             // bytes of bodies held at once; default 1 GiB
	MaxConns      int               // connections; default 4096
	Descriptors   httpd.Descriptors // how those of the process are divided, for Problems
	HeaderTimeout time.Duration     // for a request's header, and the TLS handshake; default 5 s
	StallTimeout  time.Duration     // for a read or write without progress; default 10 s
	MinRate       int64             // least bytes a second of a body; default 64 KiB
	Workers       int               // goroutines that code and hash for one request; default all CPUs

	PendingQuota int64         // bytes of blobs without a certificate that a writer may have; default an eighth of what is free
	PendingAge   time.Duration // after which they are removed; default a day

	CollectRate    int           // blobs a second that are removed when they have ended; default 200
	CollectCompact time.Duration // between two times that the database gives bytes of them back; default 1 h

	Peers        peer.Options  // how the node speaks to others
	HealInterval time.Duration // between looks at what others have; default 10 min; never if negative
	HealDelay    time.Duration // how long a write may take before it is healed; default 5 s
	HealBatch    int64         // bytes recovered at once; default 64 MiB
	MigrateRate  int64         // bytes a second of shards that an epoch gives the node; default 64 MiB
	ScrubRate    int64         // bytes a second; default 16 MiB; no scrubbing if negative
	ScrubPause   time.Duration // between two passes; default 10 min

	Logger  *slog.Logger         // default drops all
	Metrics *prometheus.Registry // default a new one
}

// fill sets defaults and checks the rest. The error names the field that is wrong.
func (c *Config) fill() error {
	if c.Follower != nil {
		if c.Control != nil {
			return errors.New("node: Config.Control and Config.Follower must not both be set")
		}
		c.Control = c.Follower
	}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"Control", c.Control != nil}, {"Store", c.Store != nil},
	} {
		if !field.set {
			return fmt.Errorf("node: Config.%s must be set", field.name)
		}
	}
	def(&c.MaxRequests, 256)
	def(&c.MaxBytes, 1<<30)
	def(&c.MaxConns, 4096)
	def(&c.HeaderTimeout, 5*time.Second)
	def(&c.StallTimeout, 10*time.Second)
	def(&c.MinRate, 64<<10)
	def(&c.Workers, runtime.GOMAXPROCS(0))
	def(&c.PendingAge, 24*time.Hour)
	def(&c.CollectRate, 200)
	def(&c.CollectCompact, time.Hour)
	def(&c.HealInterval, 10*time.Minute)
	def(&c.HealDelay, 5*time.Second)
	def(&c.HealBatch, 64<<20)
	def(&c.MigrateRate, 64<<20)
	def(&c.ScrubRate, 16<<20)
	def(&c.ScrubPause, 10*time.Minute)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"MaxRequests", int64(c.MaxRequests)}, {"MaxBytes", c.MaxBytes}, {"MaxConns", int64(c.MaxConns)}, {"MinRate", c.MinRate},
		{"HeaderTimeout", int64(c.HeaderTimeout)}, {"StallTimeout", int64(c.StallTimeout)}, {"Workers", int64(c.Workers)},
		{"PendingAge", int64(c.PendingAge)}, {"CollectRate", int64(c.CollectRate)}, {"CollectCompact", int64(c.CollectCompact)}, {"HealDelay", int64(c.HealDelay)}, {"HealBatch", c.HealBatch}, {"MigrateRate", c.MigrateRate}, {"ScrubPause", int64(c.ScrubPause)},
	} {
		if field.value <= 0 {
			return fmt.Errorf("node: Config.%s must be more than zero", field.name)
		}
	}
	if c.PendingQuota < 0 {
		return errors.New("node: Config.PendingQuota must not be negative")
	}
	if err := c.Peers.Validate(); err != nil {
		return fmt.Errorf("node: Config.Peers: %w", err)
	}
	return nil
}

// writeTime is how long a write may take until its certificate has come: the node has had
// the slivers, and then the certificate may wait as long as they may.
func writeTime(c Config) time.Duration { return 2 * c.HealDelay }

// def replaces a zero value.
func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
