package challenge

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// Message is what members send each other in a round. The prover sends [Open], [Symbols]
// and [Proof]; the verifier answers each with one of [Want], [Signed] and [Refused].
type Message interface{ isMessage() }

// Open begins, or goes on after a connection broke.
type Open struct {
	Round Round
}

// Symbols are those at consecutive places, from At on, one after the other.
type Symbols struct {
	At   uint64
	Data []byte
}

// Proof shows that a symbol is in the row: the path leads to the root of its primary sliver.
type Proof struct {
	At     uint64
	Symbol []byte
	Path   []commit.Hash
}

// Want says what the verifier takes next.
type Want struct {
	Next  uint64   // place of the next symbol; as many as there are, if there is none
	Wrong []uint64 // places of symbols that it takes with proofs only
}

// Signed is the verifier's signature of the pass.
type Signed struct {
	Signature committee.Signature
}

// Refused says that the verifier does not sign.
type Refused struct {
	Reason Reason
}

func (Open) isMessage()    {}
func (Symbols) isMessage() {}
func (Proof) isMessage()   {}
func (Want) isMessage()    {}
func (Signed) isMessage()  {}
func (Refused) isMessage() {}

// messages are all messages, by the numbers that they have on the wire.
var messages = []reflect.Type{
	reflect.TypeFor[Open](),
	reflect.TypeFor[Symbols](),
	reflect.TypeFor[Proof](),
	reflect.TypeFor[Want](),
	reflect.TypeFor[Signed](),
	reflect.TypeFor[Refused](),
}

// Bounds of messages.
const (
	// MaxData is the most bytes of symbols in one message. No symbol is longer.
	MaxData = 1 << 20
	// MaxWrong is how many places a verifier waits for proofs of, at most.
	MaxWrong = 1024
)

// ErrMessage is returned for bytes that are no message. What wraps it says why.
var ErrMessage = errors.New("challenge: malformed message")

// MarshalMessage returns the message in BCS, as an enum of the messages.
func MarshalMessage(m Message) []byte {
	for i, kind := range messages {
		if reflect.TypeOf(m) == kind {
			room := 1 << 8 // of most
			if s, ok := m.(Symbols); ok {
				room += len(s.Data)
			}
			return codec.Append(bcs.AppendVariant(make([]byte, 0, room), uint32(i)), m)
		}
	}
	panic("challenge: no message, but " + reflect.TypeOf(m).String())
}

// ParseMessage reads what MarshalMessage writes. What it allocates is a small multiple of
// the data. The error wraps ErrMessage.
func ParseMessage(data []byte) (Message, error) {
	r := bcs.NewReader(data)
	kind := r.Variant(uint32(len(messages)), "message")
	if r.Err() != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, r.Err())
	}
	m := reflect.New(messages[kind])
	if err := codec.Unmarshal(r.Bytes(r.Remaining(), "message"), m.Interface()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return m.Elem().Interface().(Message), nil
}

// Reason is why a verifier does not sign.
type Reason uint8

// The reasons.
const (
	ReasonMessage   Reason = iota // what came is malformed, or out of place
	ReasonPremature               // the round has not started here; it may soon
	ReasonOver                    // the round is closed
	ReasonForeign                 // it is another round than the one that runs
	ReasonStranger                // the prover owns no shard in this epoch
	ReasonProof                   // a proof was wrong, now or before
)

// reasons are the errors of reasons.
var reasons = []error{
	ReasonMessage:   ErrMessage,
	ReasonPremature: ErrPremature,
	ReasonOver:      ErrOver,
	ReasonForeign:   ErrForeign,
	ReasonStranger:  ErrStranger,
	ReasonProof:     ErrProof,
}

// ReasonOf returns the reason that an error of this package stands for.
func ReasonOf(err error) Reason {
	for reason, e := range reasons {
		if errors.Is(err, e) {
			return Reason(reason)
		}
	}
	return ReasonMessage
}

// Err returns the error that a refusal stands for.
func (r Refused) Err() error {
	if int(r.Reason) < len(reasons) {
		return reasons[r.Reason]
	}
	return fmt.Errorf("%w: refused for reason %d", ErrMessage, r.Reason)
}
