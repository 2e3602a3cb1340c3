package s3

import (
	"errors"
	"sync"
)

// errClosed is returned to requests that go on after the backend was closed.
var errClosed = errors.New("s3: the backend is closed")

// uses counts the uses of something that is closed at some time, so that nothing uses it
// afterwards: a request that is cut off goes on for a while. The zero value is open.
type uses struct {
	mu     sync.Mutex
	closed bool
	open   sync.WaitGroup
}

// begin begins a use, which done ends. Uses may be within others. The error is errClosed.
func (u *uses) begin() (done func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, errClosed
	}
	u.open.Add(1)
	return u.open.Done, nil
}

// end lets no use begin any more, and waits for those that have. It reports whether it is the
// first to do so.
func (u *uses) end() bool {
	u.mu.Lock()
	first := !u.closed
	u.closed = true
	u.mu.Unlock()
	u.open.Wait()
	return first
}
