package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/node/cork"
	"github.com/redstuff-go/redstuff/node/server/framing"
)

// Options are choices for [New]. The zero value of a field stands for its default.
type Options struct {
	MaxConns    int   // connections; default 4096
	MaxRequests int   // requests served at once; default 256
	MaxBytes    int64 // bytes of bodies, and of what answers are made of, held at once; default 1 GiB
	MaxTurns    int   // requests that compute at once; default twice the processors

	HeaderTimeout time.Duration // for a request's header, and for shaking hands; default 5 s
	StallTimeout  time.Duration // for a read or write without progress; default 10 s
	IdleTimeout   time.Duration // between two requests on a connection; default 2 min
	MinRate       int64         // least bytes a second of a body; default 64 KiB

	// Descriptors is how those of the process are divided, for Problems.
	Descriptors Descriptors

	// Identify tells who has shown which TLS key; the state is nil without TLS. The
	// default knows strangers only.
	Identify func(*tls.ConnectionState) Party
	// Fail writes an answer that is an error. The default is http.Error.
	Fail func(w http.ResponseWriter, status int, message string)

	Metrics prometheus.Registerer // default a new registry
	Logger  *slog.Logger          // default drops all
}

// fill sets defaults and checks the rest.
func (o *Options) fill() error {
	def(&o.MaxConns, 4096)
	def(&o.MaxRequests, 256)
	def(&o.MaxBytes, 1<<30)
	def(&o.MaxTurns, 2*runtime.GOMAXPROCS(0))
	def(&o.HeaderTimeout, 5*time.Second)
	def(&o.StallTimeout, 10*time.Second)
	def(&o.IdleTimeout, 2*time.Minute)
	def(&o.MinRate, 64<<10)
	if o.Identify == nil {
		o.Identify = func(*tls.ConnectionState) Party { return Party{} }
	}
	if o.Fail == nil {
		o.Fail = func(w http.ResponseWriter, status int, message string) { http.Error(w, message, status) }
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, v := range []struct {
		name  string
		value int64
	}{
		{"MaxConns", int64(o.MaxConns)}, {"MaxRequests", int64(o.MaxRequests)}, {"MaxBytes", o.MaxBytes}, {"MaxTurns", int64(o.MaxTurns)},
		{"HeaderTimeout", int64(o.HeaderTimeout)}, {"StallTimeout", int64(o.StallTimeout)}, {"IdleTimeout", int64(o.IdleTimeout)},
		{"MinRate", o.MinRate},
	} {
		if v.value < 0 {
			return fmt.Errorf("httpd: %s must not be negative", v.name)
		}
	}
	return nil
}

// def replaces a zero value.
func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Server serves HTTP/1.1 within bounds. Its handlers are those that [Server.Handle] wraps.
type Server struct {
	options   Options
	conns     *conns
	slots     *pool // requests being served
	bytes     *pool // of bodies that have come, and of what answers are made of
	announced *quota
	corks     *cork.Buffers
	turns     *turns     // of what requests compute
	strangers *strangers // all that is done for them
	metrics   *metrics
	http      *http.Server
}

// gatherers is how many answers are gathered for TLS at a time.
const gatherers = 64

// New returns a server that serves nothing yet. The error names an option that is out of
// range.
func New(o Options) (*Server, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	s := &Server{
		options:   o,
		conns:     newConns(o.MaxConns),
		slots:     newPool(int64(o.MaxRequests)),
		bytes:     newPool(o.MaxBytes),
		announced: newQuota(o.MaxBytes / 2),
		corks:     cork.NewBuffers(gatherers),
		turns:     newTurns(o.MaxTurns),
		strangers: newStrangers(),
	}
	s.metrics = newMetrics(o.Metrics, s)
	s.http = &http.Server{
		ReadHeaderTimeout: o.HeaderTimeout,
		IdleTimeout:       o.IdleTimeout,
		MaxHeaderBytes:    16 << 10,
		// It would answer without the handler.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, connOf(c))
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if own := connOf(c); own != nil && (state == http.StateActive || state == http.StateIdle) {
				if state == http.StateIdle {
					own.ends()
				}
				s.conns.becomes(own, state == http.StateActive)
			}
		},
	}
	return s, nil
}

// connKey is the key of a request's *conn in its context.
type connKey struct{}

// Serve serves what comes to the listener, which it closes, until Shutdown or Close. With
// a configuration it speaks TLS. The error is the listener's, or http.ErrServerClosed. It
// is called once.
func (s *Server) Serve(l net.Listener, config *tls.Config, handler http.Handler) error {
	s.http.Handler = framing.LastIfUnsure(handler)
	s.conns.plain = config == nil
	l = newListener(l, s.conns)
	if config == nil {
		return s.http.Serve(l)
	}
	s.http.TLSConfig = s.shakeHands(config)
	return s.http.ServeTLS(l, "", "")
}

// shakeHands has hands shaken in turns of strangers, as all are at first.
func (s *Server) shakeHands(config *tls.Config) *tls.Config {
	config = config.Clone()
	next := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if c := connOf(hello.Conn); c != nil {
			ctx, cancel := context.WithTimeoutCause(hello.Context(), s.options.HeaderTimeout, errLateHandshake)
			defer cancel()
			t, err := s.strangers.wait(ctx, Party{Name: network(c.RemoteAddr())})
			if err != nil {
				return nil, err
			}
			c.begins(t)
			c.shaking.Store(true)
		}
		if next != nil {
			return next(hello)
		}
		return nil, nil
	}
	return config
}

var errLateHandshake = errors.New("httpd: too many handshakes")

// Shutdown stops to take connections, and waits until the requests that have begun are
// answered. The error is the context's.
func (s *Server) Shutdown(ctx context.Context) error {
	s.conns.closeFresh()
	return s.http.Shutdown(ctx)
}

// Close cuts all connections off.
func (s *Server) Close() error {
	closeBusy(s.conns)
	return s.http.Close()
}

// pressed is for how long connections count as scarce after one had to make room.
const pressed = time.Minute

// Problems says what the server cannot do at present, and what would help. It is empty if
// all is well.
func (s *Server) Problems() []Problem {
	var list []Problem
	if n, last := s.conns.evictions(); n > 0 && time.Since(last) < pressed {
		list = append(list, Problem{
			Name:    "connections",
			Message: fmt.Sprintf("all %d connections are taken, and idle ones are closed for new ones", s.options.MaxConns),
			Remedy:  "find who opens so many, or allow more: raise max_conns and the limit of open files",
		})
	}
	if p, ok := DescriptorProblem(s.options.Descriptors, s.conns.ranOut()); ok {
		list = append(list, p)
	}
	return list
}

// Starves notes that what is served could not be for want of descriptors.
func (s *Server) Starves() { s.conns.starves() }

// Problem is something that a server cannot do.
type Problem struct {
	Name    string `json:"name"`    // one word
	Message string `json:"problem"` // what is wrong
	Remedy  string `json:"remedy"`  // what would help
}
