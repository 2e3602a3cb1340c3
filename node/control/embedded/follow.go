package embedded

import (
	"fmt"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// events returns up to limit events of the blocks up to the height last, from the cursor
// on, and the place behind them.
func (l *log) events(from chain.Cursor, last uint64, limit int) (events []chain.Event, next chain.Cursor, err error) {
	next = from
	for h := max(1, from.Height); h <= last; h++ {
		e, err := l.block(h)
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
		next = chain.Cursor{Height: last + 1}
	}
	return events, next, nil
}

// all returns the events of a block, those of the time that passed first.
func (e *entry) all(h uint64) (events []chain.Event, err error) {
	add := func(data [][]byte, tx *ledger.TxDigest) error {
		for _, one := range data {
			event, err := ledger.ParseEvent(one)
			if err != nil {
				return fmt.Errorf("%w: block %d: %w", ErrLog, h, err)
			}
			events = append(events, chain.Event{Cursor: chain.Cursor{Height: h, Index: uint32(len(events))}, Tx: tx, Event: event})
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
