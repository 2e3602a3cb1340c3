package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/heal"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// sync heals a node, and expects that nothing is left to heal.
func (m *member) sync(t *testing.T) heal.Report {
	t.Helper()
	r, err := m.node.Healer().Sync(t.Context())
	if err != nil || r.Failed > 0 {
		t.Fatalf("%v, %v", r, err)
	}
	return r
}

// expectWhole expects that a node has all it should have.
func (m *member) expectWhole(t *testing.T) {
	t.Helper()
	if r := m.sync(t); r.Slivers > 0 {
		t.Fatalf("still had to recover: %v", r)
	}
}

func TestWipedNodeHeals(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 7, 28, nil)
	cl := c.client(nil)
	blobs := make(map[int][]byte)
	for i := range 12 {
		blobs[i] = randomBlob(uint64(i), 1+i*i*9_000)
		put(t, cl, blobs[i])
	}
	m := c.nodes[2]
	m.wipe()
	m.start()
	r := m.sync(t)
	t.Log(r)
	if r.Blobs != 12 || r.Slivers != 12*2*4 || r.Lies != 0 {
		t.Fatalf("%+v", r)
	}
	if r.ProofBytes != 0 {
		t.Errorf("%d bytes of proofs although nobody lied", r.ProofBytes)
	}
	if r.Ratio() > 1.3 {
		t.Errorf("%.2f bytes received for each restored", r.Ratio())
	}
	m.expectWhole(t)
	// What was recovered serves: two other nodes are gone.
	c.nodes[0].kill()
	c.nodes[1].kill()
	cl = c.client(nil)
	for _, blob := range blobs {
		id, err := cl.Code().ID(blob)
		if err != nil {
			t.Fatal(err)
		}
		expectRead(t, cl, id, blob)
	}
}

// gate is a store of which the test sees every update.
type gate struct {
	store.Store
	before func(store.Update) error // what it returns is the end of the update
}

func (g *gate) Apply(id commit.BlobID, u store.Update) error {
	if err := g.before(u); err != nil {
		return err
	}
	return g.Store.Apply(id, u)
}

// gated returns a tune function for a cluster of which nodes that start while before is
// set have a gate.
func gated(before *func(store.Update) error) func(*node.Config) {
	return func(o *node.Config) {
		if *before != nil {
			o.Store = &gate{o.Store, *before}
		}
	}
}

// TestLargeBlobHealsInPortions has a node that lost its disk recover more of one blob than
// it may hold at once.
func TestLargeBlobHealsInPortions(t *testing.T) {
	t.Parallel()
	const batch = 120_000
	var before func(store.Update) error
	c := newCluster(t, 4, 16, func(o *node.Config) {
		o.HealBatch = batch
		gated(&before)(o)
	})
	cl := c.client(nil)
	put(t, cl, randomBlob(1, 2_000_000)) // slivers of some 180 and 330 kB
	put(t, cl, randomBlob(2, 400_000))   // of some 40 and 70 kB
	put(t, cl, randomBlob(3, 1000))
	var mu sync.Mutex
	updates := 0
	before = func(u store.Update) error {
		bytes := 0
		for _, s := range u.Slivers {
			bytes += len(s.Data)
		}
		mu.Lock()
		defer mu.Unlock()
		if bytes > 0 {
			updates++
		}
		if bytes > batch && len(u.Slivers) > 1 {
			t.Errorf("%d slivers of %d bytes were recovered at once, want at most %d bytes", len(u.Slivers), bytes, batch)
		}
		return nil
	}
	m := c.nodes[2]
	m.wipe()
	m.start()
	if r := m.sync(t); r.Blobs != 3 || r.Slivers != 3*2*4 || r.Lies != 0 || r.Failed != 0 {
		t.Errorf("healed %+v, want 24 slivers of 3 blobs", r)
	}
	// The large blob's come one by one, the small one's in two pairs at least.
	if want := 2*4 + 2*2 + 2; updates < want {
		t.Errorf("slivers were stored in %d updates, want %d at least", updates, want)
	}
	m.expectWhole(t)
}

