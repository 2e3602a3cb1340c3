package node_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/migrate"
)

// longSync has changes last until they are settled.
func longSync(g *ledger.Genesis) {
	g.SyncMillis = townEpoch / 4
	g.MaxNodes = g.Shards
}

// join registers a new node, and stakes with it. It does not run yet.
func (w *town) join(stake uint64) *citizen {
	w.t.Helper()
	c := w.citizen()
	w.act(ledger.Transfer{To: genesis.AddressOf(c.key), Amount: 1 << 30})
	n := genesis.NewNode(fmt.Sprint("node-", len(w.nodes)), c.address, c.key)
	got, err := account.New(&w.reach, c.key.Account()).Do(w.t.Context(), ledger.RegisterNode{Node: ledger.NodeInfo{
		Name: n.Name, Address: n.Address, PublicKey: n.PublicKey.Bytes(), Possession: n.Proof, TLSKey: n.TLSKey, TLSProof: n.TLSProof,
		Votes: ledger.Votes{StoragePrice: 3, WritePrice: 2, Capacity: 1 << 40},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.nodes = append(w.nodes, c)
	for _, e := range got.Events {
		if e, ok := e.(ledger.NodeRegistered); ok {
			w.act(ledger.StakeWith{Node: e.Node, Amount: stake})
		}
	}
	w.t.Cleanup(c.kill)
	return c
}

// epochOf returns the ledger's epoch, and the last one that is settled.
func (w *town) epochOf() (epoch, settled uint32) {
	s := w.ledger.State().System()
	return s.Epoch, s.Settled
}

// weight returns how many shards the node owns in the ledger's committee.
func (c *citizen) weight() int {
	v := c.follower.View()
	i, ok := v.Current.Find(c.key.Public())
	if !ok {
		return 0
	}
	return v.Current.Weight(i)
}

// shards returns of how many shards the node has something.
func (c *citizen) shards() (held int) {
	for shard := range int(c.town.genesis.Shards) {
		entries, err := c.disk.Shard(shard, nil, 1)
		if err != nil {
			c.town.t.Fatal(err)
		}
		held += len(entries)
	}
	return held
}

// reported reports whether the node has said that it has its shards of the epoch.
func (c *citizen) reported(epoch uint32) bool {
	m := c.node.Migration()
	return m.Epoch == uint64(epoch) && m.Phase == string(migrate.PhaseDone)
}

// settle waits until the ledger's epoch is settled, and all nodes that run know it and have
// dropped what they lost.
func (w *town) settle() {
	w.t.Helper()
	until(w.t, "the epoch is settled", func() bool {
		epoch, settled := w.epochOf()
		return epoch == settled
	})
	epoch, _ := w.epochOf()
	until(w.t, "all have their shards and no others", func() bool {
		return w.all(func(c *citizen) bool {
			v := func() bool { return c.follower.View().Current.Epoch() == uint64(epoch) }
			return c.stop == nil || v() && c.shards() == c.weight() && (c.weight() == 0 || c.reported(epoch))
		})
	})
}

// readers read blobs over and over while something happens.
type readers struct {
	stop  context.CancelFunc
	group sync.WaitGroup
	reads atomic.Int64
}

// read has some clients, each with a view of its own, read the blobs until the readers end, a
// hundred times a second at most: others need the processors.
func (w *town) read(blobs map[commit.BlobID][]byte, clients ...*client.Client) *readers {
	ctx, cancel := context.WithCancel(w.t.Context())
	r := &readers{stop: cancel}
	for _, cl := range clients {
		r.group.Go(func() {
			turns := time.NewTicker(10 * time.Millisecond)
			defer turns.Stop()
			for ctx.Err() == nil {
				for id, want := range blobs {
					<-turns.C
					got, err := cl.Read(context.WithoutCancel(ctx), id)
					if err != nil {
						w.t.Errorf("a read during the change: %v", err)
						return
					}
					if string(got) != string(want) {
						w.t.Error("wrong bytes")
						return
					}
					r.reads.Add(1)
				}
			}
		})
	}
	return r
}

func (r *readers) end() int64 {
	r.stop()
	r.group.Wait()
	return r.reads.Load()
}

// TestShardsMove: nodes join and leave while blobs are read and written. Every shard is copied
// from who had it, nothing else is, whoever lost one gives the disk back, and every blob is
// read all the time, also by a client that has not heard of any change.
func TestShardsMove(t *testing.T) {
	t.Parallel()
	w := newTownOf(t, 5, 20, longSync)
	cl, old := w.client(20, nil), w.client(20, nil)
	blobs := make(map[commit.BlobID][]byte)
	write := func(seed uint64) {
		t.Helper()
		blob := randomBlob(seed, 50_000+int(seed)*1000)
		blobs[put(t, cl, blob).ID] = blob
	}
	for seed := range uint64(10) {
		write(seed)
	}
	r := w.read(blobs, cl, old)
	joined := w.join(100)
	joined.start()
	w.pass(1)
	w.settle()
	if got := joined.weight(); got < 3 {
		t.Fatalf("the new node owns %d shards, want 3 at least", got)
	}
	reads := r.end()
	if reads == 0 {
		t.Error("nothing was read during the change")
	}
	p := joined.node.Migration()
	if want := int64(2 * len(blobs) * joined.weight()); p.CopiedSlivers != want {
		t.Errorf("%d slivers were copied, want the %d that moved", p.CopiedSlivers, want)
	}
	if got := joined.node.Healer().Totals().Slivers; got != 0 {
		t.Errorf("%d slivers were recovered from symbols, want none: all could be copied", got)
	}
	write(20)
	until(t, "the new node has all", func() bool {
		for id := range blobs {
			if !joined.certified(id) {
				return false
			}
		}
		return true
	})

	// It leaves again, with one that was there from the beginning.
	r = w.read(blobs, cl, old)
	for _, c := range []*citizen{joined, w.nodes[0]} {
		w.withdraw(c)
	}
	w.pass(3)
	w.settle()
	if got := joined.weight() + w.nodes[0].weight(); got != 0 {
		t.Fatalf("those who left own %d shards", got)
	}
	r.end()
	for _, c := range []*citizen{joined, w.nodes[0]} {
		c.kill()
	}
	for id, blob := range blobs {
		expectRead(t, cl, id, blob)
		expectRead(t, old, id, blob)
	}
}

// TestShardsMoveFromEnemies: those who lose their shards lie, are dead, or never answer. What
// they were to give is recovered from symbols, and who lies is named.
func TestShardsMoveFromEnemies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		turn func(*citizen)
		slow bool
		lies bool
	}{
		{"lying", func(c *citizen) { c.faults.Set(fault.Corrupt) }, false, true},
		{"dead", (*citizen).kill, false, false},
		{"silent", func(c *citizen) { c.faults.Set(fault.Stall) }, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.slow && testing.Short() {
				t.Skip("waits for nodes that never answer")
			}
			w := newTownOf(t, 7, 21, longSync)
			cl, old := w.client(20, nil), w.client(20, nil)
			blobs := make(map[commit.BlobID][]byte)
			for seed := range uint64(8) {
				blob := randomBlob(seed, 50_000)
				blobs[put(t, cl, blob).ID] = blob
			}
			leaving := w.nodes[:2]
			for _, c := range leaving {
				c.name = c.node.Name()
			}
			for _, c := range leaving {
				w.withdraw(c)
			}
			r := w.read(blobs, cl, old)
			for _, n := range leaving {
				c.turn(n)
			}
			w.pass(1)
			w.settle()
			r.end()
			lies, recovered := int64(0), int64(0)
			for _, n := range w.nodes[2:] {
				if n.weight() <= 3 {
					t.Fatalf("%s owns %d shards after the change, want more than 3", n.node.Name(), n.weight())
				}
				lies += n.node.Migration().Lies
				for _, name := range n.node.Migration().Liars {
					if name != leaving[0].name && name != leaving[1].name {
						t.Errorf("%s takes %s for a liar", n.node.Name(), name)
					}
				}
				recovered += n.node.Healer().Totals().Slivers
			}
			if want := int64(2 * 6 * len(blobs)); recovered < want {
				t.Errorf("%d slivers were recovered from symbols, want the %d that moved at least", recovered, want)
			}
			if (lies > 0) != c.lies || c.lies && len(w.liars()) == 0 {
				t.Errorf("%d nodes were found to lie", lies)
			}
			for _, n := range leaving {
				n.kill()
			}
			for id, blob := range blobs {
				expectRead(t, cl, id, blob)
				expectRead(t, old, id, blob)
			}
		})
	}
}

