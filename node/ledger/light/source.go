package light

import (
	"context"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// Source is where a client's messages come from. Nothing that it says is trusted. Its
// methods are safe for concurrent use, and end with the context.
type Source interface {
	// Last returns the last checkpoint that is certified, or ledger.Certified's zero
	// value if there is none.
	Last(ctx context.Context) (*ledger.Certified, error)
	// Handovers returns the handovers of some epochs in their order, from the given one
	// on: some at least, if that epoch's is certified.
	Handovers(ctx context.Context, from uint32) ([]Handover, error)
	// Committee returns the committee of an epoch.
	Committee(ctx context.Context, epoch uint32) (*ledger.Committee, error)
	// Prove returns the proof of a key's value, or of its absence, in the state of a
	// height: that of the last checkpoint, or a short time ago the last one.
	Prove(ctx context.Context, height uint64, key []byte) (*tree.Proof, error)
}
