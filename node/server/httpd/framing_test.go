package httpd

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestSmuggled sends requests behind requests of whose end a proxy may be of another opinion: they
// are answered by nobody.
func TestSmuggled(t *testing.T) {
	for _, secure := range []bool{false, true} {
		h := start(t, Options{Identify: everybody}, secure, refusing)
		const inner = "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
		const put, end = "PUT /body HTTP/1.1\r\nHost: x\r\n", "0\r\n\r\n"
		for _, c := range []struct {
			name, text string
			want       int
			plain      bool // it is seen only where there is no TLS
		}{
			{"chunked", put + "Transfer-Encoding: chunked\r\n\r\n" + end, 411, false},
			{"chunked, of no handler", "PUT /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + end, 404, false},
			{"chunked, for all", "OPTIONS * HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + end, 400, false},
			{"HTTP/1.0", "PUT /body HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", 200, false},
			{"both", put + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + end, 400, true},
			{"the other way about", put + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + end, 400, true},
			{"in HTTP/1.0", "PUT /body HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + end, 400, true},
			{"in a value", put + "X: a\nContent-Length: 100\r\n\r\n", 400, true},
			{"folded", put + "X: a\r\n Content-Length: 100\r\n\r\n", 400, true},
			{"twice", put + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, true},
		} {
			if secure && c.plain {
				continue
			}
			for _, before := range []int{0, 1} { // requests that are right
				conn := h.dial()
				if secure {
					conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				}
				if _, err := io.WriteString(conn, strings.Repeat(inner, before)+c.text+inner); err != nil {
					t.Fatal(err)
				}
				r := bufio.NewReader(conn)
				for range before {
					if got, body := answer(t, r); got != 200 || body != "abc" {
						t.Fatalf("%s: %d, %q to a request that is right, want 200", c.name, got, body)
					}
				}
				if got, _ := answer(t, r); got != c.want {
					t.Errorf("%s, with TLS %v: status %d, want %d", c.name, secure, got, c.want)
				}
				if answer, err := http.ReadResponse(r, nil); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s, with TLS %v: %v, %v to what was smuggled, want the connection's end", c.name, secure, answer, err)
				}
			}
		}
	}
}
