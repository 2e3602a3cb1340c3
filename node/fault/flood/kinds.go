package flood

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Kind is what one who holds a connection does with it.
type Kind string

const (
	// Silent says nothing.
	Silent Kind = "silent"
	// HalfHandshake begins a TLS handshake, a byte at a time. Without TLS it is Silent.
	HalfHandshake Kind = "half-handshake"
	// HalfHeader sends a request's header, a byte at a time, and never ends it.
	HalfHeader Kind = "half-header"
	// Idle asks for the node's health now and then, and keeps the connection.
	Idle Kind = "idle"
	// FarBody announces 10^12 bytes of a body, as a stranger, and sends none of them.
	FarBody Kind = "far-body"
	// DripBody announces a short body, as a stranger, and sends a byte of it at a time.
	DripBody Kind = "drip-body"
	// ClientDripBody announces a long body, as a client, and sends a byte at a time.
	ClientDripBody Kind = "client-drip-body"
	// UnsentBody announces a body of Config.Announce bytes, as a client, and sends none.
	UnsentBody Kind = "unsent-body"
	// Unread asks for slivers again and again, and reads no answer.
	Unread Kind = "unread"
	// Garbage sends what is no HTTP, without TLS as well as with it.
	Garbage Kind = "garbage"
)

// Kinds returns all kinds, sorted.
func Kinds() []Kind {
	all := make([]Kind, 0, len(kinds))
	for k := range kinds {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// Pauses within a connection.
const (
	dripEvery = 250 * time.Millisecond // between two bytes
	idleEvery = 10 * time.Second       // between two requests
)

// farAway is a length that nobody waits for the end of.
const farAway = 1_000_000_000_000

// kinds hold a connection for as long as the node lets them. They return when it is
// closed, by whomever.
var kinds = map[Kind]func(net.Conn, *target){
	Silent:         func(conn net.Conn, _ *target) { listen(conn) },
	HalfHandshake:  handshake,
	HalfHeader:     func(conn net.Conn, t *target) { t.drip(conn, t.Stranger, header) },
	Idle:           idle,
	FarBody:        func(conn net.Conn, t *target) { t.announce(conn, t.Stranger, put(api.MetadataPath, farAway)) },
	DripBody:       func(conn net.Conn, t *target) { t.drip(conn, t.Stranger, put(api.MetadataPath, 32<<10)) },
	ClientDripBody: func(conn net.Conn, t *target) { t.drip(conn, t.Client, put("", 1<<20)+firstFrame) },
	UnsentBody:     func(conn net.Conn, t *target) { t.announce(conn, t.Client, put("", t.flood.config.Announce)) },
	Unread:         unread,
	Garbage:        garbage,
}

const header = "GET " + api.HealthPath + " HTTP/1.1\r\nHost: redstuff\r\nX-Slow: "

// firstFrame begins a body that says that it holds metadata.
var firstFrame = string(api.FrameHeader{Kind: api.FrameMetadata, Length: 4 << 10}.Append(nil))

// put begins a request whose body has so many bytes. Each is about another blob.
func put(rest string, length int64) string {
	var id commit.BlobID
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	return fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: redstuff\r\nContent-Length: %d\r\n\r\n", api.BlobPath(id, rest), length)
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: redstuff\r\n\r\n" }

// listen hears that the node hangs up.
func listen(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// greet shakes hands as one should.
func greet(conn net.Conn, config *tls.Config) (net.Conn, error) {
	if config == nil {
		return conn, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	secure := tls.Client(conn, config)
	return secure, secure.HandshakeContext(ctx)
}

// handshake says hello, a byte at a time.
func handshake(conn net.Conn, t *target) {
	if t.Stranger == nil {
		listen(conn)
		return
	}
	_ = tls.Client(&slow{conn, t}, t.Stranger).Handshake() // until the node hangs up
}

// announce sends the begin of a request, and waits.
func (t *target) announce(conn net.Conn, config *tls.Config, begin string) {
	conn, err := greet(conn, config)
	if err != nil {
		return
	}
	if _, err := io.WriteString(conn, begin); err == nil {
		listen(conn)
	}
}

// drip sends the begin of a request, and goes on a byte at a time. It listens, so as to
// hear that the node hangs up.
func (t *target) drip(conn net.Conn, config *tls.Config, begin string) {
	conn, err := greet(conn, config)
	if err != nil {
		return
	}
	if _, err := io.WriteString(conn, begin); err != nil {
		return
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		listen(conn)
		_ = conn.Close() // which ends the writes below
	}()
	for err == nil {
		_, err = (&slow{conn, t}).Write([]byte("x"))
	}
	_ = conn.Close()
	<-heard
}

// idle asks for little, and not often.
func idle(conn net.Conn, t *target) {
	conn, err := greet(conn, t.Stranger)
	if err != nil {
		return
	}
	answers := bufio.NewReader(conn)
	for {
		var health api.Health
		if err := ask(conn, answers, api.HealthPath, &health); err != nil {
			return
		}
		// What comes now is the end.
		_ = conn.SetReadDeadline(time.Now().Add(idleEvery))
		_, err := answers.ReadByte()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		_ = conn.SetReadDeadline(time.Time{})
	}
}

// unread asks for slivers again and again, and reads none of them.
func unread(conn net.Conn, t *target) {
	conn, err := greet(conn, t.Stranger)
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

// garbage sends bytes drawn by chance; every other time within TLS.
func garbage(conn net.Conn, t *target) {
	noise := make([]byte, 1+rand.IntN(4<<10))
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	if rand.IntN(2) == 0 {
		var err error
		if conn, err = greet(conn, t.Stranger); err != nil {
			return
		}
	}
	if _, err := conn.Write(noise); err == nil {
		listen(conn)
	}
}

// ask makes a request that is answered in JSON.
func ask(conn net.Conn, answers *bufio.Reader, path string, answer any) error {
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

// sliverOf returns the path of a sliver that the node has, and that of its health if it
// has none.
func sliverOf(conn net.Conn) (path string, err error) {
	answers := bufio.NewReader(conn)
	var list api.BlobList
	if err := ask(conn, answers, api.BlobsPath+"?limit=1", &list); err != nil || len(list.Blobs) == 0 {
		return api.HealthPath, err
	}
	var status api.Status
	id := list.Blobs[0].Blob
	if err := ask(conn, answers, api.BlobPath(id, api.StatusPath), &status); err != nil || len(status.Primary) == 0 {
		return api.HealthPath, err
	}
	return api.SliverPath(id, status.Primary[0], rs2d.Primary), nil
}

// slow is a connection that takes what is written a byte at a time.
type slow struct {
	net.Conn
	t *target
}

func (s *slow) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := s.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
		timer := time.NewTimer(dripEvery)
		select {
		case <-timer.C:
		case <-s.t.ctx.Done():
			timer.Stop()
			return i + 1, s.t.ctx.Err()
		}
	}
	return len(p), nil
}
