package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

// Options are choices for [Open]. The zero value is good.
type Options struct {
	FS            vfs.FS           // where the log lives; default the operating system's
	Now           func() time.Time // default time.Now
	SnapshotEvery uint64           // blocks between two snapshots; default 10,000
	MaxWaiting    int              // transactions that wait for a block, a quarter of them of one sender; default 4096
	MaxBlock      int              // bytes of transactions in a block; default 4 MiB
}

// fill sets defaults and checks the rest. The error names the field that is wrong.
func (o *Options) fill() error {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = 10_000
	}
	if o.MaxWaiting == 0 {
		o.MaxWaiting = 4096
	}
	if o.MaxBlock == 0 {
		o.MaxBlock = 4 << 20
	}
	if o.MaxWaiting < 0 {
		return errors.New("embedded: Options.MaxWaiting must be more than zero")
	}
	if o.MaxBlock < 0 {
		return errors.New("embedded: Options.MaxBlock must be more than zero")
	}
	return nil
}

var _ chain.Backend = (*Ledger)(nil)

// Ledger is a ledger on a log. Its methods are safe for concurrent use.
type Ledger struct {
	options Options
	log     *log
	state   atomic.Pointer[ledger.State]
	archive *light.Archive
	recent  chain.Recent

	mu      sync.Mutex
	waiting []*pending
	of      map[ledger.Address]int // how many of them are of each sender
	grown   chan struct{}          // closed when there is another block; then there is a new one
	failure error                  // set when the ledger ends
	wake    chan struct{}
	stop    chan struct{}
	stopped chan struct{}
	close   sync.Once
}

// pending is a transaction that waits for a block.
type pending struct {
	tx   []byte
	read *ledger.Tx
	done chan struct{}
	got  chain.Receipt
	err  error
}

// Open opens the ledger of the genesis in a directory, which it makes if there is none,
// and goes on where it ended. Only one process may have it open. The error names a field
// of the options, wraps ledger.ErrGenesis or ErrLog, or is the disk's.
func Open(dir string, g ledger.Genesis, o Options) (*Ledger, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	begin, err := ledger.Begin(g)
	if err != nil {
		return nil, err
	}
	log, err := openLog(o.FS, dir, begin.ChainID())
	if err != nil {
		return nil, err
	}
	l := &Ledger{
		options: o, log: log, of: make(map[ledger.Address]int), grown: make(chan struct{}), wake: make(chan struct{}, 1),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := l.replay(g, begin); err != nil {
		return nil, errors.Join(err, log.close())
	}
	go l.run()
	return l, nil
}

// replay brings the state to where the log ends.
func (l *Ledger) replay(g ledger.Genesis, state *ledger.State) error {
	at, pairs, failure, err := l.log.lastSnapshot()
	if err != nil {
		return err
	}
	if at > 0 {
		if state, err = ledger.Restore(g, pairs); err != nil {
			return err
		}
		if *failure != nil {
			return fmt.Errorf("embedded: %w", *failure)
		}
		written, err := l.log.block(at)
		if err != nil {
			return err
		}
		if written == nil || state.Root() != written.Root {
			return fmt.Errorf("%w: the snapshot of height %d is not the state after its block", ErrLog, at)
		}
	}
	earlier, err := loadEarlier(l.log, state, at)
	if err != nil {
		return err
	}
	l.archive = light.NewArchive(state, earlier...)
	for h := at + 1; ; h++ {
		e, err := l.log.block(h)
		if err != nil {
			return err
		}
		if e == nil {
			break
		}
		next, _, err := state.Apply(ledger.Block{Height: h, Time: e.Time, Txs: e.Txs})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLog, err)
		}
		if next.Root() != e.Root {
			return fmt.Errorf("%w: block %d gives the root %x, and %x was written", ErrLog, h, next.Root(), e.Root)
		}
		state = next
		l.archive.Add(state)
	}
	l.state.Store(state)
	return nil
}

// Close ends the ledger. Transactions that wait get ErrClosed; they may be in the last
// block.
func (l *Ledger) Close() error {
	l.close.Do(func() { close(l.stop) })
	<-l.stopped
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == chain.ErrClosed { // and not what wraps it, a failure of the log
		return nil
	}
	return l.failure
}

// Done is closed when the ledger has ended: because it was closed, or because its log
// failed. Then Close returns why.
func (l *Ledger) Done() <-chan struct{} { return l.stopped }

// Archive returns what light clients ask for. It has proofs for the last checkpoint that is
// certified, also after the ledger was opened again.
func (l *Ledger) Archive() *light.Archive { return l.archive }

// State returns the state after the last block.
func (l *Ledger) State() *ledger.State { return l.state.Load() }

// Submit puts a transaction into a block, and returns when the block is durable. A
// transaction that broke a rule has it in its receipt. The error is a *ledger.RuleError
// if the transaction cannot be in a block at all because nobody pays for it, chain.ErrBusy,
// chain.ErrClosed, or the context's: then it may be in a block all the same.
func (l *Ledger) Submit(ctx context.Context, tx []byte) (chain.Receipt, error) {
	// Signatures are verified here, by as many at once as there are callers. Whose turn it is
	// is for the block to judge, in which others of the same sender may come first.
	read, err := ledger.ParseTx(tx)
	if err == nil {
		err = l.State().CheckPayable(read, len(tx), uint64(l.options.MaxWaiting))
	}
	if err != nil {
		return chain.Receipt{}, err
	}
	p := &pending{tx: tx, read: read, done: make(chan struct{})}
	if err := l.enqueue(p); err != nil {
		return chain.Receipt{}, err
	}
	select {
	case <-p.done:
		return p.got, p.err
	case <-ctx.Done():
		return chain.Receipt{}, ctx.Err()
	}
}

// ofOne is which part of what waits may be of one sender.
const ofOne = 4

func (l *Ledger) enqueue(p *pending) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failure != nil:
		return l.failure
	case len(l.waiting) >= l.options.MaxWaiting, l.of[p.read.Sender] >= max(1, l.options.MaxWaiting/ofOne):
		return chain.ErrBusy
	}
	l.waiting = append(l.waiting, p)
	l.of[p.read.Sender]++
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// take returns the transactions of the next block.
func (l *Ledger) take() (taken []*pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	bytes := 0
	for _, p := range l.waiting {
		if bytes += len(p.tx); len(taken) > 0 && bytes > l.options.MaxBlock {
			break
		}
		taken = append(taken, p)
	}
	l.waiting = l.waiting[len(taken):]
	if len(l.waiting) == 0 {
		l.waiting = nil
	}
	for _, p := range taken {
		if l.of[p.read.Sender]--; l.of[p.read.Sender] == 0 {
			delete(l.of, p.read.Sender)
		}
	}
	return taken
}

// Events returns up to limit events from the cursor on, in their order, and the place
// behind them. If there are none, it waits for some until the context ends; then it
// returns none. The error is chain.ErrClosed, or the log's.
func (l *Ledger) Events(ctx context.Context, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	grown := func() (<-chan struct{}, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.grown, l.failure
	}
	return chain.AwaitEvents(ctx, from, limit, grown, func(from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
		return chain.ReadEvents(from, l.State().System().Height, limit, func(height uint64) ([]chain.Event, error) {
			return l.recent.Block(height, l.log.events)
		})
	})
}
