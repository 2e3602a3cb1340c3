package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// watchdog fires if nothing moves, in either direction, for too long, or if too little
// does altogether: a node that sends a byte now and then would keep its caller for
// ever.
type watchdog struct {
	timer   *time.Timer
	idle    time.Duration
	rate    int64
	started time.Time
	fire    func()

	mu    sync.Mutex
	moved int64
}

func newWatchdog(o Options, fire func()) *watchdog {
	return &watchdog{timer: time.AfterFunc(o.Idle, fire), idle: o.Idle, rate: o.MinRate, started: time.Now(), fire: fire}
}

// progress notes that bytes have moved.
func (w *watchdog) progress(bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moved += int64(bytes)
	allowed := 3*w.idle + time.Duration(float64(w.moved)/float64(w.rate)*float64(time.Second))
	if time.Since(w.started) > allowed {
		w.fire()
		return
	}
	w.timer.Reset(w.idle)
}

// aside stops the clock while f runs, whose time is not the node's.
func (w *watchdog) aside(f func()) {
	w.timer.Stop()
	began := time.Now()
	f()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = w.started.Add(time.Since(began))
}

func (w *watchdog) stop() { w.timer.Stop() }

// watchedReader shows the watchdog how a body is being sent. The transport may go on
// reading a body after it has returned an answer or an error; end keeps it from data
// that is the caller's again. When all has been sent it looks for the end once more,
// and an error then would cost the connection, in the middle of the answer.
type watchedReader struct {
	mu       sync.Mutex
	ended    bool
	r        io.Reader
	left     int64 // bytes not read yet
	watchdog *watchdog
}

func (r *watchedReader) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended && r.left == 0 {
		return 0, io.EOF
	}
	if r.ended {
		return 0, errors.New("the request has ended")
	}
	var n int
	var err error
	r.watchdog.aside(func() { n, err = r.r.Read(b) })
	r.left -= int64(n)
	r.watchdog.progress(n)
	return n, err
}

// end ends a Read that waits, if the body can be closed.
func (r *watchedReader) end() {
	if c, ok := r.r.(io.Closer); ok {
		_ = c.Close()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}

// watchedBody is an answer's body under the watchdog.
type watchedBody struct {
	io.ReadCloser
	ctx      context.Context
	watchdog *watchdog
	stop     func()
}

func (b *watchedBody) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	if n > 0 && err == nil {
		b.watchdog.progress(n)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.stop()
	return err
}

// countedConn counts its bytes.
type countedConn struct {
	net.Conn
	counters *ByteCounters
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.counters.Received.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.counters.Sent.Add(int64(n))
	return n, err
}
