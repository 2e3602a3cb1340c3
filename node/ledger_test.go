package node_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// errCut is what a ledger says that cannot be reached.
var errCut = errors.New("no route to the ledger")

// reach is the way to a ledger, which can be cut.
type reach struct {
	mu      sync.Mutex
	ledger  chain.Ledger // nil if it is cut
	refused func(ledger.Action) bool
}

// refuse has transactions get lost; nil has none.
func (r *reach) refuse(which func(ledger.Action) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused = which
}

// loses reports whether a transaction is to get lost.
func (r *reach) loses(tx []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		return false
	}
	parsed, err := ledger.ParseTx(tx)
	return err == nil && r.refused(parsed.Action)
}

func (r *reach) set(l chain.Ledger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ledger = l
}

func (r *reach) get() (chain.Ledger, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ledger == nil {
		return nil, errCut
	}
	return r.ledger, nil
}

func (r *reach) Submit(ctx context.Context, tx []byte) (chain.Receipt, error) {
	l, err := r.get()
	if err == nil && r.loses(tx) {
		err = errCut
	}
	if err != nil {
		return chain.Receipt{}, err
	}
	return l.Submit(ctx, tx)
}

func (r *reach) Events(ctx context.Context, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	l, err := r.get()
	if err != nil {
		return nil, from, err
	}
	return l.Events(ctx, from, limit)
}

func (r *reach) Genesis(ctx context.Context) (ledger.Genesis, error) {
	l, err := r.get()
	if err != nil {
		return ledger.Genesis{}, err
	}
	return l.Genesis(ctx)
}

func (r *reach) Status(ctx context.Context) (chain.Status, error) {
	l, err := r.get()
	if err != nil {
		return chain.Status{}, err
	}
	return l.Status(ctx)
}

func (r *reach) Blob(ctx context.Context, id commit.BlobID) (chain.Blob, error) {
	l, err := r.get()
	if err != nil {
		return chain.Blob{}, err
	}
	return l.Blob(ctx, id)
}

func (r *reach) Prove(ctx context.Context, key []byte) (chain.Proof, error) {
	l, err := r.get()
	if err != nil {
		return chain.Proof{}, err
	}
	return l.Prove(ctx, key)
}

func (r *reach) List(ctx context.Context, prefix, after []byte, limit int) (chain.Page, error) {
	l, err := r.get()
	if err != nil {
		return chain.Page{}, err
	}
	return l.List(ctx, prefix, after, limit)
}

// town is a ledger in this process, and nodes that follow it.
type town struct {
	t       *testing.T
	genesis ledger.Genesis
	clock   atomic.Int64 // of the ledger, in milliseconds
	dir     string       // of the ledger
	ledger  *embedded.Ledger
	reach   reach
	nodes   []*citizen
	writer  *identity.Key
}

// citizen is a node of a town.
type citizen struct {
	town     *town
	key      *identity.Key
	ring     *identity.Keyring // of the key alone if it is nil
	address  string
	name     string // noted by tests that need it when it is down
	dir      string
	disk     *store.Disk
	metrics  *prometheus.Registry
	node     *node.Node
	follower *follow.Follower
	faults   fault.Injector
	bodies   bodyCounter
	stop     func()
}

const townEpoch = 1_000_000 // milliseconds of an epoch

// newTown starts a ledger and nodes, which own shards evenly, on real disks.
func newTown(t *testing.T, nodes, shards int) *town {
	t.Helper()
	return newTownOf(t, nodes, shards, func(*ledger.Genesis) {})
}

// newTownOf is newTown with another genesis.
func newTownOf(t *testing.T, nodes, shards int, tune func(*ledger.Genesis)) *town {
	t.Helper()
	w := &town{t: t, writer: identity.GenerateKey(), dir: t.TempDir()}
	w.clock.Store(1_700_000_000_000)
	w.genesis = ledger.Genesis{
		Name: "town", Shards: uint16(shards), Scheme: uint8(commit.BLAKE3), Start: uint64(w.clock.Load()), EpochMillis: townEpoch,
		SyncMillis: 1, MinStake: 1, MaxNodes: uint16(nodes),
	}
	var members []genesis.Node
	accounts := []genesis.Account{{Address: genesis.AddressOf(w.writer), Balance: 1 << 40}}
	for i := range nodes {
		c := w.citizen()
		n := genesis.NewNode(fmt.Sprint("node-", i), c.address, c.key)
		n.Stake, n.Capacity, n.StoragePrice, n.WritePrice = 100, 1<<40, 3, 2
		members = append(members, n)
		accounts = append(accounts, genesis.Account{Address: n.Owner, Balance: 1 << 30})
		w.nodes = append(w.nodes, c)
	}
	genesis.Set(&w.genesis, members, accounts)
	tune(&w.genesis)
	w.startLedger()
	t.Cleanup(w.stopLedger)
	for _, c := range w.nodes {
		c.start()
		t.Cleanup(c.kill)
	}
	return w
}

