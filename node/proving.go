package node

import (
	"context"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/prove"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// cutAfter is how long an answer may take that is under way when the node falls silent.
const cutAfter = 2 * time.Second

// Gate returns what a node withholds while members prove what they store; nil if there are no
// challenges.
func Gate(n *Node) *gate.Gate { return n.gate }

// newProver has the node take part in challenges, if the ledger has any.
func newProver(n *Node, self *account.Account, code *rs2d.Code, view func() *peer.View) (err error) {
	genesis := n.config.Follower.Genesis()
	if genesis.Challenges.Mode == ledger.ChallengesOff {
		return nil
	}
	n.gate, n.disprover = gate.New(genesis.ChainID(), cutAfter), newDisprover(n.healer)
	n.prover, err = prove.New(prove.Config{
		Account: self, Chain: genesis.ChainID(), View: view, Node: n.ID, Signer: n.keys, Store: n.config.Store, Code: code, Gate: n.gate,
		Metadata: func(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
			return n.whole.metadata(ctx, id)
		},
		Inconsistent: n.disprover.add,
		Closed: func() {
			n.disprover.closed()
			n.healer.Look()
			n.migrator.Wake()
			n.ledger.collector.Wake()
		},
		Workers: n.config.Workers, Metrics: n.config.Metrics, Logger: n.log,
	})
	return err
}

// provenStore is a store of which nothing is removed that members may have to prove: while a
// challenge is on, or may be, nothing has ended.
type provenStore struct {
	store.Store
	gate *gate.Gate
}

// Expired is of store.Store.
func (s provenStore) Expired(epoch uint32, limit int) ([]commit.BlobID, error) {
	if s.gate.Keeps() {
		return nil, nil
	}
	return s.Store.Expired(epoch, limit)
}

// Delete is of store.Store.
func (s provenStore) Delete(id commit.BlobID, when func(store.Info) bool) (bool, error) {
	if s.gate.Keeps() {
		return false, nil
	}
	return s.Store.Delete(id, when)
}
