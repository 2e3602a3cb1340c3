package app

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

// core is what all parts share: the state after the last block, where it is kept, and
// who waits for the next one.
type core struct {
	options Options
	store   store
	now     atomic.Pointer[moment]
	verified
	archive *light.Archive

	mu      sync.Mutex
	waiting map[ledger.TxDigest][]*Waiter
	grown   chan struct{} // closed when there is another block; then there is a new one
	ended   bool

	offences []Offence
}

// moment is how things are after a block of CometBFT.
type moment struct {
	position
	state *ledger.State
}

func openCore(o Options) (*core, error) {
	begin, err := ledger.Begin(o.Genesis)
	if err != nil {
		return nil, err
	}
	c := &core{options: o, store: store{o.DB}, waiting: make(map[ledger.TxDigest][]*Waiter), grown: make(chan struct{})}
	m, err := c.store.load(o.Genesis, begin)
	if err != nil {
		return nil, err
	}
	c.now.Store(m)
	earlier, err := loadEarlier(c.store, m.state)
	if err != nil {
		return nil, err
	}
	c.archive = light.NewArchive(m.state, earlier...)
	c.offences, err = c.store.loadOffences()
	return c, err
}

// Archive returns what light clients ask for. A node that began from a snapshot has proofs from
// the next checkpoint on.
func (c *core) Archive() *light.Archive { return c.archive }

// State returns the ledger's state after the last block.
func (c *core) State() *ledger.State { return c.now.Load().state }

// Height returns CometBFT's height of the last block.
func (c *core) Height() uint64 { return c.now.Load().Height }

// Validators returns who votes from the block after the next one on.
func (c *core) Validators() []Validator { return append([]Validator(nil), c.now.Load().Validators...) }

// Offences returns the last offences of which blocks had proofs, in their order.
func (c *core) Offences() []Offence {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.offences)
}

// Grown returns a channel that is closed when there is another block.
func (c *core) Grown() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.grown
}

// publish shows what is after a block to all, and answers those who wait for its
// transactions.
func (c *core) publish(m *moment, results []ledger.Result) {
	c.now.Store(m)
	c.archive.Add(m.state)
	height := m.state.System().Height
	for _, r := range results {
		c.answer(r.Digest, chain.Receipt{Height: height, Result: r}, nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.grown)
	c.grown = make(chan struct{})
}

// Waiter gets what became of a transaction.
type Waiter struct {
	Done    chan struct{} // closed when the rest is set
	Receipt chain.Receipt
	Err     error // a *ledger.RuleError if the transaction left the mempool
}

// Wait returns who waits for a transaction that was not yet submitted. The caller ends
// it with Forget.
func (c *core) Wait(tx ledger.TxDigest) *Waiter {
	w := &Waiter{Done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		w.Err = chain.ErrClosed
		close(w.Done)
		return w
	}
	c.waiting[tx] = append(c.waiting[tx], w)
	return w
}

// Forget has a waiter wait no more.
func (c *core) Forget(tx ledger.TxDigest, w *Waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.waiting[tx]
	for i := range all {
		if all[i] == w {
			all = append(all[:i:i], all[i+1:]...)
			break
		}
	}
	if c.waiting[tx] = all; len(all) == 0 {
		delete(c.waiting, tx)
	}
}

func (c *core) answer(tx ledger.TxDigest, r chain.Receipt, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiting[tx] {
		w.Receipt, w.Err = r, err
		close(w.Done)
	}
	delete(c.waiting, tx)
}

// end answers all who wait that there will be no more blocks.
func (c *core) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	for _, all := range c.waiting {
		for _, w := range all {
			w.Err = fmt.Errorf("%w; the transaction may be in a block all the same", chain.ErrClosed)
			close(w.Done)
		}
	}
	clear(c.waiting)
	close(c.grown)
}

// isEnded tells whether there will be no more blocks.
func (c *core) isEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}
