package s3

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestRestOfBody: what is left of a request's body when it is answered is no request.
func TestRestOfBody(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	data := []byte("what was put")
	s.put("bucket", "key", data)
	url, err := s.minio.PresignedGetObject(t.Context(), "bucket", "key", time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	const maxRest = 1 << 20
	inner := "GET /smuggled HTTP/1.1\r\nHost: " + s.at + "\r\n\r\n"
	for _, c := range []struct {
		name, head, body string
		ends             bool // the connection
	}{
		{"short", fmt.Sprintf("Content-Length: %d", len(inner)), inner, false},
		{"long", fmt.Sprintf("Content-Length: %d", maxRest), strings.Repeat(" ", maxRest-len(inner)) + inner, true},
		{"of no known length", "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner), true},
	} {
		conn, err := net.Dial("tcp", s.at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "PUT /bucket/key HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", s.at, c.head); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(conn, c.body) }()
		r := bufio.NewReader(conn)
		answer := func() (status int, body []byte, err error) {
			got, err := http.ReadResponse(r, nil)
			if err != nil {
				return 0, nil, err
			}
			defer got.Body.Close()
			body, err = io.ReadAll(got.Body)
			return got.StatusCode, body, err
		}
		if status, body, err := answer(); err != nil || status != 403 {
			t.Fatalf("%s: nobody's request is answered %d, %s (%v), want 403", c.name, status, body, err)
		}
		if !c.ends {
			if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", url.RequestURI(), s.at); err != nil {
				t.Fatal(err)
			}
			if status, body, err := answer(); err != nil || status != 200 || !bytes.Equal(body, data) {
				t.Errorf("%s: the next request is answered %d, %s (%v), want the object", c.name, status, body, err)
			}
			continue
		}
		if status, body, err := answer(); err == nil {
			t.Errorf("%s: answered once more: %d, %s; want that the connection has ended", c.name, status, body)
		}
	}
}

// TestSmuggled: nobody's request comes after one of whose end a proxy may be of another opinion.
func TestSmuggled(t *testing.T) {
	s := serve(t, Options{})
	const put = "PUT /bucket/key HTTP/1.1\r\nHost: x\r\n"
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"chunked", put + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 404},
		{"HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 403},
		{"both", put + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"the other way about", put + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
		{"in HTTP/1.0", "PUT /bucket/key HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
		{"identity", put + "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nabcde", 400},
		{"in a value", put + "X: a\nContent-Length: 100\r\n\r\n", 400},
		{"folded", put + "X: a\r\n Content-Length: 100\r\n\r\n", 400},
		{"twice", put + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
	} {
		conn, err := net.Dial("tcp", s.at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, c.text+"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(conn)
		got, err := http.ReadResponse(r, nil)
		if err != nil || got.StatusCode != c.want {
			t.Errorf("%s: %v, %v, want status %d", c.name, got, err, c.want)
			continue
		}
		if _, err := io.Copy(io.Discard, got.Body); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got, err := http.ReadResponse(r, nil); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v, %v to what was smuggled, want the connection's end", c.name, got, err)
		}
	}
}
