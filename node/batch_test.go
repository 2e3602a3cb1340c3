package node_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/internal/enemy"
)

// together stores small blobs with some writers at once, and returns their receipts and
// how many of them have a certificate of a batch.
func together(t *testing.T, cl *client.Client, seed, writers, each int) (receipts []*client.Receipt, batched int) {
	t.Helper()
	return togetherOf(t, cl, seed, writers, each, 1000)
}

// togetherOf is together for blobs of at least so many bytes.
func togetherOf(t *testing.T, cl *client.Client, seed, writers, each, size int) (receipts []*client.Receipt, batched int) {
	t.Helper()
	receipts = make([]*client.Receipt, writers*each)
	errs := make([]error, len(receipts))
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := w * each; i < (w+1)*each; i++ {
				receipts[i], errs[i] = cl.Store(t.Context(), randomBlob(uint64(seed+i), size+i))
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, r := range receipts {
		raw, err := r.Certificate.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if cert, err := committee.ParseCertificate(cl.Committee(), raw); err != nil || !cert.Stores(r.ID) {
			t.Fatalf("certificate of blob %d: %v, %v", i, cert, err)
		}
		if raw[0] != byte(r.Certificate.Kind) {
			batched++
		}
	}
	return receipts, batched
}

// TestSmallBlobsTogether: small blobs that are stored at once share what they cost, and
// are as good as others.
func TestSmallBlobsTogether(t *testing.T) {
	c := newCluster(t, 4, 8, nil)
	cl := c.client(nil)
	for seed, until := 0, time.Now().Add(time.Minute); ; seed += 100 {
		receipts, batched := together(t, cl, seed, 8, 4)
		for i, r := range receipts {
			expectRead(t, cl, r.ID, randomBlob(uint64(seed+i), 1000+i))
			for _, m := range c.nodes {
				if info, err := m.disk.Info(r.ID); err != nil || !info.Certified() || len(info.Slivers) != 4 {
					t.Fatalf("node %d has %+v (%v) of blob %d, want all, and the certificate", m.i, info, err, i)
				}
			}
		}
		if batched > 0 {
			break
		}
		if time.Now().After(until) {
			t.Fatal("no blob was stored with another")
		}
	}
	// One that nobody stores others beside goes alone.
	for seed := range 3 {
		raw, err := put(t, cl, randomBlob(uint64(1000+seed), 500)).Certificate.MarshalBinary()
		if err != nil || raw[0] != byte(committee.Stored) {
			t.Errorf("certificate %x (%v), want one of a blob alone", raw[:1], err)
		}
	}
}

// TestFilesTogether: blobs whose slivers are in files share what they cost as well.
func TestFilesTogether(t *testing.T) {
	c := newCluster(t, 4, 8, nil)
	cl := c.client(nil)
	const size = 300 << 10
	for seed, until := 0, time.Now().Add(time.Minute); ; seed += 100 {
		receipts, batched := togetherOf(t, cl, seed, 4, 2, size)
		for i, r := range receipts {
			expectRead(t, cl, r.ID, randomBlob(uint64(seed+i), size+i))
		}
		if batched > 0 {
			break
		}
		if time.Now().After(until) {
			t.Fatal("no blob was stored with another")
		}
	}
}

// TestSmallBlobsAmongEnemies: blobs are stored whatever f nodes do with batches, and
// one by one if more than f know of none.
func TestSmallBlobsAmongEnemies(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 8, nil)
	check := func(what string, seed int) {
		t.Helper()
		cl := c.client(func(o *client.Options) { o.Grace = 200 * time.Millisecond })
		receipts, _ := together(t, cl, seed, 4, 2)
		for i, r := range receipts {
			expectRead(t, cl, r.ID, randomBlob(uint64(seed+i), 1000+i))
		}
		t.Logf("%s: done", what)
	}
	liar := c.nodes[2]
	for i, kind := range []fault.Kind{fault.FalseAck, fault.Refuse, fault.Stall} {
		liar.faults.Set(kind)
		check("one misbehaves", 10_000+100*i)
		liar.faults.Set(0)
	}
	behaviours := enemy.Behaviours()
	if testing.Short() {
		behaviours = []enemy.Behaviour{enemy.Silent, enemy.Malformed}
	}
	for i, b := range behaviours {
		liar.hostile.Set(enemy.PutBatch, b)
		check(b.String(), 20_000+100*i)
	}
	liar.hostile.Set(enemy.PutBatch, enemy.Honest)
	for i, m := range c.nodes {
		m.hostile.Set(enemy.PutBatch, enemy.Refusing)
		check("some take no batches", 40_000+100*i)
	}
	for until := time.Now().Add(time.Minute); c.nodes[3].hostile.Seen(enemy.PutBatch) == 0; {
		if time.Now().After(until) {
			t.Fatal("no node was given a batch")
		}
		check("none takes batches", 50_000)
	}
}

// TestSmallBlobsGivenUp: whoever gives up a blob that waits, or is on its way with others,
// learns why, and the others' are stored.
func TestSmallBlobsGivenUp(t *testing.T) {
	c := newCluster(t, 4, 8, nil)
	cl := c.client(func(o *client.Options) { o.Grace, o.MaxMemory = time.Second, 1<<20 })
	var group sync.WaitGroup
	for w := range 8 {
		group.Go(func() {
			for i := range 6 {
				ctx, cancel := context.WithCancel(t.Context())
				gives := (w+i)%2 == 0
				if gives {
					go func() {
						time.AfterFunc(time.Duration(w*i)*time.Millisecond/2, cancel)
					}()
				}
				seed := uint64(100*w + i)
				r, err := cl.Store(ctx, randomBlob(seed, 900))
				cancel()
				if err != nil && (!gives || !errors.Is(err, context.Canceled)) {
					t.Errorf("blob %d, given up %v: %v", seed, gives, err)
				}
				if err == nil {
					expectRead(t, cl, r.ID, randomBlob(seed, 900))
				}
			}
		})
	}
	group.Wait()
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	// All memory has come back.
	put(t, cl, make([]byte, 200<<10))
}

// TestSilentToCertificates: a node that takes certificates and never answers holds up nobody
// for longer than the grace period, however many wait for it.
func TestSilentToCertificates(t *testing.T) {
	c := newCluster(t, 4, 8, nil)
	silent := &c.nodes[1].hostile
	silent.Set(enemy.PutCertificate, enemy.Silent)
	silent.Set(enemy.PutCertificates, enemy.Silent)
	cl := c.client(func(o *client.Options) { o.Grace = 200 * time.Millisecond })
	receipts, _ := together(t, cl, 0, 8, 3) // which waits until nothing is on its way
	for i, r := range receipts {
		expectRead(t, cl, r.ID, randomBlob(uint64(i), 1000+i))
	}
	if silent.Seen(enemy.PutCertificate)+silent.Seen(enemy.PutCertificates) == 0 {
		t.Error("the silent node was given no certificate")
	}
}
