package network

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/internal/pause"
)

const (
	segment   = 1448 // bytes of a TCP segment on Ethernet
	initial   = 10 * segment
	chunkSize = 16 << 10
	// leastTimeout is how long TCP waits at least before it sends again what nothing
	// followed that would have told of its loss.
	leastTimeout = 200 * time.Millisecond
	// tail is the share of losses that nothing follows.
	tail = 0.1
)

// line is what a node sends, or receives, on: all its connections share it.
type line struct {
	rate float64 // bytes a second; 0 is without bounds

	mu   sync.Mutex
	free time.Time // when all that was given to it has gone
}

// take puts bytes on the line, and waits until they have gone.
func (l *line) take(ctx context.Context, bytes int) error {
	if l.rate == 0 {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(bytes) / l.rate * float64(time.Second)))
	until := l.free
	l.mu.Unlock()
	return sleep(ctx, until)
}

// sleep waits until a time. What is nearer than timers can tell is now.
func sleep(ctx context.Context, until time.Time) error {
	d := time.Until(until)
	if d < 20*time.Microsecond {
		return ctx.Err()
	}
	return pause.For(ctx, d)
}

// pipe carries one direction of a connection.
type pipe struct {
	link     Link
	back     time.Duration // that acknowledgements take
	up, down *line
	closed   func() <-chan struct{} // nil if the way is open; or else closed when that may have changed
	lost     func()                 // called with each loss
	moved    func(bytes int)        // called with what has come

	window    float64 // bytes that may be on their way
	threshold float64 // of slow start
	onWay     int
	sent      time.Time // when something was sent last
	arrives   time.Time // the last of it

	mu    sync.Mutex
	acks  []ack
	acked chan struct{} // has one when there are new ones
}

// ack is bytes whose acknowledgement arrives at a time.
type ack struct {
	at    time.Time
	bytes int
}

// chunk is bytes that arrive at a time.
type chunk struct {
	at   time.Time
	data []byte
}

// carry carries all that src gives to dst, until either ends or the context does. The end
// of src travels as bytes do. The error is that of either.
func (p *pipe) carry(ctx context.Context, dst io.Writer, src io.Reader) error {
	p.window, p.threshold, p.acked = initial, math.Inf(1), make(chan struct{}, 1)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	chunks := make(chan chunk, maxWindow/chunkSize)
	var sending sync.WaitGroup
	var failed error
	sending.Go(func() {
		defer close(chunks)
		failed = p.send(ctx, src, chunks)
	})
	err := p.deliver(ctx, dst, chunks)
	cancel(err)
	if err != nil { // src is read no more; its reader ends when the connection is closed
		return err
	}
	sending.Wait()
	return failed
}

// send reads what comes, as the window allows, and says when it arrives.
func (p *pipe) send(ctx context.Context, src io.Reader, chunks chan<- chunk) error {
	for {
		room, err := p.room(ctx)
		if err != nil {
			return err
		}
		data := make([]byte, min(chunkSize, room))
		n, err := src.Read(data)
		if n > 0 {
			p.settle(time.Now())
			if e := p.up.take(ctx, n); e != nil {
				return e
			}
			select {
			case chunks <- chunk{p.arrival(n), data[:n]}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// timeout returns how long TCP waits for an acknowledgement.
func (p *pipe) timeout() time.Duration {
	return max(leastTimeout, 2*(time.Duration(p.link.Delay)+p.back))
}

// arrival returns when the next n bytes arrive, and changes the window if some are lost.
func (p *pipe) arrival(n int) time.Time {
	now := time.Now()
	if !p.sent.IsZero() && p.onWay == 0 && now.Sub(p.sent) > p.timeout() {
		p.window = min(p.window, initial) // a line that was idle is known no more
	}
	p.sent = now
	p.onWay += n
	at := now.Add(time.Duration(p.link.Delay))
	if p.link.Jitter > 0 {
		at = at.Add(rand.N(time.Duration(p.link.Jitter)))
	}
	if p.link.Loss > 0 && rand.Float64() < 1-math.Pow(1-p.link.Loss, math.Ceil(float64(n)/segment)) {
		p.lost()
		p.threshold = max(p.window/2, 2*segment)
		if rand.Float64() < tail {
			p.window = segment
			at = at.Add(p.timeout())
		} else {
			p.window = p.threshold
			at = at.Add(time.Duration(p.link.Delay) + p.back)
		}
	}
	if at.Before(p.arrives) {
		at = p.arrives // in order
	}
	p.arrives = at
	return at
}

// room returns how many bytes may be sent now, once that are some.
func (p *pipe) room(ctx context.Context) (int, error) {
	for {
		now := time.Now()
		next := p.settle(now)
		if room := int(min(p.window, float64(p.link.Window))) - p.onWay; room >= segment || p.onWay == 0 {
			return max(room, segment), nil
		}
		var due <-chan time.Time
		if !next.IsZero() {
			timer := time.NewTimer(next.Sub(now))
			defer timer.Stop()
			due = timer.C
		}
		select {
		case <-due:
		case <-p.acked:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// settle counts the acknowledgements that have arrived, and returns when the next one does;
// zero if none is on its way.
func (p *pipe) settle(now time.Time) (next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.acks) > 0 && !p.acks[0].at.After(now) {
		n := p.acks[0].bytes
		p.acks = p.acks[1:]
		p.onWay -= n
		if p.window < p.threshold {
			p.window += float64(n)
		} else {
			p.window += segment * float64(n) / p.window
		}
		p.window = min(p.window, float64(p.link.Window))
	}
	if len(p.acks) > 0 {
		next = p.acks[0].at
	}
	return next
}

// deliver writes what arrives, when it does.
func (p *pipe) deliver(ctx context.Context, dst io.Writer, chunks <-chan chunk) error {
	for c := range chunks {
		if err := sleep(ctx, c.at); err != nil {
			return err
		}
		if err := p.open(ctx); err != nil {
			return err
		}
		if err := p.down.take(ctx, len(c.data)); err != nil {
			return err
		}
		if _, err := dst.Write(c.data); err != nil {
			return err
		}
		p.moved(len(c.data))
		p.mu.Lock()
		p.acks = append(p.acks, ack{time.Now().Add(p.back), len(c.data)})
		p.mu.Unlock()
		select {
		case p.acked <- struct{}{}:
		default:
		}
	}
	return nil
}

// open waits until the way is open.
func (p *pipe) open(ctx context.Context) error {
	for changed := p.closed(); changed != nil; changed = p.closed() {
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// reset closes a connection so that the other end sees it reset.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it is closed all the same
	}
	_ = c.Close()
}
