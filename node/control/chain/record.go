package chain

import (
	"context"
	"fmt"
	"slices"
	"time"

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

// linger is how long an answer waits for more that tells of nothing but certified blobs.
// Nobody waits for a node to know of these, while writers wait for it to know what was
// registered; and the next blob is registered soon, where many are.
const linger = 20 * time.Millisecond

// AwaitEvents reads events from the cursor on until there are some, whenever a ledger has
// grown, or until the context ends: then it returns those that there are, or none. An answer
// of less than limit events of certified blobs alone may come a moment late, with what follows.
// grown returns a channel that is closed with the next block, or why there will be none.
func AwaitEvents(
	ctx context.Context, from Cursor, limit int, grown func() (<-chan struct{}, error), read func(from Cursor, limit int) ([]Event, Cursor, error),
) (events []Event, next Cursor, err error) {
	var late <-chan time.Time // of an answer that lingers
	for next = from; ; {
		more, failure := grown()
		if failure != nil && len(events) == 0 {
			return nil, next, failure
		}
		one, after, err := read(next, limit-len(events))
		if err != nil {
			if len(events) > 0 {
				err = nil // whoever asks for the rest learns of it
			}
			return events, next, err
		}
		events, next = append(events, one...), after // blocks without events are passed once
		switch {
		case failure != nil || len(events) == limit || slices.ContainsFunc(one, urgent):
			return events, next, nil
		case len(one) > 0 && late == nil:
			timer := time.NewTimer(linger)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-more:
		case <-late:
			return events, next, nil
		case <-ctx.Done():
			return events, next, nil
		}
	}
}

// urgent reports whether somebody may wait for those who follow the ledger to know of an
// event.
func urgent(e Event) bool {
	_, certified := e.Event.(ledger.BlobCertified)
	return !certified
}
