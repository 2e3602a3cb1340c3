package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/redstuff-go/redstuff/comet/kv"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Options are what an application needs, and choices with defaults.
type Options struct {
	Genesis   ledger.Genesis
	DB        *kv.DB // what the application keeps
	Snapshots string // directory of the snapshots for nodes that join; "" for none

	Now    func() time.Time // default time.Now; only the mempool asks it
	Logger *slog.Logger     // default none

	SnapshotEvery uint64 // blocks between two snapshots; default 1000
	KeepSnapshots int    // default 2
	RetainBlocks  uint64 // blocks of CometBFT that are kept; default 100,000
	RetainEvents  uint64 // blocks of the ledger whose events are kept; default 1,000,000
	MaxWaiting    int    // transactions of one sender that wait for a block; default 64
}

func (o *Options) fill() {
	def(&o.SnapshotEvery, 1000)
	def(&o.KeepSnapshots, 2)
	def(&o.RetainBlocks, 100_000)
	def(&o.RetainEvents, 1_000_000)
	def(&o.MaxWaiting, 64)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// ErrState is returned when what the application keeps is not that of the ledger, or
// contradicts itself. What wraps it says what.
var ErrState = errors.New("comet: wrong state")

// App is the application. Each of its parts serves one of the four connections that
// CometBFT has to an application, and may be asked at the same time as the others.
type App struct {
	*core
	*info
	*mempool
	*consensus
	*snapshots
	noExtensions
}

var _ abci.Application = (*App)(nil)

// Open returns the application, where it ended. The error wraps ledger.ErrGenesis or
// ErrState, or is the disk's.
func Open(o Options) (*App, error) {
	o.fill()
	c, err := openCore(o)
	if err != nil {
		return nil, err
	}
	s, err := openSnapshots(c)
	if err != nil {
		return nil, err
	}
	m := newMempool(c)
	return &App{core: c, info: &info{c}, mempool: m, consensus: &consensus{core: c, mempool: m, snapshots: s}, snapshots: s}, nil
}

// Close ends what the application does by itself. CometBFT must not ask it any more.
func (a *App) Close() {
	a.snapshots.wait()
	a.core.end()
}

// noExtensions: votes carry nothing but votes.
type noExtensions struct{}

var errExtension = errors.New("comet: votes have no extensions")

func (noExtensions) ExtendVote(context.Context, *abci.RequestExtendVote) (*abci.ResponseExtendVote, error) {
	return nil, errExtension
}

func (noExtensions) VerifyVoteExtension(context.Context, *abci.RequestVerifyVoteExtension) (*abci.ResponseVerifyVoteExtension, error) {
	return nil, errExtension
}

// ruleError returns the error as one of the ledger's.
func ruleError(err error) *ledger.RuleError {
	var broken *ledger.RuleError
	if errors.As(err, &broken) {
		return broken
	}
	return &ledger.RuleError{Rule: ledger.RuleMalformed, Detail: fmt.Sprint(err)}
}
