package comet

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/p2p"
	mempoolproto "github.com/cometbft/cometbft/proto/tendermint/mempool"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// shout sends transactions to all peers of a node, whatever they are.
func shout(n *Node, txs [][]byte) {
	<-n.comet.Switch().Broadcast(p2p.Envelope{ChannelID: mempool.MempoolChannel, Message: &mempoolproto.Txs{Txs: txs}})
}

// TestEnemy: a validator floods the others' mempools with valid transactions that cost next
// to nothing, and with some that nobody pays for. What waits is bounded, and all others'
// transactions go on. When it sends a forged one, the others leave it.
func TestEnemy(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t, 3_600_000, nil)
	enemy, honest := c.nodes[3], c.nodes[:3]
	var connections []p2p.Peer // which may be followed by others after the end
	for i, n := range honest {
		var peer p2p.Peer // it is dialed within some seconds
		wait(t, fmt.Sprintf("connection of node %d to the enemy", i), func() bool {
			peer = n.comet.Switch().Peers().Get(p2p.ID(enemy.ID()))
			return peer != nil && peer.IsRunning()
		})
		connections = append(connections, peer)
	}
	begin := enemy.State()
	some := func(key ed25519.PrivateKey, first uint64) (txs [][]byte) {
		for nonce := range uint64(100) {
			tx, err := ledger.Tx{Chain: begin.ChainID(), Nonce: first + nonce, FeePerByte: 1 << 10, Action: ledger.Transfer{To: world.Address(key), Amount: 1}}.Sign(key)
			if err != nil {
				t.Fatal(err)
			}
			txs = append(txs, tx)
		}
		return txs
	}
	var flood [][][]byte
	for i := range members {
		flood = append(flood, some(world.Owner(i), 0), some(world.Key(fmt.Sprint("nobody ", i)), 0))
	}
	most := atomic.Int64{}
	stop := make(chan struct{})
	var shouting sync.WaitGroup
	shouting.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			shout(enemy, flood[i%len(flood)])
			for _, n := range honest {
				most.Store(max(most.Load(), int64(n.Chain().Waiting)))
			}
		}
	})
	users := world.NewUsers(begin, 13)
	for _, n := range honest {
		c.submit(n, users.Next(), users.Next(), users.Next())
	}
	wait(t, "transactions of the flood, which pay like others", func() bool {
		return ledger.Get[ledger.Account](honest[0].State(), ledger.AccountKey(world.Address(world.Owner(0)))).Nonce > 0
	})
	close(stop)
	shouting.Wait()
	// Of each of eight senders who have money at most so many wait.
	if most.Load() == 0 || most.Load() > 8*64 {
		t.Errorf("%d transactions waited, want some, and %d at most", most.Load(), 8*64)
	}
	owner := ledger.Get[ledger.Account](honest[0].State(), ledger.AccountKey(world.Address(world.Owner(0))))
	forged := bytes.Clone(some(world.Owner(0), owner.Nonce)[50]) // others come before it until then
	forged[len(forged)-1] ^= 1
	for i, peer := range connections {
		if !peer.IsRunning() {
			t.Fatalf("node %d has left the other one before it forged anything", i)
		}
	}
	shout(enemy, [][]byte{forged})
	for i, peer := range connections {
		wait(t, fmt.Sprintf("end of node %d's connection to the one that forges", i), func() bool { return !peer.IsRunning() })
	}
	c.submit(honest[1], users.Next())
	c.settle() // it comes back, and is as good as its messages are
	c.checkChain()
}
