package httpd

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// TestUnreadAnswersAreNotKept asks for an answer without end, and reads none of it. Little
// of it is taken from the handler, in the node's memory or in that of its system.
func TestUnreadAnswersAreNotKept(t *testing.T) {
	const most = 1 << 20 // the systems' own bounds are several times that
	taken := make(chan int, 1)
	h := start(t, Options{StallTimeout: 500 * time.Millisecond}, false, func(s *Server, mux *http.ServeMux) {
		mux.Handle("/", s.Handle("endless", Rule{}, func(x *Exchange) {
			total, piece := 0, bytes.Repeat([]byte("x"), 16<<10)
			for total < 64<<20 {
				n, err := x.Write(piece)
				total += n
				if err != nil {
					break
				}
			}
			taken <- total
		}))
	})
	conn := h.dial()
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	send(t, conn, "GET", "/", "\r\n")
	if got := <-taken; got > most {
		t.Errorf("%d bytes were taken of an answer that nobody reads, want at most %d", got, most)
	}
}

// TestUnreadAnswersEnd asks for one answer after the other over TLS, each in many records and of a
// length that is said before, and reads none. The connection ends with the first that does not
// go out, and what was asked after it is not answered.
func TestUnreadAnswersEnd(t *testing.T) {
	const asked = 300
	data := bytes.Repeat([]byte("x"), 100<<10)
	var answered atomic.Int64
	h := start(t, Options{StallTimeout: 300 * time.Millisecond}, true, func(s *Server, mux *http.ServeMux) {
		mux.Handle("/", s.Handle("large", Rule{}, func(x *Exchange) {
			answered.Add(1)
			x.Header().Set("Content-Length", strconv.Itoa(len(data)))
			_, _ = x.Write(data)
		}))
	})
	raw := h.dial()
	if err := raw.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	for range asked {
		send(t, conn, "GET", "/", "\r\n")
	}
	eventually(t, "the connection is cut off", func() bool {
		h.server.conns.mu.Lock()
		defer h.server.conns.mu.Unlock()
		return h.server.conns.cut[cutAnswer] == 1 && h.server.conns.total == 0
	})
	// 1 MiB is more than the systems keep.
	if got := answered.Load(); got > 1<<20/int64(len(data))+1 {
		t.Errorf("%d of %d requests were answered for one who reads nothing", got, asked)
	}
	if _, err := io.Copy(io.Discard, raw); err == nil {
		t.Error("the connection ended as if all were there")
	}
}

// stalled is a connection whose other end reads nothing.
type stalled struct {
	net.Conn
	writes, lingers int
}

func (s *stalled) Write([]byte) (int, error) {
	s.writes++
	return 0, os.ErrDeadlineExceeded
}

func (s *stalled) SetLinger(seconds int) error {
	if seconds == 0 {
		s.lingers++
	}
	return nil
}

// TestNoGoodByes has a write fail: the other end gets no more, and what it did not read
// is not kept for it.
func TestNoGoodByes(t *testing.T) {
	raw := new(stalled)
	c := newConns(1).newConn(raw)
	if _, err := c.Write([]byte("answer")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the first write: %v, want the connection's error", err)
	}
	if _, err := c.Write([]byte("good bye")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the second write: %v, want %v", err, net.ErrClosed)
	}
	if raw.writes != 1 || raw.lingers != 1 {
		t.Errorf("%d writes, and %d times the rest was dropped, want 1 and 1", raw.writes, raw.lingers)
	}
}
