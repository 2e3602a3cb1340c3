package node_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/internal/enemy"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// TestUnknownBlobsCostHealersNothing has a client store the metadata of many blobs and
// nothing else of them. Blobs that are certified are healed at once, and nobody is asked
// about the others.
func TestUnknownBlobsCostHealersNothing(t *testing.T) {
	t.Parallel()
	const blobs, unknown = 10, 1500
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	for seed := range uint64(blobs) {
		put(t, cl, randomBlob(seed, 1000))
	}
	for seed := uint64(100); seed < 100+unknown; seed++ {
		e, err := cl.Code().Encode(randomBlob(seed, 10))
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, 2, 3} {
			if err := cl.Peers()[i].PutMetadata(t.Context(), e.ID(), e.Metadata()); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := c.nodes[1]
	m.wipe()
	m.start()
	if r := m.sync(t); r.Blobs != blobs || r.Slivers != blobs*2*3 {
		t.Errorf("%v", r)
	}
	if r := m.sync(t); r.Slivers != 0 {
		t.Errorf("again: %v", r)
	}
	for _, i := range []int{0, 2, 3} {
		if n := c.nodes[i].hostile.Seen(enemy.Confirmation); n > 0 {
			t.Errorf("node %d was asked %d times what it attests", i, n)
		}
	}
}

// TestDrippingMemberIsLeft has one member send its symbols so slowly that its part alone
// would take minutes. What it has is asked of others, and it is asked last from then on.
func TestDrippingMemberIsLeft(t *testing.T) {
	t.Parallel()
	const blobs, drip = 24, 5
	c := newCluster(t, 7, 28, nil)
	cl := c.client(nil)
	for seed := range uint64(blobs) {
		put(t, cl, randomBlob(seed, 400_000))
	}
	m := c.nodes[3]
	m.wipe()
	m.start()
	c.nodes[drip].faults.SetRate(5_000)
	c.nodes[drip].faults.Set(fault.DripSymbols)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second) // at 5 kB/s it takes two minutes
	defer cancel()
	r, err := m.node.Healer().Sync(ctx)
	if err != nil || r.Slivers != blobs*2*4 || r.Failed != 0 {
		t.Fatalf("%v, %v", r, err)
	}
	if n := c.nodes[drip].hostile.Seen(enemy.Symbols); n > 6 {
		t.Errorf("the slow member was asked %d times", n)
	}
}

// TestQueueDoesNotWaitForLists has so many members list so slowly that a node's look at
// what others have does not come to its end. Blobs that it is told of are healed
// meanwhile.
func TestQueueDoesNotWaitForLists(t *testing.T) {
	look := time.Duration(-1) // nobody else asks for lists
	c := newCluster(t, 7, 28, func(o *node.Config) { o.HealInterval, o.Peers.Idle = look, time.Hour })
	cl := c.client(nil)
	m := c.nodes[2]
	m.kill()
	r := put(t, cl, randomBlob(1, 100_000))
	for _, i := range []int{0, 1, 3, 4} {
		c.nodes[i].hostile.Set(enemy.List, enemy.Stalled)
	}
	look = time.Hour
	m.start()
	p := cl.Peers()[2]
	waitFor(t, func() bool { return c.nodes[0].hostile.Seen(enemy.List) > 0 })
	if err := p.PutCertificate(t.Context(), r.Certificate); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		s, err := p.Status(t.Context(), r.ID)
		return err == nil && s.Complete
	})
	if seen := c.nodes[0].hostile.Seen(enemy.List); seen > 1 {
		t.Errorf("asked %d times for a list: the look at what others have had ended", seen)
	}
}

