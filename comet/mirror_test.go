package comet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// mirror is a ledger on a log of one process, which makes the very blocks that are on
// CometBFT's chain. It looks at its clock before each block, and stands still there until it
// is told the time: meanwhile the transactions come that are to be in the block. It is
// opened again and again, from genesis, from snapshots and from blocks.
type mirror struct {
	t       testing.TB
	dir     string
	genesis ledger.Genesis
	ledger  *embedded.Ledger
	clock   chan uint64 // each look at the clock takes one time
	looks   int         // before the next block
	last    uint64
	end     chan struct{} // closed when the clock shows the last time for good
	random  *rand.Rand
}

func newMirror(t testing.TB, g ledger.Genesis) *mirror {
	t.Helper()
	m := &mirror{t: t, dir: filepath.Join(t.TempDir(), "log"), genesis: g, last: g.Start, random: rand.New(rand.NewPCG(g.Start, 1))}
	m.open()
	return m
}

func (m *mirror) open() {
	m.t.Helper()
	clock, end, last := make(chan uint64), make(chan struct{}), m.last
	l, err := embedded.Open(m.dir, m.genesis, embedded.Options{SnapshotEvery: 7, Now: func() time.Time {
		select {
		case last = <-clock: // only the ledger's own goroutine looks at it
		case <-end:
		}
		return time.UnixMilli(int64(last))
	}})
	if err != nil {
		m.t.Fatal(err)
	}
	m.ledger, m.clock, m.end, m.looks = l, clock, end, 2 // how long to wait, and then for the block
}

func (m *mirror) close() {
	m.t.Helper()
	close(m.end)
	if err := m.ledger.Close(); err != nil {
		m.t.Fatal(err)
	}
}

// block makes the next block.
func (m *mirror) block(millis uint64, txs [][]byte) {
	m.t.Helper()
	// Where something is due already, the ledger makes a block of it before it ends.
	if now := m.ledger.State(); m.random.IntN(8) == 0 && now.Due() > now.System().Time {
		before := now.Root()
		m.close()
		m.open()
		if root := m.ledger.State().Root(); root != before {
			m.t.Fatalf("opened again, the log of %d blocks has the root %x, want %x", m.ledger.State().System().Height, root[:], before[:])
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tx := range txs {
		// It waits, in its order. Nobody waits for what becomes of it.
		if _, err := m.ledger.Submit(gone, tx); !errors.Is(err, context.Canceled) {
			m.t.Fatalf("a transaction of a block: %v", err)
		}
	}
	height := m.ledger.State().System().Height + 1
	end := time.After(deadline)
	for ; m.looks > 0; m.looks-- {
		select {
		case m.clock <- millis:
		case <-end:
			m.t.Fatalf("nobody looks at the clock before block %d", height)
		}
	}
	m.looks, m.last = 1, millis
	wait(m.t, fmt.Sprint("block ", height), func() bool { return m.ledger.State().System().Height >= height })
}

// eventsOf returns all events of a ledger.
func eventsOf(t testing.TB, f chain.Follower) (all []chain.Event) {
	t.Helper()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for at := (chain.Cursor{}); ; {
		events, next, err := f.Events(gone, at, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return all
		}
		all, at = append(all, events...), next
	}
}
