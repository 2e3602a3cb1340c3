package daemon

import (
	"context"
	"errors"
)

// errBusy is returned when too many wait already.
var errBusy = errors.New("daemon: too many requests")

// turns bounds how many requests are served at once, and how many wait to be.
type turns struct {
	admitted chan struct{} // those that are served, and those that wait
	served   chan struct{}
}

func newTurns(served, waiting int) *turns {
	return &turns{make(chan struct{}, served+waiting), make(chan struct{}, served)}
}

// take waits for a turn; done ends it. The error is errBusy, or the context's.
func (t *turns) take(ctx context.Context) (done func(), err error) {
	select {
	case t.admitted <- struct{}{}:
	default:
		return nil, errBusy
	}
	select {
	case t.served <- struct{}{}:
		return func() { <-t.served; <-t.admitted }, nil
	case <-ctx.Done():
		<-t.admitted
		return nil, ctx.Err()
	}
}
