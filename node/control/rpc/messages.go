package rpc

import (
	"encoding/hex"
	"encoding/json"
	"reflect"

	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Paths of the API.
const (
	GenesisPath      = "/v1/genesis"
	StatusPath       = "/v1/status"
	TransactionsPath = "/v1/transactions"
	EventsPath       = "/v1/events"
	ProofPath        = "/v1/proof"
)

// Limits of what is asked for at once.
const (
	MaxEvents      = 1000
	MaxWaitSeconds = 60
)

// Hex is bytes in hexadecimal.
type Hex []byte

// MarshalText writes hexadecimal.
func (h Hex) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// UnmarshalText reads hexadecimal.
func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// Status is the ledger as it is now.
type Status struct {
	Chain        Hex    `json:"chain"`
	Name         string `json:"name"`
	Shards       int    `json:"shards"`
	Height       uint64 `json:"height"`
	Root         Hex    `json:"root"`
	TimeMillis   uint64 `json:"time_millis"`
	Epoch        uint32 `json:"epoch"`
	Phase        string `json:"phase"`
	DueMillis    uint64 `json:"due_millis"` // when time has something to do next
	SyncWeight   uint16 `json:"sync_weight"`
	Members      int    `json:"members"`
	StoragePrice uint64 `json:"storage_price"` // of a MiB for an epoch
	WritePrice   uint64 `json:"write_price"`   // of a MiB
	Capacity     uint64 `json:"capacity"`      // bytes that can be reserved
	Used         uint64 `json:"used"`          // bytes that are, in this epoch
	FeePerByte   uint64 `json:"fee_per_byte"`
	Burned       uint64 `json:"burned"`
}

func statusOf(s *ledger.State) Status {
	system, genesis, chain, root := s.System(), s.Genesis(), s.ChainID(), s.Root()
	status := Status{
		Chain: chain[:], Name: genesis.Name, Shards: int(genesis.Shards), Height: system.Height, Root: root[:], TimeMillis: system.Time,
		Epoch: system.Epoch, Phase: ledger.Phase(system.Phase).String(), DueMillis: s.Due(), SyncWeight: system.SyncWeight,
		StoragePrice: system.StoragePrice, WritePrice: system.WritePrice, Capacity: system.Capacity, FeePerByte: system.FeePerByte,
		Burned: system.Burned,
	}
	if c := ledger.Get[ledger.Committee](s, ledger.CommitteeKey(system.Epoch)); c != nil {
		status.Members = len(c.Members)
	}
	if slot := ledger.Get[ledger.Slot](s, ledger.SlotKey(system.Epoch)); slot != nil {
		status.Used = slot.Used
	}
	return status
}

// Receipt tells what became of a transaction.
type Receipt struct {
	Digest Hex     `json:"digest"`
	Height uint64  `json:"height"`
	Fee    uint64  `json:"fee"`
	Rule   string  `json:"rule,omitempty"` // that it broke
	Detail string  `json:"detail,omitempty"`
	Events []Event `json:"events,omitempty"`
}

// Event is an event with its place: in BCS for programs, and spelt out for people.
type Event struct {
	Height uint64          `json:"height"`
	Index  uint32          `json:"index"`
	Tx     Hex             `json:"tx,omitempty"`
	Kind   string          `json:"kind"`
	BCS    Hex             `json:"bcs"`
	Fields json.RawMessage `json:"fields"`
}

// EventList is some events, and the place behind them.
type EventList struct {
	Events []Event         `json:"events"`
	Next   embedded.Cursor `json:"next"`
}

func eventOf(e embedded.Event) (Event, error) {
	fields, err := json.Marshal(e.Event)
	event := Event{Height: e.Height, Index: e.Index, Kind: reflect.TypeOf(e.Event).Name(), BCS: ledger.MarshalEvent(e.Event), Fields: fields}
	if e.Tx != nil {
		event.Tx = e.Tx[:]
	}
	return event, err
}

// Proof shows what the value of a key is at a height.
type Proof struct {
	Height uint64 `json:"height"`
	Root   Hex    `json:"root"`
	Proof  Hex    `json:"proof"`
}

// failure is the answer to what cannot be done.
type failure struct {
	Error string `json:"error"`
	Rule  string `json:"rule,omitempty"`
}
