package comet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/types"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// network is validators with a storage node beside each, which follows its own one, and
// clients that know all of them.
type network struct {
	*cluster
	keys    [members]*identity.Key
	apis    [members]*httptest.Server // of validators; they outlive them
	serving [members]atomic.Pointer[http.Handler]
	disks   [members]vfs.FS
	storage [members]func() // ends a storage node; nil while it is down
	urls    []string
	writers []*identity.Key
}

// startNetwork starts all, with accounts for so many writers.
func startNetwork(t *testing.T, writers int, change func(i int, o *Options)) *network {
	t.Helper()
	n := &network{cluster: &cluster{t: t, dir: t.TempDir(), change: change}}
	n.key = func(i int) ed25519.PrivateKey { return n.keys[i].Account() }
	n.genesis = ledger.Genesis{
		Name: "test", Shards: world.Shards, Scheme: uint8(commit.BLAKE3), Start: uint64(time.Now().UnixMilli()), EpochMillis: 3_600_000, MinStake: 1, MaxNodes: members,
	}
	var nodes []genesis.Node
	for i := range members {
		n.keys[i], n.disks[i] = identity.GenerateKey(), vfs.NewMem()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		m := genesis.NewNode(fmt.Sprint("node-", i), l.Addr().String(), n.keys[i])
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		m.Stake, m.Capacity, m.StoragePrice, m.WritePrice = 100, 1<<40, 3, 2
		nodes = append(nodes, m)
		n.apis[i] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := n.serving[i].Load()
			if h == nil {
				panic(http.ErrAbortHandler) // nobody is there
			}
			(*h).ServeHTTP(w, r)
		}))
		n.urls = append(n.urls, n.apis[i].URL)
	}
	var accounts []genesis.Account
	for range writers {
		key := identity.GenerateKey()
		n.writers = append(n.writers, key)
		accounts = append(accounts, genesis.Account{Address: genesis.AddressOf(key), Balance: 1 << 40})
	}
	genesis.Set(&n.genesis, nodes, accounts)
	t.Cleanup(func() {
		for i := range members {
			n.killStorage(i)
			n.serving[i].Store(nil)
			n.apis[i].Close()
		}
	})
	n.startAll()
	for i := range members {
		n.serve(i)
		n.startStorage(i, nodes[i].Address)
	}
	return n
}

// serve has the API of a validator lead to it.
func (n *network) serve(i int) {
	h := rpc.Handler(chain.Local(n.nodes[i]))
	n.serving[i].Store(&h)
}

