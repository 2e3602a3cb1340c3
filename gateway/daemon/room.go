package daemon

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

// errBusy is returned when too many wait already, or one has waited for too long.
var errBusy = errors.New("daemon: too many requests")

// errSlow is the end of what a client sends or reads so slowly that it keeps others waiting.
var errSlow = errors.New("daemon: too slow while others wait")

const (
	// settleTime is for how long a claim is safe, however slow its client begins.
	settleTime = time.Second
	// slowRate is how fast a client's bytes have to move while others wait for what it holds, in
	// bytes a second.
	slowRate = 128 << 10
	// fastRate is how fast they are held to move at most: whoever was faster, and stops, is slow
	// after a few seconds.
	fastRate = 8 * slowRate
	// paceTime is the time over which that is measured.
	paceTime = 2 * time.Second
	// lookAgain is how often somebody who waits looks for who is slow.
	lookAgain = 50 * time.Millisecond
)

// room divides something that there is so much of: turns, or bytes of memory. First get it those who
// need more to end what they have begun, and then those who came first. While somebody waits, those
// give it back whose clients are slowest, if they are slow: else a hundred clients that send
// nothing would keep everybody waiting.
type room struct {
	size    int64
	most    int           // that wait; 0 is any number
	settled time.Duration // for which a claim is safe, however slow its client begins

	mu      sync.Mutex
	used    int64
	held    map[*claim]struct{}
	waiting []*claim // in their order
}

func newRoom(size int64, most int) *room {
	return &room{size: size, most: most, settled: settleTime, held: make(map[*claim]struct{})}
}

// claim is a part of a room.
type claim struct {
	room    *room
	n       int64
	of      *claim // that is to be larger by as much; nil is none
	cut     func() // has what waits for the client end; it may be called more than once
	granted chan struct{}

	// Guarded by the room's lock.
	since time.Time
	pace  pace
	slow  bool // it was cut
	sure  bool // it cannot be: nothing of it waits for its client
}

// take waits for a part of the room: no more than there is of it. The error is errBusy, or the
// context's. cut has reading from the client, or writing to it, end; nil is that there is neither.
func (r *room) take(ctx context.Context, n int64, cut func()) (*claim, error) {
	c := &claim{room: r, n: min(n, r.size), cut: cut, granted: make(chan struct{}), sure: cut == nil}
	if err := r.await(ctx, c); err != nil {
		return nil, err
	}
	return c, nil
}

// turn takes one, for a request to a service. The error is what its client is told.
func (r *room) turn(ctx context.Context, service string, cut func()) (*claim, error) {
	c, err := r.take(ctx, 1, cut)
	if errors.Is(err, errBusy) {
		err = busy(service)
	}
	return c, err
}

// grow makes a claim larger, but no larger than the room. The error is take's; the claim is as it was then.
func (c *claim) grow(ctx context.Context, n int64) error {
	n = min(n, c.room.size-c.n)
	return c.room.await(ctx, &claim{room: c.room, n: n, of: c, granted: make(chan struct{})})
}

// await waits until a claim is granted.
func (r *room) await(ctx context.Context, c *claim) error {
	r.mu.Lock()
	if r.crowded() {
		r.mu.Unlock()
		return errBusy
	}
	at := len(r.waiting)
	if c.of != nil {
		if at = slices.IndexFunc(r.waiting, func(other *claim) bool { return other.of == nil }); at < 0 {
			at = len(r.waiting)
		}
	}
	r.waiting = slices.Insert(r.waiting, at, c)
	r.grant()
	r.mu.Unlock()
	select {
	case <-c.granted: // at once
		return nil
	default:
	}
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-c.granted:
			return nil
		case <-tick.C:
			r.makeRoom(c)
		case <-ctx.Done():
			if r.leave(c) {
				return ctx.Err()
			}
			return nil // it was granted at the same moment
		}
	}
}

// full reports whether one who came now would be sent away.
func (r *room) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.crowded()
}

// crowded reports whether as many wait as may. r.mu is held.
func (r *room) crowded() bool { return r.most > 0 && len(r.waiting) >= r.most }

// grant gives those who wait what there is. r.mu is held.
func (r *room) grant() {
	for len(r.waiting) > 0 && r.waiting[0].n <= r.size-r.used {
		c := r.waiting[0]
		r.waiting = slices.Delete(r.waiting, 0, 1)
		r.used += c.n
		if c.of != nil {
			c.of.n += c.n
		} else {
			r.held[c] = struct{}{}
			c.since = time.Now()
		}
		close(c.granted)
	}
}

// leave ends waiting. It reports whether the claim was not granted.
func (r *room) leave(c *claim) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.waiting, c)
	if i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
		r.grant()
	}
	return i >= 0
}

// makeRoom cuts off the slowest who hold as much as the first one who waits lacks. Only that one looks.
func (r *room) makeRoom(c *claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 || r.waiting[0] != c {
		return
	}
	lacks, now := c.n-(r.size-r.used), time.Now()
	var slow []*claim
	for other := range r.held {
		switch {
		case other.sure:
		case other.slow:
			lacks -= other.n
			other.cut() // again: it may have begun to wait for its client at the same moment
		case now.Sub(other.since) >= r.settled && other.pace.rate(now) < slowRate:
			slow = append(slow, other)
		}
	}
	slices.SortFunc(slow, func(a, b *claim) int { return cmp.Compare(a.pace.rate(now), b.pace.rate(now)) })
	for _, other := range slow {
		if lacks <= 0 {
			return
		}
		lacks -= other.n
		other.slow = true
		other.cut()
	}
}

// give gives a part of the room back.
func (c *claim) give() {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, held := r.held[c]; held {
		delete(r.held, c)
		r.used -= c.n
		r.grant()
	}
}

// settle makes the claim one that is not cut off any more: all of its client's bytes have come.
// The error is errSlow if it was.
func (c *claim) settle() error {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	c.sure = true
	if c.slow {
		return errSlow
	}
	return nil
}

// move reads from a client, or writes to it. The error is errSlow if the claim was cut off.
func (c *claim) move(do func([]byte) (int, error), data []byte) (int, error) {
	c.room.mu.Lock()
	c.pace.begin(time.Now())
	slow := c.slow
	c.room.mu.Unlock()
	if slow {
		return 0, errSlow
	}
	n, err := do(data)
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	c.pace.end(time.Now(), n)
	if c.slow && err != nil {
		err = errSlow
	}
	return n, err
}

// pace measures how fast a client's bytes move, while they are waited for.
type pace struct {
	measured float64   // bytes a second, when that was waited for last
	began    time.Time // when the client began to be waited for; zero if it is not
}

// after returns the rate after so much time in which n bytes moved.
func (p *pace) after(d time.Duration, n int) float64 {
	return p.measured*math.Exp(-d.Seconds()/paceTime.Seconds()) + float64(n)/paceTime.Seconds()
}

func (p *pace) begin(now time.Time) { p.began = now }

func (p *pace) end(now time.Time, n int) {
	p.measured, p.began = min(p.after(now.Sub(p.began), n), fastRate), time.Time{}
}

// rate returns how fast they move now. What is not waited for is as fast as can be.
func (p *pace) rate(now time.Time) float64 {
	if p.began.IsZero() {
		return math.Inf(1)
	}
	return p.after(now.Sub(p.began), 0)
}
