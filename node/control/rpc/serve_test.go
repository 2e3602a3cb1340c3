package rpc

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/redstuff-go/redstuff/node/control/chain"
)

// TestServe: connections are bounded, there is room again when one goes, and who waits
// for events does not keep the server from ending.
func TestServe(t *testing.T) {
	l, _, _, _ := serve(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, listener, Handler(chain.Local(l)), Limits{Conns: 3, ConnsOf: 2}, time.Minute, slog.New(slog.DiscardHandler))
	}()
	address := listener.Addr().String()
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	held := []net.Conn{dial(), dial()}
	for _, c := range held {
		if _, err := c.Write([]byte("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatalf("a connection there is room for: %v", err)
		}
	}
	third := dial()
	defer third.Close()
	if _, err := third.Read(make([]byte, 1)); err == nil {
		t.Error("a third connection of one address is served, and it may have 2")
	}
	for _, c := range held {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c := NewClient("http://" + address)
	for {
		if _, err := c.Status(ctx); err == nil {
			break
		}
	}
	waiting := make(chan error, 1)
	go func() {
		_, _, err := c.Events(context.Background(), chain.Cursor{}, 1)
		waiting <- err
	}()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := <-waiting; err == nil {
		// It was answered that there are none.
		if _, err := http.Get("http://" + address); err == nil {
			t.Error("the server has ended, and answers")
		}
	}
}

// TestSmuggled sends requests behind others of whose end a proxy may be of another opinion:
// nobody answers them.
func TestSmuggled(t *testing.T) {
	l, _, _, _ := serve(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all errgroup.Group
	ctx, cancel := context.WithCancel(context.Background())
	all.Go(func() error {
		return Serve(ctx, listener, Handler(chain.Local(l)), Limits{}, time.Minute, slog.New(slog.DiscardHandler))
	})
	const inner = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
	const post, end = "POST /v1/transactions HTTP/1.1\r\nHost: x\r\n", "0\r\n\r\n"
	for name, text := range map[string]string{
		"chunked":  post + "Transfer-Encoding: chunked\r\n\r\n" + end,
		"both":     post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + end,
		"LF alone": post + "X: a\nContent-Length: 5\r\n\r\n" + end,
		"HTTP/1.0": "GET /v1/status HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	} {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, inner+text+inner); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(c)
		for i := range 3 {
			answer, err := http.ReadResponse(r, nil)
			if i == 2 {
				if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: %v, %v to what was smuggled, want the connection's end", name, answer, err)
				}
				break
			}
			if err != nil {
				t.Fatalf("%s: no answer to request %d: %v", name, i, err)
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Fatal(err)
			}
			if i == 0 && answer.StatusCode != http.StatusOK {
				t.Errorf("%s: status %d of a request that is right", name, answer.StatusCode)
			}
		}
		_ = c.Close()
	}
	cancel()
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
}
