package challenge

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// Asked is what somebody asks a member for.
type Asked uint8

const (
	// Column is a secondary sliver, or symbols of it.
	Column Asked = iota
	// OwnColumn is symbols of primary slivers in columns of who asks, who recovers them.
	OwnColumn
	// Row is a primary sliver, or symbols of it in columns that are not of who asks.
	Row
)

var (
	// ErrPremature is returned for what belongs to a round that has not started here.
	ErrPremature = errors.New("challenge: the round has not started")
	// ErrOver is returned for what belongs to a round that is closed.
	ErrOver = errors.New("challenge: the round is closed")
	// ErrForeign is returned for what belongs to another round, or another ledger.
	ErrForeign = errors.New("challenge: of another round")
)

// Gate is what a member may serve and sign, by what it knows of the ledger. It is not safe
// for concurrent use.
type Gate struct {
	chain    [sha256.Size]byte
	height   uint64 // at which the challenge was armed that it knows last
	stage    Stage
	acked    bool
	round    Round // while it runs
	withheld func(commit.BlobID) bool
}

// NewGate returns the gate of a member that knows of no challenge of the ledger yet.
func NewGate(chain [sha256.Size]byte) *Gate { return &Gate{chain: chain, stage: Closed} }

// Arm notes that the ledger has armed a challenge at a height.
func (g *Gate) Arm(height uint64) {
	*g = Gate{chain: g.chain, height: height, stage: Armed}
}

// Ack has the member fall silent about the listed blobs; then it may sign the ack. No answer
// that was begun before may still be on its way when the ack leaves. The error is ErrStage
// unless a challenge is armed.
func (g *Gate) Ack(listed func(commit.BlobID) bool) error {
	if g.stage != Armed {
		return fmt.Errorf("%w: the last challenge is %v", ErrStage, g.stage)
	}
	g.acked, g.withheld = true, listed
	return nil
}

// Start notes that the ledger has started a round. The member is silent about the drawn
// blobs from now on, whether it has acked or not.
func (g *Gate) Start(r Round, drawn func(commit.BlobID) bool) {
	g.height, g.stage, g.round, g.withheld = r.Height, Running, r, drawn
}

// Close notes that the ledger has closed the challenge.
func (g *Gate) Close() { *g = Gate{chain: g.chain, height: g.height, stage: Closed} }

// Silent reports whether the member is silent about the blob.
func (g *Gate) Silent(id commit.BlobID) bool { return g.withheld != nil && g.withheld(id) }

// Serves reports whether the member answers who asks for something of the blob.
func (g *Gate) Serves(id commit.BlobID, what Asked) bool { return what != Row && !g.Silent(id) }

// Height returns that at which the challenge was armed that it knows last.
func (g *Gate) Height() uint64 { return g.height }

// Stage returns that of the challenge that it knows last, and whether the member has acked
// it. Before the first one it is Closed.
func (g *Gate) Stage() (stage Stage, acked bool) { return g.stage, g.acked }

// Check returns why the member takes no symbols of the round and signs nothing for it:
// ErrPremature, ErrOver or ErrForeign. Only for the round that runs there is no error.
// ErrPremature goes by itself, when the member has seen more of the ledger.
func (g *Gate) Check(r Round) error {
	switch {
	case r.Chain != g.chain:
		return fmt.Errorf("%w: of another ledger", ErrForeign)
	case g.stage == Running && r == g.round:
		return nil
	case r.Height < g.height || r.Height == g.height && g.stage == Closed:
		return fmt.Errorf("%w: that of epoch %d", ErrOver, r.Epoch)
	case r.Height > g.height || g.stage == Armed:
		return fmt.Errorf("%w: that of epoch %d, armed at height %d", ErrPremature, r.Epoch, r.Height)
	}
	return fmt.Errorf("%w: the one that was armed at height %d has other blobs or another seed", ErrForeign, r.Height)
}
