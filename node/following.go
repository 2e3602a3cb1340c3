package node

import (
	"context"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/collect"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/node/witness"
)

// following does what a ledger says: it has blobs healed that are certified, and removes
// those that have ended. And it tells the ledger what the node has seen.
type following struct {
	follower  *follow.Follower
	collector *collect.Collector
	witness   *witness.Witness
	healer    *Healer
	disprover *disprover // nil if there are no challenges
	changed   func()
	challenge func() // nil if there are none
	armed     func(height uint64)
	store     store.Store
	view      func() *peer.View
}

func newFollowing(n *Node, self *account.Account, view func() *peer.View) (*following, error) {
	l := &following{follower: n.config.Follower, healer: n.healer, disprover: n.disprover, changed: func() { n.rotation.wake(); n.migrator.Wake() }, store: n.config.Store, view: view}
	if n.prover != nil {
		l.challenge, l.armed = n.prover.Wake, n.gate.Heard
	}
	var err error
	l.collector, err = collect.New(collect.Config{
		Store: provenStore{n.config.Store, n.gate}, Epoch: l.follower.Applied, Removed: n.server.Forget,
		Rate: n.config.CollectRate, Compact: n.config.CollectCompact, Logger: n.log,
	})
	if err != nil {
		return nil, err
	}
	l.witness, err = witness.New(witness.Config{
		Account: self, Genesis: l.follower.Genesis(), View: l.follower.View,
		Node: n.ID, Signer: n.keys, Store: n.config.Store, Certify: l.healer.Invalidate, Settle: l.follower.Settle, Logger: n.log,
	})
	return l, err
}

// run follows and removes until the context ends.
func (l *following) run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { l.collector.Run(ctx) })
	group.Go(func() { l.witness.Run(ctx) })
	if l.disprover != nil {
		group.Go(func() { l.disprover.run(ctx) })
	}
	group.Go(func() {
		l.follower.Run(ctx, follow.Hooks{
			Certified: l.certified, Listed: l.healer.Look, Ended: l.collector.Wake, Opened: l.witness.Opened, Changed: l.changed, Challenge: l.challenge, Armed: l.armed,
		})
	})
	group.Wait()
}

// certified has blobs healed of which the node lacks something. Writes of them may be
// under way still.
func (l *following) certified(ids []commit.BlobID) {
	v := l.view()
	if v.Member < 0 {
		return // the healer will find them when it looks
	}
	place := func(e store.Entry) placement.Ref { return placement.Ref(e.Ref) }
	for _, id := range ids {
		info, err := l.store.Info(id)
		if err == nil && (!info.Has(store.Metadata) || len(placement.Missing(v.Committee, v.Member, id, info.Slivers, place)) > 0) {
			l.healer.Enqueue(id)
		}
	}
}
