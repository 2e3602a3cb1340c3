package nodetest

import (
	"context"
	"net"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Delay is what comes to a node, from the ledger and from others, and how much later it comes: for
// as long as it is held, in the time of the ledger's clock.
type Delay struct {
	mu     sync.Mutex
	free   chan struct{} // closed while nothing is held
	others bool          // what comes from others is held, too
}

func newDelay() *Delay {
	d := &Delay{free: make(chan struct{})}
	close(d.free)
	return d
}

// Hold holds everything back from now on.
func (d *Delay) Hold() { d.hold(true) }

// HoldLedger holds back what comes from the ledger.
func (d *Delay) HoldLedger() { d.hold(false) }

func (d *Delay) hold(others bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free, d.others = make(chan struct{}), others
}

// Release lets come what was held.
func (d *Delay) Release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.free:
	default:
		close(d.free)
	}
}

func (d *Delay) wait(ctx context.Context) error {
	d.mu.Lock()
	free := d.free
	d.mu.Unlock()
	select {
	case <-free:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// delayedListener is what others send to a node.
type delayedListener struct {
	net.Listener
	delay *Delay
}

func (l delayedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return delayedConn{c, l.delay}, nil
}

type delayedConn struct {
	net.Conn
	delay *Delay
}

// Read gives nothing of what came while it is held.
func (c delayedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.delay.mu.Lock()
	others := c.delay.others
	c.delay.mu.Unlock()
	if others {
		_ = c.delay.wait(context.Background()) // until it is released
	}
	return n, err
}

// delayedLedger is a ledger whose answers are held.
type delayedLedger struct {
	chain.Ledger
	delay *Delay
}

func held[T any](ctx context.Context, d *Delay, v T, err error) (T, error) {
	if e := d.wait(ctx); e != nil {
		return v, e
	}
	return v, err
}

// Submit is of chain.Ledger.
func (l delayedLedger) Submit(ctx context.Context, tx []byte) (chain.Receipt, error) {
	if err := l.delay.wait(ctx); err != nil {
		return chain.Receipt{}, err
	}
	return l.Ledger.Submit(ctx, tx)
}

// Events is of chain.Ledger.
func (l delayedLedger) Events(ctx context.Context, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	events, next, err := l.Ledger.Events(ctx, from, limit)
	if e := l.delay.wait(ctx); e != nil {
		return nil, from, e
	}
	return events, next, err
}

// Genesis is of chain.Ledger.
func (l delayedLedger) Genesis(ctx context.Context) (ledger.Genesis, error) {
	v, err := l.Ledger.Genesis(ctx)
	return held(ctx, l.delay, v, err)
}

// Status is of chain.Ledger.
func (l delayedLedger) Status(ctx context.Context) (chain.Status, error) {
	v, err := l.Ledger.Status(ctx)
	return held(ctx, l.delay, v, err)
}

// Blob is of chain.Ledger.
func (l delayedLedger) Blob(ctx context.Context, id commit.BlobID) (chain.Blob, error) {
	v, err := l.Ledger.Blob(ctx, id)
	return held(ctx, l.delay, v, err)
}

// Prove is of chain.Ledger.
func (l delayedLedger) Prove(ctx context.Context, key []byte) (chain.Proof, error) {
	v, err := l.Ledger.Prove(ctx, key)
	return held(ctx, l.delay, v, err)
}

// List is of chain.Ledger.
func (l delayedLedger) List(ctx context.Context, prefix, after []byte, limit int) (chain.Page, error) {
	v, err := l.Ledger.List(ctx, prefix, after, limit)
	return held(ctx, l.delay, v, err)
}
