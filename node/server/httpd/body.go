package httpd

import (
	"errors"
	"io"
	"math"
	"net/http"
	"time"
)

// ErrBusy is returned for what takes more memory than the party's share has left.
var ErrBusy = errors.New("too many bytes in flight")

const (
	// grain is how much memory a body takes at a time.
	grain = 256 << 10
	// tiny is the length of a body that takes no memory worth counting.
	tiny = 512
	// readPiece is the most that is read of a body at once, so that memory is taken for
	// what has come and not for what has room.
	readPiece = 64 << 10
)

// body is a request's body. It has until the stall timeout has passed since reading it
// began, and longer by what it has brought: the length that was announced is worth
// nothing. It takes memory as it comes, and the same memory again for what comes after
// what was used up, see [Exchange.Digest].
type body struct {
	io.ReadCloser // net/http's own
	x             *Exchange
	since         time.Time // when reading it began
	received      int64     // bytes
	digested      int64     // bytes of those, that are used up
	taken         int64     // bytes of memory
	ended         bool
	unmetered     bool // it takes no memory that counts here
}

// Read reads what comes, once there is memory for it: whoever sends is held up until then.
// The error is ErrBusy if others keep all memory for longer than a body may stall.
func (b *body) Read(p []byte) (int, error) {
	p = p[:min(len(p), readPiece)]
	short := b.x.ContentLength >= 0 && b.x.ContentLength <= tiny
	if more := b.received - b.digested + int64(len(p)) - b.taken; more > 0 && !b.ended && !short && !b.unmetered {
		n := max(more, grain)
		if b.x.ContentLength >= 0 {
			n = min(n, b.x.ContentLength-b.digested-b.taken)
		}
		began := time.Now()
		if n > 0 && !b.x.await(n) {
			return 0, ErrBusy
		}
		b.spare(time.Since(began))
		b.taken += max(n, 0)
	}
	if b.since.IsZero() {
		b.since = time.Now()
	}
	b.x.deadline(b.since.Add(b.x.s.options.StallTimeout).Add(b.x.s.options.worth(b.received)))
	n, err := b.read(p)
	b.received += int64(n)
	b.x.s.metrics.received.Add(float64(n))
	if err == io.EOF {
		// net/http looks for the end of the connection from now on; a deadline would pass
		// for it, and cancel the request while it is being answered.
		b.ended = true
		b.x.deadline(time.Time{})
	}
	return n, err
}

// spare gives the sender so much time more, which was spent on what is not its work.
func (b *body) spare(d time.Duration) {
	if !b.since.IsZero() {
		b.since = b.since.Add(d)
	}
}

// read waits for what comes. A stranger's turn is another's meanwhile.
func (b *body) read(p []byte) (int, error) {
	if c := b.x.conn; c != nil {
		if t := c.turn.Load(); t != nil {
			t.interrupt()
			defer func() { _ = t.resume() }() // the connection's end ends reading, too
		}
	}
	return b.ReadCloser.Read(p)
}

// Close leaves what has not come to the end of the exchange.
func (b *body) Close() error { return nil }

// pending reports whether bytes of the body may still come.
func (b *body) pending() bool {
	return !b.ended && b.ReadCloser != http.NoBody && b.x.ContentLength != 0
}

// worth returns how much time so many bytes are worth.
func (o *Options) worth(bytes int64) time.Duration {
	seconds := float64(bytes) / float64(o.MinRate)
	return time.Duration(min(seconds*float64(time.Second), math.MaxInt64/4))
}
