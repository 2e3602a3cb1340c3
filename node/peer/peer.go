package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// Options are choices for [New] and [NewSet], which take them as valid, see
// [Options.Validate]. The zero value is good.
type Options struct {
	Plaintext   bool          // speak HTTP without TLS, to nodes that are run so
	DialTimeout time.Duration // default 2 s
	// Dial connects; the default is by TCP.
	Dial       func(ctx context.Context, network, address string) (net.Conn, error)
	Idle       time.Duration // longest time without any byte from the node; default 10 s
	MinRate    int64         // least bytes a second, on average and after three times Idle; default 4 KiB
	Attempts   int           // for requests that fail before an answer begins; default 4
	Backoff    time.Duration // before the second attempt, on average; doubles; default 50 ms
	Conns      int           // connections kept open to the node; default 32
	HedgeAfter time.Duration // to wait for a small answer before others are asked too, while nothing is known; default 300 ms
	Counters   *ByteCounters // of all connections, if not nil
	Logger     *slog.Logger  // default drops all
	// Timeouts of penalties, see Distrust, MarkFailed and MarkLate.
	DistrustFor time.Duration // default 10 min
	FailFor     time.Duration // default 2 s; doubles with every failure in a row, up to 16 times
}

func (o *Options) fill() {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.DialTimeout, 2*time.Second)
	set(&o.Idle, 10*time.Second)
	set(&o.Backoff, 50*time.Millisecond)
	set(&o.DistrustFor, 10*time.Minute)
	set(&o.FailFor, 2*time.Second)
	set(&o.HedgeAfter, 300*time.Millisecond)
	if o.Attempts == 0 {
		o.Attempts = 4
	}
	if o.MinRate == 0 {
		o.MinRate = 4 << 10
	}
	if o.Conns == 0 {
		o.Conns = 32
	}
	if o.Counters == nil {
		o.Counters = new(ByteCounters)
	}
	if o.Logger == nil {
		o.Logger = discard
	}
}

// Validate fills in defaults, and checks the rest. The error names the field that is
// wrong.
func (o *Options) Validate() error {
	o.fill()
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"DialTimeout", int64(o.DialTimeout)}, {"Idle", int64(o.Idle)}, {"MinRate", o.MinRate}, {"Attempts", int64(o.Attempts)},
		{"Backoff", int64(o.Backoff)}, {"Conns", int64(o.Conns)}, {"HedgeAfter", int64(o.HedgeAfter)},
		{"DistrustFor", int64(o.DistrustFor)}, {"FailFor", int64(o.FailFor)},
	} {
		if field.value <= 0 {
			return fmt.Errorf("peer: Options.%s must be more than zero", field.name)
		}
	}
	return nil
}

// ByteCounters count the bytes of connections, TLS included.
type ByteCounters struct {
	Received, Sent atomic.Int64
}

// link is how to reach one node, and what is remembered of it.
type link struct {
	name, address string
	tlsKey        committee.TLSKey
	key           *identity.Key // the caller's
	base          string        // scheme and address
	options       Options
	http          *http.Client
	*history
}

// Peer is one member of a committee, seen from outside. It is safe for concurrent use.
type Peer struct {
	*link
	committee  *committee.Committee
	committees committee.Committees // of the epochs whose certificates are taken
	member     int
}

// New returns the member of the committee. It does not connect. The node knows the caller
// by the key, which may be nil: then the caller is a stranger, who can only read.
func New(c *committee.Committee, member int, key *identity.Key, o Options) *Peer {
	o.fill()
	return &Peer{link: newLink(c.Member(member), key, o), committee: c, committees: c, member: member}
}

func newLink(m committee.Member, key *identity.Key, o Options) *link {
	p := &link{name: m.Name, address: m.Address, tlsKey: m.TLSKey, key: key, options: o}
	p.history = &history{distrustFor: o.DistrustFor, failFor: o.FailFor}
	connect := o.Dial
	if connect == nil {
		connect = new(net.Dialer).DialContext
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
		defer cancel()
		conn, err := connect(ctx, network, m.Address)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn, counters: o.Counters}, nil
	}
	transport := &http.Transport{
		DialContext:            dial,
		MaxIdleConns:           o.Conns,
		MaxIdleConnsPerHost:    o.Conns,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		WriteBufferSize:        64 << 10,
		ReadBufferSize:         64 << 10,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
	}
	p.base = "http://" + m.Address
	if !o.Plaintext {
		p.base = "https://" + m.Address
		config := key.ClientTLS(m.TLSKey)
		transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			conn := tls.Client(raw, config)
			ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
			defer cancel()
			if err := conn.HandshakeContext(ctx); err != nil {
				return nil, errors.Join(err, raw.Close())
			}
			return conn, nil
		}
	}
	p.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return p
}

// Name returns the node's name in the committee.
func (p *link) Name() string { return p.name }

// Close closes idle connections.
func (p *link) Close() { p.http.CloseIdleConnections() }

// request is one call, which can be made several times.
type request struct {
	method, path string
	contentType  string
	length       int64 // of the body
	body         func() io.Reader
	bytes        string      // the range that is asked for, or all
	once         func() bool // reports that the body cannot be sent again; may be nil
}

