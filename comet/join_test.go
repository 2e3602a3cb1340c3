package comet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/redstuff-go/redstuff/comet/headers"
	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// liar has a snapshot that is later than all others', and no ledger's.
type liar struct {
	abci.Application
	height func() int64 // of the last block
	asked  *atomic.Bool // for a chunk
}

func (liar) chunk() []byte {
	type pair struct{ Key, Value []byte }
	return codec.Marshal(struct{ Pairs []pair }{[]pair{{[]byte("no key"), []byte("of a ledger")}}})
}

func (l liar) ListSnapshots(context.Context, *abci.RequestListSnapshots) (*abci.ResponseListSnapshots, error) {
	height := uint64(l.height() - 2) // the last one whose root a light client can verify
	data := codec.Marshal(struct {
		Height uint64
		Chunks [][sha256.Size]byte
	}{height, [][sha256.Size]byte{sha256.Sum256(l.chunk())}})
	hash := sha256.Sum256(data)
	return &abci.ResponseListSnapshots{Snapshots: []*abci.Snapshot{{Height: height, Format: 1, Chunks: 1, Hash: hash[:], Metadata: data}}}, nil
}

func (l liar) LoadSnapshotChunk(context.Context, *abci.RequestLoadSnapshotChunk) (*abci.ResponseLoadSnapshotChunk, error) {
	l.asked.Store(true)
	return &abci.ResponseLoadSnapshotChunk{Chunk: l.chunk()}, nil
}

// TestJoin: a node without state begins from its peers' snapshot, whose root it verifies by
// headers from a trusted one on, and goes on with the others. One of them lies.
func TestJoin(t *testing.T) {
	t.Parallel() // it mostly waits
	if testing.Short() {
		t.Skip("CometBFT looks for snapshots for seconds")
	}
	var c *cluster
	var asked atomic.Bool
	c = newCluster(t, 3_600_000, func(i int, o *Options) {
		if o.SnapshotEvery = 5; i == 3 {
			o.hooks.application = func(a abci.Application) abci.Application {
				return liar{a, func() int64 { return int64(c.nodes[0].Chain().Height) }, &asked}
			}
		}
	})
	c.startAll()
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
	if !asked.Load() {
		t.Error("the liar was asked for nothing")
	}
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
