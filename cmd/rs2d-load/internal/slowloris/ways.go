package slowloris

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/rs2d"
)

// way is a way to be slow.
type way struct {
	name string
	// dawdle keeps a connection for as long as it goes.
	dawdle func(conn net.Conn, t *target)
}

// waysOf returns all ways there are.
func waysOf(plain bool) []way {
	ways := []way{
		{"silent", func(conn net.Conn, _ *target) { _, _ = io.Copy(io.Discard, conn) }},
		{"half a header", func(conn net.Conn, t *target) { t.send(conn, nil, header) }},
		{"half a body, of a stranger", func(conn net.Conn, t *target) { t.send(conn, nil, shortBody) }},
		{"half a body, of a writer", func(conn net.Conn, t *target) { t.send(conn, t.writer, longBody) }},
		{"answers unread", unread},
	}
	if !plain {
		ways = append(ways, way{"half a handshake", handshake})
	}
	return ways
}

// What clients send, and never to the end: a byte at a time beyond this.
var (
	header    = "GET " + api.HealthPath + " HTTP/1.1\r\nHost: redstuff\r\nX-Slow: "
	shortBody = put(api.MetadataPath, 32<<10)
	// A node that believed the length of the long one would wait for it a while, and hold
	// memory for it.
	longBody = put("", 1<<20) + string(api.FrameHeader{Kind: api.FrameMetadata, Length: 4 << 10}.Append(nil))
)

// put begins a request whose body has so many bytes.
func put(rest string, length int) string {
	return fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: redstuff\r\nContent-Length: %d\r\n\r\n", api.BlobPath(commit.BlobID{1}, rest), length)
}

// handshake says hello, a byte at a time.
func handshake(conn net.Conn, t *target) {
	slow := &drip{conn}
	_ = tls.Client(slow, (*identity.Key)(nil).ClientTLS(t.server)).Handshake() // until the node hangs up
}

// greet shakes hands as a client should, with its key or without one.
func (t *target) greet(conn net.Conn, key *identity.Key) (net.Conn, error) {
	if t.plain {
		return conn, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	secure := tls.Client(conn, key.ClientTLS(t.server))
	return secure, secure.HandshakeContext(ctx)
}

// send says the begin of a request, and goes on a byte at a time. It listens, so as to
// hear that the node hangs up.
func (t *target) send(conn net.Conn, key *identity.Key, begin string) {
	conn, err := t.greet(conn, key)
	if err != nil {
		return
	}
	if _, err := io.WriteString(conn, begin); err != nil {
		return
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close() // which ends the writes below
	}()
	slow := &drip{conn}
	for err == nil {
		_, err = slow.Write([]byte("x"))
	}
	_ = conn.Close()
	<-heard
}

// unread asks for slivers again and again, and reads none of them.
func unread(conn net.Conn, t *target) {
	conn, err := t.greet(conn, nil)
	if err != nil {
		return
	}
	path, err := sliverOf(conn)
	if err != nil {
		return
	}
	for err == nil {
		_, err = io.WriteString(conn, get(path))
	}
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: redstuff\r\n\r\n" }

// sliverOf returns the path of a sliver that the node has, and that of its health if it
// has none.
func sliverOf(conn net.Conn) (path string, err error) {
	answers := bufio.NewReader(conn)
	ask := func(path string, answer any) error {
		if _, err := io.WriteString(conn, get(path)); err != nil {
			return err
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(answer)
	}
	var list api.BlobList
	if err := ask(api.BlobsPath+"?limit=1", &list); err != nil || len(list.Blobs) == 0 {
		return api.HealthPath, err
	}
	var status api.Status
	id := list.Blobs[0].Blob
	if err := ask(api.BlobPath(id, api.StatusPath), &status); err != nil || len(status.Primary) == 0 {
		return api.HealthPath, err
	}
	return api.SliverPath(id, status.Primary[0], rs2d.Primary), nil
}

// drip is a connection that takes what is written a byte at a time.
type drip struct{ net.Conn }

func (d *drip) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
		time.Sleep(dripEvery)
	}
	return len(p), nil
}
