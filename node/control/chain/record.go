package chain

import (
	"context"
	"fmt"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// Record is the events of a block as back ends keep them. Nobody signs events: each back
// end has made them itself.
type Record struct {
	Events [][]byte // of the time that passed
	Txs    []TxEvents
}

// TxEvents are the events of one transaction.
type TxEvents struct {
	Digest ledger.TxDigest
	Events [][]byte
}

// RecordOf returns the record of a block, without the transactions that caused no events.
func RecordOf(o ledger.Outcome) *Record {
	r := &Record{Events: MarshalEvents(o.Events)}
	for _, result := range o.Results {
		if len(result.Events) > 0 {
			r.Txs = append(r.Txs, TxEvents{result.Digest, MarshalEvents(result.Events)})
		}
	}
	return r
}

// MarshalEvents returns events in BCS.
func MarshalEvents(events []ledger.Event) [][]byte {
	all := make([][]byte, len(events))
	for i, e := range events {
		all[i] = ledger.MarshalEvent(e)
	}
	return all
}

// At returns the events with their places in the block of a height, those of the time
// that passed first. The error wraps codec.ErrMalformed.
func (r *Record) At(height uint64) (events []Event, err error) {
	add := func(data [][]byte, tx *ledger.TxDigest) error {
		for _, one := range data {
			event, err := ledger.ParseEvent(one)
			if err != nil {
				return fmt.Errorf("events of block %d: %w", height, err)
			}
			events = append(events, Event{Cursor: Cursor{Height: height, Index: uint32(len(events))}, Tx: tx, Event: event})
		}
		return nil
	}
	if err := add(r.Events, nil); err != nil {
		return nil, err
	}
	for i := range r.Txs {
		if err := add(r.Txs[i].Events, &r.Txs[i].Digest); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// ReadEvents returns up to limit events from the cursor on of the blocks up to the height
// last, and the place behind them; block returns those of one.
func ReadEvents(from Cursor, last uint64, limit int, block func(height uint64) ([]Event, error)) (events []Event, next Cursor, err error) {
	next = from
	for h := max(1, from.Height); h <= last; h++ {
		all, err := block(h)
		if err != nil {
			return nil, from, err
		}
		for _, e := range all {
			if e.Before(from) {
				continue
			}
			if len(events) == limit {
				return events, next, nil
			}
			events = append(events, e)
			next = e.Next()
		}
	}
	if len(events) == 0 && last > from.Height {
		next = Cursor{Height: last + 1}
	}
	return events, next, nil
}

// AwaitEvents reads events from the cursor on until there are some, whenever a ledger has
// grown, or until the context ends: then it returns none. grown returns a channel that is
// closed with the next block, or why there will be none.
func AwaitEvents(
	ctx context.Context, from Cursor, grown func() (<-chan struct{}, error), read func(Cursor) ([]Event, Cursor, error),
) ([]Event, Cursor, error) {
	for {
		more, err := grown()
		if err != nil {
			return nil, from, err
		}
		events, next, err := read(from)
		if err != nil || len(events) > 0 {
			return events, next, err
		}
		from = next // blocks without events are passed once
		select {
		case <-more:
		case <-ctx.Done():
			return nil, from, nil
		}
	}
}
