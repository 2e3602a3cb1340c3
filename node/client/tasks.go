package client

import (
	"context"
	"sync"
)

// tasks are goroutines that go on after the calls that began them. Unlike with a
// sync.WaitGroup, more of them may begin while somebody waits.
type tasks struct {
	mu      sync.Mutex
	running int
	none    chan struct{} // closed when none runs any more; nil if none runs
}

// Go begins a task.
func (t *tasks) Go(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running++; t.running == 1 {
		t.none = make(chan struct{})
	}
	go func() {
		defer t.end()
		f()
	}()
}

func (t *tasks) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running--; t.running == 0 {
		close(t.none)
		t.none = nil
	}
}

// wait waits until no task runs, or until the context ends, whose error it returns.
func (t *tasks) wait(ctx context.Context) error {
	t.mu.Lock()
	none := t.none
	t.mu.Unlock()
	if none == nil {
		return nil
	}
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
