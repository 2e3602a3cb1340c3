package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// record is what happened in a block of the ledger. CometBFT keeps blocks, and nobody
// signs their events; each node has made them itself.
type record struct {
	Events [][]byte // of the time that passed
	Txs    []txEvents
}

// txEvents are the events of one transaction.
type txEvents struct {
	Digest ledger.TxDigest
	Events [][]byte
}

func recordOf(o ledger.Outcome) *record {
	r := &record{Events: marshal(o.Events)}
	for _, result := range o.Results {
		if len(result.Events) > 0 {
			r.Txs = append(r.Txs, txEvents{result.Digest, marshal(result.Events)})
		}
	}
	return r
}

func marshal(events []ledger.Event) [][]byte {
	all := make([][]byte, len(events))
	for i, e := range events {
		all[i] = ledger.MarshalEvent(e)
	}
	return all
}

// ErrPruned is returned for events that the node does not have any more, or never had
// because it began from a later state. Whoever follows reads the state, and goes on
// from there.
var ErrPruned = errors.New("comet: events that old are not kept")

// Events returns up to limit events from the cursor on, in their order, and the place
// behind them. If there are none, it waits for some until the context ends; then it
// returns none. The error wraps ErrPruned, chain.ErrClosed or ErrState.
func (c *core) Events(ctx context.Context, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	for {
		grown := c.Grown()
		if c.isEnded() {
			return nil, from, chain.ErrClosed
		}
		m := c.now.Load()
		events, next, err := c.store.events(from, m, limit)
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

func (s store) events(from chain.Cursor, m *moment, limit int) (events []chain.Event, next chain.Cursor, err error) {
	last := m.state.System().Height
	first := max(1, from.Height)
	if first < m.Events {
		return nil, from, fmt.Errorf("%w: those of height %d are asked for, and the first kept are those of height %d", ErrPruned, first, m.Events)
	}
	next = from
	for h := first; h <= last; h++ {
		data, err := s.db.Get(recordKey(h))
		if err != nil {
			return nil, from, err
		}
		var r record
		if err := codec.Unmarshal(data, &r); err != nil {
			return nil, from, fmt.Errorf("%w: events of height %d: %w", ErrState, h, err)
		}
		all, err := r.all(h)
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
		next = chain.Cursor{Height: last + 1}
	}
	return events, next, nil
}

// all returns the events of a block, those of the time that passed first.
func (r *record) all(height uint64) (events []chain.Event, err error) {
	add := func(data [][]byte, tx *ledger.TxDigest) error {
		for _, one := range data {
			event, err := ledger.ParseEvent(one)
			if err != nil {
				return fmt.Errorf("%w: events of height %d: %w", ErrState, height, err)
			}
			events = append(events, chain.Event{Cursor: chain.Cursor{Height: height, Index: uint32(len(events))}, Tx: tx, Event: event})
		}
		return nil
	}
	if err := add(r.Events, nil); err != nil {
		return nil, err
	}
	for _, tx := range r.Txs {
		if err := add(tx.Events, &tx.Digest); err != nil {
			return nil, err
		}
	}
	return events, nil
}
