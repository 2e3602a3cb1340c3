package comet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cometproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// members of the clusters: f is one.
const members = 4

// cluster is four validators in this process.
type cluster struct {
	t       testing.TB
	dir     string
	genesis ledger.Genesis
	key     func(i int) ed25519.PrivateKey // with which a node votes
	nodes   [members]*Node                 // nil while one is down
	change  func(i int, o *Options)
}

// startCluster starts the nodes. They begin now, with epochs of so many milliseconds.
func startCluster(t testing.TB, epochMillis uint64, change func(i int, o *Options)) *cluster {
	t.Helper()
	c := newCluster(t, epochMillis, change)
	c.startAll()
	return c
}

// newCluster is startCluster without the start.
func newCluster(t testing.TB, epochMillis uint64, change func(i int, o *Options)) *cluster {
	c := &cluster{t: t, dir: t.TempDir(), key: world.TLS, change: change}
	c.genesis = world.Genesis(members, uint64(time.Now().UnixMilli()), epochMillis)
	return c
}

// startAll starts the nodes until the test ends.
func (c *cluster) startAll() {
	c.t.Helper()
	c.t.Cleanup(func() {
		for i := range c.nodes {
			c.stop(i)
		}
	})
	for i := range members {
		c.start(i)
	}
}

// options returns those of a node, which knows all that run.
func (c *cluster) options(i int) Options {
	o := Options{
		Dir: filepath.Join(c.dir, fmt.Sprint(i)), Genesis: c.genesis,
		BlockPause: 10 * time.Millisecond, RoundTimeout: 400 * time.Millisecond, Patience: time.Minute,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level()})),
		hooks:  hooks{strangers: true}, // the book of addresses is written after the end
	}
	for _, n := range c.nodes {
		if n != nil {
			o.Peers = append(o.Peers, n.Address())
		}
	}
	if c.change != nil {
		c.change(i, &o)
	}
	return o
}

// level hides what CometBFT complains of when its peers come and go, as they do here.
func level() slog.Level {
	level := slog.LevelError + 1
	if text := os.Getenv("REDSTUFF_TEST_LOG"); text != "" && level.UnmarshalText([]byte(text)) != nil {
		return slog.LevelDebug
	}
	return level
}

func (c *cluster) start(i int) {
	c.t.Helper()
	n, err := Open(c.key(i), c.options(i))
	if err != nil {
		c.t.Fatalf("node %d: %v", i, err)
	}
	c.nodes[i] = n
}

func (c *cluster) stop(i int) {
	c.t.Helper()
	if c.nodes[i] == nil {
		return
	}
	if err := c.nodes[i].Close(); err != nil {
		c.t.Errorf("node %d: %v", i, err)
	}
	c.nodes[i] = nil
}

// any returns a node that runs.
func (c *cluster) any() *Node {
	for _, n := range c.nodes {
		if n != nil {
			return n
		}
	}
	c.t.Fatal("no node runs")
	return nil
}

// deadline bounds what a test waits for.
const deadline = 2 * time.Minute

// submit submits transactions to a node, as many at once as may wait, and fails if one
// is in no block.
func (c *cluster) submit(n *Node, txs ...[]byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	errs := make([]error, len(txs))
	var group sync.WaitGroup
	for i, tx := range txs {
		group.Go(func() {
			r, err := n.Submit(ctx, tx)
			if err == nil && (r.Height == 0 || r.Digest != ledger.Digest(tx)) {
				err = fmt.Errorf("receipt %+v", r)
			}
			errs[i] = err
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		c.t.Fatal(err)
	}
}

// settle waits until all nodes that run have the root of one of them.
func (c *cluster) settle() {
	c.t.Helper()
	wait(c.t, "equal roots", func() bool {
		state := c.any().State()
		for _, n := range c.nodes {
			if n != nil && n.State().Root() != state.Root() {
				return false
			}
		}
		return true
	})
}

// wait polls until something is so.
func wait(t testing.TB, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(deadline)
	for !so() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("no %s after %v", what, deadline)
		}
	}
}

// checkChain compares the nodes' blocks with each other, and what they did with what an
// embedded ledger makes of them: nobody forks, the root of each height is in the header of
// the next, and events are the same.
func (c *cluster) checkChain() {
	c.t.Helper()
	m := newMirror(c.t, c.genesis)
	defer m.close()
	longest := c.any()
	for _, n := range c.nodes {
		if n != nil && n.Chain().Height > longest.Chain().Height {
			longest = n
		}
	}
	last := int64(longest.Chain().Height)
	for h := int64(1); h <= last; h++ {
		block := longest.comet.BlockStore().LoadBlock(h)
		state := m.ledger.State()
		root := state.Root()
		if !bytes.Equal(block.AppHash, root[:]) {
			c.t.Fatalf("height %d: the header has the root %X, want %x", h, block.AppHash, root[:])
		}
		for i, n := range c.nodes {
			if n == nil {
				continue
			}
			if meta := n.comet.BlockStore().LoadBlockMeta(h); meta != nil && !bytes.Equal(meta.BlockID.Hash, block.Hash()) {
				c.t.Fatalf("height %d: node %d has another block", h, i)
			}
		}
		millis := max(uint64(block.Time.UnixMilli()), state.System().Time)
		if len(block.Txs) == 0 && state.Due() > millis {
			continue
		}
		var txs [][]byte
		for _, tx := range block.Txs {
			txs = append(txs, tx)
		}
		m.block(millis, txs)
	}
	state, mirrored := longest.State(), m.ledger.State()
	if state.System().Height != mirrored.System().Height {
		return // there are blocks still
	}
	if state.Root() != mirrored.Root() {
		c.t.Fatalf("the last root is %x, want %x", state.Root(), mirrored.Root())
	}
	if got, want := eventsOf(c.t, longest), eventsOf(c.t, m.ledger); !reflect.DeepEqual(got, want) {
		c.t.Errorf("%d events %v, want %d %v", len(got), got, len(want), want)
	}
}

