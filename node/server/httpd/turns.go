package httpd

import (
	"context"
	"slices"
	"sync"
)

// turns gives out turns at the processors. Whoever waits while it has the fewest running
// is next, so that many requests of one party delay another's by one turn only.
type turns struct {
	mu      sync.Mutex
	free    int
	running map[Party]int
	waiting []*waiter // in the order of their coming
}

type waiter struct {
	who   Party
	ready chan struct{}
}

func newTurns(n int) *turns {
	return &turns{free: n, running: make(map[Party]int)}
}

// turnsOf returns the party that the turns of who count for: all strangers are one.
func turnsOf(who Party) Party {
	if who.Class == Stranger {
		return Party{}
	}
	return who
}

// take waits for a turn. The error is the context's.
func (t *turns) take(ctx context.Context, who Party) error {
	who = turnsOf(who)
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.running[who]++
		t.mu.Unlock()
		return nil
	}
	w := &waiter{who: who, ready: make(chan struct{})}
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(t.waiting, w)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // the turn came at the same moment
		t.give(who)
	}
	return context.Cause(ctx)
}

// give ends a turn.
func (t *turns) give(who Party) {
	who = turnsOf(who)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[who]--; t.running[who] == 0 {
		delete(t.running, who)
	}
	if len(t.waiting) == 0 {
		t.free++
		return
	}
	next := 0
	for i, w := range t.waiting {
		if t.running[w.who] < t.running[t.waiting[next].who] {
			next = i
		}
	}
	w := t.waiting[next]
	t.waiting = slices.Delete(t.waiting, next, next+1)
	t.running[w.who]++
	close(w.ready)
}
