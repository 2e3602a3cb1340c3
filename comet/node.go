package comet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/types"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/redstuff-go/redstuff/comet/app"
	"github.com/redstuff-go/redstuff/comet/headers"
	"github.com/redstuff-go/redstuff/comet/kv"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

// Node is a node of CometBFT with the ledger. Its methods are safe for concurrent use.
type Node struct {
	options Options
	id      string
	dbs     *kv.Databases
	app     *app.App
	comet   *node.Node
	states  state.Store
	began   time.Time
	heard   atomic.Bool // of half of its peers

	close  sync.Once
	stop   chan struct{}
	ticker sync.WaitGroup
	failed error
}

var _ chain.Backend = (*Node)(nil)

// Open starts the node of a key in its directory, which it makes if there is none, and goes on
// where it ended. Only one process may have it open. Before the ledger's start, Open
// waits for it. The key is the node's TLS key, by which its peers know it and with which a
// member of the committee votes, unless one of Options.Others has taken its place. The error wraps ErrOptions, ledger.ErrGenesis or app.ErrState, or is
// that of the disk or the network.
func Open(key ed25519.PrivateKey, o Options) (*Node, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("%w: an ed25519 key of %d bytes is needed, not of %d", ErrOptions, ed25519.PrivateKeySize, len(key))
	}
	o.fill()
	if err := o.validate(); err != nil {
		return nil, err
	}
	var err error
	if o.Listen, err = freePort(o.Listen); err != nil {
		return nil, err
	}
	for _, dir := range []string{"data", "config"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("comet: %w", err)
		}
	}
	dbs, err := kv.Open(filepath.Join(o.Dir, "data", "db"), o.Logger)
	if err != nil {
		return nil, err
	}
	n := &Node{options: o, dbs: dbs, stop: make(chan struct{}), began: time.Now()}
	if err := n.start(key); err != nil {
		if n.app != nil {
			n.app.Close()
		}
		return nil, errors.Join(err, dbs.Close())
	}
	n.ticker.Go(n.tick)
	return n, nil
}

