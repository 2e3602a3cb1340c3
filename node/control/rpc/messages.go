package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// Paths of the API.
const (
	GenesisPath      = "/v1/genesis"
	StatusPath       = "/v1/status"
	TransactionsPath = "/v1/transactions"
	EventsPath       = "/v1/events"
	ProofPath        = "/v1/proof"
	StatePath        = "/v1/state"
	BlobsPath        = "/v1/blobs" // and an id

	CheckpointPath = "/v1/light/checkpoint"
	HandoversPath  = "/v1/light/handovers"
	CommitteePath  = "/v1/light/committee"
	LightProofPath = "/v1/light/proof"
)

// HeightHeader has the height of a ledger. A request with it is answered from the state of
// that height or a later one, or refused with 503; and its answer has in it a height whose
// state is no earlier than the one that the answer is from.
const HeightHeader = "Redstuff-Height"

// Limits of what is asked for at once.
const (
	MaxEvents      = 1000
	MaxPairs       = 1000
	MaxWaitSeconds = 60
)

// Receipt tells what became of a transaction.
type Receipt struct {
	Digest chain.Hex `json:"digest"`
	Height uint64    `json:"height"`
	Fee    uint64    `json:"fee"`
	Rule   string    `json:"rule,omitempty"` // that it broke
	Detail string    `json:"detail,omitempty"`
	Events []Event   `json:"events,omitempty"`
}

// Event is an event with its place: in BCS for programs, and spelt out for people.
type Event struct {
	Height uint64          `json:"height"`
	Index  uint32          `json:"index"`
	Tx     chain.Hex       `json:"tx,omitempty"`
	Kind   string          `json:"kind"`
	BCS    chain.Hex       `json:"bcs"`
	Fields json.RawMessage `json:"fields"`
}

// EventList is some events, and the place behind them.
type EventList struct {
	Events []Event      `json:"events"`
	Next   chain.Cursor `json:"next"`
}

// Proof shows what the value of a key is at a height.
type Proof struct {
	Height uint64    `json:"height"`
	Root   chain.Hex `json:"root"`
	Proof  chain.Hex `json:"proof"`
}

// Page is some keys and values of the state.
type Page struct {
	Height uint64 `json:"height"`
	Pairs  []Pair `json:"pairs"`
	More   bool   `json:"more"` // there are more keys after the last one
}

// Pair is a key of the state and its value.
type Pair struct {
	Key   chain.Hex `json:"key"`
	Value chain.Hex `json:"value"`
}

// Blob is what the ledger says of a blob id.
type Blob struct {
	ID            commit.BlobID  `json:"id"`
	Height        uint64         `json:"height"`              // of the last block of which this is
	End           uint32         `json:"end"`                 // the first epoch for which nobody has registered it; 0 if nobody has
	Permanent     uint32         `json:"permanent,omitempty"` // likewise, of its permanent registrations
	Certified     *uint32        `json:"certified,omitempty"`
	Invalid       bool           `json:"invalid,omitempty"`
	Registrations []Registration `json:"registrations,omitempty"`
}

// Registration is a blob that somebody registered: in BCS for programs, and spelt out
// for people.
type Registration struct {
	Object    chain.Hex      `json:"object"`
	Owner     ledger.Address `json:"owner"`
	End       uint32         `json:"end"`
	Deletable bool           `json:"deletable"`
	Certified *uint32        `json:"certified,omitempty"`
	BCS       chain.Hex      `json:"bcs"`
}

// blobOf spells out what the ledger says of a blob.
func blobOf(b chain.Blob) Blob {
	answer := Blob{ID: b.ID, Height: b.Height, End: b.End, Permanent: b.Permanent, Certified: b.Certified, Invalid: b.Invalid}
	for _, r := range b.Registrations {
		answer.Registrations = append(answer.Registrations, Registration{
			Object: r.Object[:], Owner: r.Owner, End: r.Storage.End, Deletable: r.Deletable, Certified: r.Certified, BCS: codec.Marshal(r.Blob),
		})
	}
	return answer
}

