package httpd

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
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
