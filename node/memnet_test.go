package node_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// memNet is a network in memory. Unlike the system's, its connections wait where a bubble of
// testing/synctest sees it.
type memNet struct {
	mu        sync.Mutex
	listeners map[string]*memListener
	down      map[string]bool
	conns     map[*memConn]bool // open ends
}

func newMemNet() *memNet {
	return &memNet{listeners: make(map[string]*memListener), down: make(map[string]bool), conns: make(map[*memConn]bool)}
}

// open returns how many ends of connections are open.
func (n *memNet) open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

// cut ends all connections of an address. While it is down there are no new ones.
func (n *memNet) cut(address string, down bool) {
	n.mu.Lock()
	n.down[address] = down
	var ends []*memConn
	for c := range n.conns {
		if c.server == address {
			ends = append(ends, c)
		}
	}
	n.mu.Unlock()
	for _, c := range ends {
		_ = c.Close()
	}
}

func (n *memNet) listen(address string) net.Listener {
	l := &memListener{net: n, address: address, came: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[address] = l
	return l
}

// dial is as peer.Options has it, for whoever has the address from.
func (n *memNet) dial(from string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		n.mu.Lock()
		l := n.listeners[address]
		down := n.down[address] || n.down[from]
		n.mu.Unlock()
		if l == nil || down {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}
		there, back := newHalf(), newHalf()
		mine := &memConn{net: n, in: back, out: there, server: address, local: from, remote: address}
		theirs := &memConn{net: n, in: there, out: back, server: address, local: address, remote: from}
		n.mu.Lock()
		n.conns[mine], n.conns[theirs] = true, true
		n.mu.Unlock()
		var err error
		select {
		case l.came <- theirs:
			return mine, nil
		case <-l.closed:
			err = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		case <-ctx.Done():
			err = ctx.Err()
		}
		_, _ = mine.Close(), theirs.Close()
		return nil, err
	}
}

type memListener struct {
	net     *memNet
	address string
	came    chan net.Conn
	closed  chan struct{}
	end     sync.Once
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.came:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.end.Do(func() {
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		if l.net.listeners[l.address] == l {
			delete(l.net.listeners, l.address)
		}
		close(l.closed)
	})
	return nil
}

func (l *memListener) Addr() net.Addr { return tcpAddr(l.address) }

func tcpAddr(address string) net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))
}

// memConn is one end of a connection.
type memConn struct {
	net           *memNet
	in, out       *half
	server        string
	local, remote string
}

func (c *memConn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *memConn) Write(b []byte) (int, error) { return c.out.write(b) }
func (c *memConn) LocalAddr() net.Addr         { return tcpAddr(c.local) }
func (c *memConn) RemoteAddr() net.Addr        { return tcpAddr(c.remote) }

func (c *memConn) SetReadDeadline(t time.Time) error  { c.in.readBy.set(c.in, t); return nil }
func (c *memConn) SetWriteDeadline(t time.Time) error { c.out.writeBy.set(c.out, t); return nil }
func (c *memConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// CloseWrite ends what is sent.
func (c *memConn) CloseWrite() error { c.out.end(false); return nil }

func (c *memConn) Close() error {
	c.net.mu.Lock()
	delete(c.net.conns, c)
	c.net.mu.Unlock()
	c.out.end(false)
	c.in.end(true)
	_ = c.SetDeadline(time.Time{}) // its timers go
	return nil
}

// half is one direction of a connection.
type half struct {
	mu              sync.Mutex
	changed         *sync.Cond
	buffer          []byte
	ended, unread   bool // by whoever writes, by whoever reads
	readBy, writeBy deadline
}

// halfMost is how much is on its way, at most.
const halfMost = 1 << 20

func newHalf() *half {
	h := new(half)
	h.changed = sync.NewCond(&h.mu)
	return h
}

func (h *half) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.unread:
			return 0, net.ErrClosed
		case h.readBy.over:
			return 0, os.ErrDeadlineExceeded
		case len(h.buffer) > 0:
			n := copy(b, h.buffer)
			if h.buffer = h.buffer[n:]; len(h.buffer) == 0 {
				h.buffer = nil
			}
			h.changed.Broadcast()
			return n, nil
		case h.ended:
			return 0, io.EOF
		case len(b) == 0:
			return 0, nil
		}
		h.changed.Wait()
	}
}

func (h *half) write(b []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.ended:
			return n, net.ErrClosed
		case h.unread:
			return n, syscall.EPIPE
		case h.writeBy.over:
			return n, os.ErrDeadlineExceeded
		}
		more := min(len(b)-n, halfMost-len(h.buffer))
		h.buffer = append(h.buffer, b[n:n+more]...)
		if n += more; more > 0 {
			h.changed.Broadcast()
		}
		if n == len(b) {
			return n, nil
		}
		h.changed.Wait()
	}
}

// end ends a direction, for whoever reads or for whoever writes.
func (h *half) end(reader bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if reader {
		h.unread, h.buffer = true, nil
	} else {
		h.ended = true
	}
	h.changed.Broadcast()
}

// deadline is one of a half, whose mutex guards it.
type deadline struct {
	over  bool
	timer *time.Timer
	times int // how often it was set: a timer that fires late is of an earlier one
}

func (d *deadline) set(h *half, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.times++
	of, left := d.times, time.Until(t)
	if d.over = !t.IsZero() && left <= 0; !t.IsZero() && left > 0 {
		d.timer = time.AfterFunc(left, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			if d.times == of {
				d.over = true
				h.changed.Broadcast()
			}
		})
	}
	h.changed.Broadcast()
}
