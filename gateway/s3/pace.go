package s3

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3err"

	"github.com/redstuff-go/redstuff/node/server/framing"
)

// How slow a client may be.
const (
	stallTime = 30 * time.Second // of waiting for a client in one request, and in one answer
	leastRate = 64 << 10         // bytes a second, for which a client is never cut off
)

// pacedListener has connections that end when their clients are too slow, and on which no request
// comes of which not everybody knows where it ends.
type pacedListener struct {
	net.Listener
	stall time.Duration
}

func (l pacedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &pacedConn{Conn: c, stall: l.stall}, nil
}

// pacedConn gives its client some time to send a request, or to begin one, and to take the answer.
// What moves gives back some of that. Only the time counts in which the client is waited for.
type pacedConn struct {
	net.Conn
	stall  time.Duration
	framed framing.Requests

	mu      sync.Mutex
	in, out time.Duration // for which the client was waited for, but for what has come of that
	limit   time.Time     // for reading, that the server has set; zero if it has set none
}

// begin returns until when the client is waited for, in one direction; the other one begins anew
// when its turn comes.
func (c *pacedConn) begin(this, other *time.Duration, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	*other = 0
	until := now.Add(c.stall - *this)
	if this == &c.in && !c.limit.IsZero() && c.limit.Before(until) {
		until = c.limit
	}
	return until
}

// end counts for how long the client was waited for, and what has moved.
func (c *pacedConn) end(this *time.Duration, took time.Duration, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*this = max(0, *this+took-time.Duration(float64(n)/leastRate*float64(time.Second)))
}

func (c *pacedConn) Read(p []byte) (int, error) {
	read := func(p []byte) (int, error) { return c.framed.Read(c.Conn, p) }
	return c.move(p, read, c.Conn.SetReadDeadline, &c.in, &c.out)
}

func (c *pacedConn) Write(p []byte) (int, error) {
	return c.move(p, c.Conn.Write, c.Conn.SetWriteDeadline, &c.out, &c.in)
}

// move reads or writes, for as long as the client is waited for in this direction.
func (c *pacedConn) move(p []byte, do func([]byte) (int, error), limit func(time.Time) error, this, other *time.Duration) (int, error) {
	began := time.Now()
	if err := limit(c.begin(this, other, began)); err != nil {
		return 0, err
	}
	n, err := do(p)
	c.end(this, time.Since(began), n)
	return n, err
}

// ReadFrom has long answers written in long pieces.
func (c *pacedConn) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{c}, r, make([]byte, 64<<10))
}

// SetReadDeadline has reading end at some time, if it does not end before.
func (c *pacedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.limit = t
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline is SetReadDeadline, as answers are not bounded otherwise.
func (c *pacedConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// tooSlow is the error of S3 for clients that are.
var tooSlow = s3err.APIError{
	Code: "RequestTimeout", HTTPStatusCode: http.StatusBadRequest,
	Description: "Your socket connection to the server was not read from or written to within the timeout period.",
}

// slow returns the error of S3 for a body that did not come to its end.
func slow(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return tooSlow
	}
	return err
}

// protect has the protocol's server keep no forms of anybody's in memory and in files, and say to
// whom a request's head, or the begin of its body, takes too long, that it is so. A request whose
// body's length is not known before is the last on its connection: what is left of such a body
// would be taken for the next request. Of others, the server reads the rest.
func protect(server *fasthttp.Server) {
	server.DisablePreParseMultipartForm = true
	serve := server.Handler
	server.Handler = func(ctx *fasthttp.RequestCtx) {
		last := ctx.Request.Header.ContentLength() == -1 || !ctx.Request.Header.IsHTTP11()
		if serve(ctx); last {
			ctx.SetConnectionClose()
		}
	}
	other := server.ErrorHandler
	server.ErrorHandler = func(ctx *fasthttp.RequestCtx, err error) {
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			other(ctx, err)
			return
		}
		ctx.Response.Reset()
		ctx.SetStatusCode(tooSlow.HTTPStatusCode)
		ctx.SetContentType(fiber.MIMEApplicationXML)
		ctx.SetBody(tooSlow.XMLBody("", ""))
		ctx.SetConnectionClose()
	}
}

// protocolOf returns what answers the requests to a server of the protocol, which is not told how
// slow clients may be, and makes its listeners itself.
func protocolOf(api *s3api.S3ApiServer) (*fiber.App, error) {
	app := reflect.ValueOf(api).Elem().FieldByName("app")
	if !app.IsValid() || app.Type() != reflect.TypeFor[*fiber.App]() || app.IsNil() {
		return nil, fmt.Errorf("s3: the protocol's server has no field app: want a version of it that has one")
	}
	return (*fiber.App)(app.UnsafePointer()), nil
}
