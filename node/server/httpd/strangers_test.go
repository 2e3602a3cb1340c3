package httpd

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// oneTurn lets strangers have one turn at once, which lasts until it is over by itself, as
// if others were served all the time.
func oneTurn(s *Server) {
	s.strangers.turns, s.strangers.long, s.strangers.recent = newTurns(1), forever, forever
	s.strangers.serves()
}

// await waits for a handler to begin.
func await(t *testing.T, begun <-chan struct{}) {
	t.Helper()
	select {
	case <-begun:
	case <-time.After(patience):
		t.Fatal("a request is not served")
	}
}

// TestUnreadAnswersTakeNoTurns has strangers who read nothing be served, many more than
// there are turns: others are served all the same.
func TestUnreadAnswersTakeNoTurns(t *testing.T) {
	stuck := make(chan struct{}, 100)
	h := start(t, Options{StallTimeout: forever, IdleTimeout: forever}, false, func(s *Server, mux *http.ServeMux) {
		oneTurn(s)
		hello(s, mux)
		mux.Handle("/endless", s.Handle("endless", Rule{}, func(x *Exchange) {
			stuck <- struct{}{}
			for piece := make([]byte, 64<<10); ; {
				if _, err := x.Write(piece); err != nil {
					return
				}
			}
		}))
	})
	for range 4 {
		conn := h.dial()
		if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		send(t, conn, "GET", "/endless", "\r\n")
		await(t, stuck)
	}
	conn := h.dial()
	send(t, conn, "GET", "/", "\r\n")
	if got, body := answer(t, bufio.NewReader(conn)); got != 200 || body != "hello" {
		t.Errorf("%d, %q, want 200, hello", got, body)
	}
}

// TestBodiesTakeNoTurns has strangers announce bodies that do not come, and handlers wait
// for them.
func TestBodiesTakeNoTurns(t *testing.T) {
	stuck := make(chan struct{}, 100)
	h := start(t, Options{StallTimeout: forever, IdleTimeout: forever, MinRate: 1}, false, func(s *Server, mux *http.ServeMux) {
		oneTurn(s)
		hello(s, mux)
		mux.Handle("/body", s.Handle("body", Rule{}, func(x *Exchange) {
			stuck <- struct{}{}
			_, _ = io.Copy(io.Discard, x.Body)
		}))
	})
	for range 4 {
		send(t, h.dial(), "PUT", "/body", "Content-Length: 1000000\r\n\r\nabc")
		await(t, stuck)
	}
	conn := h.dial()
	send(t, conn, "GET", "/", "\r\n")
	if got, body := answer(t, bufio.NewReader(conn)); got != 200 || body != "hello" {
		t.Errorf("%d, %q, want 200, hello", got, body)
	}
}

// TestNobodyElseWaitsForStrangers has a stranger take all turns, and others wait for them:
// clients and members are served meanwhile, and strangers afterwards.
func TestNobodyElseWaitsForStrangers(t *testing.T) {
	begun, release := make(chan struct{}, 1), make(chan struct{})
	var turns *turns
	h := start(t, Options{Identify: identify}, true, func(s *Server, mux *http.ServeMux) {
		oneTurn(s)
		turns = s.strangers.turns
		hello(s, mux)
		mux.Handle("/wait", s.Handle("wait", Rule{}, func(x *Exchange) {
			begun <- struct{}{}
			<-release
		}))
	})
	get := func(web *http.Client, path string) error {
		resp, err := web.Get("https://" + h.address + path)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return err
	}
	client, member, stranger := h.web("c-1"), h.web("m-1"), h.web("")
	for _, web := range []*http.Client{client, member, stranger} { // hands are shaken in turns of strangers
		if err := get(web, "/"); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 2)
	go func() { done <- get(stranger, "/wait") }()
	await(t, begun)
	go func() { done <- get(h.web(""), "/") }() // which waits to shake hands
	eventually(t, "a stranger waits", func() bool { return waiting(turns) == 1 })
	for name, web := range map[string]*http.Client{"client": client, "member": member} {
		for range 3 {
			if err := get(web, "/"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	close(release)
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("stranger: %v", err)
		}
	}
	eventually(t, "the turn is free", func() bool { return idle(turns, 1) })
}

// TestStrangersAlone has strangers be served who wait for something, when nobody else is:
// more of them at once than there are processors.
func TestStrangersAlone(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	h := start(t, Options{}, false, func(s *Server, mux *http.ServeMux) {
		s.strangers.turns, s.strangers.long = newTurns(1), forever
		mux.Handle("/", s.Handle("wait", Rule{}, func(x *Exchange) {
			begun <- struct{}{}
			<-release
		}))
	})
	for range 8 {
		send(t, h.dial(), "GET", "/", "\r\n")
		await(t, begun)
	}
	close(release)
}

// TestStrangersRest has a turn be followed by a rest if members or clients are served, and
// by none if they are not.
func TestStrangersRest(t *testing.T) {
	const took = 10 * time.Millisecond
	for _, test := range []struct {
		name   string
		served bool
		ago    time.Duration
		works  time.Duration
		rests  time.Duration
	}{
		{"nobody is served", false, 0, took, 0},
		{"somebody was served", true, 2 * recently, took, 0},
		{"somebody is served", true, took, took, rest * took},
		{"a long turn", true, 0, 5 * longTurn, rest*longTurn - 4*longTurn},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &strangers{turns: newTurns(1), long: longTurn, recent: recently}
				if test.served {
					s.serves()
					time.Sleep(test.ago)
				}
				own, err := s.wait(t.Context(), Party{Name: "x"})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.works)
				own.end()
				if test.rests > 0 {
					time.Sleep(test.rests - time.Nanosecond)
					if synctest.Wait(); idle(s.turns, 1) {
						t.Errorf("the turn is free before %v are over", test.rests)
					}
					time.Sleep(time.Nanosecond)
				}
				if synctest.Wait(); !idle(s.turns, 1) {
					t.Errorf("the turn is not free after %v", test.rests)
				}
			})
		})
	}
}

// TestTurnsOfStrangersEnd ends turns twice, while they are interrupted, and while they are
// waited for: each is free again.
func TestTurnsOfStrangersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &strangers{turns: newTurns(1), long: forever}
		who := Party{Name: "x"}
		wait := func() *turn {
			t.Helper()
			own, err := s.wait(t.Context(), who)
			if err != nil {
				t.Fatal(err)
			}
			return own
		}
		own := wait()
		own.end()
		own.end()
		own = wait()
		own.interrupt()
		own.end()
		if err := own.resume(); err != nil {
			t.Fatal(err)
		}
		if !idle(s.turns, 1) {
			t.Fatal("a turn that was over was resumed")
		}

		other, ctx := wait(), context.Background()
		own = &turn{of: s, who: who, ctx: ctx}
		resumed := make(chan error, 1)
		go func() { resumed <- own.resume() }()
		synctest.Wait()
		own.end()
		other.end()
		if err := <-resumed; err != nil {
			t.Fatal(err)
		}
		if !idle(s.turns, 1) {
			t.Error("a turn that was over before it came was kept")
		}

		own, cancel := wait(), context.CancelFunc(nil)
		ctx, cancel = context.WithCancel(ctx)
		cancel()
		if _, err := s.wait(ctx, who); err == nil {
			t.Error("a turn without a context")
		}
		own.end()
		if !idle(s.turns, 1) {
			t.Error("a turn that nobody waited for any more was kept")
		}
	})
}
