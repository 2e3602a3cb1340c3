package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// ErrPruned is returned for events that the node does not have any more, or never had
// because it began from a later state. Whoever follows reads the state, and goes on
// from there.
var ErrPruned = errors.New("comet: events that old are not kept")

// Events returns up to limit events from the cursor on, in their order, and the place
// behind them. If there are none, it waits for some until the context ends; then it
// returns none. The error wraps ErrPruned, chain.ErrClosed or ErrState.
func (c *core) Events(ctx context.Context, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	grown := func() (<-chan struct{}, error) {
		more := c.Grown()
		if c.isEnded() {
			return nil, chain.ErrClosed
		}
		return more, nil
	}
	return chain.AwaitEvents(ctx, from, limit, grown, func(from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
		m := c.now.Load()
		if first := max(1, from.Height); first < m.Events {
			return nil, from, fmt.Errorf("%w: those of height %d are asked for, and the first kept are those of height %d", ErrPruned, first, m.Events)
		}
		return chain.ReadEvents(from, m.state.System().Height, limit, c.store.events)
	})
}

// events returns the events of a block of the ledger.
func (s store) events(height uint64) ([]chain.Event, error) {
	data, err := s.db.Get(recordKey(height))
	if err != nil {
		return nil, err
	}
	var r chain.Record
	if err := codec.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%w: events of height %d: %w", ErrState, height, err)
	}
	all, err := r.At(height)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	return all, nil
}
