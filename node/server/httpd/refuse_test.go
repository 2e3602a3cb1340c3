package httpd

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// refusing serves routes that answer before the body has come, each for another reason.
func refusing(s *Server, mux *http.ServeMux) {
	mux.Handle("/forbidden", s.Handle("forbidden", Rule{Least: Member}, func(x *Exchange) { x.WriteHeader(http.StatusOK) }))
	mux.Handle("/gone", s.Handle("gone", Rule{}, func(x *Exchange) { x.Fail(http.StatusGone, "gone") }))
	mux.Handle("/busy", s.Handle("busy", Rule{}, func(x *Exchange) { x.Busy("busy") }))
	mux.Handle("/stored", s.Handle("stored", Rule{}, func(x *Exchange) { x.WriteHeader(http.StatusOK) }))
	mux.Handle("/silent", s.Handle("silent", Rule{}, func(*Exchange) {}))
	mux.Handle("/body", s.Handle("body", Rule{}, func(x *Exchange) {
		if data, ok := x.ReadBody(1 << 40); ok {
			_, _ = x.Write(data)
		}
	}))
	mux.Handle("/small", s.Handle("small", Rule{}, func(x *Exchange) {
		if data, ok := x.ReadBody(10); ok {
			_, _ = x.Write(data)
		}
	}))
}

// TestRefusalsComeAtOnce announces bodies that never come. The answer comes all the same,
// and the connection ends; reading the body would take for ever.
func TestRefusalsComeAtOnce(t *testing.T) {
	h := start(t, Options{StallTimeout: forever, HeaderTimeout: forever, MinRate: 1, Identify: everybody}, false, refusing)
	for _, route := range []struct {
		path string
		want int
	}{
		{"/forbidden", 403}, {"/gone", 410}, {"/busy", 503}, {"/stored", 200}, {"/silent", 200}, {"/small", 413},
	} {
		for _, body := range []struct{ name, header, sent string }{
			{"short", "Content-Length: 100\r\n\r\n", ""},
			{"half sent", "Content-Length: 100\r\n\r\n", "abc"},
			{"long", "Content-Length: 200000\r\n\r\n", "abc"},
			{"far", "Content-Length: 1000000000000\r\n\r\n", "abc"},
			{"farthest", "Content-Length: 9223372036854775807\r\n\r\n", ""},
			{"expected", "Content-Length: 200000\r\nExpect: 100-continue\r\n\r\n", ""},
			{"short and expected", "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n", ""},
			{"chunked", "Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n"},
		} {
			t.Run(route.path+" "+body.name, func(t *testing.T) {
				t.Parallel()
				want := route.want
				if route.path == "/small" && body.name == "chunked" {
					want = 411
				}
				conn := h.dial()
				send(t, conn, "PUT", route.path, body.header+body.sent)
				r := bufio.NewReader(conn)
				if got, _ := answer(t, r); got != want {
					t.Fatalf("status %d, want %d", got, want)
				}
				if _, err := io.Copy(io.Discard, r); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal("the connection stays open")
				}
			})
		}
	}
}

// TestBodyOnItsWayKeepsTheConnection has short bodies follow a refusal at once.
func TestBodyOnItsWayKeepsTheConnection(t *testing.T) {
	h := start(t, Options{Identify: everybody}, false, refusing)
	conn := h.dial()
	r := bufio.NewReader(conn)
	for _, path := range []string{"/gone", "/stored", "/small", "/forbidden", "/body"} {
		send(t, conn, "PUT", path, "Content-Length: 1000\r\n\r\n"+strings.Repeat("x", 1000))
		if got, body := answer(t, r); path == "/body" && (got != 200 || len(body) != 1000) {
			t.Fatalf("status %d with %d bytes, want 200 with 1000", got, len(body))
		}
	}
}

// TestNothingIsTakenForARequest sends what looks like a request as the body of one that is
// refused.
func TestNothingIsTakenForARequest(t *testing.T) {
	h := start(t, Options{Identify: everybody}, false, refusing)
	inner := "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
	for _, announced := range []string{"1000", "200000", "9223372036854775807"} {
		conn := h.dial()
		send(t, conn, "PUT", "/gone", "Content-Length: "+announced+"\r\n\r\n"+inner)
		r := bufio.NewReader(conn)
		if got, _ := answer(t, r); got != 410 {
			t.Fatalf("%s bytes: status %d, want 410", announced, got)
		}
		if rest, err := io.ReadAll(r); len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s bytes: %q, %v after the refusal, want the end", announced, rest, err)
		}
	}
}

// TestBodyMustCome cuts off bodies that are announced and do not come, or too slowly.
func TestBodyMustCome(t *testing.T) {
	h := start(t, Options{StallTimeout: 100 * time.Millisecond, MinRate: 1 << 10, Identify: everybody}, false, refusing)
	for _, test := range []struct {
		name, length string
		drip         bool
	}{
		{"silent", "100", false}, {"silent and far", "1000000000000", false}, {"silent and farthest", "9223372036854775807", false},
		{"dripping", "100000", true}, {"dripping and far", "1000000000000", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			conn := h.dial()
			send(t, conn, "PUT", "/body", "Content-Length: "+test.length+"\r\n\r\nabc")
			gone := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, conn)
				gone <- err
			}()
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case err := <-gone:
					if errors.Is(err, os.ErrDeadlineExceeded) {
						t.Fatal("the connection stays open")
					}
					return
				case <-tick.C:
					if test.drip {
						_, _ = conn.Write([]byte{'x'}) // an error shows as the end of what is read
					}
				}
			}
		})
	}
}

