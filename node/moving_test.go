package node_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

// TestEndsWhileShardsMove has blobs be deleted, found inconsistent and expire while a new node
// gets its shards: some before it begins, some while it copies. It has nothing of them in the
// end, like all others, and all of those that live.
func TestEndsWhileShardsMove(t *testing.T) {
	t.Parallel()
	w := newTownOf(t, 5, 20, longSync)
	long, short, brief := w.client(20, nil), w.client(2, nil), w.client(3, nil)
	live := make(map[commit.BlobID][]byte)
	keep := func(seed uint64) {
		t.Helper()
		blob := randomBlob(seed, 30_000)
		live[put(t, long, blob).ID] = blob
	}
	for seed := range uint64(4) {
		keep(seed)
	}
	var deleted, invalid, ended []commit.BlobID
	for seed := range uint64(6) {
		deleted = append(deleted, put(t, long, randomBlob(100+seed, 40_000)).ID)
	}
	for seed := range uint64(2) {
		meta, pair := cheat(t, long, randomBlob(200+seed, 40_000))
		invalid = append(invalid, storeAll(t, long, meta, pair).ID)
	}
	for seed := range uint64(3) {
		ended = append(ended, put(t, short, randomBlob(300+seed, 40_000)).ID, put(t, brief, randomBlob(400+seed, 40_000)).ID)
	}
	joined := w.join(200)
	w.pass(1) // epoch 2: it owns shards, and does not run yet
	until(t, "nodes know the epoch", func() bool { return w.nodes[0].follower.View().Current.Epoch() == 2 })
	for _, id := range deleted[:3] {
		w.act(ledger.DeleteBlob{Blob: w.object(id)})
	}
	expectRefused(t, long, invalid[0])
	r := w.read(maps.Clone(live), long)
	joined.start()
	for _, id := range deleted[3:] { // while it copies
		w.act(ledger.DeleteBlob{Blob: w.object(id)})
	}
	expectRefused(t, long, invalid[1])
	keep(10)
	w.passTo(3) // the short ones expire, whether it had its shards or not
	w.passTo(4) // the others
	w.settle()
	r.end()
	if got := joined.weight(); got < 3 {
		t.Fatalf("the new node owns %d shards, want 3 at least", got)
	}
	for name, ids := range map[string][]commit.BlobID{"deleted": deleted, "expired": ended, "inconsistent": invalid} {
		for _, id := range ids {
			until(t, "nobody has slivers of what is "+name, func() bool { return w.all(func(c *citizen) bool { return !c.has(id) }) })
		}
	}
	for id, blob := range live {
		until(t, "all have what lives", func() bool { return w.all(func(c *citizen) bool { return c.certified(id) }) })
		expectRead(t, long, id, blob)
	}
	fresh := w.client(1, nil) // it has not seen the epochs of the certificates
	for _, id := range invalid {
		expectRefused(t, long, id)
		expectRefused(t, fresh, id)
	}
	for _, id := range deleted {
		if _, err := long.Read(t.Context(), id); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("read of a deleted blob: %v, want ErrNotFound", err)
		}
	}
}

// passTo lets time pass until an epoch begins. One that is not settled takes longer.
func (w *town) passTo(epoch uint32) {
	w.t.Helper()
	for now := uint32(0); now < epoch; now, _ = w.epochOf() {
		w.clock.Add(townEpoch/2 + 2)
		w.act(ledger.Transfer{To: ledger.Address{1}, Amount: 1})
	}
}

// heldRegistrar is a registrar that waits before it shows the ledger a certificate.
type heldRegistrar struct {
	client.Registrar
	came    chan struct{} // gets a value when a certificate is there
	open    chan struct{} // closed when it may be shown
	certify atomic.Int64  // certificates that were there
}

// Register is client.Registrar's.
func (g *heldRegistrar) Register(ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation)) (client.Certify, error) {
	certify, err := g.Registrar.Register(ctx, id, meta, named)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, cert *committee.Certificate) error {
		if g.certify.Add(1) == 1 {
			g.came <- struct{}{}
			<-g.open
		}
		return certify(ctx, cert)
	}, nil
}

// bodyCounter counts what handlers read of bodies that put blobs.
type bodyCounter struct{ bytes atomic.Int64 }

func (b *bodyCounter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			r.Body = &countedBody{r.Body, b}
		}
		next.ServeHTTP(w, r)
	})
}

type countedBody struct {
	io.ReadCloser
	counter *bodyCounter
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.counter.bytes.Add(int64(n))
	return n, err
}

