package httpd

import (
	"context"
	"slices"
	"sync"
)

// turns gives out turns at the processors. Whoever waits while it has the fewest running
// is next, and of those the one whose last turn began longest ago: so many requests of one
// party delay another's by one turn only.
type turns struct {
	mu    sync.Mutex
	free  int
	lines map[Party]*line
	clock uint64 // counts turns, and parties that came
}

// line is a party that has turns, or waits for some.
type line struct {
	running int
	last    uint64 // when its last turn began, or when it came, on the clock
	waiting []chan struct{}
}

func newTurns(n int) *turns {
	return &turns{free: n, lines: make(map[Party]*line)}
}

// take waits for a turn. The error is the context's.
func (t *turns) take(ctx context.Context, who Party) error {
	t.mu.Lock()
	own := t.lines[who]
	if own == nil {
		t.clock++
		own = &line{last: t.clock}
		t.lines[who] = own
	}
	if t.free > 0 {
		t.free--
		t.begin(own)
		t.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	own.waiting = append(own.waiting, ready)
	t.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(own.waiting, ready)
	if i >= 0 {
		own.waiting = slices.Delete(own.waiting, i, i+1)
		t.forget(who, own)
	}
	t.mu.Unlock()
	if i < 0 { // the turn came at the same moment
		t.give(who)
	}
	return context.Cause(ctx)
}

func (t *turns) begin(l *line) {
	t.clock++
	l.running++
	l.last = t.clock
}

// forget drops a line without anybody.
func (t *turns) forget(who Party, l *line) {
	if l.running == 0 && len(l.waiting) == 0 {
		delete(t.lines, who)
	}
}

// give ends a turn.
func (t *turns) give(who Party) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.lines[who]
	own.running--
	t.forget(who, own)
	var next *line
	for _, l := range t.lines {
		if len(l.waiting) == 0 {
			continue
		}
		if next == nil || l.running < next.running || l.running == next.running && l.last < next.last {
			next = l
		}
	}
	if next == nil {
		t.free++
		return
	}
	ready := next.waiting[0]
	next.waiting = next.waiting[1:]
	t.begin(next)
	close(ready)
}

// computing returns the party for which what a request computes counts: all strangers are
// one.
func computing(who Party) Party {
	if who.Class == Stranger {
		return Party{}
	}
	return who
}
