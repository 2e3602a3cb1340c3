package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/redstuff-go/redstuff/node/cork"
)

// Rule says what a route asks for before its handler runs.
type Rule struct {
	Least     Class // parties of lower classes are refused, 403
	Unlimited bool  // served however many requests there are
	Unmetered bool  // the handler bounds itself how much of bodies is in memory
}

// Exchange is one request and its answer. A handler uses one goroutine for it.
type Exchange struct {
	http.ResponseWriter
	*http.Request // a copy of net/http's, which sees its own body unread if we leave it so
	Party         Party

	s         *Server
	conn      *conn // nil if the server is not Serve's
	rc        *http.ResponseController
	body      *body
	started   time.Time
	status    int
	held      int64 // of bytes
	announced int64
}

// Handle wraps a handler in what the rule asks for. The route is a name for metrics.
func (s *Server) Handle(route string, rule Rule, h func(*Exchange)) http.Handler {
	seconds := s.metrics.seconds.WithLabelValues(route)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := s.begin(w, r)
		x.body.unmetered = rule.Unmetered
		func() {
			s.metrics.requests.Inc()
			defer func() {
				if x.Party.Class > Stranger {
					s.strangers.serves()
				}
				s.metrics.requests.Dec()
				s.bytes.give(x.Party, x.held)
				s.announced.give(x.Party, x.announced)
				seconds.Observe(time.Since(x.started).Seconds())
				s.metrics.answers.WithLabelValues(route, strconv.Itoa(max(x.status, http.StatusOK))).Inc()
			}()
			x.serve(rule, h)
		}()
		x.settle()
	})
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *Exchange {
	x := &Exchange{ResponseWriter: w, s: s, rc: http.NewResponseController(w), started: time.Now()}
	copied := *r
	x.Request = &copied
	x.body = &body{ReadCloser: r.Body, x: x}
	copied.Body = x.body
	x.conn, _ = r.Context().Value(connKey{}).(*conn)
	x.Party = s.options.Identify(r.TLS)
	if x.Party.Name == "" {
		x.Party.Name = networkOf(r.RemoteAddr)
	}
	if x.conn != nil {
		s.conns.belongs(x.conn, x.Party)
	}
	if x.Party.Class > Stranger {
		s.strangers.serves()
	} else if x.conn != nil && s.strangers.yield() {
		t, err := s.strangers.wait(r.Context(), x.Party)
		if err != nil {
			panic(http.ErrAbortHandler) // the stranger has gone
		}
		x.conn.begins(t)
	}
	x.extend()
	return x
}

// serve runs the handler if the rule allows it.
func (x *Exchange) serve(rule Rule, h func(*Exchange)) {
	if x.Party.Class < rule.Least {
		x.Fail(http.StatusForbidden, fmt.Sprintf("a certificate of a %v is needed, and you are a %v", rule.Least, x.Party.Class))
		return
	}
	if !rule.Unlimited {
		if !x.s.slots.take(x.Party, 1, 0) {
			x.Busy("too many requests")
			return
		}
		defer x.s.slots.give(x.Party, 1)
	}
	h(x)
}

const (
	// shortBody is the length of a body that is worth waiting for a moment, to keep the
	// connection, bytes.
	shortBody = 64 << 10
	// moment is how long that is.
	moment = 50 * time.Millisecond
	// linger is how long a connection is kept, after the answer, for the other end to
	// read it before it learns that nobody takes what it sends.
	linger = 500 * time.Millisecond
)

// follows reports whether what is left of the body is short, and on its way unasked.
func (x *Exchange) follows() bool {
	return x.Request.Header.Get("Expect") == "" && x.ContentLength > 0 && x.ContentLength-x.body.received <= shortBody
}

