package rpc

import (
	"encoding/json"
	"sync"

	"github.com/redstuff-go/redstuff/node/control/chain"
)

// spelled keeps how the last events that were asked for are spelt out, because all who
// follow a ledger are told the same. Its methods are safe for concurrent use.
type spelled struct {
	mu     sync.Mutex
	events [1024]struct {
		at   chain.Cursor // the zero value if there is none: the first block has the height 1
		json json.RawMessage
	}
}

// of spells out an event of the ledger.
func (s *spelled) of(e chain.Event) (json.RawMessage, error) {
	slot := &s.events[(e.Height+uint64(e.Index))%uint64(len(s.events))]
	s.mu.Lock()
	kept := *slot
	s.mu.Unlock()
	if kept.at == e.Cursor {
		return kept.json, nil
	}
	event, err := EventOf(e)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	slot.at, slot.json = e.Cursor, data
	return data, nil
}
