package httpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func hello(s *Server, mux *http.ServeMux) {
	mux.Handle("/", s.Handle("hello", Rule{}, func(x *Exchange) { _, _ = io.WriteString(x, "hello") }))
}

// TestNewcomersAreServed has one stranger take all the connections there are, each in
// another state. Newcomers of every class are served, and connections of clients and
// members stay.
func TestNewcomersAreServed(t *testing.T) {
	const most = 16
	for name, hold := range map[string]func(testing.TB, net.Conn){
		"silent":     func(testing.TB, net.Conn) {},
		"handshake":  func(t testing.TB, c net.Conn) { _, _ = c.Write([]byte{22, 3, 1, 2, 0, 1, 0}) },
		"not TLS":    func(t testing.TB, c net.Conn) { _, _ = io.WriteString(c, "GET ") },
		"first byte": func(t testing.TB, c net.Conn) { _, _ = c.Write([]byte{22}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, Options{MaxConns: most, HeaderTimeout: forever, IdleTimeout: forever, Identify: identify}, true, hello)
			known := map[string]*http.Client{"client": h.web("c-1"), "member": h.web("m-1")}
			get := func(web *http.Client, context string) {
				t.Helper()
				resp, err := web.Get("https://" + h.address)
				if err != nil {
					t.Fatalf("%s: %v", context, err)
				}
				defer resp.Body.Close()
				if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "hello" {
					t.Fatalf("%s: %q, %v", context, got, err)
				}
			}
			var dials atomic.Int64
			for name, web := range known {
				transport := web.Transport.(*http.Transport)
				transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					dials.Add(1)
					return new(net.Dialer).DialContext(ctx, network, address)
				}
				get(web, name)
			}
			for range 5 * most {
				hold(t, h.dial())
			}
			for name, web := range map[string]*http.Client{"new client": h.web("c-2"), "new member": h.web("m-2"), "new stranger": h.web("")} {
				get(web, name)
			}
			for name, web := range known {
				get(web, name)
			}
			if got := dials.Load(); got != 2 {
				t.Errorf("clients and members connected %d times, want 2: they lost their connections to a stranger", got)
			}
			count := h.server.conns.count()
			if total := count[Stranger] + count[Client] + count[Member]; total > most+1 {
				t.Errorf("%d connections, want at most %d", total, most)
			}
			if len(h.server.Problems()) != 1 {
				t.Errorf("problems %v, want one of connections", h.server.Problems())
			}
		})
	}
}

// TestIdleKeepAliveGoesFirst keeps connections alive with a request now and then: the one
// that has been idle longest makes room.
func TestIdleKeepAliveGoesFirst(t *testing.T) {
	const most = 4
	h := start(t, Options{MaxConns: most, IdleTimeout: forever}, false, hello)
	var conns []*bufio.Reader
	for i := range 3 * most {
		conn := h.dial()
		r := bufio.NewReader(conn)
		send(t, conn, "GET", "/", "\r\n")
		if got, body := answer(t, r); got != 200 || body != "hello" {
			t.Fatalf("connection %d: %d, %q, want 200, hello", i, got, body)
		}
		conns = append(conns, r)
	}
	for i, r := range conns[:most] {
		if _, err := r.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %d: %v, want its end", i, err)
		}
	}
}

