package comet

import (
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	mempoolproto "github.com/cometbft/cometbft/proto/tendermint/mempool"

	"github.com/redstuff-go/redstuff/comet/app"
)

// guard is the mempool's reactor, which leaves peers that send what no honest node passes
// on: the time to verify forged signatures would keep all others from the mempool.
type guard struct {
	*mempool.Reactor
	app *app.App
}

const mempoolReactor = "MEMPOOL" // CometBFT's name of it

// guarded has a node of CometBFT guard its mempool.
func guarded(a *app.App) node.Option {
	return func(n *node.Node) {
		if r, ok := n.Switch().Reactor(mempoolReactor).(*mempool.Reactor); ok {
			node.CustomReactors(map[string]p2p.Reactor{mempoolReactor: &guard{r, a}})(n)
		}
	}
}

// Receive takes a message of a peer's.
func (g *guard) Receive(e p2p.Envelope) {
	if txs, ok := e.Message.(*mempoolproto.Txs); ok {
		for _, tx := range txs.Txs {
			if err := g.app.Forged(tx); err != nil {
				g.Switch.StopPeerForError(e.Src, err)
				return
			}
		}
	}
	g.Reactor.Receive(e)
}