// do makes the request until an answer begins, and returns its body if it is a
// success. Attempts are spread by exponential backoff with full jitter, or by what the
// node asks for.
func (p *link) do(ctx context.Context, r request) (io.ReadCloser, *http.Response, error) {
	backoff := p.options.Backoff
	for attempt := 1; ; attempt++ {
		body, resp, err := p.once(ctx, r)
		if err == nil {
			return body, resp, nil
		}
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if attempt >= p.options.Attempts || !temporary(err) || r.once != nil && r.once() {
			var status *StatusError
			if !errors.As(err, &status) {
				p.MarkFailed()
			}
			return nil, nil, err
		}
		wait := rand.N(2*backoff) + time.Millisecond
		var status *StatusError
		if errors.As(err, &status) && status.RetryAfter > 0 {
			// Retry-After counts in seconds, which is much for a load that passes in
			// milliseconds: the first attempts come sooner.
			wait = min(status.RetryAfter, 4*backoff) + rand.N(backoff)
		}
		backoff *= 2
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, nil, context.Cause(ctx)
		case <-timer.C:
		}
	}
}

func (p *link) once(ctx context.Context, r request) (io.ReadCloser, *http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	guard := newWatchdog(p.options, func() { cancel(fmt.Errorf("%s: %w", p.name, ErrStalled)) })
	stop := func() {
		guard.stop()
		cancel(nil)
	}
	var body io.Reader
	if r.body != nil {
		// A node that takes long with what it has got says so.
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error {
			guard.progress(0)
			return nil
		}})
		watched := &watchedReader{r: r.body(), left: r.length, watchdog: guard}
		defer watched.end()
		body = watched
	}
	req, err := http.NewRequestWithContext(ctx, r.method, p.base+r.path, body)
	if err != nil {
		stop()
		return nil, nil, err
	}
	if r.body != nil {
		req.ContentLength = r.length
		req.Header.Set("Content-Type", r.contentType)
		if r.length >= expectAbove {
			req.Header.Set("Expect", "100-continue")
		}
	}
	if r.bytes != "" {
		req.Header.Set("Range", r.bytes)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		stop()
		return nil, nil, err
	}
	answer := &watchedBody{ReadCloser: resp.Body, ctx: ctx, watchdog: guard, stop: stop}
	if resp.StatusCode != http.StatusServiceUnavailable {
		p.succeed()
	}
	if resp.StatusCode/100 != 2 {
		defer answer.Close()
		return nil, nil, p.statusError(resp, answer)
	}
	return answer, resp, nil
}

// expectAbove is the length of a body, in bytes, from which on it is worth asking
// whether the node wants it.
const expectAbove = 32 << 10

func (p *link) statusError(resp *http.Response, body io.Reader) error {
	e := &StatusError{Member: p.name, Code: resp.StatusCode}
	var answer api.Error
	const most = 4 << 10
	if json.NewDecoder(io.LimitReader(body, most)).Decode(&answer) == nil {
		e.Message, e.Epoch = answer.Message, answer.Epoch
		e.Withheld = answer.Withheld && e.Code == http.StatusServiceUnavailable
	}
	if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

func (p *link) getBytes(ctx context.Context, path string, most int64) ([]byte, error) {
	body, _, err := p.do(ctx, request{method: http.MethodGet, path: path})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return p.readAll(body, most)
}

func (p *link) readAll(body io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	if err == nil && int64(len(data)) > most {
		err = p.lie("more than %d bytes", most)
	}
	return data, err
}

func (p *link) getJSON(ctx context.Context, path string, most int64, v any) error {
	data, err := p.getBytes(ctx, path, most)
	if err != nil {
		return err
	}
	return p.parseJSON(data, v)
}

func (p *link) parseJSON(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w: %w", p.name, ErrLied, err)
	}
	return nil
}

// put sends bytes and returns the answer's body, at most so many bytes of it.
func (p *link) put(ctx context.Context, path string, data []byte, most int64) ([]byte, error) {
	body, _, err := p.do(ctx, request{
		method: http.MethodPut, path: path, contentType: api.TypeBytes, length: int64(len(data)),
		body: func() io.Reader { return bytes.NewReader(data) },
	})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return p.readAll(body, most)
}

// lie says how the node's answer is wrong.
func (p *link) lie(format string, a ...any) error {
	return fmt.Errorf("%s: %w: %s", p.name, ErrLied, fmt.Sprintf(format, a...))
}

// checkList refuses lists by which a node could keep the caller busy: an endless one,
// and one in more pages than it takes.
func (p *link) checkList(l api.BlobList, state api.ListState, after *commit.BlobID, limit int) error {
	if len(l.Blobs) > limit {
		return p.lie("%d blobs instead of at most %d", len(l.Blobs), limit)
	}
	last := after
	for i := range l.Blobs {
		e := &l.Blobs[i]
		if last != nil && bytes.Compare(last[:], e.Blob[:]) >= 0 {
			return p.lie("blobs out of order")
		}
		if state == api.ListCertified && len(e.Certificate) == 0 || state == api.ListInvalid && len(e.InvalidBlobCertificate) == 0 {
			return p.lie("blobs without a proof that they are %s", state)
		}
		last = &e.Blob
	}
	switch {
	case !l.More:
		return nil
	case state != api.ListPending:
		if len(l.Blobs) < limit {
			return p.lie("%d blobs and more, but not now", len(l.Blobs))
		}
	case l.Next == nil, last != nil && bytes.Compare(l.Next[:], last[:]) < 0, after != nil && *l.Next == *after:
		return p.lie("more blobs after those before")
	}
	return nil
}