// blob reads what the ledger says of a blob. The error wraps chain.ErrAnswer.
func (b *Blob) blob(id commit.BlobID) (chain.Blob, error) {
	read := chain.Blob{ID: b.ID, Height: b.Height, End: b.End, Permanent: b.Permanent, Certified: b.Certified, Invalid: b.Invalid}
	if b.ID != id || len(b.Registrations) > chain.MaxRegistrations {
		return chain.Blob{}, fmt.Errorf("%w: blob %v with %d registrations", chain.ErrAnswer, b.ID, len(b.Registrations))
	}
	for _, r := range b.Registrations {
		var one chain.Registration
		if copy(one.Object[:], r.Object) != len(one.Object) || len(r.Object) != len(one.Object) {
			return chain.Blob{}, fmt.Errorf("%w: an object id of %d bytes", chain.ErrAnswer, len(r.Object))
		}
		if err := codec.Unmarshal(r.BCS, &one.Blob); err != nil {
			return chain.Blob{}, fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
		read.Registrations = append(read.Registrations, one)
	}
	return read, nil
}

// failure is the answer to what cannot be done.
type failure struct {
	Error string `json:"error"`
	Rule  string `json:"rule,omitempty"`

	Behind bool `json:"behind,omitempty"` // another server may answer, or this one later
}

// receiptOf spells out a receipt.
func receiptOf(got chain.Receipt) (Receipt, error) {
	r := Receipt{Digest: got.Digest[:], Height: got.Height, Fee: got.Fee}
	var broken *ledger.RuleError
	if errors.As(got.Err, &broken) {
		r.Rule, r.Detail = string(broken.Rule), broken.Detail
	}
	for _, e := range got.Events {
		event, err := EventOf(chain.Event{Cursor: chain.Cursor{Height: got.Height}, Tx: &got.Digest, Event: e})
		if err != nil {
			return r, err
		}
		r.Events = append(r.Events, event)
	}
	return r, nil
}

// receipt reads a receipt. The error wraps chain.ErrAnswer.
func (r *Receipt) receipt() (got chain.Receipt, err error) {
	got.Height, got.Fee = r.Height, r.Fee
	if got.Digest, err = digestOf(r.Digest); err != nil {
		return got, err
	}
	if r.Rule != "" {
		got.Err = &ledger.RuleError{Rule: ledger.Rule(r.Rule), Detail: r.Detail}
	}
	for _, e := range r.Events {
		event, err := e.event()
		if err != nil {
			return got, err
		}
		got.Events = append(got.Events, event.Event)
	}
	return got, nil
}

// EventOf spells out an event.
func EventOf(e chain.Event) (Event, error) {
	fields, err := fieldsOf(reflect.ValueOf(e.Event))
	event := Event{Height: e.Height, Index: e.Index, Kind: reflect.TypeOf(e.Event).Name(), BCS: ledger.MarshalEvent(e.Event), Fields: fields}
	if e.Tx != nil {
		event.Tx = e.Tx[:]
	}
	return event, err
}

// event reads an event. The error wraps chain.ErrAnswer.
func (e *Event) event() (read chain.Event, err error) {
	read.Cursor = chain.Cursor{Height: e.Height, Index: e.Index}
	if read.Event, err = ledger.ParseEvent(e.BCS); err != nil {
		return read, fmt.Errorf("%w: %w", chain.ErrAnswer, err)
	}
	if len(e.Tx) > 0 {
		digest, err := digestOf(e.Tx)
		if err != nil {
			return read, err
		}
		read.Tx = &digest
	}
	return read, nil
}

// list reads events. The error wraps chain.ErrAnswer.
func (l *EventList) list() (events []chain.Event, next chain.Cursor, err error) {
	events = make([]chain.Event, len(l.Events))
	for i := range l.Events {
		if events[i], err = l.Events[i].event(); err != nil {
			return nil, next, err
		}
	}
	return events, l.Next, nil
}

func digestOf(data []byte) (d ledger.TxDigest, err error) {
	if len(data) != len(d) {
		return d, fmt.Errorf("%w: a digest of %d bytes", chain.ErrAnswer, len(data))
	}
	copy(d[:], data)
	return d, nil
}
