package rpc

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/server/framing"
)

// Limits bound what is spent on those who ask. The zero value of a field stands for its
// default.
type Limits struct {
	Conns   int // connections; default 1024
	ConnsOf int // connections of one network address; default a quarter of them
}

// Times of a connection. An answer may take as long as somebody may wait for events, and
// some time to be sent.
const (
	headerTime = 5 * time.Second
	bodyTime   = 10 * time.Second
	answerTime = (MaxWaitSeconds + 30) * time.Second
	idleTime   = 2 * time.Minute
	maxHeader  = 16 << 10
)

// Serve serves the listener until the context ends; then it ends the requests that only
// wait, finishes the others, for at most grace, and returns. The listener is closed.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, limits Limits, grace time.Duration, log *slog.Logger) error {
	if limits.Conns == 0 {
		limits.Conns = 1024
	}
	if limits.ConnsOf == 0 {
		limits.ConnsOf = max(1, limits.Conns/4)
	}
	s := &http.Server{
		Handler: framing.LastIfUnsure(handler), ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx }, // who waits for events goes when it ends
	}
	failed := make(chan error, 1)
	go func() {
		failed <- s.Serve(&boundedListener{Listener: listener, limits: limits, of: make(map[netip.Addr]int)})
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := s.Shutdown(end); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// boundedListener closes connections that are too many.
type boundedListener struct {
	net.Listener
	limits Limits

	mu  sync.Mutex
	all int
	of  map[netip.Addr]int
}

// Accept returns the next connection that there is room for.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addressOf(c)
		if l.enter(from) {
			return &boundedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = c.Close()
	}
}

func addressOf(c net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	ip := at.Addr().Unmap().WithZone("")
	if prefix, err := ip.Prefix(64); ip.Is6() && err == nil {
		return prefix.Addr() // of which anybody may have the rest
	}
	return ip
}

func (l *boundedListener) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.limits.Conns || l.of[from] >= l.limits.ConnsOf {
		return false
	}
	l.all++
	l.of[from]++
	return true
}

func (l *boundedListener) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.of[from]--; l.of[from] == 0 {
		delete(l.of, from)
	}
}

type boundedConn struct {
	net.Conn
	framed framing.Requests
	leave  func()
}

// Read reads what is told apart as a proxy does, too.
func (c *boundedConn) Read(p []byte) (int, error) { return c.framed.Read(c.Conn, p) }

// Close makes room for another connection.
func (c *boundedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
