package node_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// selfHealing lets nodes heal by themselves: once at the start, and when they learn
// that they lack something.
func selfHealing(o *node.Config) { o.HealInterval = time.Hour }

// complete waits until a node has all of a blob.
func (m *member) complete(t *testing.T, cl *client.Client, id commit.BlobID) {
	t.Helper()
	waitFor(t, func() bool {
		s, err := cl.Peers()[m.i].Status(t.Context(), id)
		return err == nil && s.Complete
	})
}

func TestHealsByItself(t *testing.T) {
	c := newCluster(t, 4, 12, selfHealing)
	cl := c.client(nil)
	a := put(t, cl, randomBlob(1, 100_000))

	t.Run("after a wipe", func(t *testing.T) {
		m := c.nodes[1]
		m.wipe()
		m.start()
		m.complete(t, cl, a.ID)
		waitFor(t, func() bool { return m.node.State() == api.StateHealthy })
		if got := m.node.Healer().Totals(); got.Slivers != 6 || got.First.IsZero() || got.Last.Before(got.First) {
			t.Fatalf("%+v", got)
		}
	})
	t.Run("after a missed write", func(t *testing.T) {
		m := c.nodes[2]
		waitFor(t, func() bool { return m.node.State() == api.StateHealthy })
		m.faults.Set(fault.Refuse)
		b := put(t, cl, randomBlob(2, 100_000))
		m.faults.Set(0)
		if err := cl.Peers()[2].PutCertificate(t.Context(), b.Certificate); err != nil {
			t.Fatal(err)
		}
		m.complete(t, cl, b.ID)
	})
	t.Run("after corruption", func(t *testing.T) {
		m := c.nodes[3]
		for i := range 256 {
			dir := m.fs.PathJoin("store", "slivers", fmt.Sprintf("%02x", i))
			names, err := m.fs.List(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				flip(t, m.fs, m.fs.PathJoin(dir, name))
			}
		}
		web, base := c.web(3)
		before := m.node.Healer().Totals().Slivers
		pairs := c.committee.Pairs(a.ID, 3)
		for _, pair := range pairs {
			resp, err := web.Get(base + api.SliverPath(a.ID, pair, rs2d.Primary))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		waitFor(t, func() bool { return m.node.Healer().Totals().Slivers > before })
		m.complete(t, cl, a.ID)
	})
}

// flip flips a bit of a file.
func flip(t *testing.T, fs vfs.FS, name string) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{b[0] ^ 8}, 100); err != nil {
		t.Fatal(err)
	}
}

// TestSoak writes and reads while f shards' worth of nodes misbehave in turns: no read
// of an acknowledged blob fails, and none gives a wrong byte.
func TestSoak(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 7, 28, func(o *node.Config) { o.HealInterval = 200 * time.Millisecond })
	duration := 4 * time.Second
	if testing.Short() {
		duration = time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*duration)
	defer cancel()
	end := time.Now().Add(duration)
	writer, reader := c.client(func(o *client.Options) { o.Grace = 200 * time.Millisecond }), c.client(nil)

	var mu sync.Mutex
	var ids []commit.BlobID
	blobs := make(map[commit.BlobID]uint64)
	sizeOf := func(seed uint64) int { return int(seed * 7919 % 200_000) }
	var group sync.WaitGroup
	for w := range 2 {
		group.Go(func() {
			for seed := uint64(w); ctx.Err() == nil; seed += 2 {
				r, err := writer.Store(ctx, randomBlob(seed, sizeOf(seed)))
				if err != nil {
					if ctx.Err() == nil {
						t.Errorf("write: %v", err)
					}
					return
				}
				mu.Lock()
				ids, blobs[r.ID] = append(ids, r.ID), seed
				mu.Unlock()
			}
		})
	}
	reads := 0
	for range 2 {
		group.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				count := len(ids)
				var id commit.BlobID
				var seed uint64
				if count > 0 {
					id = ids[rand.IntN(count)]
					seed = blobs[id]
				}
				mu.Unlock()
				if count == 0 {
					continue
				}
				got, err := reader.Read(ctx, id)
				if ctx.Err() != nil {
					return
				}
				if err != nil || string(got) != string(randomBlob(seed, sizeOf(seed))) {
					t.Errorf("read of an acknowledged blob: %v", err)
					return
				}
				mu.Lock()
				if reads++; reads >= 5 && time.Now().After(end) {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	kinds := []fault.Kind{fault.Corrupt, fault.Stall, fault.Refuse, fault.OtherBlob, fault.FalseAck}
	for _, i := range []int{1, 4} {
		c.nodes[i].faults.Other = func(id commit.BlobID) (commit.BlobID, bool) {
			mu.Lock()
			defer mu.Unlock()
			if len(ids) == 0 {
				return id, false
			}
			return ids[rand.IntN(len(ids))], true
		}
		group.Go(func() {
			for round := i; ctx.Err() == nil; round++ {
				if round%(len(kinds)+1) == len(kinds) {
					c.nodes[i].kill()
					c.nodes[i].start()
				} else {
					c.nodes[i].faults.Set(kinds[round%(len(kinds)+1)])
				}
				timer := time.NewTimer(150 * time.Millisecond)
				<-timer.C
			}
			c.nodes[i].faults.Set(0)
		})
	}
	group.Wait()
	t.Logf("%d blobs written, %d reads", len(ids), reads)
	if len(ids) == 0 || reads == 0 {
		t.Fatal("nothing happened")
	}
	for _, i := range []int{1, 4} {
		waitFor(t, func() bool {
			r, err := c.nodes[i].node.Healer().Sync(t.Context())
			return err == nil && r.Failed == 0 && r.Slivers == 0
		})
	}
}

func TestStalledConnection(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	c.nodes[0].faults.Set(fault.Stall)
	o := fast()
	o.Idle, o.Attempts = 50*time.Millisecond, 1
	p := peer.New(c.committee, 0, nil, o)
	defer p.Close()
	if _, err := p.Status(t.Context(), commit.BlobID{}); !errors.Is(err, peer.ErrStalled) {
		t.Fatal(err)
	}
	if p.ObservedHealth() != peer.Failing {
		t.Fatal(p.ObservedHealth())
	}
}
