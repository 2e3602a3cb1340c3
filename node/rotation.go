package node

import (
	"context"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// rotation has a node use those of its keys by which others know it at present: the
// committee's for connections, and the ledger's for its account. Signatures and the server's
// certificates find their keys themselves, see identity.Keyring.
type rotation struct {
	node  *Node
	self  *account.Account
	awake chan struct{}

	mu      sync.Mutex
	lacking string // for people: keys that others expect and the node does not have
}

func newRotation(n *Node, self *account.Account) *rotation {
	return &rotation{node: n, self: self, awake: make(chan struct{}, 1)}
}

// wake tells it that the ledger shows something else. It returns at once.
func (r *rotation) wake() {
	select {
	case r.awake <- struct{}{}:
	default:
	}
}

// Times of a rotation.
const (
	keyAskTime  = 10 * time.Second // for the ledger to answer
	keyLookEach = time.Minute      // also when nobody says that anything has changed
)

// run follows what the ledger says of the node's keys until the context ends.
func (r *rotation) run(ctx context.Context) {
	tick := time.NewTicker(keyLookEach)
	defer tick.Stop()
	for {
		r.look(ctx)
		select {
		case <-r.awake:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look finds the keys that others know the node by.
func (r *rotation) look(ctx context.Context) {
	n := r.node
	id := n.ID()
	if id == (committee.NodeID{}) {
		return
	}
	lacking := ""
	current := n.config.Control.View().Current
	if i, ok := current.FindID(id); ok {
		m := current.Member(i)
		key, ok := r.find(m.TLSKey)
		if ok {
			n.peers.Use(key)
		}
		if _, signs := n.keys.Member(current); !ok || !signs {
			lacking = "the committee of this epoch knows the node by the public key " + m.PublicKey.String() + " and the TLS key " + m.TLSKey.String()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, keyAskTime)
	defer cancel()
	var entry ledger.Node
	_, ok, err := chain.Value(ctx, n.config.Follower.Ledger(), ledger.NodeKey(ledger.NodeID(id)), &entry)
	switch {
	case err != nil || !ok: // it is tried again
	default:
		if key, ok := r.find(committee.TLSKey(entry.Owner)); ok {
			r.self.Use(key.Account())
		} else if key, ok := r.find(committee.TLSKey(entry.Info.TLSKey)); ok {
			r.self.Use(key.Account())
		} else if lacking == "" {
			lacking = "the ledger knows the node by the TLS key " + committee.TLSKey(entry.Info.TLSKey).String()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lacking = lacking
}

// find returns the key that has the TLS key, also if it has come into the file since that was
// read.
func (r *rotation) find(public committee.TLSKey) (*identity.Key, bool) {
	keys := r.node.keys
	if key, ok := keys.OfTLS(public); ok {
		return key, true
	}
	if err := keys.Reload(); err != nil {
		r.node.log.Warn("the node's keys cannot be read again", "error", err)
	}
	return keys.OfTLS(public)
}

// Problems says which keys the node lacks. It is empty if all is well.
func (r *rotation) Problems() []api.Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lacking == "" {
		return nil
	}
	return []api.Problem{{
		Name:    "key",
		Message: "the node does not have the secrets of its keys, so that others take it for a stranger, and do not count what it signs: " + r.lacking,
		Remedy:  "put the key that rs2d-node rotate has made back into the node's key file",
	}}
}
