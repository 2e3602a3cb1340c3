package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3api/middlewares"
)

// Server serves S3 for the owner of one key.
type Server struct {
	app     *fiber.App // the protocol's
	address string
	stall   time.Duration // of clients
	ready   chan struct{}
	backend *Backend
	serving atomic.Int64 // requests whose answer has not begun
}

// ServerOptions are choices for NewServer. Access and Secret must be set.
type ServerOptions struct {
	Address  string // to listen on; its port may not be 0
	Access   string // the key's id
	Secret   string
	Region   string // default us-east-1
	Domain   string // under which buckets are hosts; default none
	MaxConns int    // default 1024
	Requests int    // that are served at once; others are answered SlowDown; default 256
}

// minSecret is the least length of a secret, bytes.
const minSecret = 16

// NewServer returns a server before a backend. The error names an option.
func NewServer(b *Backend, o ServerOptions) (*Server, error) {
	switch {
	case b == nil:
		return nil, errors.New("s3: the backend is nil")
	case o.Access == "":
		return nil, errors.New("s3: ServerOptions.Access is empty")
	case len(o.Secret) < minSecret:
		return nil, fmt.Errorf("s3: a secret of %d characters can be guessed: want %d at least", len(o.Secret), minSecret)
	}
	if _, port, err := net.SplitHostPort(o.Address); err != nil || port == "0" {
		return nil, fmt.Errorf("s3: address %q: want HOST:PORT", o.Address)
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.MaxConns == 0 {
		o.MaxConns = 1024
	}
	if o.Requests == 0 {
		o.Requests = 256
	}
	s := &Server{address: o.Address, stall: stallTime, ready: make(chan struct{}), backend: b}
	options := []s3api.Option{
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithDisableACL(), s3api.WithMpMaxParts(10_000),
		s3api.WithConcurrencyLimiter(o.MaxConns, o.Requests),
	}
	options = append(options, s3api.WithMiddleware("/", func(ctx fiber.Ctx) error {
		s.serving.Add(1)
		defer s.serving.Add(-1)
		return ctx.Next()
	}))
	options = append(options, s3api.WithMiddleware("/", controllers.WrapMiddleware(bounded(o.Domain), nil, nil)))
	if o.Domain != "" {
		options = append(options, s3api.WithHostStyle(o.Domain))
	}
	root := auth.Account{Access: o.Access, Secret: o.Secret, Role: auth.RoleAdmin}
	config, who := middlewares.RootUserConfig{Access: o.Access, Secret: o.Secret}, owners{auth.NewIAMServiceSingle(root)}
	options = append(options, (&lifecycleRoutes{b, config, who, o.Region, o.Domain}).options()...)
	api, err := s3api.New(b, config, o.Region, who, nil, nil, nil, nil, options...)
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	if s.app, err = protocolOf(api); err != nil {
		return nil, err
	}
	protect(s.app.Server())
	s.app.Hooks().OnListen(func(fiber.ListenData) error {
		close(s.ready)
		return nil
	})
	return s, nil
}

// owners knows the owner of the key. Somebody else's is a key that is wrong, and not a resource
// that is not there.
type owners struct{ auth.IAMService }

func (o owners) GetUserAccount(access string) (auth.Account, error) {
	found, err := o.IAMService.GetUserAccount(access)
	if err != nil {
		err = auth.ErrNoSuchUser
	}
	return found, err
}

// lastTime is how long requests that have begun are waited for in the end.
const lastTime = 10 * time.Second

// Serve serves until the context ends, and then the requests that have begun, for a while.
func (s *Server) Serve(ctx context.Context) error {
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("s3: %w", err)
	}
	return s.serve(ctx, l)
}

// serve is Serve with a listener.
func (s *Server) serve(ctx context.Context, l net.Listener) error {
	ended := make(chan error, 1)
	go func() {
		ended <- s.app.Listener(pacedListener{l, s.stall}, fiber.ListenConfig{DisableStartupMessage: true})
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case <-s.ready:
	case err := <-ended:
		return err
	case <-time.After(time.Second): // it does not come to listen
	}
	down := make(chan error, 1)
	go func() { down <- s.app.ShutdownWithTimeout(lastTime) }()
	err := s.drained(down)
	<-ended // with the error that its listener is closed
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // a client took its time, and is cut off
	}
	return err
}

// drained waits until the server is down, or nothing has been under way for a while: it takes a
// connection on which no request ever came for one that may be waited for, and clients have
// such connections in store.
func (s *Server) drained(down <-chan error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for quiet := 0; quiet < 5; {
		select {
		case err := <-down:
			return err
		case <-tick.C:
		}
		if quiet++; s.serving.Load() > 0 || s.backend.all.content.reading.Load() > 0 {
			quiet = 0
		}
	}
	return nil
}

// Ready is closed when the server listens.
func (s *Server) Ready() <-chan struct{} { return s.ready }
