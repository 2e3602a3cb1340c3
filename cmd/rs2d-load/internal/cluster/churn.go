package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/placement"
)

// churn lets nodes come and go, where there is a ledger.
type churn struct {
	*Cluster
	payer  *account.Account // of the money that new nodes have
	ctx    context.Context  // until the cluster stops
	stop   context.CancelFunc
	aside  sync.WaitGroup
	joined int

	watched sync.Mutex
	changes []Change
	rounds  []Round
}

// CauseJoin is why the process of a node is started that is new.
const CauseJoin = "join"

// newChurn begins to watch the epochs of the cluster's ledger.
func newChurn(c *Cluster) *churn {
	h := &churn{Cluster: c, payer: account.New(c.ledger.from(0), c.writer.Account())}
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.aside.Go(func() { c.ledger.views.Run(h.ctx) })
	h.aside.Go(h.watch)
	return h
}

// end ends all that is under way.
func (h *churn) end() {
	h.stop()
	h.aside.Wait()
}

// join registers a new node with stake, and starts it, with a validator where the others
// have one. It returns its number.
func (h *churn) join() (int, error) {
	addresses, err := freeAddresses(3)
	if err != nil {
		return 0, err
	}
	h.mu.Lock()
	h.joined++
	name := fmt.Sprintf("joined-%d", h.joined)
	config := h.nodes[0].config
	h.mu.Unlock()
	key := identity.GenerateKey()
	dir := filepath.Join(h.options.Dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	config.Key, config.Store, config.Listen = filepath.Join(dir, "key"), filepath.Join(dir, "store"), addresses[0]
	if err := link(h.Cluster, &config, addresses[0]); err != nil {
		return 0, err
	}
	if config.Ledger, err = h.links.way(config.Host, strings.Join(h.ledger.urls, ",")); err != nil {
		return 0, err
	}
	if h.options.Profile != "" {
		config.Profile = filepath.Join(h.options.Profile, name+".pprof")
	}
	if err := os.WriteFile(config.Key, key.Reveal(), 0o600); err != nil {
		return 0, err
	}
	m := &member{name: name, key: key.Public(), config: config, log: filepath.Join(dir, "log")}
	if h.options.Control == ControlComet {
		if err := h.addValidator(m, addresses[1], addresses[2]); err != nil {
			return 0, err
		}
	}
	n := genesis.NewNode(name, addresses[0], key)
	self := account.New(h.ledger.from(0), key.Account())
	if _, err := h.payer.Do(h.ctx, ledger.Transfer{To: genesis.AddressOf(key), Amount: nodeMoney}); err != nil {
		return 0, err
	}
	got, err := self.Do(h.ctx, ledger.RegisterNode{Node: ledger.NodeInfo{
		Name: n.Name, Address: n.Address, PublicKey: n.PublicKey.Bytes(), Possession: n.Proof, TLSKey: n.TLSKey, TLSProof: n.TLSProof,
		Votes: ledger.Votes{StoragePrice: storagePrice, WritePrice: writePrice, Capacity: nodeCapacity},
	}})
	if err != nil {
		return 0, err
	}
	for _, e := range got.Events {
		if e, ok := e.(ledger.NodeRegistered); ok {
			if _, err := self.Do(h.ctx, ledger.StakeWith{Node: e.Node, Amount: ledger.DefaultMinStake}); err != nil {
				return 0, err
			}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return 0, context.Canceled
	}
	i := len(h.nodes)
	h.nodes = append(h.nodes, m)
	return i, h.run(i, CauseJoin)
}

// addValidator gives a new node a validator, of which the others hear from itself. It
// votes once the node is in the committee.
func (h *churn) addValidator(m *member, listen, api string) (err error) {
	m.validator, err = newValidator(m, h.options.Validator, m.config.Genesis, listen, api)
	if err == nil {
		h.mu.Lock()
		m.validator.meet(h.nodes)
		h.mu.Unlock()
		m.config.Ledger = m.validator.url
	}
	return err
}

// withdraw takes back all stake of a node.
func (h *churn) withdraw(i int) error {
	h.mu.Lock()
	path := h.nodes[i].config.Key
	h.mu.Unlock()
	key, err := identity.LoadKey(path)
	if err != nil {
		return err
	}
	self := account.New(h.ledger.from(0), key.Account())
	return chain.ListAll(h.ctx, h.ledger.from(0), ledger.StakeKey(ledger.ObjectID{})[:1], func(p chain.Pair) error {
		var s ledger.Stake
		if err := ledger.Read(p.Value, &s); err != nil {
			return err
		}
		if s.Owner != self.Address() || s.Withdraw != nil {
			return nil
		}
		_, err := self.Do(h.ctx, ledger.RequestWithdrawal{Stake: ledger.ObjectID(p.Key[1:])})
		return err
	})
}

// leave has a node withdraw, and ends it once it has nothing that anybody needs. A node that
// lies gives wrong slivers to those who get its shards.
func (h *churn) leave(i int, lies bool) error {
	if err := h.withdraw(i); err != nil {
		return err
	}
	if err := h.change(i, Leaving, func(m *member) error {
		if !lies {
			return nil
		}
		return m.process.order(Order{Faults: fault.Corrupt})
	}); err != nil {
		return err
	}
	h.aside.Go(func() {
		tick := time.NewTicker(statsEvery)
		defer tick.Stop()
		for !h.gone(i) {
			select {
			case <-tick.C:
			case <-h.ctx.Done():
				return
			}
		}
		_ = h.change(i, Gone, func(m *member) error { // or the cluster has stopped
			m.process.stop()
			return nil
		})
	})
	return nil
}

// gone reports whether a node owns nothing any more, and has nothing of what it owned.
func (h *churn) gone(i int) bool {
	v := h.control.View()
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.nodes[i]
	if _, owns := v.Current.Find(m.key); owns || m.state != Leaving {
		return m.state != Leaving
	}
	stats, _, _ := m.process.status()
	return stats.Cleared >= v.Current.Epoch()
}

// replace has a node and its disk gone for ever, and a new one come in its place.
func (h *churn) replace(i int) error {
	if err := h.change(i, Gone, func(m *member) error {
		m.kill()
		return os.RemoveAll(m.config.Store)
	}); err != nil {
		return err
	}
	if err := h.withdraw(i); err != nil {
		return err
	}
	_, err := h.join()
	return err
}

// Change is what became of one epoch change.
type Change struct {
	Epoch   uint32
	Started time.Time
	Settled time.Time // zero if it was not
	Moved   int       // shards
	// Of the shards whose owners before were alive and honest:
	Given   int
	Minimum int64 // bytes of their slivers, and of metadata for nodes that are new
	Copied  int64 // bytes that all nodes had copied when it started
}

// watch notes the changes of epochs.
func (h *churn) watch() {
	l := h.ledger.from(0)
	var cursor chain.Cursor
	for h.ctx.Err() == nil {
		events, next, err := l.Events(h.ctx, cursor, 500)
		if err != nil {
			select {
			case <-time.After(time.Second):
			case <-h.ctx.Done():
			}
			continue
		}
		cursor = next
		for _, e := range events {
			switch e := e.Event.(type) {
			case ledger.EpochStarted:
				c := Change{Epoch: e.Epoch, Started: time.Now()}
				if err := h.measure(&c); err == nil {
					h.watched.Lock()
					h.changes = append(h.changes, c)
					h.watched.Unlock()
				}
			case ledger.EpochSettled:
				h.watched.Lock()
				for i := range h.changes {
					if h.changes[i].Epoch == e.Epoch {
						h.changes[i].Settled = time.Now()
					}
				}
				h.watched.Unlock()
			default:
				h.noteRound(e)
			}
		}
	}
}

// measure finds out what the change has to move.
func (h *churn) measure(c *Change) error {
	for _, r := range h.Runs() {
		c.Copied += r.Stats.Copied
	}
	l := h.ledger.from(0)
	g := h.ledger.views.Genesis()
	params := h.committee.Params()
	var old, now ledger.Committee
	for epoch, to := range map[uint32]*ledger.Committee{c.Epoch - 1: &old, c.Epoch: &now} {
		if _, ok, err := chain.Value(h.ctx, l, ledger.CommitteeKey(epoch), to); err != nil || !ok {
			return errors.Join(err, errNoCommittee)
		}
	}
	owners := make([]ledger.NodeID, g.Shards)
	honest := make([]bool, g.Shards)
	for _, m := range old.Members {
		gives := h.gives(m.PublicKey)
		for _, shard := range m.Shards {
			owners[shard], honest[shard] = m.Node, gives
		}
	}
	// Who is new needs metadata; where nodes keep parts, whoever gets a shard gathers it.
	comes, was := int64(0), make(map[ledger.NodeID]bool)
	coded := committee.Form(g.Metadata) == committee.Coded
	for _, m := range old.Members {
		was[m.Node] = true
	}
	for _, m := range now.Members {
		given := c.Given
		for _, shard := range m.Shards {
			if owners[shard] != m.Node {
				c.Moved++
				if honest[shard] {
					c.Given++
				}
			}
		}
		if !was[m.Node] || coded && c.Given > given {
			comes++
		}
	}
	perShard, metadata := int64(0), int64(0)
	err := chain.ListAll(h.ctx, l, ledger.BlobKey(ledger.ObjectID{})[:1], func(p chain.Pair) error {
		var b ledger.Blob
		if err := ledger.Read(p.Value, &b); err != nil {
			return err
		}
		size, err := params.SymbolSize(b.Length)
		if b.Certified != nil && c.Epoch < b.Storage.End && err == nil {
			perShard += int64(size) * int64(params.P+params.S)
			metadata += int64(placement.MaxMetadata(params.N))
		}
		return nil
	})
	if c.Given > 0 {
		c.Minimum = perShard*int64(c.Given) + metadata*comes
	}
	return err
}

var errNoCommittee = errors.New("the ledger has no such committee")

// gives reports whether a node runs and does not lie.
func (h *churn) gives(key [48]byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.nodes {
		if m.key.Bytes() == key {
			return m.state != Dead && m.state != Gone && m.state != Lying && m.process.running()
		}
	}
	return false
}

// Changes returns what became of each epoch change until now.
func Changes(c *Cluster) []Change {
	if c.churn == nil {
		return nil
	}
	c.churn.watched.Lock()
	defer c.churn.watched.Unlock()
	return append([]Change(nil), c.churn.changes...)
}

// Whole returns the keys of the nodes that are to have everything: those to which nothing was done, or
// nothing that is not over.
func Whole(c *Cluster) (keys []committee.PublicKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.nodes {
		if m.state == Untouched || m.state == Restored {
			keys = append(keys, m.key)
		}
	}
	return keys
}

// Names returns the names of the nodes.
func Names(c *Cluster) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make([]string, len(c.nodes))
	for i, m := range c.nodes {
		names[i] = m.name
	}
	return names
}
