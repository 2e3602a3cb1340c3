package node_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// keyFile writes the keys of a node, in place of those that it had.
func keyFile(t *testing.T, path string, keys ...*identity.Key) {
	t.Helper()
	var text bytes.Buffer
	for _, k := range keys {
		text.Write(append(k.Reveal(), '\n'))
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestKeysRotate has a node get new keys for all it does, while blobs are written and read. It
// is the same node to all others: no shard moves, its store stays, and it is no stranger, also
// when the old key is gone.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	w := newTownOf(t, 4, 12, longSync)
	cl, old := w.client(20, nil), w.client(20, nil)
	blobs := make(map[commit.BlobID][]byte)
	write := func(seed uint64) {
		t.Helper()
		blob := randomBlob(seed, 40_000)
		blobs[put(t, cl, blob).ID] = blob
	}
	for seed := range uint64(3) {
		write(seed)
	}
	c := w.nodes[1]
	file := filepath.Join(t.TempDir(), "node.key")
	keyFile(t, file, c.key)
	c.kill()
	var err error
	if c.ring, err = identity.LoadKeyring(file); err != nil {
		t.Fatal(err)
	}
	c.start()
	id := ledger.NodeID(c.node.ID())
	held := c.shards()

	// The new key comes into the file while the node runs, and then onto the ledger.
	before, next := c.key, identity.GenerateKey()
	keyFile(t, file, before, next)
	self := account.New(&w.reach, before.Account())
	to := genesis.AddressOf(next)
	n := ledger.Get[ledger.Node](w.ledger.State(), ledger.NodeKey(id))
	for _, a := range []ledger.Action{
		ledger.SetNextKey{Node: id, PublicKey: next.Public().Bytes(), Possession: next.Prove()},
		ledger.UpdateNode{Node: id, Name: n.Info.Name, Address: n.Info.Address, TLSKey: next.TLSPublic(), TLSProof: ledger.ProveTLSKey(next.Account(), n.Owner)},
		ledger.TransferNode{Node: id, To: to},
		ledger.Transfer{To: to, Amount: 1 << 29},
	} {
		if _, err := self.Do(t.Context(), a); err != nil {
			t.Fatalf("%T: %v", a, err)
		}
	}
	c.key = next
	r := w.read(maps.Clone(blobs), cl, old)
	write(10) // while others know it by the old key
	w.pass(1)
	w.settle()
	current := w.nodes[0].follower.View().Current
	i, ok := current.FindID(committee.NodeID(id))
	if !ok || current.Member(i).PublicKey != next.Public() || current.Member(i).TLSKey != next.TLSPublic() {
		t.Fatalf("the committee does not know the node by its new key")
	}
	write(11) // by the new one
	w.pass(1)
	w.settle()
	keyFile(t, file, next) // nobody needs the old one any more
	if err := c.ring.Reload(); err != nil {
		t.Fatal(err)
	}
	write(12)
	r.end()

	for _, other := range w.nodes {
		if got := other.follower.View().Identify(next.TLSPublic()); got.Role != epoch.Member || got.Node != committee.NodeID(id) {
			t.Errorf("%s takes the node for %+v", other.node.Name(), got)
		}
		if got := other.node.Migration().CopiedSlivers; got != 0 {
			t.Errorf("%s has copied %d slivers, want none", other.node.Name(), got)
		}
		until(t, "nothing is wrong with "+other.node.Name(), func() bool { return len(other.node.Problems()) == 0 })
	}
	if got := c.shards(); got != held {
		t.Errorf("the node has something of %d shards, and had of %d", got, held)
	}
	for id := range blobs {
		until(t, "the node has what was written with either key", func() bool { return c.certified(id) })
	}
	c.kill()
	c.start()
	if got := ledger.NodeID(c.node.ID()); got != id {
		t.Errorf("the node is %x after a restart with the new key alone, and was %x", got, id)
	}
	for id, blob := range blobs {
		expectRead(t, cl, id, blob)
		expectRead(t, old, id, blob)
	}
}

// TestKeyLost has the ledger know a node by a key that is not in its file: the node says so.
func TestKeyLost(t *testing.T) {
	w := newTownOf(t, 4, 12, longSync)
	c := w.nodes[1]
	id := ledger.NodeID(c.node.ID())
	next := identity.GenerateKey()
	self := account.New(&w.reach, c.key.Account())
	if _, err := self.Do(t.Context(), ledger.SetNextKey{Node: id, PublicKey: next.Public().Bytes(), Possession: next.Prove()}); err != nil {
		t.Fatal(err)
	}
	w.pass(1)
	until(t, "it is named", func() bool {
		for _, p := range c.node.Problems() {
			if p.Name == "key" {
				return true
			}
		}
		return false
	})
}