// TestLongAnswersAreNotCutOff computes for longer than a body may stall, after one that
// has come and without one.
func TestLongAnswersAreNotCutOff(t *testing.T) {
	const stall = 50 * time.Millisecond
	h := start(t, Options{StallTimeout: stall, Identify: everybody}, false, func(s *Server, mux *http.ServeMux) {
		mux.Handle("/", s.Handle("slow", Rule{}, func(x *Exchange) {
			if _, ok := x.ReadBody(1 << 20); !ok {
				return
			}
			work := time.NewTimer(4 * stall)
			defer work.Stop()
			select {
			case <-x.Context().Done():
				x.Fail(http.StatusInternalServerError, "cancelled")
			case <-work.C:
				_, _ = x.Write([]byte("done"))
			}
		}))
	})
	for _, body := range []string{"", "x", strings.Repeat("x", 100_000)} {
		req, err := http.NewRequest("PUT", "http://"+h.address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("body of %d bytes: %v", len(body), err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != "done" {
			t.Errorf("body of %d bytes: %q, %v, want done", len(body), got, err)
		}
	}
}

// TestMemoryComesWithBytes has one client announce all the memory there is, again and
// again, and send nothing: others still have theirs.
func TestMemoryComesWithBytes(t *testing.T) {
	const most = 8 << 20
	h := start(t, Options{MaxBytes: most, StallTimeout: forever, MinRate: 1, Identify: identify}, true, refusing)
	greedy := h.web("c-greedy")
	block, unblock := io.Pipe()
	defer unblock.Close()
	for range 20 {
		req, err := http.NewRequest("PUT", "https://"+h.address+"/body", block)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = most
		go func() {
			if resp, err := greedy.Do(req); err == nil {
				resp.Body.Close()
			}
		}()
	}
	eventually(t, "all are there", func() bool { return h.server.conns.count()[Client] > 0 && h.server.slots.use() > 0 })
	for _, name := range []string{"c-honest", "m-honest"} {
		req, err := http.NewRequest("PUT", "https://"+h.address+"/body", strings.NewReader(strings.Repeat("x", most/3)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := h.web(name).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || n != most/3 || err != nil {
			t.Errorf("%s: status %d with %d bytes, %v, want 200 with %d", name, resp.StatusCode, n, err, most/3)
		}
	}
	if got := h.server.bytes.use(); got > most/2 {
		t.Errorf("%d bytes are held for bodies that did not come", got)
	}
}

// TestRequestsAreShared has one client hold as many requests as it can.
func TestRequestsAreShared(t *testing.T) {
	const most = 8
	release := make(chan struct{})
	h := start(t, Options{MaxRequests: most, Identify: identify}, true, func(s *Server, mux *http.ServeMux) {
		mux.Handle("/", s.Handle("wait", Rule{}, func(x *Exchange) {
			select {
			case <-release:
			case <-x.Context().Done():
			}
		}))
		mux.Handle("/health", s.Handle("health", Rule{Unlimited: true}, func(x *Exchange) { x.WriteHeader(200) }))
		mux.Handle("/quick", s.Handle("quick", Rule{}, func(x *Exchange) { x.WriteHeader(200) }))
	})
	defer close(release)
	get := func(web *http.Client, path string) int {
		resp, err := web.Get("https://" + h.address + path)
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	greedy, stranger := h.web("c-greedy"), h.web("")
	for range 4 * most {
		go get(greedy, "/wait")
		go get(stranger, "/wait")
	}
	eventually(t, "the greedy one is refused", func() bool { return get(greedy, "/quick") == 503 })
	eventually(t, "the stranger is refused", func() bool { return get(stranger, "/quick") == 503 })
	for _, name := range []string{"c-honest", "m-honest"} {
		if got := get(h.web(name), "/quick"); got != 200 {
			t.Errorf("%s: status %d, want 200", name, got)
		}
	}
	if got := get(greedy, "/health"); got != 200 {
		t.Errorf("health: status %d, want 200", got)
	}
}

var _ net.Conn = (*conn)(nil)

// TestBodiesWaitForMemory has one client take all the memory that it may: what it sends
// next is taken once there is some, and refused if there is none for as long as a body may
// stall.
func TestBodiesWaitForMemory(t *testing.T) {
	const most = 4 << 20
	for name, stall := range map[string]time.Duration{"in time": forever, "too late": 50 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			holds, release := make(chan struct{}), make(chan struct{})
			h := start(t, Options{MaxBytes: most, StallTimeout: stall, Identify: everybody}, false, func(s *Server, mux *http.ServeMux) {
				refusing(s, mux)
				mux.Handle("/hold", s.Handle("hold", Rule{}, func(x *Exchange) {
					x.Hold(most)
					close(holds)
					<-release
				}))
			})
			free := sync.OnceFunc(func() { close(release) })
			defer free()
			go func() {
				if resp, err := http.Get("http://" + h.address + "/hold"); err == nil {
					resp.Body.Close()
				}
			}()
			<-holds
			conn := h.dial()
			send(t, conn, "PUT", "/body", "Content-Length: 1000\r\n\r\n"+strings.Repeat("x", 1000))
			want := 503
			if stall == forever {
				eventually(t, "the body waits", func() bool {
					h.server.bytes.mu.Lock()
					defer h.server.bytes.mu.Unlock()
					return h.server.bytes.next != nil
				})
				free()
				want = 200
			}
			if got, _ := answer(t, bufio.NewReader(conn)); got != want {
				t.Errorf("status %d, want %d", got, want)
			}
		})
	}
}
