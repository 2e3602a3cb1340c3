package nodetest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Prices that the nodes of a cluster on a ledger vote for.
const (
	StoragePrice = 3 // of a MiB for an epoch
	WritePrice   = 2 // of a MiB
)

// epochTime is the length of an epoch.
const epochTime = time.Hour

// Town is a cluster on a ledger, whose clock stands still but for Pass.
type Town struct {
	Cluster
	Ledger  *embedded.Ledger // another one after Restart
	URL     string           // where it serves HTTP
	Genesis ledger.Genesis
	clock   atomic.Int64 // in milliseconds
	log     *vfs.MemFS   // of the ledger
	stop    func()       // stops the ledger
}

// StartOnLedger is Start with a ledger in memory. The key's account has 2^40 of money.
func StartOnLedger(t T, scheme commit.Scheme, nodes, shards int, options ...Option) (*Town, *identity.Key) {
	t.Helper()
	return StartOnGenesis(t, scheme, nodes, shards, func(*ledger.Genesis) {}, options...)
}

// StartOnGenesis is StartOnLedger with rules of the ledger that are changed.
func StartOnGenesis(t T, scheme commit.Scheme, nodes, shards int, change func(*ledger.Genesis), options ...Option) (*Town, *identity.Key) {
	t.Helper()
	settings := newSettings(scheme, shards, options)
	system := settings.System
	w, writer := &Town{log: vfs.NewMem()}, identity.GenerateKey()
	w.clock.Store(1_700_000_000_000)
	w.Genesis = ledger.Genesis{
		Name: system.Network, Shards: uint16(shards), Scheme: uint8(scheme), Metadata: uint8(system.Metadata), Start: uint64(w.clock.Load()), EpochMillis: uint64(epochTime.Milliseconds()),
		SyncMillis: 1, MinStake: 1, MaxNodes: uint16(nodes),
	}
	keys, listeners := listen(t, nodes)
	members := make([]genesis.Node, nodes)
	for i := range nodes {
		members[i] = genesis.NewNode(fmt.Sprint("node-", i), listeners[i].Addr().String(), keys[i])
		members[i].Stake, members[i].Capacity, members[i].StoragePrice, members[i].WritePrice = 100, 1<<40, StoragePrice, WritePrice
	}
	accounts := []genesis.Account{{Address: genesis.AddressOf(writer), Balance: 1 << 40}}
	for i := range members { // what nodes tell the ledger they pay for
		accounts = append(accounts, genesis.Account{Address: members[i].Owner, Balance: 1 << 30})
	}
	change(&w.Genesis)
	genesis.Set(&w.Genesis, members, accounts)
	w.serve(t, "127.0.0.1:0")
	t.Cleanup(func() { w.StopLedger() })
	for i, l := range listeners {
		disk, delay := openStore(t, settings, i), newDelay()
		f, err := follow.Open(context.Background(), follow.Config{
			Ledger: delayedLedger{rpc.NewClient(w.URL), delay}, Genesis: w.Genesis, Store: disk, Grace: 500 * time.Millisecond, Start: time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		w.run(t, keys[i], delayedListener{l, delay}, disk, node.Config{Follower: f})
		w.Nodes[i].Delay = delay
		t.Cleanup(delay.Release) // before the node is stopped
	}
	return w, writer
}

// serve opens the ledger, and serves it at an address.
func (w *Town) serve(t T, address string) {
	t.Helper()
	var err error
	now := func() time.Time { return time.UnixMilli(w.clock.Load()) }
	if w.Ledger, err = embedded.Open("ledger", w.Genesis, embedded.Options{FS: w.log, Now: now}); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	w.URL = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	l := w.Ledger
	served.Go(func() {
		_ = rpc.Serve(ctx, listener, rpc.Handler(chain.Local(l), rpc.Light(l.Archive())), rpc.Limits{ConnsOf: 1024}, time.Second, slog.New(slog.DiscardHandler))
	})
	w.stop = sync.OnceFunc(func() {
		cancel()
		served.Wait()
		if err := l.Close(); err != nil {
			t.Errorf("closing the ledger: %v", err)
		}
	})
}

// StopLedger stops the ledger.
func (w *Town) StopLedger() { w.stop() }

// Restart starts the ledger again, where it was.
func (w *Town) Restart(t T) {
	t.Helper()
	w.serve(t, w.URL[len("http://"):])
}

// PassTime lets some time pass, as Pass does.
func (w *Town) PassTime(d time.Duration) { w.clock.Add(d.Milliseconds()) }

// Pass lets time pass. The ledger sees it with the next transaction.
func (w *Town) Pass(epochs int) { w.clock.Add(int64(epochs) * epochTime.Milliseconds()) }
