package peer

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/node/cork"
)

// secureConn is a connection with TLS, whose records go out some at a time.
type secureConn struct {
	*tls.Conn
	raw     net.Conn
	out     *cork.Writer // to raw
	buffers *cork.Buffers
	writing atomic.Bool
}

// newSecureConn returns a connection on another, on which hands are not shaken yet.
func newSecureConn(raw net.Conn, config *tls.Config, buffers *cork.Buffers) *secureConn {
	c := &secureConn{raw: raw, out: cork.NewWriter(raw), buffers: buffers}
	c.Conn = tls.Client(&corkedConn{raw, c.out}, config)
	return c
}

// corkedConn is a connection that is written to by way of a cork.
type corkedConn struct {
	net.Conn
	out *cork.Writer
}

func (c *corkedConn) Write(b []byte) (int, error) { return c.out.Write(b) }

// Write has sent all when it returns.
func (c *secureConn) Write(b []byte) (int, error) {
	if len(b) < cork.Least {
		return c.Conn.Write(b)
	}
	c.writing.Store(true)
	defer c.writing.Store(false)
	return c.out.Gather(c.buffers, func() (int, error) { return c.Conn.Write(b) })
}

// ReadFrom sends all that comes from a reader. It has it in larger pieces than io.Copy would.
func (c *secureConn) ReadFrom(r io.Reader) (total int64, err error) {
	buffer := c.buffers.Take()
	if buffer == nil {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	defer c.buffers.Give(buffer)
	for {
		n, err := r.Read(buffer[:cork.Piece])
		if n > 0 {
			sent, failed := c.Write(buffer[:n])
			if total += int64(sent); failed != nil {
				return total, failed
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Close ends what is being written, too: TLS knows of it only until its records are gathered, and
// would wait for it to say good-bye.
func (c *secureConn) Close() error {
	if c.writing.Load() {
		return c.raw.Close()
	}
	return c.Conn.Close()
}