// startStorage starts a storage node on what is on its disk.
func (n *network) startStorage(i int, address string) {
	t := n.t
	t.Helper()
	disk, err := store.Open("store", store.Options{FS: n.disks[i]})
	if err != nil {
		t.Fatal(err)
	}
	f, err := follow.Open(context.Background(), follow.Config{Ledger: rpc.NewClient(n.urls[i]), Genesis: n.genesis, Store: disk})
	if err != nil {
		t.Fatal(err)
	}
	s, err := node.New(identity.NewKeyring(n.keys[i]), node.Config{Follower: f, Store: disk, Peers: speedy(), ScrubRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.Run(ctx, l, nil, time.Second) }) // clients may hold connections
	n.storage[i] = func() {
		cancel()
		running.Wait()
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (n *network) killStorage(i int) {
	if n.storage[i] != nil {
		n.storage[i]()
		n.storage[i] = nil
	}
}

// kill ends a machine: a storage node and the validator beside it.
func (n *network) kill(i int) {
	n.serving[i].Store(nil)
	n.killStorage(i)
	n.stop(i)
}

// revive starts a machine again.
func (n *network) revive(i int) {
	n.start(i)
	n.serve(i)
	n.startStorage(i, n.address(i))
}

// address returns that of a storage node.
func (n *network) address(i int) string {
	for _, g := range n.genesis.Nodes {
		if g.Node.TLSKey == n.keys[i].TLSPublic() {
			return g.Node.Address
		}
	}
	n.t.Fatalf("node %d is not in the genesis", i)
	return ""
}

func speedy() peer.Options {
	return peer.Options{DialTimeout: 5 * time.Second, Idle: 5 * time.Second, Attempts: 2, Backoff: 5 * time.Millisecond, FailFor: 50 * time.Millisecond}
}

// client returns a client of a writer, which asks one validator first.
func (n *network) client(writer, first int) *client.Client {
	n.t.Helper()
	l := rpc.NewClient(strings.Join(slices.Concat(n.urls[first:], n.urls[:first]), ","))
	views, err := follow.OpenViews(n.t.Context(), l, &n.genesis)
	if err != nil {
		n.t.Fatal(err)
	}
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		n.t.Fatal(err)
	}
	key := n.writers[writer]
	cl, err := client.New(views, key, client.Options{
		Registrar: &account.Registrar{Account: account.New(l, key.Account()), Epochs: 3, Hasher: hasher, Refresh: views.Refresh},
		Peer:      speedy(), Timeout: 2 * time.Minute, Grace: time.Second, HedgeAfter: 50 * time.Millisecond,
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(cl.Close)
	return cl
}

// put is a blob that was to be stored, and what became of it.
type put struct {
	phase, until int // of the test, when it began and when it ended
	id           commit.BlobID
	blob         []byte
	err          error
}

// traffic is puts and gets of many clients at once.
type traffic struct {
	t     *testing.T
	phase atomic.Int64
	end   atomic.Bool
	group sync.WaitGroup

	mu   sync.Mutex
	puts []put
}

// run has a client store one blob after the other, and read those that were
// acknowledged.
func (tr *traffic) run(seed uint64, cl *client.Client) {
	random := rand.New(rand.NewPCG(seed, 1))
	for !tr.end.Load() {
		blob := make([]byte, 1+random.IntN(100_000))
		for i := range blob {
			blob[i] = byte(random.Uint32())
		}
		p := put{phase: int(tr.phase.Load()), blob: blob}
		receipt, err := cl.Store(context.Background(), blob)
		if p.err = err; err == nil {
			p.id = receipt.ID
		}
		p.until = int(tr.phase.Load())
		tr.mu.Lock()
		tr.puts = append(tr.puts, p)
		p = tr.puts[random.IntN(len(tr.puts))]
		tr.mu.Unlock()
		if p.err == nil {
			tr.read(cl, p)
		}
	}
}

// read reads a blob that was acknowledged: that works in every phase.
func (tr *traffic) read(cl *client.Client, p put) {
	got, err := cl.Read(context.Background(), p.id)
	if err != nil || !bytes.Equal(got, p.blob) {
		tr.t.Errorf("phase %d: a read of a blob of %d bytes: %d bytes, %v", tr.phase.Load(), len(p.blob), len(got), err)
	}
}

// count returns how many puts began in a phase and have ended well, or not.
func (tr *traffic) count(phase int, well bool) (n int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, p := range tr.puts {
		if p.phase == phase && (p.err == nil) == well {
			n++
		}
	}
	return n
}

// Phases of TestStorage.
const (
	allUp = iota
	oneDown
	falling // the second one is being killed: what is under way may fail in any way
	twoDown
	back
)

// TestStorage: puts and gets under load, over four machines, of which one has a clock
// that is an hour off, one proposes rubbish, and one is killed: nothing halts. With two
// killed, puts end with an error that says why, and gets go on; with one of them back, so
// are puts. Nobody forks, and every acknowledged blob is there.
func TestStorage(t *testing.T) {
	t.Parallel() // it mostly waits
	const wrongClock, wrongBlocks, first, second = 1, 2, 3, 2
	n := startNetwork(t, 3, func(i int, o *Options) {
		o.Patience = 2 * time.Second
		switch i {
		case wrongClock:
			o.hooks.voter = func(v types.PrivValidator) types.PrivValidator { return late{v, time.Hour} }
			o.Now = func() time.Time { return time.Now().Add(time.Hour) }
		case wrongBlocks:
			o.hooks.application = func(a abci.Application) abci.Application { return rubbish{a} }
		}
	})
	tr := &traffic{t: t}
	for i := range n.writers {
		cl := n.client(i, i)
		tr.group.Go(func() { tr.run(uint64(i), cl) })
	}
	stop := sync.OnceFunc(func() {
		tr.end.Store(true)
		tr.group.Wait()
	})
	defer stop()
	some := 5
	if testing.Short() {
		some = 3
	}
	well := func(phase int) {
		t.Helper()
		wait(t, fmt.Sprintf("puts in phase %d", phase), func() bool { return tr.count(phase, true) >= some })
	}
	well(allUp)
	n.kill(first)
	tr.phase.Store(oneDown)
	well(oneDown)
	tr.phase.Store(falling)
	n.kill(second)
	tr.phase.Store(twoDown)
	wait(t, "puts that fail", func() bool { return tr.count(twoDown, false) >= len(n.writers) })
	n.revive(second)
	tr.phase.Store(back)
	well(back)
	n.revive(first)
	stop()
	for _, p := range tr.puts {
		switch {
		case p.err == nil:
		case p.until < falling || p.phase == back:
			t.Errorf("a put from phase %d to %d: %v", p.phase, p.until, p.err)
		case p.phase == twoDown && p.until == twoDown && !errors.Is(p.err, chain.ErrNoQuorum):
			t.Errorf("a put with two machines down: %v, want %q", p.err, chain.ErrNoQuorum)
		}
	}
	n.settle()
	n.checkChain()
	reader := n.client(0, first)
	for _, p := range tr.puts {
		if p.err == nil {
			tr.read(reader, p)
		}
	}
	t.Logf("%d puts; in each phase %d, %d, %d and %d were acknowledged", len(tr.puts),
		tr.count(allUp, true), tr.count(oneDown, true), tr.count(twoDown, true), tr.count(back, true))
}
