package embedded

import (
	"context"
	"fmt"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// Cursor is a place in the sequence of all events: event Index of those of the block
// Height. The zero value is the beginning.
type Cursor struct {
	Height uint64 `json:"height"`
	Index  uint32 `json:"index"`
}

// Event is an event with its place, and the transaction that caused it: none for what
// time brought.
type Event struct {
	Cursor
	Tx    *ledger.TxDigest
	Event ledger.Event
}

// Next returns the place behind the event.
func (e Event) Next() Cursor { return Cursor{e.Height, e.Index + 1} }

// Events returns up to limit events from the cursor on, in their order, and the place
// behind them. If there are none, it waits for some until the context ends; then it
// returns none. The error is ErrClosed, or the log's.
func (l *Ledger) Events(ctx context.Context, from Cursor, limit int) ([]Event, Cursor, error) {
	for {
		l.mu.Lock()
		grown, failure := l.grown, l.failure
		l.mu.Unlock()
		if failure != nil {
			return nil, from, failure
		}
		events, next, err := l.read(from, limit)
		if err != nil || len(events) > 0 {
			return events, next, err
		}
		from = next // blocks without events are passed once
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, from, nil
		}
	}
}

// read returns events that are there already.
func (l *Ledger) read(from Cursor, limit int) (events []Event, next Cursor, err error) {
	last := l.State().System().Height
	next = from
	for h := max(1, from.Height); h <= last; h++ {
		e, err := l.log.block(h)
		if err != nil {
			return nil, from, err
		}
		if e == nil {
			return nil, from, fmt.Errorf("%w: block %d is missing", ErrLog, h)
		}
		all, err := e.all(h)
		if err != nil {
			return nil, from, err
		}
		for i := range all {
			if h == from.Height && uint32(i) < from.Index {
				continue
			}
			if len(events) == limit {
				return events, next, nil
			}
			events = append(events, all[i])
			next = all[i].Next()
		}
	}
	if len(events) == 0 && last > from.Height {
		next = Cursor{Height: last + 1}
	}
	return events, next, nil
}

// all returns the events of a block, those of the time that passed first.
func (e *entry) all(h uint64) (events []Event, err error) {
	add := func(data [][]byte, tx *ledger.TxDigest) error {
		for _, one := range data {
			event, err := ledger.ParseEvent(one)
			if err != nil {
				return fmt.Errorf("%w: block %d: %w", ErrLog, h, err)
			}
			events = append(events, Event{Cursor{h, uint32(len(events))}, tx, event})
		}
		return nil
	}
	if err := add(e.Events, nil); err != nil {
		return nil, err
	}
	for i, r := range e.Results {
		digest := ledger.Digest(e.Txs[i])
		if err := add(r.Events, &digest); err != nil {
			return nil, err
		}
	}
	return events, nil
}