// citizen returns a node with a key and an address, which does not run yet.
func (w *town) citizen() *citizen {
	w.t.Helper()
	c := &citizen{town: w, key: identity.GenerateKey(), dir: w.t.TempDir()}
	listener := listen(w.t)
	c.address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *town) startLedger() {
	w.t.Helper()
	l, err := embedded.Open(w.dir, w.genesis, embedded.Options{Now: func() time.Time { return time.UnixMilli(w.clock.Load()) }, SnapshotEvery: 7})
	if err != nil {
		w.t.Fatal(err)
	}
	w.ledger = l
	w.reach.set(chain.Local(l))
}

func (w *town) stopLedger() {
	if w.ledger != nil {
		w.reach.set(nil)
		if err := w.ledger.Close(); err != nil {
			w.t.Error(err)
		}
		w.ledger = nil
	}
}

func (c *citizen) start() {
	t := c.town.t
	t.Helper()
	var err error
	if c.disk, err = store.Open(c.dir, store.Options{Owner: store.Owner{Shards: int(c.town.genesis.Shards)}, FS: vfs.Default, InlineMax: -1, Ballast: -1, Logger: logger()}); err != nil {
		t.Fatal(err)
	}
	c.follower, err = follow.Open(t.Context(), follow.Config{
		Ledger: &c.town.reach, Genesis: c.town.genesis, Store: c.disk, Grace: 500 * time.Millisecond, Start: time.Second, Logger: logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.metrics = prometheus.NewRegistry()
	ring := c.ring
	if ring == nil {
		ring = identity.NewKeyring(c.key)
	}
	c.node, err = node.New(ring, node.Config{
		Follower: c.follower, Store: c.disk, Peers: fast(), Metrics: c.metrics, HealDelay: time.Millisecond, ScrubRate: -1,
		CollectCompact: time.Millisecond, Logger: logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := listenAt(t, c.address)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	n, disk := c.node, c.disk
	done.Go(func() {
		if err := n.RunWrapped(ctx, listener, nil, time.Second, func(h http.Handler) http.Handler { return c.faults.Wrap(c.bodies.wrap(h)) }); err != nil {
			t.Logf("%s: %v", n.Name(), err)
		}
	})
	c.stop = func() {
		cancel()
		done.Wait()
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (c *citizen) kill() {
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
}

// client returns a client that registers blobs for some epochs.
func (w *town) client(epochs uint32, tune func(*account.Registrar)) *client.Client {
	w.t.Helper()
	g := w.genesis
	views, err := follow.OpenViews(w.t.Context(), &w.reach, &g)
	if err != nil {
		w.t.Fatal(err)
	}
	r := w.registrar(epochs)
	r.Refresh = views.Refresh
	if tune != nil {
		tune(r)
	}
	o := client.Options{Peer: fast(), Timeout: time.Minute, Grace: 5 * time.Second, HedgeAfter: 30 * time.Millisecond, Registrar: r, Logger: logger()}
	cl, err := client.New(views, w.writer, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cl.Close)
	return cl
}

// registrar returns what registers blobs of the writer for some epochs.
func (w *town) registrar(epochs uint32) *account.Registrar {
	w.t.Helper()
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return &account.Registrar{Account: account.New(&w.reach, w.writer.Account()), Epochs: epochs, Hasher: hasher}
}

// act has the writer do something on the ledger.
func (w *town) act(a ledger.Action) {
	w.t.Helper()
	if _, err := account.New(&w.reach, w.writer.Account()).Do(w.t.Context(), a); err != nil {
		w.t.Fatal(err)
	}
}

// pass lets epochs pass on the ledger.
func (w *town) pass(epochs int) {
	w.t.Helper()
	for range 2 * epochs {
		w.clock.Add(townEpoch/2 + 2)
		w.act(ledger.Transfer{To: ledger.Address{1}, Amount: 1}) // wakes it
	}
}

// until waits until a condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 12_000 { // two minutes
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// has reports whether the node has something of the blob.
func (c *citizen) has(id commit.BlobID) bool {
	info, err := c.disk.Info(id)
	if err != nil {
		c.town.t.Fatal(err)
	}
	return len(info.Slivers) > 0
}

// certified reports whether the node has all of the blob, and knows that it is certified.
func (c *citizen) certified(id commit.BlobID) bool {
	info, err := c.disk.Info(id)
	if err != nil {
		c.town.t.Fatal(err)
	}
	current := c.follower.View().Current
	i, _ := current.Find(c.key.Public())
	return info.Certified() && len(info.Slivers) == 2*current.Weight(i)
}

// used returns the bytes of the files in the slivers' directory of a node.
func (c *citizen) used() (total int64) {
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(path)) == "db" {
			if errors.Is(err, os.ErrNotExist) {
				err = nil
			}
			return err
		}
		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		total += info.Size()
		return err
	})
	if err != nil {
		c.town.t.Fatal(err)
	}
	return total
}

// object returns the registration of a blob.
func (w *town) object(id commit.BlobID) ledger.ObjectID {
	w.t.Helper()
	b := chain.BlobOf(w.ledger.State(), id)
	if len(b.Registrations) != 1 {
		w.t.Fatalf("%d registrations of %v, want 1", len(b.Registrations), id)
	}
	return b.Registrations[0].Object
}

// TestLedgerLifetimes: nothing is stored that nobody has registered; what is deleted, or
// whose storage has ended, is gone from every disk, and no other blob is.
func TestLedgerLifetimes(t *testing.T) {
	t.Parallel()
	w := newTown(t, 4, 16)
	short, long := w.client(1, nil), w.client(9, nil)
	before := make([]int64, len(w.nodes))
	kept := randomBlob(1, 100_000)
	keptID := put(t, long, kept).ID
	until(t, "all have the blob that stays", func() bool { return w.all(func(c *citizen) bool { return c.certified(keptID) }) })
	for i, c := range w.nodes {
		before[i] = c.used()
	}

	unregistered, err := client.New(mustViews(t, w), w.writer, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer unregistered.Close()
	blob := randomBlob(2, 200_000)
	if _, err := unregistered.Store(t.Context(), blob); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("a blob that is not registered: %v, want ErrUnavailable", err)
	}
	id, err := unregistered.Code().ID(blob)
	if err != nil {
		t.Fatal(err)
	}
	if w.any(func(c *citizen) bool { return c.has(id) }) {
		t.Error("a node stores a blob that is not registered")
	}

	expires := put(t, short, randomBlob(3, 300_000)).ID
	deleted := put(t, long, randomBlob(4, 400_000)).ID
	extended := put(t, short, randomBlob(5, 100_000)).ID
	until(t, "all have all", func() bool {
		return w.all(func(c *citizen) bool { return c.certified(expires) && c.certified(deleted) && c.certified(extended) })
	})
	w.act(ledger.ExtendBlob{Blob: w.object(extended), Epochs: 5})
	w.act(ledger.DeleteBlob{Blob: w.object(deleted)})
	until(t, "what was deleted is gone", func() bool { return !w.any(func(c *citizen) bool { return c.has(deleted) }) })
	if !w.all(func(c *citizen) bool { return c.certified(expires) && c.certified(extended) && c.certified(keptID) }) {
		t.Error("more than the deleted blob is gone")
	}
	w.pass(1)
	until(t, "what expired is gone", func() bool { return !w.any(func(c *citizen) bool { return c.has(expires) }) })
	w.act(ledger.DeleteBlob{Blob: w.object(extended)})
	until(t, "what was extended and deleted is gone", func() bool { return !w.any(func(c *citizen) bool { return c.has(extended) }) })
	for i, c := range w.nodes {
		until(t, "the disk is as it was", func() bool { return c.used() <= before[i] })
		if got := c.used(); got < before[i] {
			t.Errorf("node %d: %d bytes of files, and before there were %d: another blob's are gone", i, got, before[i])
		}
	}
	expectRead(t, w.client(1, nil), keptID, kept)

	// The same blob can come again.
	again := put(t, short, randomBlob(4, 400_000)).ID
	if again != deleted {
		t.Fatalf("another id: %v, want %v", again, deleted)
	}
	until(t, "all have it again", func() bool { return w.all(func(c *citizen) bool { return c.certified(deleted) }) })
}

func mustViews(t *testing.T, w *town) *follow.Views {
	t.Helper()
	g := w.genesis
	v, err := follow.OpenViews(t.Context(), &w.reach, &g)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *town) all(f func(*citizen) bool) bool {
	for _, c := range w.nodes {
		if !f(c) {
			return false
		}
	}
	return true
}

func (w *town) any(f func(*citizen) bool) bool {
	return !w.all(func(c *citizen) bool { return !f(c) })
}

// TestLedgerAway: a node that was away catches up with what came and went meanwhile, one
// that is new starts from a listing, and neither needs the ledger to serve.
func TestLedgerAway(t *testing.T) {
	t.Parallel()
	w := newTown(t, 4, 16)
	short, long := w.client(1, nil), w.client(9, nil)
	there := put(t, long, randomBlob(1, 100_000)).ID
	expires := put(t, short, randomBlob(2, 100_000)).ID
	deleted := put(t, long, randomBlob(3, 100_000)).ID
	extended := put(t, short, randomBlob(4, 100_000)).ID
	away, fresh := w.nodes[0], w.nodes[1]
	until(t, "the node has all", func() bool {
		return away.certified(there) && away.certified(expires) && away.certified(deleted) && away.certified(extended)
	})
	away.kill()
	came := put(t, long, randomBlob(5, 100_000)).ID
	w.act(ledger.DeleteBlob{Blob: w.object(deleted)})
	w.act(ledger.ExtendBlob{Blob: w.object(extended), Epochs: 5})
	w.pass(2)
	caughtUp := func(c *citizen) func() bool {
		return func() bool {
			return c.certified(there) && c.certified(came) && c.certified(extended) && !c.has(expires) && !c.has(deleted)
		}
	}
	away.start()
	until(t, "the node catches up", caughtUp(away))

	fresh.kill()
	fresh.dir = t.TempDir()
	fresh.start()
	until(t, "a new node has all that lives", caughtUp(fresh))

	// Without a ledger, and after a restart, the last view holds.
	last := uint64(w.ledger.State().System().Epoch)
	until(t, "the node knows the epoch", func() bool { return away.follower.View().Current.Epoch() == last })
	w.stopLedger()
	until(t, "the node says that the ledger is away", func() bool { return len(away.node.Problems()) == 1 && away.node.Problems()[0].Name == "ledger" })
	away.kill()
	away.start()
	if got := away.follower.View().Current.Epoch(); got != last || last < 2 {
		t.Errorf("epoch %d without a ledger, want %d, the last one known", got, last)
	}
	expectRead(t, long, came, randomBlob(5, 100_000))
	w.startLedger()
	until(t, "the node has the ledger again", func() bool { return len(away.node.Problems()) == 0 })
	after := put(t, w.client(1, nil), randomBlob(6, 100_000)).ID
	until(t, "it goes on", func() bool { return w.all(func(c *citizen) bool { return c.certified(after) }) })
}

// lateRegistrar registers when something has happened.
type lateRegistrar struct {
	client.Registrar
	happened func()
}

func (r lateRegistrar) Register(ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation)) (client.Certify, error) {
	named(committee.Attestation{Kind: committee.StoredDeletable, Blob: id, Object: committee.ObjectID{1}}) // another one
	r.happened()
	return r.Registrar.Register(ctx, id, meta, named)
}

// TestLateRegistration: a registration may take longer than nodes wait for one.
func TestLateRegistration(t *testing.T) {
	w := newTown(t, 4, 16)
	r := lateRegistrar{w.registrar(2), func() {
		until(t, "all nodes refuse the blob", func() bool { return w.all(func(c *citizen) bool { return c.answered("403") > 0 }) })
	}}
	cl, err := client.New(mustViews(t, w), w.writer, client.Options{Peer: fast(), Timeout: time.Minute, Registrar: r, Logger: logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	blob := randomBlob(1, 1_000_000) // too large to be sent with others, which only registered ones are
	id := put(t, cl, blob).ID
	expectRead(t, cl, id, blob)
}

// answered returns how many requests the node has answered with a status.
func (c *citizen) answered(code string) (n float64) {
	families, err := c.metrics.Gather()
	if err != nil {
		c.town.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "redstuff_requests_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == code {
					n += m.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}
