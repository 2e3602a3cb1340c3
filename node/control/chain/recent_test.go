package chain

import (
	"errors"
	"testing"

	"github.com/redstuff-go/redstuff/node/ledger"
)

func TestRecent(t *testing.T) {
	var (
		r      Recent
		reads  int
		failed = errors.New("disk")
		block  = func(n int) func(uint64) ([]Event, error) {
			return func(h uint64) ([]Event, error) {
				reads++
				events := make([]Event, n)
				for i := range events {
					events[i] = Event{Cursor: Cursor{Height: h, Index: uint32(i)}, Event: ledger.BlobInvalidated{}}
				}
				return events, nil
			}
		}
	)
	for _, step := range []struct {
		name   string
		height uint64
		events int
		reads  int // until now
	}{
		{"the first time", 1, 2, 1},
		{"again", 1, 2, 1},
		{"one without events", 2, 0, 2},
		{"that one again", 2, 0, 2},
		{"in the place of the first", 1 + recentBlocks, 3, 3},
		{"the first, which has lost its place", 1, 2, 4},
		{"and does not take it back", 1 + recentBlocks, 3, 4},
		{"as many as are kept", 3, recentEvents, 5},
		{"those again", 3, recentEvents, 5},
		{"more than are kept", 4, recentEvents + 1, 6},
		{"those again, too", 4, recentEvents + 1, 7},
	} {
		got, err := r.Block(step.height, block(step.events))
		if err != nil || len(got) != step.events || reads != step.reads {
			t.Errorf("%s: %d events, %v, after %d reads, want %d after %d", step.name, len(got), err, reads, step.events, step.reads)
		}
		if len(got) > 0 && got[0].Height != step.height {
			t.Errorf("%s: those of height %d, want %d", step.name, got[0].Height, step.height)
		}
	}
	fails := func(uint64) ([]Event, error) { return nil, failed }
	if got, err := r.Block(9, fails); !errors.Is(err, failed) {
		t.Errorf("a failed read: %v, %v, want its error", got, err)
	}
	if got, err := r.Block(9, block(1)); err != nil || len(got) != 1 {
		t.Errorf("after a failed read: %v, %v, want one event", got, err)
	}
}