// TestFullDiskFetchesNothing heals a node that has no room, room for some of what it
// lacks, and room for all.
func TestFullDiskFetchesNothing(t *testing.T) {
	const blobs, size = 12, 100_000
	var log journal
	disk := new(smallDisk)
	c := newCluster(t, 4, 12, func(o *node.Config) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o.Store = &gate{o.Store, func(u store.Update) error {
			for _, s := range u.Slivers {
				disk.free.Add(-uint64(len(s.Data)))
			}
			return nil
		}}
	})
	cl := c.client(nil)
	for seed := range uint64(blobs) {
		put(t, cl, randomBlob(seed, size))
	}
	m := c.nodes[1]
	m.wipe()
	disk.FS = m.fs
	m.fs, m.reserve = disk, 1<<20
	m.start()
	h := m.node.Healer()
	disk.free.Store(m.reserve)
	for range 3 {
		r, err := h.Sync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.SymbolBytes+r.MetadataBytes != 0 || r.Slivers != 0 || r.Failed != blobs*6 || r.Postponed != r.Failed || h.NoRoom() == 0 {
			t.Errorf("without room: %+v, %d bytes have none", r, h.NoRoom())
		}
	}
	if n := strings.Count(log.text(), "no room to heal"); n != 1 {
		t.Errorf("said %d times that there is no room:\n%s", n, log.text())
	}
	const some = 300_000 // three blobs: a share of one takes 83 kB
	disk.free.Store(m.reserve + some)
	r, err := h.Sync(t.Context())
	if err != nil || r.Slivers == 0 || r.Restored > some || r.Postponed == 0 {
		t.Errorf("with room for some: %+v, %v", r, err)
	}
	if got := r.SymbolBytes; got > 2*some {
		t.Errorf("fetched %d bytes for %d", got, some)
	}
	disk.free.Store(1 << 30)
	rest := m.sync(t)
	if r.Slivers+rest.Slivers != blobs*6 || h.NoRoom() != 0 {
		t.Errorf("with room for all: %v, then %v", r, rest)
	}
	if !strings.Contains(log.text(), "there is room to heal again") {
		t.Error("did not say that there is room again")
	}
}

// TestTooFewNodesAreNamed has one node more than may be fail, and answer nothing. Calls
// end with their time, and say which nodes did not answer.
func TestTooFewNodesAreNamed(t *testing.T) {
	c := newCluster(t, 7, 28, nil)
	blob := randomBlob(1, 100_000)
	id := put(t, c.client(nil), blob).ID
	silent := []int{0, 1, 2, 3, 4}
	for _, i := range silent {
		c.nodes[i].faults.Set(fault.Stall)
	}
	short := func(t *testing.T) *client.Client {
		return c.client(func(o *client.Options) { o.Timeout = time.Second })
	}
	for name, call := range map[string]func(*client.Client) error{
		"write":    func(cl *client.Client) error { _, err := cl.Store(t.Context(), randomBlob(2, 1000)); return err },
		"read":     func(cl *client.Client) error { _, err := cl.Read(t.Context(), id); return err },
		"range":    func(cl *client.Client) error { _, err := cl.ReadRange(t.Context(), id, 0, 50_000); return err },
		"metadata": func(cl *client.Client) error { _, err := cl.Metadata(t.Context(), [32]byte{1}); return err },
		"list":     func(cl *client.Client) error { return cl.List(t.Context(), func(client.Blob) bool { return true }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := call(short(t))
			if !errors.Is(err, client.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, peer.ErrSilent) {
				t.Fatalf("%v", err)
			}
			named := 0
			for _, i := range silent {
				if strings.Contains(err.Error(), c.committee.Member(i).Name+":") {
					named++
				}
			}
			if named < 3 { // n-f of them would have had to answer
				t.Errorf("%d of the nodes are named: %v", named, err)
			}
		})
	}
}

// TestSilentMembersDelayNobody lets as many members as may be faulty say nothing to who
// asks all nodes.
func TestSilentMembersDelayNobody(t *testing.T) {
	c := newCluster(t, 7, 28, func(o *node.Config) { o.Peers.Idle = time.Hour })
	cl := c.client(func(o *client.Options) { o.Peer.Idle, o.Timeout, o.Grace = time.Hour, time.Hour, time.Hour })
	for _, i := range []int{1, 5} {
		c.nodes[i].hostile.SetAll(enemy.Silent)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	r, err := cl.Store(ctx, randomBlob(1, 50_000))
	if err != nil {
		t.Fatal(err)
	}
	// The honest have the certificate, although what is sent to the others goes on.
	for _, i := range []int{0, 2, 3, 4, 6} {
		waitFor(t, func() bool {
			_, err := cl.Peers()[i].Certificate(ctx, r.ID)
			return err == nil
		})
	}
	answered := 0
	for _, s := range cl.Health(ctx) {
		if s.Err == nil {
			answered++
		} else if !errors.Is(s.Err, peer.ErrSilent) {
			t.Errorf("health of %s: %v", s.Name, s.Err)
		}
	}
	for _, s := range cl.Status(ctx, r.ID) {
		if s.Err == nil {
			answered++
		}
	}
	found := 0
	if err := cl.List(ctx, func(b client.Blob) bool {
		if b.Certified {
			found++
		}
		return true
	}); err != nil || found != 1 || answered != 10 || ctx.Err() != nil {
		t.Errorf("%d blobs listed, %d answers, %v", found, answered, err)
	}
	// An honest read is not told that the blob is inconsistent by who only says so.
	if got, err := cl.Read(ctx, r.ID); err != nil || !bytes.Equal(got, randomBlob(1, 50_000)) {
		t.Error(err)
	}
}