// settle ends an exchange whose body has not come. The answer goes out first; what comes
// after it is thrown away for a moment.
//
// A connection on which nothing goes out any more ends with the exchange: net/http has not always
// seen why, and would serve what was asked after it.
func (x *Exchange) settle() {
	if x.conn != nil && x.conn.broken.Load() {
		panic(http.ErrAbortHandler)
	}
	if !x.body.pending() {
		return
	}
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	if x.conn != nil {
		x.conn.ends()
		x.s.conns.becomes(x.conn, false) // the first to go if room is needed
	}
	if !x.follows() {
		// The answer said that the connection ends. net/http sends what is left of the
		// answer, and throws away what comes until the deadline.
		wait := linger
		if x.body.since.IsZero() && x.Request.Header.Get("Expect") != "" {
			wait = -linger // nothing is on its way
		}
		x.deadline(time.Now().Add(wait))
		return
	}
	_ = x.rc.Flush()
	x.deadline(time.Now().Add(moment))
	if _, err := io.CopyN(io.Discard, x.body.ReadCloser, 2*shortBody); errors.Is(err, io.EOF) {
		x.deadline(time.Time{})
		return
	}
	// The answer did not say that the connection ends, but what still comes of the body
	// must not be taken for a request.
	x.deadline(time.Unix(1, 0))
	if x.conn == nil {
		panic(http.ErrAbortHandler)
	}
	x.conn.ended.Store(true)
}

// Header returns the answer's header.
func (x *Exchange) Header() http.Header { return x.ResponseWriter.Header() }

// WriteHeader begins the answer. If the body has not come, and is not about to, it says
// that the connection ends.
func (x *Exchange) WriteHeader(status int) {
	if status < http.StatusOK { // an answer is still to come
		x.extend()
		x.ResponseWriter.WriteHeader(status)
		return
	}
	if x.status == 0 {
		x.status = status
		if x.body.pending() {
			if x.follows() {
				_ = x.rc.EnableFullDuplex() // or net/http would wait for the body first
			} else {
				x.Header().Set("Connection", "close")
			}
		}
	}
	x.ResponseWriter.WriteHeader(status)
}

// writePiece is how much must be taken within the stall timeout.
const writePiece = 1 << 20

// Write gives the other end some time more for each piece that it takes.
func (x *Exchange) Write(b []byte) (total int, err error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	for {
		x.extend()
		n, err := writeTogether(x, b[:min(len(b), writePiece)])
		x.s.metrics.sent.Add(float64(n))
		total += n
		if b = b[n:]; err != nil || len(b) == 0 {
			return total, err
		}
	}
}

// writeTogether writes a piece. The records of TLS that it takes go out together.
func writeTogether(x *Exchange, b []byte) (int, error) {
	if len(b) < cork.Least || x.TLS == nil || x.conn == nil {
		return x.ResponseWriter.Write(b)
	}
	return x.conn.out.Gather(x.s.corks, func() (int, error) { return x.ResponseWriter.Write(b) })
}

