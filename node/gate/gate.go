// Package gate keeps a node from serving what would let others pass a challenge who do not
// store what they are paid for. It is [challenge.Gate] for many requests at once: it also
// knows which answers are under way, so that a node can wait for them before it says that it
// is silent.
package gate

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
)

// ErrWithheld is returned for what is not served while members prove what they store. It
// is served, or at least the columns of the blob are, when the challenge is over.
var ErrWithheld = errors.New("withheld while members are challenged to prove what they store")

// Gate is what a node may serve by what it knows of the ledger's challenges. Its methods
// are safe for concurrent use. A nil one serves all, and knows of no challenge: there are none.
type Gate struct {
	patience time.Duration

	mu     sync.Mutex
	known  *challenge.Gate
	seen   bool // the ledger was asked how its challenge is
	visits map[*Visit]struct{}
}

// New returns the gate of a node that knows of no challenge of a ledger yet. Answers that are
// under way when the node falls silent are cut off after the patience.
func New(chain [32]byte, patience time.Duration) *Gate {
	return &Gate{patience: patience, known: challenge.NewGate(chain), visits: make(map[*Visit]struct{})}
}

// Visit is one request, which may be for many things. That of a nil gate is nil, and serves all.
type Visit struct {
	gate *Gate
	cut  atomic.Bool
	left chan struct{}
	once sync.Once
}

// Enter begins a request. Leave must be called when its answer is out.
func (g *Gate) Enter() *Visit {
	if g == nil {
		return nil
	}
	v := &Visit{gate: g, left: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.visits[v] = struct{}{}
	return v
}

// Leave ends the request. It may be called twice.
func (v *Visit) Leave() {
	if v == nil {
		return
	}
	v.once.Do(func() {
		v.gate.mu.Lock()
		defer v.gate.mu.Unlock()
		delete(v.gate.visits, v)
		close(v.left)
	})
}

// Serves returns ErrWithheld if the node does not serve something of the blob.
func (v *Visit) Serves(id commit.BlobID, what challenge.Asked) error {
	if v == nil {
		return nil
	}
	g := v.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if v.cut.Load() || !g.known.Serves(id, what) {
		return ErrWithheld
	}
	return nil
}

// Err returns ErrWithheld if the answer has to end: the node is silent, and waits for it.
func (v *Visit) Err() error {
	if v != nil && v.cut.Load() {
		return ErrWithheld
	}
	return nil
}

// Silent reports whether the node is silent about the blob at present.
func (g *Gate) Silent(id commit.BlobID) bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known.Silent(id)
}

// Open reports whether a challenge is on.
func (g *Gate) Open() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	stage, _ := g.known.Stage()
	return stage != challenge.Closed
}

// Keeps reports whether members may have to prove what there is, even if it has ended: a challenge
// is on, or may be, for the ledger was not asked yet.
func (g *Gate) Keeps() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	stage, _ := g.known.Stage()
	return !g.seen || stage != challenge.Closed
}

// Seen notes that the ledger was asked how its challenge is, and that the gate knows it.
func (g *Gate) Seen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = true
}

// Heard notes that a challenge was armed at a height, unless a later one is known, or more of
// this one.
func (g *Gate) Heard(height uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if height > g.known.Height() {
		g.known.Arm(height)
	}
}

// Withhold has the node be silent about all blobs, as after a restart, when it has acked a
// challenge and does not know whether that goes on.
func (g *Gate) Withhold(height uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known.Arm(height)
	_ = g.known.Ack(func(commit.BlobID) bool { return true }) // it is armed
}

// Silence notes that a challenge was armed at a height, has the node fall silent about the
// listed blobs, and waits for the answers that are under way. Those that take longer than the
// patience are cut off. The error is the context's.
func (g *Gate) Silence(ctx context.Context, height uint64, listed func(commit.BlobID) bool) error {
	g.mu.Lock()
	g.known.Arm(height)
	err := g.known.Ack(listed)
	begun := make([]*Visit, 0, len(g.visits))
	for v := range g.visits {
		begun = append(begun, v)
	}
	g.mu.Unlock()
	if err != nil {
		return err
	}
	late := time.AfterFunc(g.patience, func() {
		for _, v := range begun {
			v.cut.Store(true)
		}
	})
	defer late.Stop()
	for _, v := range begun {
		select {
		case <-v.left:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Start notes that a round has started: the node is silent about the drawn blobs alone.
func (g *Gate) Start(r challenge.Round, drawn func(commit.BlobID) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known.Start(r, drawn)
}

// Armed notes that a challenge was armed at a height. The node goes on serving.
func (g *Gate) Armed(height uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known.Arm(height)
}

// Close notes that the challenge that was armed at a height is over.
func (g *Gate) Close(height uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known.Arm(height)
	g.known.Close()
}

// Check returns why nothing is taken or signed for the round, see [challenge.Gate].
func (g *Gate) Check(r challenge.Round) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known.Check(r)
}