// TestCluster: random transactions through four validators do what they do to an embedded
// ledger, at every height, while epochs pass.
func TestCluster(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t, 4000, nil)
	users := world.NewUsers(c.any().State(), 3)
	rounds := 10
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		var txs [][]byte
		for range 20 {
			txs = append(txs, users.Next())
		}
		c.submit(c.nodes[round%members], txs...)
	}
	c.settle()
	c.checkChain()
	if h := c.any().State().System().Height; h == 0 {
		t.Error("the ledger has no blocks")
	}
}

// rubbish proposes what no honest node does.
type rubbish struct{ abci.Application }

func (rubbish) PrepareProposal(context.Context, *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	return &abci.ResponsePrepareProposal{Txs: [][]byte{[]byte("rubbish")}}, nil
}

// late votes with a clock that is an hour off.
type late struct {
	types.PrivValidator
	by time.Duration
}

func (l late) SignVote(chainID string, vote *cometproto.Vote) error {
	vote.Timestamp = vote.Timestamp.Add(l.by)
	return l.PrivValidator.SignVote(chainID, vote)
}

// TestFaults: of four nodes one proposes rubbish and votes with a clock that is an hour
// early, and transactions go on; with one more down they end with a clear error, and
// reads go on; when it is back, so are transactions. Nobody forks.
func TestFaults(t *testing.T) {
	t.Parallel() // it mostly waits
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && by < 0 {
				t.Skip("takes a while")
			}
			c := startCluster(t, 3_600_000, func(i int, o *Options) {
				if i == 3 {
					o.hooks.application = func(a abci.Application) abci.Application { return rubbish{a} }
					o.hooks.voter = func(v types.PrivValidator) types.PrivValidator { return late{v, by} }
					o.Now = func() time.Time { return time.Now().Add(by) }
				}
			})
			users := world.NewUsers(c.any().State(), 5)
			some := func(n int) (txs [][]byte) {
				for range n {
					txs = append(txs, users.Next())
				}
				return txs
			}
			for i := range members {
				c.submit(c.nodes[i], some(3)...)
			}
			// A quorum has 7 of 10 shards. Nodes have 2 or 3 each: two are too many.
			c.stop(2)
			c.submit(c.nodes[0], some(3)...)
			c.stop(3)
			height := c.nodes[0].State().System().Height
			c.nodes[0].options.Patience = 2 * time.Second
			lost := users.Next()
			if _, err := c.nodes[0].Submit(context.Background(), lost); !errors.Is(err, chain.ErrNoQuorum) {
				t.Fatalf("with two nodes down: %v, want ErrNoQuorum", err)
			}
			// Another one with its nonce depends on what becomes of it.
			tx, err := ledger.ParseTx(lost)
			if err != nil {
				t.Fatal(err)
			}
			other := *tx
			other.Action = ledger.Transfer{To: world.Address(world.Person(1)), Amount: 4711}
			rival, err := other.Sign(personOf(tx.Sender))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.nodes[0].Submit(context.Background(), rival); !errors.Is(err, chain.ErrNoQuorum) {
				t.Errorf("another transaction with a nonce that waits: %v, want ErrNoQuorum", err)
			}
			if s := c.nodes[0].State(); s.System().Height < height || ledger.Get[ledger.Committee](s, ledger.CommitteeKey(1)) == nil {
				t.Error("reads do not go on with two nodes down")
			}
			c.start(2)
			wait(t, "block with the transaction that waited", func() bool {
				a := ledger.Get[ledger.Account](c.nodes[0].State(), ledger.AccountKey(tx.Sender))
				return a.Nonce > tx.Nonce
			})
			for name, tx := range map[string][]byte{"submitted again": lost, "with its nonce": rival} {
				if _, err := c.nodes[0].Submit(context.Background(), tx); ledger.RuleOf(err) != ledger.RuleNonce {
					t.Errorf("%s: %v, want rule %q", name, err, ledger.RuleNonce)
				}
			}
			c.submit(c.nodes[2], some(3)...)
			c.start(3)
			c.submit(c.nodes[1], some(3)...)
			c.settle()
			c.checkChain()
		})
	}
}

// personOf returns the key of the person with an address.
func personOf(a ledger.Address) ed25519.PrivateKey {
	for i := range world.People {
		if key := world.Person(i); world.Address(key) == a {
			return key
		}
	}
	return nil
}

// TestTime: epochs pass without transactions, by ticks alone; and while nothing is due,
// there are no blocks.
func TestTime(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t, 2000, nil)
	wait(t, "third epoch", func() bool { return c.any().State().System().Epoch >= 3 })
	c.settle()
	c.checkChain()
	blocks, due := c.any().Chain().Height, c.any().State().System()
	// Per epoch there are three moments at which something is due: its end, half of it, and
	// the end of its change. Each takes a few blocks.
	if most := uint64(due.Epoch) * 3 * 12; blocks > most {
		t.Errorf("%d blocks in %d epochs without transactions, want %d at most", blocks, due.Epoch, most)
	}
}