// TestHealCutShort cuts the power after each update of a healing node in turn. What it
// has counted as recovered is there afterwards, and is not recovered again.
func TestHealCutShort(t *testing.T) {
	t.Parallel()
	var before func(store.Update) error
	c := newCluster(t, 4, 12, gated(&before))
	cl := c.client(nil)
	blobs := make(map[commit.BlobID][]byte)
	for i := range 10 {
		blob := randomBlob(uint64(i), i*30_000)
		blobs[put(t, cl, blob).ID] = blob
	}
	m := c.nodes[2]
	m.wipe()
	m.start()
	whole := m.sync(t)
	for cut := int64(0); ; cut++ {
		m.kill()
		disk := vfs.NewCrashableMem()
		m.fs = disk
		var updates atomic.Int64
		before = func(store.Update) error {
			if updates.Add(1) > cut {
				return errors.New("no power")
			}
			return nil
		}
		m.start()
		before = nil
		first, err := m.node.Healer().Sync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := m.node.Healer().Totals(); got != first {
			t.Fatalf("totals %+v, report %+v", got, first)
		}
		after := disk.CrashClone(vfs.CrashCloneCfg{})
		m.kill()
		m.fs = after
		m.start()
		stored := int64(0)
		for id := range blobs {
			info, err := m.disk.Info(id)
			if err != nil {
				t.Fatal(err)
			}
			stored += int64(len(info.Slivers))
		}
		if stored != first.Slivers {
			t.Fatalf("cut after %d updates: %d slivers are there, %d were counted", cut, stored, first.Slivers)
		}
		second := m.sync(t)
		if first.Slivers+second.Slivers != whole.Slivers || first.Restored+second.Restored != whole.Restored {
			t.Fatalf("cut after %d updates: %v, then %v, of %v", cut, first, second, whole)
		}
		m.expectWhole(t)
		if first.Failed == 0 {
			break
		}
	}
	c.nodes[0].kill()
	reader := c.client(nil)
	for id, blob := range blobs {
		expectRead(t, reader, id, blob)
	}
}

// TestHealShowsProgress stops a healing node in the middle, and looks at what it says.
func TestHealShowsProgress(t *testing.T) {
	var before func(store.Update) error
	c := newCluster(t, 4, 12, gated(&before))
	cl := c.client(nil)
	for i := range 5 {
		put(t, cl, randomBlob(uint64(i), 50_000))
	}
	m := c.nodes[1]
	m.wipe()
	reached, goOn := make(chan struct{}), make(chan struct{})
	var updates atomic.Int64
	before = func(store.Update) error {
		switch n := updates.Add(1); {
		case n == 4:
			close(reached)
			<-goOn
		case n > 4:
			<-goOn
		}
		return nil
	}
	m.start()
	done := make(chan heal.Report)
	go func() {
		r, err := m.node.Healer().Sync(t.Context())
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	<-reached
	h := m.node.Healer()
	waitFor(t, func() bool { return h.Totals().Slivers == 9 }) // of three updates
	got := h.Totals()
	if got.Restored == 0 || got.SymbolBytes == 0 || got.First.IsZero() || got.Last.Before(got.First) || h.Lacking() != 30-9 {
		t.Errorf("%+v, %d lacking", got, h.Lacking())
	}
	if h.Healthy() || m.node.State() != api.StateHealing {
		t.Error("healthy already")
	}
	health, err := cl.Peers()[1].Health(t.Context())
	if err != nil || health.Recovered != 9 || health.Missing != 21 {
		t.Errorf("%+v, %v", health, err)
	}
	w := httptest.NewRecorder()
	m.node.AdminHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		"redstuff_heal_slivers_total 9", "redstuff_heal_missing_slivers 21", fmt.Sprint("redstuff_heal_restored_bytes_total ", got.Restored), "redstuff_healthy 0",
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no %q among the metrics", line)
		}
	}
	close(goOn)
	r := <-done
	if h.Totals() != r || r.Slivers != 30 || h.Lacking() != 0 || !h.Healthy() {
		t.Errorf("%+v, then %+v", r, h.Totals())
	}
}

