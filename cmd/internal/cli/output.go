package cli

import (
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// OutputError reports that standard output could not be written. Its exit code is
// Failed; or ClosedPipe, without a word, if nobody reads it any longer, as with head.
type OutputError struct{ Err error }

func (e *OutputError) Error() string {
	err := e.Err
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	return "standard output: " + err.Error()
}

func (e *OutputError) Unwrap() error { return e.Err }

func (e *OutputError) exitCode() int {
	switch {
	case errors.Is(e.Err, syscall.EPIPE):
		return ClosedPipe
	case interrupted(e.Err):
		return Interrupted
	}
	return Failed
}

// Output is where results go. It remembers the first error, after which nothing more
// is written: no program that prints has to look at errors.
type Output struct {
	w   io.Writer
	err *OutputError
}

// NewOutput returns an Output that writes to w.
func NewOutput(w io.Writer) *Output { return &Output{w: w} }

// Write writes to the output. The error is an *OutputError.
func (o *Output) Write(data []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(data)
	if err != nil {
		o.err = &OutputError{err}
		return n, o.err
	}
	return n, nil
}

// Err returns the first error, an *OutputError, or nil.
func (o *Output) Err() error {
	if o.err == nil {
		return nil
	}
	return o.err
}