// TestStrangersOfOtherNetworks has one network fill its part: another one gets in, and
// keeps what it has.
func TestStrangersOfOtherNetworks(t *testing.T) {
	const most = 8
	h := start(t, Options{MaxConns: most, HeaderTimeout: forever, IdleTimeout: forever}, false, hello)
	other := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := other.Dial("tcp", h.address)
	if err != nil {
		t.Skipf("this machine has one loopback address only: %v", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for range 3 {
		for range 2 * most {
			h.dial()
		}
		send(t, conn, "GET", "/", "\r\n")
		if got, _ := answer(t, r); got != 200 {
			t.Fatalf("status %d, want 200", got)
		}
	}
}

// scarce is a listener that has no descriptors while too many connections are open.
type scarce struct {
	net.Listener
	open, most atomic.Int64
}

type scarceConn struct {
	net.Conn
	open *atomic.Int64
	once atomic.Bool
}

func (l *scarce) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.open.Add(1) > l.most.Load() {
		l.open.Add(-1)
		conn.Close()
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return &scarceConn{Conn: conn, open: &l.open}, nil
}

func (c *scarceConn) Close() error {
	if !c.once.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

// TestNoDescriptors has descriptors run out before connections do.
func TestNoDescriptors(t *testing.T) {
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &scarce{Listener: raw}
	l.most.Store(4)
	s, err := New(Options{HeaderTimeout: forever})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	hello(s, mux)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l, nil, mux) }()
	defer func() {
		s.Close()
		<-done
	}()
	for range 12 {
		conn, err := net.Dial("tcp", raw.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	eventually(t, "somebody is served", func() bool {
		resp, err := web.Get("http://" + raw.Addr().String())
		if err != nil {
			return false // the connection at whose expense room was made
		}
		resp.Body.Close()
		return resp.StatusCode == 200
	})
	if !slices.ContainsFunc(s.Problems(), func(p Problem) bool { return p.Name == "descriptors" }) {
		t.Errorf("problems %v, want one of descriptors", s.Problems())
	}
}

// TestDescriptorProblem says what there is to say of descriptors.
func TestDescriptorProblem(t *testing.T) {
	for _, test := range []struct {
		name   string
		d      Descriptors
		ranOut time.Time
		want   string // part of the message
	}{
		{"enough", Divide(1<<20, 4096, 256, 512, 128), time.Time{}, ""},
		{"not known", Divide(0, 4096, 256, 512, 128), time.Time{}, ""},
		{"few", Divide(256, 4096, 256, 512, 128), time.Time{}, "only 256 files may be open, so that there are 41 connections and 13 requests"},
		{"none", Divide(1<<20, 4096, 256, 512, 128), time.Now(), "no more files can be opened"},
		{"few, and none", Divide(256, 4096, 256, 512, 128), time.Now(), "no more files can be opened"},
		{"none a while ago", Divide(1<<20, 4096, 256, 512, 128), time.Now().Add(-2 * pressed), ""},
	} {
		p, ok := DescriptorProblem(test.d, test.ranOut)
		if ok != (test.want != "") || !strings.Contains(p.Message, test.want) {
			t.Errorf("%s: %q, %v, want %q", test.name, p.Message, ok, test.want)
		}
		if ok && (p.Name != "descriptors" || !strings.Contains(p.Remedy, "ulimit -n")) {
			t.Errorf("%s: %+v, want a name and a remedy", test.name, p)
		}
	}
}

// TestHandshakesEnd ends handshakes in every way there is, many more times than are
// computed at once: what they held is free again.
func TestHandshakesEnd(t *testing.T) {
	h := start(t, Options{HeaderTimeout: patience, Identify: identify}, true, hello)
	turns := h.server.strangers.turns
	free := turns.free
	for i := range 4 * free {
		for _, stop := range []func(net.Conn){
			func(c net.Conn) { c.Close() },
			func(c net.Conn) { _, _ = c.Write([]byte("garbage")); c.Close() },
			func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); c.Close() },
		} {
			conn := h.dial()
			_, _ = conn.Write(clientHello(t))
			stop(conn)
		}
		if resp, err := h.web(fmt.Sprint("c-", i)).Get("https://" + h.address); err != nil {
			t.Fatal(err)
		} else {
			resp.Body.Close()
		}
	}
	eventually(t, "all turns are free", func() bool { return idle(turns, free) })
}

// clientHello returns the first bytes that a client sends.
func clientHello(t testing.TB) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		web := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return far, nil }}
		req, err := http.NewRequest("GET", "https://x", nil)
		if err == nil {
			_, _ = web.RoundTrip(req)
		}
	}()
	b := make([]byte, 4096)
	n, err := near.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// TestShutdownWaitsForNobodySilent ends a server that has connections without a request.
func TestShutdownWaitsForNobodySilent(t *testing.T) {
	h := start(t, Options{HeaderTimeout: forever}, false, hello)
	for range 3 {
		h.dial()
	}
	conn := h.dial()
	send(t, conn, "GET", "/", "\r\n")
	answer(t, bufio.NewReader(conn))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := h.server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestNetworks(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "[::ffff:192.0.2.1]:80": "192.0.2.1",
		"[fe80::1%eth0]:1": "fe80::/64", "pipe": "unknown", "": "unknown",
	} {
		if got := networkOf(address); got != want {
			t.Errorf("network of %q is %q, want %q", address, got, want)
		}
	}
}

