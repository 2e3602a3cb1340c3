package node_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// childRole says, in the environment, what the process is in a network with a ledger: its own
// address, and where the ledger is; of the ledger itself both are the same.
const childRole = "REDSTUFF_TEST_ROLE"

// moving runs a ledger, or a node that follows one, until the process is killed or its parent
// closes its input.
func moving(dir, role string) error {
	g, err := genesis.Load(filepath.Join(dir, "..", "genesis.toml"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	address, at, _ := strings.Cut(role, " ")
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if address == at {
		l, err := embedded.Open(filepath.Join(dir, "ledger"), g, embedded.Options{SnapshotEvery: 20})
		if err != nil {
			return err
		}
		fmt.Println("ready")
		err = rpc.Serve(ctx, listener, rpc.Handler(chain.Local(l), rpc.Light(l.Archive())), rpc.Limits{Conns: 4096, ConnsOf: 4096}, time.Second, slog.New(slog.DiscardHandler))
		return errors.Join(err, l.Close())
	}
	key, err := identity.LoadKeyring(filepath.Join(dir, "key"))
	if err != nil {
		return err
	}
	disk, err := store.Open(filepath.Join(dir, "store"), store.Options{Owner: store.Owner{Shards: int(g.Shards)}, InlineMax: 1 << 10})
	if err != nil {
		return err
	}
	follower, err := follow.Open(ctx, follow.Config{Ledger: rpc.NewClient("http://" + at), Genesis: g, Store: disk})
	if err != nil {
		return err
	}
	n, err := node.New(key, node.Config{Follower: follower, Store: disk, Peers: fast(), HealInterval: 2 * time.Second, HealDelay: 100 * time.Millisecond, ScrubRate: -1})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if err := n.Run(ctx, listener, nil, time.Second); err != nil {
		return err
	}
	return disk.Close()
}

// killsVariable is how many processes TestKillsWhileShardsMove kills, in the environment.
const killsVariable = "REDSTUFF_KILLS"

// TestKillsWhileShardsMove kills nodes and the ledger at any time, while stake and with it shards
// move from epoch to epoch. Every change ends, and what was acknowledged is there all the time.
func TestKillsWhileShardsMove(t *testing.T) {
	t.Parallel()
	const nodes, shards = 7, 21 // f is 6, and no node owns more
	kills := 6
	if testing.Short() {
		kills = 4
	}
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	writer := identity.GenerateKey()
	g := ledger.Genesis{
		Name: "kills", Shards: shards, Scheme: uint8(commit.BLAKE3), Start: uint64(time.Now().UnixMilli()), EpochMillis: 4000, MinStake: 1, MaxNodes: shards,
		MaxEpochsAhead: 1000,
	}
	accounts := []genesis.Account{{Address: genesis.AddressOf(writer), Balance: 1 << 50}}
	free := func() string {
		l := listen(t)
		defer l.Close()
		return l.Addr().String()
	}
	at := free()
	var registered []genesis.Node
	processes := []*process{{dir: filepath.Join(dir, "0"), env: []string{childRole + "=" + at + " " + at}}} // the ledger first
	for i := range nodes {
		key, address := identity.GenerateKey(), free()
		n := genesis.NewNode(fmt.Sprint("node-", i), address, key)
		n.Stake, n.Capacity = 1000, 1<<40
		registered = append(registered, n)
		accounts = append(accounts, genesis.Account{Address: n.Owner, Balance: 1 << 40})
		p := &process{dir: filepath.Join(dir, fmt.Sprint(1+i)), env: []string{childRole + "=" + address + " " + at}}
		processes = append(processes, p)
		if err := os.Mkdir(p.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.dir, "key"), key.Reveal(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(processes[0].dir, 0o700); err != nil {
		t.Fatal(err)
	}
	genesis.Set(&g, registered, accounts)
	text, err := genesis.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "genesis.toml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if g, err = genesis.Parse(text); err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.kill)
	}

	l := rpc.NewClient("http://" + at)
	views, err := follow.OpenViews(t.Context(), l, &g)
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	registrar := &account.Registrar{Account: account.New(l, writer.Account()), Epochs: 900, Hasher: hasher, Refresh: views.Refresh}
	cl, err := client.New(views, writer, client.Options{Peer: fast(), Timeout: 2 * time.Minute, Grace: time.Second, Registrar: registrar})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	blobs := make(map[commit.BlobID][]byte)
	write := func(seed uint64) {
		blob := randomBlob(seed, 20_000)
		r, err := cl.Store(ctx, blob)
		if err != nil {
			return // the ledger was down, or the client's own nonce is in doubt
		}
		mu.Lock()
		defer mu.Unlock()
		blobs[r.ID] = blob
	}
	for seed := range uint64(5) {
		write(seed)
	}
	if len(blobs) < 5 {
		t.Fatalf("%d blobs are written while nothing is killed, want 5", len(blobs))
	}
	var work sync.WaitGroup
	var reads, stakes atomic.Int64
	work.Go(func() { // reads all that there is, again and again
		for ctx.Err() == nil {
			mu.Lock()
			var id commit.BlobID
			var want []byte
			for id, want = range blobs {
				break
			}
			mu.Unlock()
			got, err := cl.Read(context.WithoutCancel(ctx), id)
			if err != nil || string(got) != string(want) {
				t.Errorf("a read of %d bytes: %d came, %v", len(want), len(got), err)
				return
			}
			reads.Add(1)
		}
	})
	work.Go(func() { // moves shards, by more stake for one node and then another
		self := account.New(rpc.NewClient("http://"+at), writer.Account())
		for seed := uint64(100); ctx.Err() == nil; seed++ {
			var ids []ledger.NodeID
			prefix := ledger.NodeKey(ledger.NodeID{})[:1]
			_ = chain.ListAll(ctx, l, prefix, func(p chain.Pair) error {
				ids = append(ids, ledger.NodeID(p.Key[len(prefix):]))
				return nil
			})
			if len(ids) == nodes {
				if _, err := self.Do(ctx, ledger.StakeWith{Node: ids[rand.IntN(nodes)], Amount: 500 + rand.Uint64N(2000)}); err == nil {
					stakes.Add(1)
				}
			}
			write(seed)
			timer := time.NewTimer(300 * time.Millisecond)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
		}
	})
	// The ledger dies as often as all nodes together; one node at a time is down.
	killed := [2]int{}
	for killed[0]+killed[1] < kills && !t.Failed() {
		victim := 0
		if rand.IntN(2) == 0 {
			victim = 1 + rand.IntN(nodes)
		}
		killed[min(victim, 1)]++
		processes[victim].kill()
		if err := processes[victim].start(); err != nil {
			t.Fatal(err)
		}
		timer := time.NewTimer(rand.N(700 * time.Millisecond))
		<-timer.C
	}
	cancel()
	work.Wait()

	// The change that is under way ends, and those after it.
	var status chain.Status
	settled := func() bool {
		status, err = l.Status(t.Context())
		return err == nil && status.Settled == status.Epoch
	}
	for range 2 {
		untilMinutes(t, "the epoch is settled", settled)
		last := status.Epoch
		untilMinutes(t, "the next epoch begins", func() bool { return settled() && status.Epoch > last || status.Epoch > last })
	}
	untilMinutes(t, "the last epoch is settled", settled)
	if err := views.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, blob := range blobs {
		expectRead(t, cl, id, blob)
	}
	t.Logf("%d kills of the ledger and %d of nodes in %d epochs with %d stakes, %d reads and %d blobs", killed[0], killed[1], status.Epoch, stakes.Load(), reads.Load(), len(blobs))
}

// untilMinutes is until with more patience, for what takes epochs of real time.
func untilMinutes(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if holds() {
			return
		}
		<-tick.C
	}
	t.Fatalf("not in five minutes: %s", what)
}
