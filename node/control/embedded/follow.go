package embedded

import (
	"fmt"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

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