// Unwrap is for http.ResponseController.
func (x *Exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// extend lets writing go on for a while. A server that is not net/http's own may know no
// deadlines.
func (x *Exchange) extend() {
	_ = x.rc.SetWriteDeadline(time.Now().Add(x.s.options.StallTimeout))
}

// deadline is for reading, as in extend.
func (x *Exchange) deadline(at time.Time) { _ = x.rc.SetReadDeadline(at) }

// Fail answers with an error.
func (x *Exchange) Fail(status int, message string) { x.s.options.Fail(x, status, message) }

// Busy answers that the same request may be served a little later.
func (x *Exchange) Busy(message string) {
	x.s.metrics.refused.Inc()
	x.Header().Set("Retry-After", "1")
	x.Fail(http.StatusServiceUnavailable, message)
}

// take takes memory from the party's share until the exchange ends.
func (x *Exchange) take(bytes int64) bool {
	bytes = min(bytes, x.s.options.MaxBytes-x.held)
	if !x.s.bytes.take(x.Party, bytes, x.held) {
		return false
	}
	x.held += bytes
	return true
}

// await is take, but waits for memory that others have, for as long as a body may stall.
func (x *Exchange) await(bytes int64) bool {
	if x.take(bytes) {
		return true
	}
	late := time.NewTimer(x.s.options.StallTimeout)
	defer late.Stop()
	for {
		given := x.s.bytes.given()
		if x.take(bytes) {
			return true
		}
		select {
		case <-given:
		case <-late.C:
			return false
		case <-x.Context().Done():
			return false
		}
	}
}

// Hold takes memory until the exchange ends. If there is none it answers, and returns
// false.
func (x *Exchange) Hold(bytes int64) bool {
	if !x.take(bytes) {
		x.Busy(ErrBusy.Error())
		return false
	}
	return true
}

// Borrow takes memory until release is called. The error is ErrBusy.
func (x *Exchange) Borrow(bytes int64) (release func(), err error) {
	before := x.held
	if !x.take(bytes) {
		x.s.metrics.refused.Inc()
		return nil, ErrBusy
	}
	taken := x.held - before
	return func() {
		x.held -= taken
		x.s.bytes.give(x.Party, taken)
	}, nil
}

// Turn waits for a turn at the processors. The error is the context's.
func (x *Exchange) Turn(ctx context.Context) (done func(), err error) {
	who := computing(x.Party)
	if err := x.s.turns.take(ctx, who); err != nil {
		return nil, err
	}
	return func() { x.s.turns.give(who) }, nil
}

// Expected checks a body's announced length, of which most bytes will be in memory at
// once. If it is not within limit, or the party has announced too much to be in memory,
// Expected answers, and returns false.
func (x *Exchange) Expected(limit, most int64) bool {
	switch {
	case x.ContentLength < 0:
		x.Fail(http.StatusLengthRequired, "Content-Length is needed")
		return false
	case x.ContentLength > limit:
		x.Fail(http.StatusRequestEntityTooLarge, "body is longer than "+strconv.FormatInt(limit, 10)+" bytes")
		return false
	case x.ContentLength <= tiny:
		return true
	}
	most = min(most, x.ContentLength)
	if !x.s.announced.take(x.Party, most) {
		x.Busy(ErrBusy.Error())
		return false
	}
	x.announced += most
	return true
}

// Digest calls f, which uses up what has come of the body, and returns how many bytes of
// the body stay in memory. What comes next takes the memory of what does not. The time of
// f is not the sender's.
func (x *Exchange) Digest(f func() (kept int64)) {
	began := time.Now()
	x.body.digested = x.body.received - f()
	x.body.spare(time.Since(began))
}

// ReadBody reads a whole body of at most limit bytes. If it cannot, it answers, and
// returns false.
func (x *Exchange) ReadBody(limit int64) ([]byte, bool) {
	if !x.Expected(limit, limit) {
		return nil, false
	}
	data, err := readBody(x.Body, x.ContentLength)
	if err != nil {
		x.FailBody(err)
		return nil, false
	}
	return data, true
}

// firstPart is how much of a body there is memory for before it comes.
const firstPart = 64 << 10

// readBody reads a body of length bytes into memory that doubles as they come, and is no more
// than them at the end: io.ReadAll moves them several times.
func readBody(r io.Reader, length int64) ([]byte, error) {
	data := make([]byte, min(length, firstPart))
	for at := 0; ; {
		n, err := io.ReadFull(r, data[at:])
		if at += n; err != nil || at == int(length) {
			return data[:at], err
		}
		more := make([]byte, min(length, 2*int64(at)))
		copy(more, data)
		data = more
	}
}

// FailBody answers for an error that reading the body gave.
func (x *Exchange) FailBody(err error) {
	if errors.Is(err, ErrBusy) {
		x.Busy(err.Error())
		return
	}
	x.Fail(http.StatusBadRequest, "body is cut off")
}
