package httpd

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/cork"
)

// TestLargeAnswers has an answer's records go out together, and a connection close at once on which
// nobody reads them.
func TestLargeAnswers(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcde"), 100_000)
	writing := make(chan struct{}, 1)
	h := start(t, Options{StallTimeout: forever}, true, func(s *Server, mux *http.ServeMux) {
		mux.Handle("/", s.Handle("large", Rule{}, func(x *Exchange) { _, _ = x.Write(data) }))
		mux.Handle("/endless", s.Handle("endless", Rule{}, func(x *Exchange) {
			for range 1000 {
				select {
				case writing <- struct{}{}:
				default:
				}
				if _, err := x.Write(data[:100<<10]); err != nil { // TLS has written that before it goes out
					return
				}
			}
		}))
	})
	resp, err := h.web("c").Get("https://" + h.address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes of another answer than %d, %v", len(got), len(data), err)
	}

	for range 3 {
		conn := tls.Client(h.dial(), &tls.Config{InsecureSkipVerify: true})
		send(t, conn, "GET", "/endless", "\r\n")
		<-writing
	}
	time.Sleep(50 * time.Millisecond) // until the systems take no more
	began := time.Now()
	_ = h.server.Close()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v to end connections on which nobody reads", took)
	}
}

// writes counts writes.
type writes struct {
	net.Conn
	n, bytes int
}

func (w *writes) Write(b []byte) (int, error) {
	w.n++
	w.bytes += len(b)
	return len(b), nil
}

// TestGathered gathers what is written to a connection, and sends it as it would be otherwise.
func TestGathered(t *testing.T) {
	raw := new(writes)
	c := newConns(1).newConn(raw)
	_, err := c.out.Gather(cork.NewBuffers(1), func() (total int, err error) {
		for range 5 {
			n, err := c.Write(make([]byte, 1000))
			if total += n; err != nil || raw.n > 0 {
				t.Errorf("%d writes to the connection, %v: want none before it ends", raw.n, err)
			}
		}
		return total, nil
	})
	if err != nil || raw.n != 1 || raw.bytes != 5000 {
		t.Errorf("%d bytes in %d writes, %v: want 5000 in one", raw.bytes, raw.n, err)
	}
}
