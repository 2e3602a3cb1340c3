package comet

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/comet/headers"
	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// TestJoin: a node without state begins from its peers' snapshot, whose root it verifies by
// headers from a trusted one on, and goes on with the others.
func TestJoin(t *testing.T) {
	t.Parallel() // it mostly waits
	if testing.Short() {
		t.Skip("CometBFT looks for snapshots for seconds")
	}
	c := startCluster(t, 3_600_000, func(_ int, o *Options) { o.SnapshotEvery = 5 })
	users := world.NewUsers(c.any().State(), 9)
	for c.any().Chain().Height < 14 {
		c.submit(c.any(), users.Next(), users.Next())
	}
	c.settle()
	trusted := c.any().comet.BlockStore().LoadBlockMeta(2)
	join := &Join{Height: 2, Hash: trusted.BlockID.Hash}
	for i := range 2 {
		s := httptest.NewServer(headers.Handler(c.nodes[i]))
		defer s.Close()
		join.Servers = append(join.Servers, s.URL)
	}
	o := c.options(0)
	o.Dir, o.Join = filepath.Join(c.dir, "new"), join
	n, err := Open(world.Key("new"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	wait(t, "snapshot", func() bool { return n.State().System().Height > 0 })
	first := n.comet.BlockStore().Base()
	c.submit(c.any(), users.Next())
	c.settle()
	wait(t, "equal root of the node that joined", func() bool { return n.State().Root() == c.any().State().Root() })
	if first = max(first, n.comet.BlockStore().Base()); first < 3 {
		t.Errorf("the node has blocks from %d on: it has replayed, and did not begin from a snapshot", first)
	}
	c.submit(n, users.Next()) // by the mempools of the others
	c.settle()
}

// TestHeaders: what a node shows is what it has, and a client knows what is not there.
func TestHeaders(t *testing.T) {
	n, err := Open(world.TLS(0), alone(t.TempDir(), uint64(time.Now().UnixMilli())))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	tx, err := ledger.Tx{Chain: n.State().ChainID(), FeePerByte: 1 << 10, Action: ledger.Transfer{To: world.Address(world.Person(1)), Amount: 5}}.Sign(world.Person(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Submit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(headers.Handler(n))
	defer server.Close()
	doc, err := genesisDoc(n.options.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	p := headers.NewProvider(doc.ChainID, server.URL)
	for _, height := range []int64{0, 1} {
		b, err := p.LightBlock(t.Context(), height)
		if err != nil || height > 0 && !bytes.Equal(b.Hash(), n.comet.BlockStore().LoadBlockMeta(height).BlockID.Hash) {
			t.Errorf("height %d: %v (%v)", height, b, err)
		}
	}
	for _, test := range []struct {
		name, chain, base string
		height            int64
		want              string
	}{
		{"the future", doc.ChainID, server.URL, 1 << 40, "height requested is too high"},
		{"another chain", "other", server.URL, 1, "client provided bad signed header"},
		{"no server", doc.ChainID, "http://127.0.0.1:1", 1, "client failed to respond"},
		{"no height", doc.ChainID, server.URL, -1, "client failed to respond"},
	} {
		_, err := headers.NewProvider(test.chain, test.base).LightBlock(t.Context(), test.height)
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(test.want)) {
			t.Errorf("%s: %v, want %q", test.name, fmt.Sprint(err), test.want)
		}
	}
}
