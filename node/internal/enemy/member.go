package enemy

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/api"
)

// Member is a member of a committee that answers as it is told. It stands before a
// handler that answers honestly, see Wrap. The zero value is honest. It is safe for
// concurrent use.
type Member struct {
	mu    sync.Mutex
	how   map[Endpoint]Behaviour
	every Behaviour // of endpoints that are not in how
	rate  int
	seen  map[Endpoint]int
	// answers are those given honestly, by endpoint: the first and the last few.
	answers map[Endpoint][]remembered
}

// remembered is an answer and what it answers.
type remembered struct {
	request [sha256.Size]byte
	answer  *answer
}

// maxRemembered bounds the answers of each endpoint that a member keeps, and
// maxKept the bytes of each.
const (
	maxRemembered = 16
	maxKept       = 4 << 20
)

// Set lets the member answer an endpoint so from now on.
func (m *Member) Set(e Endpoint, b Behaviour) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.how == nil {
		m.how = make(map[Endpoint]Behaviour)
	}
	m.how[e] = b
}

// SetAll lets the member answer every endpoint so from now on.
func (m *Member) SetAll(b Behaviour) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.how, m.every = nil, b
}

// SetRate says how many bytes a second Dripping sends; 1 if it was never set.
func (m *Member) SetRate(bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rate = bytes
}

// Seen returns how often an endpoint was asked for.
func (m *Member) Seen(e Endpoint) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[e]
}

// begin notes a request, and returns how to answer it.
func (m *Member) begin(e Endpoint) (b Behaviour, rate int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = make(map[Endpoint]int)
	}
	m.seen[e]++
	b, ok := m.how[e]
	if !ok {
		b = m.every
	}
	return b, max(m.rate, 1)
}

// remember keeps an honest answer.
func (m *Member) remember(e Endpoint, request [sha256.Size]byte, a *answer) {
	if len(a.body) > maxKept || a.status/100 != 2 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil {
		m.answers = make(map[Endpoint][]remembered)
	}
	all := append(m.answers[e], remembered{request, a})
	if len(all) > maxRemembered {
		all = append(all[:1], all[2:]...) // the first one stays
	}
	m.answers[e] = all
}

// stale returns the first answer of the endpoint.
func (m *Member) stale(e Endpoint) *answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if all := m.answers[e]; len(all) > 0 {
		return all[0].answer
	}
	return nil
}

// foreign returns an answer to another request.
func (m *Member) foreign(e Endpoint, request [sha256.Size]byte) *answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.answers[e]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].request != request {
			return all[i].answer
		}
	}
	for other, all := range m.answers {
		if other != e {
			return all[0].answer
		}
	}
	return nil
}

// Wrap returns a handler that answers as the member was told, with what the honest one
// answers.
func (m *Member) Wrap(honest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := EndpointOf(r)
		b, rate := m.begin(e)
		switch b {
		case Silent:
			_, _ = io.Copy(io.Discard, r.Body) // the server sees that a client hangs up only after that
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // to return would be an answer, an empty one
		case Refusing:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		r, request := note(r)
		kept := newRecorder()
		if b == Honest {
			honest.ServeHTTP(&tee{w, kept}, r)
			kept.header = w.Header().Clone()
			m.remember(e, request(), &kept.answer)
			return
		}
		honest.ServeHTTP(kept, r)
		a := &kept.answer
		m.remember(e, request(), a)
		switch b {
		case Stale:
			a = or(m.stale(e), a)
		case Foreign:
			a = or(m.foreign(e, request()), a)
		}
		a.send(w, r, b, rate)
	})
}

func or(a, b *answer) *answer {
	if a != nil {
		return a
	}
	return b
}

// note returns a copy of the request, and a function that returns a digest of it and of
// what was read of its body. It is a copy because net/http must see that its own body was
// left unread: it waits then, so that the answer arrives before the connection ends.
func note(r *http.Request) (*http.Request, func() [sha256.Size]byte) {
	digest := sha256.New()
	_, _ = io.WriteString(digest, r.Method+" "+r.URL.RequestURI()+"\n")
	noted := *r
	noted.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, digest), r.Body}
	return &noted, func() [sha256.Size]byte { return [sha256.Size]byte(digest.Sum(nil)) }
}

// announced is the length of a Huge answer, in bytes.
const announced = "1099511627776"

// send sends the answer in the way that is asked for.
func (a *answer) send(w http.ResponseWriter, r *http.Request, b Behaviour, rate int) {
	switch b {
	case Endless:
		begin, again := a.more()
		a.head(w, "")
		a.pour(w, r, begin, again)
	case Huge:
		if a.is(api.TypeFrames) {
			a.head(w, "")
			a.pour(w, r, api.FrameHeader{Kind: api.FrameSymbols, Length: 1<<32 - 1}.Append(nil), make([]byte, 64<<10))
			return
		}
		a.head(w, announced)
		a.pour(w, r, a.body, make([]byte, 64<<10))
	case Stalled:
		a.head(w, "")
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case CutOff:
		a.head(w, "")
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Dripping:
		a.head(w, "")
		a.drip(w, r, rate)
	case Malformed:
		noise := make([]byte, max(len(a.body), 1))
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		a.head(w, "")
		_, _ = w.Write(noise)
	case Reordered:
		a.head(w, "")
		_, _ = w.Write(a.reordered())
	case Repeated:
		a.head(w, "")
		_, _ = w.Write(a.repeated())
	default:
		a.head(w, "")
		_, _ = w.Write(a.body)
	}
}

// pour sends a begin, and then the same again and again until the other end hangs up.
func (a *answer) pour(w http.ResponseWriter, r *http.Request, begin, again []byte) {
	control := http.NewResponseController(w)
	_, err := w.Write(begin)
	piece := bytes.Repeat(again, max(1, 16<<10/len(again)))
	for err == nil && r.Context().Err() == nil {
		_ = control.SetWriteDeadline(time.Time{})
		if _, err = w.Write(piece); err == nil {
			err = control.Flush()
		}
	}
	panic(http.ErrAbortHandler)
}

// drip sends so many bytes a second.
func (a *answer) drip(w http.ResponseWriter, r *http.Request, rate int) {
	control := http.NewResponseController(w)
	const pieces = 10 // a second
	piece, pause := rate/pieces, time.Second/pieces
	if piece == 0 {
		piece, pause = 1, time.Second/time.Duration(rate)
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for rest := a.body; len(rest) > 0; {
		_ = control.SetWriteDeadline(time.Time{})
		n, err := w.Write(rest[:min(piece, len(rest))])
		if err == nil {
			err = control.Flush()
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		rest = rest[n:]
		select {
		case <-tick.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}