// TestWriteAcrossEpochs has an epoch begin when a write has its certificate and the ledger does
// not know it yet. The write collects another one of the new committee: a node that is new gets
// its slivers, and no other gets any again.
func TestWriteAcrossEpochs(t *testing.T) {
	w := newTownOf(t, 5, 20, longSync)
	views, err := follow.OpenViews(t.Context(), &w.reach, &w.genesis)
	if err != nil {
		t.Fatal(err)
	}
	r := w.registrar(20)
	r.Refresh = views.Refresh
	g := &heldRegistrar{Registrar: r, came: make(chan struct{}), open: make(chan struct{})}
	cl, err := client.New(views, w.writer, client.Options{Peer: fast(), Timeout: time.Minute, Grace: 5 * time.Second, Registrar: g, Logger: logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	blob := randomBlob(1, 400_000)
	var id commit.BlobID
	var group sync.WaitGroup
	group.Go(func() {
		receipt, err := cl.Store(t.Context(), blob)
		if err != nil {
			t.Error(err)
			return
		}
		if id = receipt.ID; receipt.Certificate.Epoch != 2 {
			t.Errorf("the certificate is of epoch %d, want 2", receipt.Certificate.Epoch)
		}
	})
	<-g.came
	until(t, "all nodes have their parts", func() bool {
		return w.all(func(c *citizen) bool {
			ids, err := c.disk.Blobs(nil, 10)
			if err != nil || len(ids) != 1 {
				return false
			}
			info, err := c.disk.Info(ids[0])
			return err == nil && len(info.Slivers) == 2*c.weight()
		})
	})
	before := int64(0)
	for _, c := range w.nodes {
		before += c.bodies.bytes.Load()
	}
	joined := w.join(100)
	joined.start()
	w.pass(1)
	until(t, "all know the epoch", func() bool { return w.all(func(c *citizen) bool { return c.follower.View().Current.Epoch() == 2 }) })
	close(g.open)
	group.Wait()
	if t.Failed() {
		return
	}
	again := -before
	for _, c := range w.nodes {
		if c != joined {
			again += c.bodies.bytes.Load()
		}
	}
	if again != 0 {
		t.Errorf("nodes that had their slivers read %d bytes again, want none (they read %d before)", again, before)
	}
	w.settle()
	until(t, "the new node has its part", func() bool { return joined.certified(id) })
	expectRead(t, cl, id, blob)
	if g.certify.Load() != 2 {
		t.Errorf("%d certificates were collected, want 2", g.certify.Load())
	}
}

// TestVerifiedViews has a client that knows the first epoch alone, and trusts the genesis and no
// ledger, find the committee of a later one by the chain of those between, and verify what was
// certified in any of them.
func TestVerifiedViews(t *testing.T) {
	t.Parallel()
	w := newTownOf(t, 4, 16, longSync)
	open := func() (*follow.Views, error) {
		verifier, err := light.New(w.genesis, light.Options{}, w.ledger.Archive())
		if err != nil {
			t.Fatal(err)
		}
		return follow.OpenVerifiedViews(t.Context(), &w.reach, w.genesis, verifier)
	}
	old, err := open()
	if err != nil {
		t.Fatal(err)
	}
	cl := w.client(20, nil)
	blob := randomBlob(1, 30_000)
	first := put(t, cl, blob)
	w.join(100).start()
	for range 3 {
		handed := func() bool {
			s := w.ledger.State()
			return ledger.Get[ledger.Certified](s, ledger.HandoverKey(s.System().Epoch)) != nil
		}
		w.clock.Add(townEpoch/2 + 2)
		w.act(ledger.Transfer{To: ledger.Address{1}, Amount: 1})
		until(t, "the committee has signed the next one", handed)
		w.clock.Add(townEpoch/2 + 2)
		w.act(ledger.Transfer{To: ledger.Address{1}, Amount: 1})
		w.settle()
	}
	second := put(t, cl, randomBlob(2, 30_000))
	if got := old.View().Current.Epoch(); got != 1 {
		t.Fatalf("the old view is of epoch %d", got)
	}
	if err := old.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := old.View()
	if v.Current.Epoch() != 4 || v.Current.Len() != 5 || v.Current.Fingerprint() != w.nodes[0].follower.View().Current.Fingerprint() {
		t.Errorf("epoch %d with %d members, want epoch 4 and 5 members", v.Current.Epoch(), v.Current.Len())
	}
	for name, r := range map[string]*client.Receipt{"of the first epoch": first, "of the last one": second} {
		if err := committee.Verify(v, r.Certificate); err != nil {
			t.Errorf("a certificate %s: %v", name, err)
		}
	}
	if _, err := v.At(9); !errors.Is(err, committee.ErrEpoch) {
		t.Errorf("an epoch to come: %v, want ErrEpoch", err)
	}
	fresh, err := open()
	if err != nil || fresh.View().Current.Fingerprint() != v.Current.Fingerprint() {
		t.Errorf("a new client: %v", err)
	}
	reader, err := client.New(fresh, nil, client.Options{Peer: fast()})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	expectRead(t, reader, first.ID, blob)
}
