package store

import (
	"fmt"
	"log/slog"
	"sync/atomic"
)

// failure is whether a database has failed, and of what.
type failure struct {
	gone func() error // whether the files below are still there
	log  *slog.Logger // nil for a database that is only tried
	err  atomic.Pointer[error]
	done chan struct{} // closed when err is set
	heir atomic.Pointer[failure]
}

func newFailure(gone func() error, log *slog.Logger) *failure {
	return &failure{gone: gone, log: log, done: make(chan struct{})}
}

// Failed returns the error by which the store failed, or nil.
func (f *failure) Failed() error {
	if err := f.err.Load(); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, *err)
	}
	return nil
}

// Done is closed when the store has failed.
func (f *failure) Done() <-chan struct{} { return f.done }

// fail ends writing. Only the first reason is kept.
func (f *failure) fail(err error) {
	if gone := f.gone(); gone != nil {
		err = gone
	} else if isDamage(err) {
		err = fmt.Errorf("%w: %w", ErrDamaged, oneLine{err})
	}
	if !f.err.CompareAndSwap(nil, &err) {
		return
	}
	close(f.done)
	if heir := f.heir.Load(); heir != nil {
		heir.fail(err)
	} else if f.log != nil {
		f.log.Error("store failed", "error", err)
	}
}

// inherit has another database fail with this one, whose files it has taken over.
func (f *failure) inherit(heir *failure) {
	f.heir.Store(heir)
	if err := f.err.Load(); err != nil {
		heir.fail(*err)
	}
}
