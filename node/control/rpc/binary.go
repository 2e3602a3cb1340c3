package rpc

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// What programs ask for all the time, events and receipts, they ask for in BCS: to spell
// events out and read that takes longer than all else that becomes of them.

// binaryType is what a request accepts that is to be answered in BCS where there is such
// an answer, and the type of that.
const binaryType = "application/octet-stream"

// binaryEvents is an EventList in BCS.
type binaryEvents struct {
	Events []binaryEvent
	Next   chain.Cursor
}

// binaryEvent is an Event in BCS.
type binaryEvent struct {
	At    chain.Cursor
	Tx    *ledger.TxDigest
	Event []byte
}

// binaryReceipt is a Receipt in BCS.
type binaryReceipt struct {
	Digest ledger.TxDigest
	Height uint64
	Fee    uint64
	Rule   string // that it broke
	Detail string
	Events [][]byte
}

// accepts reports whether a request accepts an answer in BCS.
func accepts(r *http.Request) bool { return r.Header.Get("Accept") == binaryType }

// answerBinary answers in BCS.
func answerBinary(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", binaryType)
	_, _ = w.Write(codec.Marshal(v)) // a client that has gone learns nothing
}

func binaryEventsOf(events []chain.Event, next chain.Cursor) binaryEvents {
	b := binaryEvents{make([]binaryEvent, len(events)), next}
	for i, e := range events {
		b.Events[i] = binaryEvent{e.Cursor, e.Tx, ledger.MarshalEvent(e.Event)}
	}
	return b
}

// list reads events. The error wraps chain.ErrAnswer.
func (b *binaryEvents) list() (events []chain.Event, next chain.Cursor, err error) {
	events = make([]chain.Event, len(b.Events))
	for i, e := range b.Events {
		events[i] = chain.Event{Cursor: e.At, Tx: e.Tx}
		if events[i].Event, err = ledger.ParseEvent(e.Event); err != nil {
			return nil, next, fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
	}
	return events, b.Next, nil
}

func binaryReceiptOf(got chain.Receipt) binaryReceipt {
	b := binaryReceipt{Digest: got.Digest, Height: got.Height, Fee: got.Fee, Events: chain.MarshalEvents(got.Events)}
	var broken *ledger.RuleError
	if errors.As(got.Err, &broken) {
		b.Rule, b.Detail = string(broken.Rule), broken.Detail
	}
	return b
}

// receipt reads a receipt. The error wraps chain.ErrAnswer.
func (b *binaryReceipt) receipt() (got chain.Receipt, err error) {
	got.Digest, got.Height, got.Fee = b.Digest, b.Height, b.Fee
	if b.Rule != "" {
		got.Err = &ledger.RuleError{Rule: ledger.Rule(b.Rule), Detail: b.Detail}
	}
	for _, data := range b.Events {
		e, err := ledger.ParseEvent(data)
		if err != nil {
			return got, fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
		got.Events = append(got.Events, e)
	}
	return got, nil
}
