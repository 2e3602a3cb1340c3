package httpd

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen at once, and how long what must
// not be waited for would take.
const (
	patience = 20 * time.Second
	forever  = time.Hour
)

// key returns a TLS certificate, which is known by its common name.
func key(t testing.TB, name string) tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	template.Subject.CommonName = name
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// identify knows members and clients by their common names.
func identify(state *tls.ConnectionState) Party {
	if state == nil || len(state.PeerCertificates) == 0 {
		return Party{}
	}
	switch name := state.PeerCertificates[0].Subject.CommonName; name[0] {
	case 'm':
		return Party{Class: Member, Name: name}
	case 'c':
		return Party{Class: Client, Name: name}
	}
	return Party{}
}

// everybody counts everybody who speaks without TLS as a client.
func everybody(*tls.ConnectionState) Party { return Party{Class: Client} }

// harness is a server, and where it listens.
type harness struct {
	t       testing.TB
	server  *Server
	address string
}

// start serves the routes until the test ends, with TLS if it is to be.
func start(t testing.TB, o Options, secure bool, routes func(*Server, *http.ServeMux)) *harness {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	routes(s, mux)
	var config *tls.Config
	if secure {
		config = &tls.Config{Certificates: []tls.Certificate{key(t, "server")}, ClientAuth: tls.RequestClientCert}
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l, config, mux) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return &harness{t: t, server: s, address: l.Addr().String()}
}

// dial connects. The connection is closed when the test ends.
func (h *harness) dial() net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// web returns a client with a key, of whose connections one is kept.
func (h *harness) web(name string) *http.Client {
	h.t.Helper()
	config := &tls.Config{InsecureSkipVerify: true}
	if name != "" {
		config.Certificates = []tls.Certificate{key(h.t, name)}
	}
	transport := &http.Transport{TLSClientConfig: config}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// send writes a request whose body does not come.
func send(t testing.TB, conn net.Conn, method, path, rest string) {
	t.Helper()
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\n%s", method, path, rest); err != nil {
		t.Fatal(err)
	}
}

// answer reads an answer.
func answer(t testing.TB, r *bufio.Reader) (status int, body string) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: it never happened", what)
		case <-tick.C:
		}
	}
}