func TestHealAmongLiars(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Corrupt, fault.OtherBlob, fault.Stall, fault.Refuse} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			var said journal
			c := newCluster(t, 7, 28, func(o *node.Config) {
				o.Logger = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			cl := c.client(nil)
			one, two := twins(t, cl, 500_000)
			a, b := put(t, cl, one), put(t, cl, two)
			m := c.nodes[3]
			m.wipe()
			for _, liar := range []int{1, 5} {
				c.nodes[liar].faults.Other = swap(a.ID, b.ID)
				c.nodes[liar].faults.Set(kind)
			}
			m.start()
			r := m.sync(t)
			t.Log(r)
			if r.Slivers != 2*2*4 {
				t.Fatalf("%+v", r)
			}
			// The blobs are twins, so a node that looks in the wrong one finds a pair there
			// and gives out its symbols.
			if (kind == fault.Corrupt || kind == fault.OtherBlob) != (r.Lies > 0) {
				t.Errorf("%d lies\n%s", r.Lies, said.text())
			}
		})
	}
}

// journal keeps what nodes log until a test fails.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// swap returns the other of two.
func swap[T comparable](a, b T) func(T) (T, bool) {
	return func(v T) (T, bool) {
		if v == a {
			return b, true
		}
		return a, v == b
	}
}

func TestCorruptSliverHeals(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	blob := randomBlob(1, 1_000_000)
	id := put(t, cl, blob).ID
	m := c.nodes[1]
	pair := c.committee.Pairs(id, 1)[1]
	wrong := make([]byte, 8*cl.Code().Params().S)
	// A sliver that is not what the metadata commits to, with a right checksum.
	for _, ref := range []store.Ref{{Axis: rs2d.Primary, Pair: pair}, {Axis: rs2d.Secondary, Pair: pair}} {
		if err := m.disk.Apply(id, store.Update{Slivers: []store.Sliver{{Ref: ref, Data: wrong}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.node.Scrubber().Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.node.Scrubber().Totals(); got.Corrupt != 2 || got.Passes != 1 {
		t.Fatalf("%+v", got)
	}
	if r := m.sync(t); r.Slivers != 2 {
		t.Fatalf("%+v", r)
	}
	if err := m.node.Scrubber().Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.node.Scrubber().Totals(); got.Corrupt != 2 {
		t.Fatalf("%+v", got)
	}
}

// TestCertificateOfAttestations lets nobody have the certificate of a blob, as when a
// client dies right after its quorum: the nodes' attestations are as good.
func TestCertificateOfAttestations(t *testing.T) {
	c := newCluster(t, 7, 28, nil)
	c.nodes[2].kill()
	cl := c.client(func(o *client.Options) { o.Grace = time.Nanosecond })
	blob := randomBlob(1, 50_000)
	r, err := cl.Store(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	id := r.ID
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, p := range cl.Peers() {
		if _, err := p.Certificate(t.Context(), id); err == nil {
			t.Fatalf("node %d has a certificate", i)
		}
	}
	c.nodes[2].start()
	if got := c.nodes[2].sync(t); got.Slivers != 8 {
		t.Fatalf("%+v", got)
	}
	if _, err := cl.Peers()[2].Certificate(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// TestCertificatesAreLearnt has a node that has all of a blob learn from others that it
// is certified: who does not know might remove it one day.
func TestCertificatesAreLearnt(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(func(o *client.Options) { o.Grace = time.Nanosecond })
	r, err := cl.Store(t.Context(), randomBlob(1, 50_000))
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	peers := c.client(nil).Peers()
	if err := peers[0].PutCertificate(t.Context(), r.Certificate); err != nil {
		t.Fatal(err)
	}
	if _, err := peers[1].Certificate(t.Context(), r.ID); err == nil {
		t.Fatal("it has the certificate already")
	}
	c.nodes[1].sync(t)
	if _, err := peers[1].Certificate(t.Context(), r.ID); err != nil {
		t.Error(err)
	}
}
