// Package ctxio gives up calls of the system that nothing else can end, once a context
// ends: to open a named pipe lasts until somebody opens its other end, and to read or
// write one until that end is written or read.
package ctxio

import (
	"context"
	"io"
	"io/fs"
	"os"
)

// Await runs f on a goroutine of its own and returns what it returns, or ctx's error
// if ctx ends first. Then f goes on in vain, with the memory that it uses: Await is for
// processes that are about to end.
func Await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// OpenFile is os.OpenFile that ends with ctx.
func OpenFile(ctx context.Context, name string, flag int, mode fs.FileMode) (*os.File, error) {
	return Await(ctx, func() (*os.File, error) { return os.OpenFile(name, flag, mode) })
}

// Writer returns a writer whose calls end with ctx. What is being written then must not
// be changed any more.
func Writer(ctx context.Context, w io.Writer) io.Writer { return writer{ctx, w} }

type writer struct {
	ctx context.Context
	w   io.Writer
}

func (w writer) Write(data []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return Await(w.ctx, func() (int, error) { return w.w.Write(data) })
}