func TestDivide(t *testing.T) {
	for _, test := range []struct {
		limit int
		want  Descriptors
	}{
		{0, Descriptors{0, 4096, 256, 512, false}},
		{1 << 20, Descriptors{1 << 20, 4096, 256, 512, false}},
		{1024, Descriptors{1024, 300, 93, 250, true}},
		{256, Descriptors{256, 41, 13, 128, true}},
		{10, Descriptors{10, 6, 2, 128, true}},
	} {
		if got := Divide(test.limit, 4096, 256, 512, 128); got != test.want {
			t.Errorf("limit %d: %+v, want %+v", test.limit, got, test.want)
		}
	}
	if got := RaiseDescriptors(); got < 0 {
		t.Errorf("the limit is %d", got)
	}
}

// TestVictim has connections of one stranger in several states, and expects that the one
// that is of least use makes room.
func TestVictim(t *testing.T) {
	now := time.Now()
	type state struct {
		name  string
		busy  bool
		still time.Duration // for how long no byte has moved
	}
	for _, test := range []struct {
		name   string
		states []state
		want   string
	}{
		{"the longest idle", []state{{"a", false, 3 * time.Second}, {"b", false, 2 * time.Second}, {"c", true, 0}}, "a"},
		{"an answer that nobody reads", []state{{"a", false, 2 * time.Second}, {"b", true, 2 * stuck}, {"c", true, 3 * stuck}}, "c"},
		{"an answer on its way stays", []state{{"a", true, stuck / 2}, {"b", false, 0}}, "b"},
		{"the slowest answer", []state{{"a", true, stuck / 4}, {"b", true, stuck / 2}}, "b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			all, names := newConns(8), make(map[*conn]string)
			for _, s := range test.states {
				c := &conn{all: all, since: now}
				all.insert(c, Party{Name: "x"})
				all.becomes(c, s.busy)
				c.active.Store(now.Add(-s.still).UnixNano())
				if c.since != now {
					t.Error("a request earned time to settle")
				}
				names[c] = s.name
			}
			if got := names[all.victim(true)]; got != test.want {
				t.Errorf("victim %q, want %q", got, test.want)
			}
		})
	}
}

// TestCutOffsAreCounted counts each connection that is cut off, by what did not come in
// time, and none that was idle.
func TestCutOffsAreCounted(t *testing.T) {
	h := start(t, Options{
		StallTimeout: 100 * time.Millisecond, HeaderTimeout: 100 * time.Millisecond, IdleTimeout: 100 * time.Millisecond, MinRate: 1 << 40, Identify: everybody,
	}, false, func(s *Server, mux *http.ServeMux) {
		refusing(s, mux)
		mux.Handle("/long", s.Handle("long", Rule{}, func(x *Exchange) {
			for {
				if _, err := x.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}))
	})
	for _, test := range []struct {
		name, sent string
		want       [cutPoints]uint64
	}{
		{"half a header", "GET /gone HTTP/1.1\r\nHo", [cutPoints]uint64{1, 0, 0}},
		{"half a body", "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc", [cutPoints]uint64{1, 1, 0}},
		{"unread", "GET /long HTTP/1.1\r\nHost: x\r\n\r\n", [cutPoints]uint64{1, 1, 1}},
	} {
		conn := h.dial()
		if _, err := io.WriteString(conn, test.sent); err != nil {
			t.Fatal(err)
		}
		eventually(t, test.name, func() bool { return h.server.conns.cutOffs() == test.want })
	}
	idle := h.dial()
	send(t, idle, "PUT", "/body", "Content-Length: 1\r\n\r\nx")
	if _, err := io.Copy(io.Discard, idle); err != nil { // until it is closed
		t.Fatal(err)
	}
	if got, want := h.server.conns.cutOffs(), [cutPoints]uint64{1, 1, 1}; got != want {
		t.Errorf("%v after one that was idle, want %v", got, want)
	}
}
