package embedded

import (
	"errors"
	"fmt"
	"time"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// run makes blocks until the ledger is closed or its log fails: when transactions wait,
// and when time has something to do.
func (l *Ledger) run() {
	defer close(l.stopped)
	var err error
	for err == nil {
		timer := time.NewTimer(l.untilDue())
		select {
		case <-l.stop:
			err = chain.ErrClosed
		case <-l.wake:
			err = l.produce()
		case <-timer.C:
			err = l.produce()
		}
		timer.Stop()
	}
	l.end(err)
}

// longestWait bounds how long the ledger trusts that the clock runs evenly.
const longestWait = time.Minute

// untilDue returns how long nothing happens without transactions.
func (l *Ledger) untilDue() time.Duration {
	due, now := l.State().Due(), l.now()
	if due <= now {
		return 0
	}
	return min(longestWait, time.Duration(min(due-now, uint64(longestWait/time.Millisecond)))*time.Millisecond)
}

// now returns the time of the next block: that of the clock, unless it was set back.
func (l *Ledger) now() uint64 {
	return max(l.State().System().Time, uint64(max(0, l.options.Now().UnixMilli())))
}

// produce makes blocks of all that waits, or one without transactions if time has
// something to do.
func (l *Ledger) produce() error {
	for {
		now := l.now() // before it is known what waits: whoever stops the clock, stops blocks
		taken := l.take()
		if len(taken) == 0 && l.State().Due() > now {
			return nil
		}
		if err := l.block(now, taken); err != nil {
			return err
		}
	}
}

// block makes a block of some transactions at a time, and answers them when it is durable.
// What nobody paid for has changed nothing: it is not in the block, and nothing is written
// for it alone.
func (l *Ledger) block(now uint64, taken []*pending) error {
	state := l.State()
	b := ledger.Block{Height: state.System().Height + 1, Time: now, Txs: make([][]byte, len(taken)), Parsed: make(map[ledger.TxDigest]*ledger.Tx, len(taken))}
	for i, p := range taken {
		b.Txs[i] = p.tx
		b.Parsed[ledger.Digest(p.tx)] = p.read
	}
	next, outcome, err := state.Apply(b)
	if err != nil {
		err = fmt.Errorf("%w: %w", chain.ErrClosed, err)
	} else {
		e := &entry{Time: b.Time, Root: next.Root(), Events: chain.MarshalEvents(outcome.Events)}
		for i, r := range outcome.Results {
			if r.Paid() {
				e.Txs, e.Results = append(e.Txs, b.Txs[i]), append(e.Results, resultOf(r))
			}
		}
		if len(e.Txs) > 0 || state.Due() <= b.Time {
			err = l.keep(b.Height, e, next)
		}
	}
	for i, p := range taken {
		if p.err = err; err == nil {
			r := outcome.Results[i]
			if p.got = (chain.Receipt{Height: b.Height, Result: r}); !r.Paid() {
				p.got, p.err = chain.Receipt{}, r.Err
			}
		}
		close(p.done)
	}
	return err
}

// keep makes a block durable, and then shows the state after it to all.
func (l *Ledger) keep(height uint64, e *entry, next *ledger.State) error {
	if err := l.log.append(height, e); err != nil {
		return fmt.Errorf("%w: %w", chain.ErrClosed, err)
	}
	l.publish(next)
	if height%l.options.SnapshotEvery == 0 {
		if err := l.log.snapshot(next, l.archive.Kept()); err != nil {
			return fmt.Errorf("%w: %w", chain.ErrClosed, err)
		}
	}
	return nil
}

// publish shows the state to all, and wakes those who wait for a block.
func (l *Ledger) publish(state *ledger.State) {
	l.state.Store(state)
	l.archive.Add(state)
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.grown)
	l.grown = make(chan struct{})
}

// end answers all who wait, and closes the log.
func (l *Ledger) end(err error) {
	if e := l.log.close(); e != nil && errors.Is(err, chain.ErrClosed) {
		err = errors.Join(err, e)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = err
	for _, p := range l.waiting {
		p.err = err
		close(p.done)
	}
	l.waiting = nil
	close(l.grown)
}

func resultOf(r ledger.Result) result {
	x := result{Fee: r.Fee, Events: chain.MarshalEvents(r.Events)}
	var broken *ledger.RuleError
	if errors.As(r.Err, &broken) {
		x.Rule, x.Detail = string(broken.Rule), broken.Detail
	}
	return x
}