// TestEpochUnsettled: more than f shards never report. The ledger goes on, epochs begin, nobody
// drops what it lost, every blob is read and written, and nodes say what is wrong; when those
// are back that were away, the epoch is settled and the disks come back.
func TestEpochUnsettled(t *testing.T) {
	t.Parallel()
	w := newTownOf(t, 6, 18, longSync) // f is 5, and a quorum 13
	cl, old := w.client(30, nil), w.client(30, nil)
	blobs := make(map[commit.BlobID][]byte)
	write := func(seed uint64) {
		t.Helper()
		blob := randomBlob(seed, 50_000)
		blobs[put(t, cl, blob).ID] = blob
	}
	for seed := range uint64(5) {
		write(seed)
	}
	// Two new ones own shards, and never run.
	absent := []*citizen{w.join(400), w.join(400)}
	w.pass(1)
	r := w.read(blobs, cl, old)
	for range 4 {
		w.pass(1)
	}
	r.end()
	epoch, settled := w.epochOf()
	if settled != 1 || epoch < 4 {
		t.Fatalf("epoch %d of which %d is settled: want several epochs, and the first one settled", epoch, settled)
	}
	until(t, "nodes say so", func() bool {
		for _, p := range w.nodes[0].node.Problems() {
			if p.Name == "epoch" {
				return true
			}
		}
		return false
	})
	for _, c := range w.nodes[:6] {
		if got := c.shards(); got < 3 {
			t.Errorf("%s has %d shards, want those that it lost as well", c.node.Name(), got)
		}
	}
	for _, c := range absent {
		c.start()
	}
	w.settle()
	write(10)
	for id, blob := range blobs {
		expectRead(t, cl, id, blob)
		expectRead(t, old, id, blob)
	}
	until(t, "nothing is wrong any more", func() bool {
		return w.all(func(c *citizen) bool { return len(c.node.Problems()) == 0 })
	})
}

// liars returns whom the nodes that run name as liars.
func (w *town) liars() (names []string) {
	for _, c := range w.nodes {
		if c.stop != nil {
			names = append(names, c.node.Migration().Liars...)
		}
	}
	return names
}

// withdraw takes all stake from a node.
func (w *town) withdraw(c *citizen) {
	w.t.Helper()
	s := w.ledger.State()
	for key, value := range s.From([]byte("t")) {
		if key[0] != 't' {
			break
		}
		var stake ledger.Stake
		if err := ledger.Read(value, &stake); err != nil {
			w.t.Fatal(err)
		}
		n := ledger.Get[ledger.Node](s, ledger.NodeKey(stake.Node))
		if n.Info.TLSKey != [32]byte(c.key.TLSPublic()) || stake.Withdraw != nil {
			continue
		}
		owner := c.key
		if stake.Owner == genesis.AddressOf(w.writer) {
			owner = w.writer
		}
		if _, err := account.New(&w.reach, owner.Account()).Do(w.t.Context(), ledger.RequestWithdrawal{Stake: ledger.ObjectID(key[1:])}); err != nil {
			w.t.Fatal(err)
		}
	}
}
