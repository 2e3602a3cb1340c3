package peer

import (
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/cork"
	"github.com/redstuff-go/redstuff/node/identity"
)

// countingConn counts writes.
type countingConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// securePair returns both ends of a connection with TLS, after hands were shaken.
func securePair(t *testing.T) (ours *secureConn, raw *countingConn, theirs *tls.Conn) {
	node := identity.GenerateKey()
	a, b := net.Pipe()
	raw, theirs = &countingConn{Conn: a}, tls.Server(b, node.ServerTLS())
	ours = newSecureConn(raw, node.ClientTLS(node.TLSPublic()), cork.NewBuffers(2))
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	shaken := make(chan error, 1)
	go func() { shaken <- theirs.Handshake() }()
	go func() { _, _ = ours.Conn.Read(make([]byte, 1)) }() // tickets
	if err := ours.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return ours, raw, theirs
}

func TestRecordsTogether(t *testing.T) {
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	for name, send := range map[string]func(*secureConn) error{
		"Write": func(c *secureConn) error {
			_, err := c.Write(data)
			return err
		},
		"ReadFrom": func(c *secureConn) error {
			_, err := c.ReadFrom(bytes.NewReader(data))
			return err
		},
		"ReadFrom without memory": func(c *secureConn) error {
			held := [2][]byte{c.buffers.Take(), c.buffers.Take()}
			defer func() {
				for _, buffer := range held {
					c.buffers.Give(buffer)
				}
			}()
			_, err := io.Copy(c, bytes.NewReader(data))
			return err
		},
	} {
		ours, raw, theirs := securePair(t)
		before := raw.writes.Load()
		failed := make(chan error, 1)
		go func() { failed <- send(ours) }()
		got := make([]byte, len(data))
		if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%s: other bytes, %v", name, err)
		}
		if err := <-failed; err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		writes, want := raw.writes.Load()-before, int64(len(data)/cork.Piece)
		if name == "ReadFrom without memory" {
			want = int64(len(data) / (16 << 10))
		}
		if writes != want {
			t.Errorf("%s: %d writes for %d bytes, want %d", name, writes, len(data), want)
		}
	}
}

// TestCloseWhileWriting ends a connection that nobody reads, at once.
func TestCloseWhileWriting(t *testing.T) {
	ours, raw, _ := securePair(t)
	before := raw.writes.Load()
	failed := make(chan error, 1)
	go func() {
		_, err := ours.Write(make([]byte, cork.Piece))
		failed <- err
	}()
	for raw.writes.Load() == before {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	_ = ours.Close()
	if err := <-failed; err == nil {
		t.Error("a write ended well that nobody has read")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v to close the connection", took)
	}
}
