package chain

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// TestAwaitEvents is told when blocks come, and checks when the answer does, and with what.
func TestAwaitEvents(t *testing.T) {
	var (
		registered = ledger.BlobRegistered{}
		certified  = ledger.BlobCertified{}
		ended      = errors.New("the ledger has ended")
	)
	type block struct {
		after  time.Duration // from the last one
		events []ledger.Event
	}
	for _, test := range []struct {
		name   string
		blocks []block
		limit  int
		wait   time.Duration
		end    bool // with the last block
		want   int
		height uint64 // of the place behind
		took   time.Duration
		err    error
	}{
		{name: "what somebody waits for", blocks: []block{{5, []ledger.Event{registered}}}, want: 1, height: 1, took: 5},
		{name: "what nobody waits for", blocks: []block{{5, []ledger.Event{certified}}}, want: 1, height: 1, took: 5 + linger},
		{name: "both", blocks: []block{{5, []ledger.Event{certified, registered}}}, want: 2, height: 1, took: 5},
		{name: "one after the other", blocks: []block{{5, []ledger.Event{certified}}, {7, []ledger.Event{registered}}}, want: 2, height: 2, took: 12},
		{name: "an empty block between", blocks: []block{{5, []ledger.Event{certified}}, {7, nil}, {1, []ledger.Event{certified}}}, want: 2, height: 3, took: 5 + linger},
		{name: "never longer", blocks: []block{{1, []ledger.Event{certified}}, {linger - 1, []ledger.Event{certified}}, {2, []ledger.Event{registered}}}, want: 2, height: 2, took: 1 + linger},
		{name: "as many as are asked for", blocks: []block{{5, []ledger.Event{certified, certified}}}, limit: 2, want: 2, height: 1, took: 5},
		{name: "more than are asked for", blocks: []block{{5, []ledger.Event{certified}}, {3, []ledger.Event{certified, certified}}}, limit: 2, want: 2, height: 2, took: 8},
		{name: "no longer than somebody asks", blocks: []block{{5, []ledger.Event{certified}}}, wait: 8, want: 1, height: 1, took: 8},
		{name: "nothing", blocks: []block{{5, nil}}, wait: 8, height: 2, took: 8},
		{name: "the end", blocks: []block{{5, nil}}, end: true, took: 5, err: ended},
		{name: "what came before the end", blocks: []block{{5, []ledger.Event{certified}}, {4, nil}}, end: true, want: 1, height: 3, took: 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if test.wait == 0 {
					test.wait = time.Hour
				}
				if test.limit == 0 {
					test.limit = 10
				}
				ctx, cancel := context.WithTimeout(t.Context(), test.wait)
				defer cancel()
				l := &growing{grown: make(chan struct{})}
				var group sync.WaitGroup
				group.Go(func() {
					for i, b := range test.blocks {
						time.Sleep(b.after)
						l.grow(b.events, test.end && i == len(test.blocks)-1, ended)
					}
				})
				begin := time.Now()
				got, next, err := AwaitEvents(ctx, Cursor{}, test.limit, l.more, func(from Cursor, limit int) ([]Event, Cursor, error) {
					l.mu.Lock()
					defer l.mu.Unlock()
					return ReadEvents(from, uint64(len(l.blocks)), limit, func(h uint64) ([]Event, error) { return l.blocks[h-1], nil })
				})
				if took := time.Since(begin); len(got) != test.want || !errors.Is(err, test.err) || took != test.took {
					t.Errorf("%d events and %v after %v, want %d and %v after %v", len(got), err, took, test.want, test.err, test.took)
				}
				for i, e := range got {
					if i > 0 && e.Before(got[i-1].Next()) {
						t.Errorf("event %v follows %v", e.Cursor, got[i-1].Cursor)
					}
				}
				if len(got) > 0 && next.Before(got[len(got)-1].Next()) {
					t.Errorf("the place behind is %v, and the last event's %v", next, got[len(got)-1].Cursor)
				}
				if next.Height != test.height {
					t.Errorf("the place behind is in block %d, want %d", next.Height, test.height)
				}
				group.Wait()
			})
		})
	}
}

// growing is a ledger that grows.
type growing struct {
	mu     sync.Mutex
	blocks [][]Event
	grown  chan struct{}
	err    error
}

func (l *growing) more() (<-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grown, l.err
}

func (l *growing) grow(events []ledger.Event, end bool, ended error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	block := make([]Event, len(events))
	for i, e := range events {
		block[i] = Event{Cursor: Cursor{Height: uint64(len(l.blocks) + 1), Index: uint32(i)}, Event: e}
	}
	if l.blocks = append(l.blocks, block); end {
		l.err = ended
	}
	close(l.grown)
	l.grown = make(chan struct{})
}
