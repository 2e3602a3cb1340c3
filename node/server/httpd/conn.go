package httpd

import (
	"container/list"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/node/cork"
	"github.com/redstuff-go/redstuff/node/server/framing"
)

// conn is one connection.
type conn struct {
	net.Conn
	all     *conns
	framed  *framing.Requests // nil where TLS is between the requests and the connection
	out     *cork.Writer      // to send
	active  atomic.Int64      // when bytes moved last, Unix time in nanoseconds
	patient atomic.Bool       // the deadline for reading is one that whoever sends can meet

	ended   atomic.Bool          // nothing that comes is taken any more
	broken  atomic.Bool          // nothing that is written goes out any more
	turn    atomic.Pointer[turn] // of what is done on it for a stranger; nil if that is nothing
	shaking atomic.Bool          // hands, in a turn

	// Guarded by all.mu.
	of      *partyConns   // nil once the connection is closed
	element *list.Element // in one of its lists
	busy    bool
	cut     bool      // it was cut off
	fresh   bool      // no request has come yet
	since   time.Time // when it was taken in
}

// Read notes when bytes moved. A request of which not everybody knows where it ends does not come.
func (c *conn) Read(b []byte) (int, error) {
	if c.ended.Load() {
		return 0, io.EOF
	}
	var n int
	var err error
	if c.framed != nil {
		n, err = c.framed.Read(c.Conn, b)
	} else {
		n, err = c.Conn.Read(b)
	}
	if n > 0 {
		c.active.Store(time.Now().UnixNano())
	}
	if c.patient.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		c.all.cutsOff(c, false)
	}
	return n, err
}

// SetReadDeadline notes whether the deadline is for whoever sends: net/http ends its own
// reads by one in the past.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.patient.Store(time.Until(t) > 0)
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline is SetReadDeadline for both directions.
func (c *conn) SetDeadline(t time.Time) error {
	c.patient.Store(time.Until(t) > 0)
	return c.Conn.SetDeadline(t)
}

// Write sends, or gathers what is to be sent.
func (c *conn) Write(b []byte) (int, error) { return c.out.Write(b) }

// sender sends on a connection.
type sender struct{ *conn }

// Write notes when bytes moved. A stranger's turn is another's while the system takes no
// more. After an error nothing is written any more: not the good-byes of TLS either, for
// which whoever reads nothing would be waited for.
func (c sender) Write(b []byte) (n int, err error) {
	if c.broken.Load() {
		return 0, net.ErrClosed
	}
	if c.shaking.Swap(false) {
		c.ends() // what follows is computed when an answer comes
	}
	t := c.turn.Load()
	if t != nil {
		n = writeNow(c.Conn, b)
	}
	if n < len(b) {
		if t != nil {
			t.interrupt()
		}
		var more int
		more, err = c.Conn.Write(b[n:])
		n += more
		if t != nil && err == nil {
			_ = t.resume() // the connection's end ends what is written, too
		}
	}
	if n > 0 {
		c.active.Store(time.Now().UnixNano())
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.all.cutsOff(c.conn, true)
	}
	if err != nil {
		c.forget()
	}
	return n, err
}

// forget has the system drop what was written and not read when the connection is closed,
// instead of keeping it, and trying to send it, for minutes.
func (c *conn) forget() {
	c.broken.Store(true)
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0) // it is closed all the same
	}
}

// CloseWrite ends what is sent, so that an answer can be read before the connection ends.
func (c *conn) CloseWrite() error {
	if tcp, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// Close closes the connection and makes room for another.
func (c *conn) Close() error {
	c.ends()
	err := c.Conn.Close()
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.all.remove(c)
	return err
}

// begins sets the turn of what is done for a stranger.
func (c *conn) begins(t *turn) {
	if before := c.turn.Swap(t); before != nil {
		before.end()
	}
}

// ends ends that turn, if there is one.
func (c *conn) ends() { c.begins(nil) }

// connOf returns the connection under one of net/http's.
func connOf(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	own, _ := c.(*conn)
	return own
}
