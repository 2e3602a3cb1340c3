package rpc

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

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
