package httpd

import (
	"net"
	"sync"
	"time"
)

// listener accepts connections as fast as they come, and hands them on as there is room
// for them: that of the party with the fewest first, and the last that came of each. So
// one who connects without end waits for itself, and not others for it; and whoever comes
// after many that wait need not wait for all of them.
type listener struct {
	net.Listener
	all   *conns
	ready chan *conn
	begin sync.Once
	end   sync.Once
	ended chan struct{} // closed by Close
	came  chan struct{} // has one when somebody came

	mu     sync.Mutex
	err    error // of the listener; it has ended then
	lobby  map[Party][]*conn
	inside int // connections in the lobby
	most   int // of them
	rates  *buckets
}

func newListener(l net.Listener, all *conns) *listener {
	return &listener{
		Listener: l, all: all, ready: make(chan *conn), ended: make(chan struct{}), came: make(chan struct{}, 1),
		lobby: make(map[Party][]*conn), most: all.most/2 + 8, rates: newBuckets(all.most - 2*all.reserved()),
	}
}

// Accept returns the next connection for which there is room.
func (l *listener) Accept() (net.Conn, error) {
	l.begin.Do(func() {
		go l.receive()
		go l.place()
	})
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.ended:
		l.mu.Lock()
		defer l.mu.Unlock()
		return nil, l.err
	}
}

// Close ends the listener.
func (l *listener) Close() error { return l.fail(net.ErrClosed) }

func (l *listener) fail(err error) error {
	closed := error(nil)
	l.end.Do(func() {
		l.mu.Lock()
		l.err = err
		for _, waiting := range l.lobby {
			for _, c := range waiting {
				_ = c.Conn.Close() // nothing was promised on it
			}
		}
		clear(l.lobby)
		l.mu.Unlock()
		close(l.ended)
		closed = l.Listener.Close()
	})
	return closed
}

// acceptPause is how long to wait after an error that may pass.
const acceptPause = 5 * time.Millisecond

// receive accepts connections until the listener ends.
func (l *listener) receive() {
	for {
		raw, err := l.Listener.Accept()
		switch {
		case err == nil:
			l.enter(raw)
		case NoDescriptors(err):
			l.all.starves()
			if !l.shed() && !l.all.shed() && !l.sleep(acceptPause, nil) {
				return
			}
		default:
			_ = l.fail(err)
			return
		}
	}
}

// sleep waits, or is woken, and reports whether the listener goes on.
func (l *listener) sleep(d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-wake:
		return true
	case <-l.ended:
		return false
	}
}

// enter lets a connection wait for room. If too many wait, the party of which most do
// loses the first, which has waited longest.
func (l *listener) enter(raw net.Conn) {
	who := Party{Name: network(raw.RemoteAddr())}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		_ = raw.Close()
		return
	}
	l.lobby[who] = append(l.lobby[who], l.all.newConn(raw))
	if l.inside++; l.inside > l.most {
		l.turnAway()
	}
	select {
	case l.came <- struct{}{}:
	default:
	}
}

// turnAway closes a connection that waits: of the party of which most do, the one that
// has waited longest.
func (l *listener) turnAway() {
	var who Party
	for other, waiting := range l.lobby {
		if len(waiting) > len(l.lobby[who]) {
			who = other
		}
	}
	_ = l.lobby[who][0].Conn.Close()
	l.all.turnedAway()
	l.leave(who, l.lobby[who][1:])
}

// shed closes a connection that waits because descriptors have run out, and reports
// whether one did: those that wait have descriptors, too.
func (l *listener) shed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inside == 0 {
		return false
	}
	l.turnAway()
	return true
}

// leave sets who still waits of a party, one less than before.
func (l *listener) leave(who Party, waiting []*conn) {
	l.inside--
	if l.lobby[who] = waiting; len(waiting) == 0 {
		delete(l.lobby, who)
	}
}

// place hands connections on until the listener ends.
func (l *listener) place() {
	for {
		c, wait := l.next()
		if c == nil {
			if !l.sleep(wait, l.came) {
				return
			}
			continue
		}
		select {
		case l.ready <- c:
		case <-l.ended:
			_ = c.Close()
			return
		}
	}
}

// Pauses between two looks for room.
const (
	placePause = settle / 50 // while somebody waits, who may leave by itself
	emptyPause = time.Hour   // while nobody waits; whoever comes ends it
)

// next takes the connection in whose turn it is, if there is room; or else it returns how
// long to wait. Making room can take a moment, in which others may enter.
func (l *listener) next() (c *conn, wait time.Duration) {
	who, c, wait := l.pick()
	if c == nil {
		return nil, wait
	}
	wait = l.all.add(c, who)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case wait <= 0:
		l.rates.take(who, time.Now())
		return c, 0
	case l.err != nil:
		_ = c.Conn.Close() // nothing was promised on it
	default:
		l.lobby[who] = append(l.lobby[who], c)
		l.inside++
	}
	return nil, min(wait, placePause)
}

// pick takes the connection in whose turn it is out of the lobby, or returns how long to
// wait for one.
func (l *listener) pick() (who Party, c *conn, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fewest, now := -1, time.Now()
	wait = emptyPause
	for p, waiting := range l.lobby {
		if w := l.rates.wait(p, now); w > 0 {
			wait = min(wait, w)
			continue
		}
		if n := l.all.size(p); fewest < 0 || n < fewest || n == fewest && waiting[0].since.Before(l.lobby[who][0].since) {
			who, fewest = p, n
		}
	}
	if fewest < 0 {
		return who, nil, wait
	}
	waiting := l.lobby[who]
	c = waiting[len(waiting)-1]
	l.leave(who, waiting[:len(waiting)-1])
	return who, c, 0
}