// freePort returns the address with a port that is free in place of 0. CometBFT tells
// nobody at which port it listens, but that it was told.
func freePort(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("%w: Listen: %w", ErrOptions, err)
	}
	if port != "0" {
		return address, nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return "", fmt.Errorf("comet: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// start makes and starts the application and CometBFT.
func (n *Node) start(key ed25519.PrivateKey) error {
	o := &n.options
	doc, err := genesisDoc(o.Genesis)
	if err != nil {
		return err
	}
	peer := peerKey(key)
	n.id = string(peer.ID())
	n.app, err = app.Open(app.Options{
		Genesis: o.Genesis, DB: n.dbs.Database("app"), Snapshots: filepath.Join(o.Dir, "data", "snapshots"), Now: o.Now, Logger: o.Logger,
		SnapshotEvery: o.SnapshotEvery, RetainBlocks: o.RetainBlocks, RetainEvents: o.RetainEvents,
	})
	if err != nil {
		return err
	}
	votes, err := voter(o.Dir, elected(append([]ed25519.PrivateKey{key}, o.Others...), n.app.Validators()))
	if err != nil {
		return err
	}
	var application abci.Application = n.app
	if o.hooks.application != nil {
		application = o.hooks.application(application)
	}
	if o.hooks.voter != nil {
		votes = o.hooks.voter(votes)
	}
	log := logger{o.Logger}
	options := []node.Option{guarded(n.app)}
	if o.Join != nil {
		provider, err := stateProvider(o, n.app, doc)
		if err != nil {
			return err
		}
		options = append(options, node.StateProvider(provider))
	}
	n.comet, err = node.NewNode(cometConfig(o), votes, peer, proxy.NewConnSyncLocalClientCreator(application),
		func() (*types.GenesisDoc, error) { return doc, nil },
		func(c *config.DBContext) (dbm.DB, error) { return n.dbs.Database(c.ID), nil },
		metricsProvider(o.Registerer), log, options...)
	if err != nil {
		return fmt.Errorf("comet: %w", err)
	}
	if err := registerOffences(o.Registerer, n.app); err != nil {
		return err
	}
	n.states = state.NewStore(n.dbs.Database("state"), state.StoreOptions{})
	if err := n.comet.Start(); err != nil {
		return fmt.Errorf("comet: %w", err)
	}
	return nil
}

// Close ends the node. Transactions that wait get chain.ErrClosed; they may be in a
// block all the same.
func (n *Node) Close() error {
	n.close.Do(func() {
		close(n.stop)
		n.ticker.Wait()
		n.failed = n.comet.Stop()
		n.comet.Wait()
		n.app.Close()
		n.failed = errors.Join(n.failed, n.dbs.Close())
	})
	return n.failed
}

// Archive returns what light clients ask for. A node that began from a snapshot has proofs from
// the next checkpoint on.
func (n *Node) Archive() *light.Archive { return n.app.Archive() }

// State returns the ledger's state after the last block that the node has: one that was
// away is behind the others until it has caught up.
func (n *Node) State() *ledger.State { return n.app.State() }

// Events returns up to limit events from the cursor on, in their order, and the place
// behind them. If there are none, it waits for some until the context ends; then it
// returns none. The error wraps app.ErrPruned, chain.ErrClosed or app.ErrState.
func (n *Node) Events(ctx context.Context, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	return n.app.Events(ctx, from, limit)
}

// ID returns the id of the node, by which other nodes know it.
func (n *Node) ID() string { return n.id }

// Address returns id@host:port, as other nodes have it in Options.Peers.
func (n *Node) Address() string {
	if n.options.Advertise != "" {
		return p2p.IDAddressString(p2p.ID(n.id), n.options.Advertise)
	}
	return n.comet.Switch().NetAddress().String()
}

// Status is where CometBFT's chain stands.
type Status struct {
	Peer    string    `json:"peer"` // id@host:port of the node
	Height  uint64    `json:"height"`
	Hash    chain.Hex `json:"hash"` // of the block
	Peers   int       `json:"peers"`
	Waiting int       `json:"waiting"` // transactions in the mempool

	// Offences are the last ones of validators of which blocks have proofs.
	Offences []app.Offence `json:"offences"`
}

// Chain returns where CometBFT's chain stands.
func (n *Node) Chain() Status {
	s := Status{Peer: n.Address(), Peers: n.comet.Switch().Peers().Size(), Waiting: n.comet.Mempool().Size(), Offences: n.app.Offences()}
	blocks := n.comet.BlockStore()
	s.Height = uint64(blocks.Height())
	if meta := blocks.LoadBlockMeta(blocks.Height()); meta != nil {
		s.Hash = chain.Hex(meta.BlockID.Hash)
	}
	return s
}

// Behind returns why the node should not be asked at present: an error that wraps
// chain.ErrBehind while more than a third of the validators that it knows by
// [Options.Peers], itself among them, are some blocks ahead, and in the first seconds until it
// has heard from half of its peers.
func (n *Node) Behind() error {
	peers := slices.DeleteFunc(idsOf(n.options.Peers), func(id string) bool { return id == n.id })
	heights := heightsOf(n.comet.Switch(), peers)
	if 2*len(heights) > len(peers) {
		n.heard.Store(true)
	}
	return behind(n.app.Height(), heights, len(peers), n.heard.Load() || time.Since(n.began) > hearTime)
}

// LightBlock returns a header with the votes and validators that stand for it; 0 is
// the last one. The error wraps headers.ErrMissing if the node does not have it.
func (n *Node) LightBlock(height int64) (*types.LightBlock, error) {
	blocks := n.comet.BlockStore()
	if last := blocks.Height(); height == 0 {
		height = last
	}
	meta, commit := blocks.LoadBlockMeta(height), blocks.LoadBlockCommit(height)
	if commit == nil {
		commit = blocks.LoadSeenCommit(height)
	}
	if meta == nil || commit == nil || commit.Height != height {
		return nil, fmt.Errorf("%w: height %d, and the last one is %d", headers.ErrMissing, height, blocks.Height())
	}
	validators, err := n.states.LoadValidators(height)
	if err != nil {
		return nil, fmt.Errorf("%w: height %d: %w", headers.ErrMissing, height, err)
	}
	return &types.LightBlock{SignedHeader: &types.SignedHeader{Header: &meta.Header, Commit: commit}, ValidatorSet: validators}, nil
}

// tickRetry is how soon a tick is tried again that has not brought a block.
const tickRetry = time.Second

// tick asks for blocks while time has something to do.
func (n *Node) tick() {
	for {
		grown, wait := n.app.Grown(), min(time.Minute, n.app.UntilTick())
		if tick := n.app.Tick(); tick != nil {
			wait = tickRetry
			err := n.comet.Mempool().CheckTx(tick, nil, mempool.TxInfo{})
			if err != nil && !errors.Is(err, mempool.ErrTxInCache) {
				n.options.Logger.Debug("a tick was not taken", "error", err)
			}
		}
		timer := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-grown:
		case <-timer.C:
		case <-n.stop:
		}
		timer.Stop()
		select {
		case <-n.stop:
			return
		default:
		}
	}
}
