package comet

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/types"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// Options are what a node needs, and choices with defaults.
type Options struct {
	Dir     string         // keeps all that the node must not forget
	Genesis ledger.Genesis // of the ledger; all nodes have the same

	Listen    string   // host:port for other nodes; default 127.0.0.1:0
	Advertise string   // host:port at which others find the node; default Listen
	Peers     []string // other nodes, as id@host:port; see [Node.ID]
	Join      *Join    // for a node without state that begins from others' snapshot

	// Others are more keys of the node, while one takes the place of another: at the start the
	// node takes that to vote with which the ledger has, and the first key if it has none.
	Others []ed25519.PrivateKey

	Logger     *slog.Logger          // default none
	Registerer prometheus.Registerer // for metrics; default none
	Now        func() time.Time      // default time.Now; when to ask for blocks without transactions

	BlockPause    time.Duration // between two blocks; default 300 ms
	RoundTimeout  time.Duration // for a proposer, before the next one is tried; default 2 s
	Patience      time.Duration // for a block, before Submit gives up; default 30 s
	SnapshotEvery uint64        // blocks between two snapshots for others; default 1000
	RetainBlocks  uint64        // blocks that are kept; default 100,000
	RetainEvents  uint64        // blocks of the ledger whose events are kept; default 1,000,000

	hooks hooks
}

// hooks let tests make a node that does wrong.
type hooks struct {
	application func(abci.Application) abci.Application
	voter       func(types.PrivValidator) types.PrivValidator
	strangers   bool // peers are not told of other peers
}

// Join is how a node begins without replaying the ledger: it takes a snapshot of its
// peers, at a height of which other nodes show it the headers.
type Join struct {
	Servers []string      // base URLs of two nodes' APIs at least, such as http://10.0.0.1:7300
	Height  uint64        // of a block that the operator trusts
	Hash    []byte        // of that block
	Period  time.Duration // for which its validators are trusted; default a week
}

// Bounds of what nodes agree on. The parameters are part of CometBFT's genesis: all nodes
// must have the same.
const (
	maxBlock       = 2 << 20 // bytes
	maxEvidence    = 64 << 10
	evidenceBlocks = 10_000
	evidenceAge    = 24 * time.Hour
)

// ErrOptions is returned when a node cannot run so. What wraps it says why.
var ErrOptions = errors.New("comet: invalid options")

func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func (o *Options) fill() {
	def(&o.Listen, "127.0.0.1:0")
	def(&o.BlockPause, 300*time.Millisecond)
	def(&o.RoundTimeout, 2*time.Second)
	def(&o.Patience, 30*time.Second)
	def(&o.RetainBlocks, 100_000)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func (o *Options) validate() error {
	switch {
	case o.Dir == "":
		return fmt.Errorf("%w: Dir: a directory is needed", ErrOptions)
	case o.RetainBlocks < evidenceBlocks:
		return fmt.Errorf("%w: RetainBlocks: %d is less than the %d blocks for which a validator answers", ErrOptions, o.RetainBlocks, evidenceBlocks)
	case o.BlockPause < 0 || o.RoundTimeout < 0 || o.Patience < 0:
		return fmt.Errorf("%w: a time below zero", ErrOptions)
	}
	if j := o.Join; j != nil {
		def(&j.Period, 7*24*time.Hour)
		if len(j.Servers) < 2 || j.Height == 0 || len(j.Hash) == 0 {
			return fmt.Errorf("%w: Join: two servers, and the height and hash of a block are needed", ErrOptions)
		}
	}
	return nil
}
