package light

import (
	"fmt"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// Bounds of messages.
const (
	// MaxHandovers is how many handovers one message has at most.
	MaxHandovers = 256
	// MaxMessage is how many bytes one message has at most.
	MaxMessage = 4 << 20
)

// Handover is a checkpoint that leads to the next epoch, with the members of the next
// committee: nil if they are those of the checkpoint's own epoch, with the same shards.
type Handover struct {
	ledger.Certified
	Committee *ledger.Committee
}

// MarshalHandovers writes handovers in BCS: as many of the first ones as fit into a
// message.
func MarshalHandovers(all []Handover) []byte {
	all = all[:min(len(all), MaxHandovers)]
	data := codec.Marshal(all)
	for len(data) > MaxMessage {
		all = all[:len(all)/2]
		data = codec.Marshal(all)
	}
	return data
}

// ParseHandovers reads what MarshalHandovers writes. The error wraps ErrMessage.
func ParseHandovers(data []byte) ([]Handover, error) {
	var all []Handover
	if err := parse(data, &all); err != nil {
		return nil, err
	}
	if len(all) > MaxHandovers {
		return nil, fmt.Errorf("%w: %d handovers, and a message has at most %d", ErrMessage, len(all), MaxHandovers)
	}
	return all, nil
}

// MarshalCheckpoint writes a checkpoint in BCS.
func MarshalCheckpoint(c *ledger.Certified) []byte { return codec.Marshal(c) }

// ParseCheckpoint reads what MarshalCheckpoint writes. The error wraps ErrMessage.
func ParseCheckpoint(data []byte) (*ledger.Certified, error) {
	c := new(ledger.Certified)
	return c, parse(data, c)
}

// MarshalCommittee writes a committee in BCS.
func MarshalCommittee(c *ledger.Committee) []byte { return codec.Marshal(c) }

// ParseCommittee reads what MarshalCommittee writes. The error wraps ErrMessage.
func ParseCommittee(data []byte) (*ledger.Committee, error) {
	c := new(ledger.Committee)
	return c, parse(data, c)
}

func parse(data []byte, v any) error {
	if len(data) > MaxMessage {
		return fmt.Errorf("%w: %d bytes, and one has at most %d", ErrMessage, len(data), MaxMessage)
	}
	if err := codec.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return nil
}
