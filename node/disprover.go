package node

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// disprover proves that blobs are inconsistent of which a challenge has shown it to this node alone.
// Nobody serves what it takes before the challenge is over, and not all members know at once that it is.
type disprover struct {
	healer *Healer

	mu    sync.Mutex
	known map[commit.BlobID]rs2d.Symbol // see heal.Round.Disprove
	bytes int                           // of their data
	wake  chan struct{}
}

func newDisprover(h *Healer) *disprover {
	return &disprover{healer: h, known: make(map[commit.BlobID]rs2d.Symbol), wake: make(chan struct{}, 1)}
}

// What a disprover bears with.
const (
	maxDisproved    = 1 << 10  // blobs that wait; the next challenge finds others again
	maxSymbols      = 16 << 20 // bytes of what is known of them
	disproveTries   = 8        // of one blob
	firstDisproving = 200 * time.Millisecond
	lastDisproving  = time.Minute
)

// add takes a blob in. It returns at once.
func (d *disprover) add(id commit.BlobID, symbol rs2d.Symbol) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, twice := d.known[id]; !twice && len(d.known) < maxDisproved && d.bytes+len(symbol.Data) <= maxSymbols {
		d.known[id] = symbol
		d.bytes += len(symbol.Data)
	}
}

// closed has the blobs disproved that wait. It returns at once.
func (d *disprover) closed() { signal(d.wake) }

// take returns the blobs that wait.
func (d *disprover) take() map[commit.BlobID]rs2d.Symbol {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.known
	d.known, d.bytes = make(map[commit.BlobID]rs2d.Symbol), 0
	return known
}

// run disproves blobs until the context ends.
func (d *disprover) run(ctx context.Context) {
	for {
		select {
		case <-d.wake:
		case <-ctx.Done():
			return
		}
		known := d.take()
		for try := range disproveTries {
			if len(known) == 0 {
				break
			}
			timer := time.NewTimer(min(firstDisproving<<try, lastDisproving))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			d.healer.disprove(ctx, known)
		}
	}
}

// disprove takes out the blobs that are marked. Members go through them from places of their own: what
// one has proven the others need not prove, too.
func (h *Healer) disprove(ctx context.Context, known map[commit.BlobID]rs2d.Symbol) {
	view := h.view()
	if view.Member < 0 {
		return
	}
	ids := make([]commit.BlobID, 0, len(known))
	for id := range known {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) })
	first := len(ids) * view.Member / view.Len()
	r := h.recoverer.Begin(view)
	defer r.End()
	for _, id := range slices.Concat(ids[first:], ids[:first]) {
		if r.Disprove(ctx, id, known[id]) {
			delete(known, id)
		}
	}
}
