package s3

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
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
