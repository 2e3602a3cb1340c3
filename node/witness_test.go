package node_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// marked reports whether the node has the certificate that the blob is inconsistent, and
// no sliver of it.
func (c *citizen) marked(id commit.BlobID) bool {
	info, err := c.disk.Info(id)
	if err != nil {
		c.town.t.Fatal(err)
	}
	return info.Has(store.InvalidBlobCertificate) && len(info.Slivers) == 0
}

// sent returns how many transactions the nodes have sent.
func (w *town) sent() (all uint64) {
	for _, c := range w.nodes {
		if a := ledger.Get[ledger.Account](w.ledger.State(), ledger.AccountKey(genesis.AddressOf(c.key))); a != nil {
			all += a.Nonce
		}
	}
	return all
}

// expectRefused reads an inconsistent blob.
func expectRefused(t *testing.T, cl *client.Client, id commit.BlobID) {
	t.Helper()
	if _, err := cl.Read(t.Context(), id); !errors.Is(err, client.ErrInconsistent) {
		t.Errorf("read of an inconsistent blob: %v, want ErrInconsistent", err)
	}
}

// TestLedgerInconsistent: one node tells the ledger that a blob is inconsistent. Who was
// away, or has lost its disk, learns it from there; who reads the blob is told so until its
// storage ends.
func TestLedgerInconsistent(t *testing.T) {
	t.Parallel()
	w := newTown(t, 4, 16)
	cl := w.client(2, nil)
	away, wiped := w.nodes[0], w.nodes[1]
	meta, pair := cheat(t, cl, randomBlob(1, 50_000))
	id := storeAll(t, cl, meta, pair).ID
	good := put(t, cl, randomBlob(2, 50_000)).ID
	until(t, "all have both", func() bool { return w.all(func(c *citizen) bool { return c.certified(id) && c.certified(good) }) })
	invalid := func() bool { return chain.BlobOf(w.ledger.State(), id).Invalid }

	away.kill()
	const turn = 2 * time.Second // the members' to tell, one after another: see witness.Config
	before, start := w.sent(), time.Now()
	expectRefused(t, cl, id)
	until(t, "the ledger knows", invalid)
	if got, most := w.sent()-before, 1+uint64(time.Since(start)/turn); got < 1 || got > most {
		t.Errorf("the nodes have told the ledger by %d transactions, want 1, and %d at most in that time", got, most)
	}
	expectRefused(t, cl, id)
	healthy := func(c *citizen) func() bool { return func() bool { return c.node.State() == api.StateHealthy } }
	away.start()
	until(t, "who was away is healthy", healthy(away))
	until(t, "who was away has nothing of it", func() bool { return !away.has(id) })
	wiped.kill()
	wiped.dir = t.TempDir()
	wiped.start()
	until(t, "who has lost its disk is healthy", func() bool { return healthy(wiped)() && wiped.certified(good) })
	if wiped.has(id) || wiped.marked(id) {
		t.Error("a node has something of a blob that the ledger says is none")
	}
	expectRefused(t, cl, id)
	w.pass(3)
	until(t, "nobody keeps anything of it", func() bool {
		return w.all(func(c *citizen) bool {
			info, err := c.disk.Info(id)
			return err == nil && len(info.Records) == 0
		})
	})
}

// TestLedgerInconsistentLate: a node that learns of an inconsistent blob while the ledger
// does not take that learns it from the others; and what nobody could tell the ledger in
// one epoch is told in the next, with a certificate of that.
func TestLedgerInconsistentLate(t *testing.T) {
	t.Parallel()
	w := newTown(t, 4, 16)
	cl := w.client(9, nil)
	meta, pair := cheat(t, cl, randomBlob(1, 50_000))
	id := storeAll(t, cl, meta, pair).ID
	until(t, "all have it", func() bool { return w.all(func(c *citizen) bool { return c.certified(id) }) })
	w.reach.refuse(func(a ledger.Action) bool { _, ok := a.(ledger.InvalidateBlob); return ok })
	wiped := w.nodes[2]
	wiped.kill()
	expectRefused(t, cl, id)
	until(t, "the others have marked it", func() bool {
		return w.all(func(c *citizen) bool { return c == wiped || c.marked(id) })
	})
	wiped.dir = t.TempDir()
	wiped.start()
	until(t, "who comes later is healthy", func() bool { return wiped.node.State() == api.StateHealthy && wiped.marked(id) })
	if chain.BlobOf(w.ledger.State(), id).Invalid {
		t.Error("the ledger knows what it was not told")
	}
	w.pass(1)
	w.reach.refuse(nil)
	until(t, "the ledger knows", func() bool { return chain.BlobOf(w.ledger.State(), id).Invalid })
	if got := w.ledger.State().System().Epoch; got < 2 {
		t.Errorf("epoch %d, want a later one", got)
	}
}
