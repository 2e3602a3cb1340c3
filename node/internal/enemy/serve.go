package enemy

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/node/fault/flood"
)

// Serve serves a listener with a handler until the test ends, over TLS with a member's
// configuration, or without TLS if there is none. Unlike a node's server it has all
// the time in the world. stop ends it before that; it may be called again.
func Serve(t testing.TB, l net.Listener, config *tls.Config, h http.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &http.Server{
		Handler: h, TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if config == nil {
			_ = s.Serve(l)
		} else {
			_ = s.ServeTLS(l, "", "")
		}
	})
	stop = func() {
		cancel()
		_ = s.Close()
		serving.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// Strangers starts a flood of so many connections to each of the targets, which stops
// when the test ends. It returns when each was taken or refused once.
func Strangers(t testing.TB, c flood.Config, k flood.Kind, each int) *flood.Flood {
	t.Helper()
	f := flood.New(c)
	t.Cleanup(f.Stop)
	f.Add(k, each)
	if err := f.Await(t.Context(), k, int64(each*len(c.Targets))); err != nil {
		t.Fatal(err)
	}
	return f
}
