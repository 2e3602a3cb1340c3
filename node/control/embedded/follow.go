package embedded

import (
	"context"
	"fmt"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Events returns up to limit events from the cursor on, in their order, and the place
// behind them. If there are none, it waits for some until the context ends; then it
// returns none. The error is chain.ErrClosed, or the log's.
func (l *Ledger) Events(ctx context.Context, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	grown := func() (<-chan struct{}, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.grown, l.failure
	}
	return chain.AwaitEvents(ctx, from, grown, func(from chain.Cursor) ([]chain.Event, chain.Cursor, error) {
		return chain.ReadEvents(from, l.State().System().Height, limit, l.log.events)
	})
}

// events returns the events of a block.
func (l *log) events(h uint64) ([]chain.Event, error) {
	e, err := l.block(h)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fmt.Errorf("%w: block %d is missing", ErrLog, h)
	}
	r := chain.Record{Events: e.Events}
	for i, result := range e.Results {
		if len(result.Events) > 0 {
			r.Txs = append(r.Txs, chain.TxEvents{Digest: ledger.Digest(e.Txs[i]), Events: result.Events})
		}
	}
	all, err := r.At(h)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLog, err)
	}
	return all, nil
}
