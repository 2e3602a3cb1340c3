package node

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/store"
)

// routes connects the paths of package api.
func (n *Node) routes() http.Handler {
	mux := http.NewServeMux()
	plain := func(method, path string, kind access, h func(*call)) {
		route := method + " " + path
		mux.Handle(route, n.serve(route, kind, h))
	}
	blob := func(method, rest string, kind access, h func(*call)) {
		plain(method, api.BlobsPath+"/{id}"+rest, kind|ofBlob, h)
	}
	plain("GET", api.HealthPath, unlimited, n.getHealth)
	plain("GET", api.BlobsPath, 0, n.getBlobs)
	plain("POST", api.SymbolsPath, writers, n.postSymbols)
	blob("PUT", "", writers|refuseInconsistent, n.putBlob)
	blob("GET", api.StatusPath, 0, n.getStatus)
	blob("GET", api.MetadataPath, 0, n.getMetadata) // who verifies a proof of inconsistency needs it
	blob("PUT", api.MetadataPath, writers|refuseInconsistent, n.putMetadata)
	blob("GET", api.SliversPath, refuseInconsistent, n.getSlivers)
	blob("GET", api.SliversPath+"/{pair}/{axis}", refuseInconsistent, n.getSliver)
	blob("PUT", api.SliversPath+"/{pair}/{axis}", writers|refuseInconsistent, n.putSliver)
	blob("GET", api.ConfirmationPath, refuseInconsistent, n.getConfirmation)
	blob("GET", api.CertificatePath, 0, n.getCertificate)
	blob("PUT", api.CertificatePath, writers|refuseInconsistent, n.putCertificate)
	blob("GET", api.RecoveryPath, refuseInconsistent, n.getRecoverySymbols)
	blob("GET", api.DecodingPath, refuseInconsistent, n.getDecodingSymbols)
	blob("GET", api.ProofPath, 0, n.getProof)
	blob("PUT", api.ProofPath, writers, n.putProof)
	blob("GET", api.VerdictPath, 0, n.getVerdict)
	blob("PUT", api.VerdictPath, writers, n.putVerdict)
	mux.Handle("/", n.serve("unknown", unlimited, func(c *call) {
		c.fail(http.StatusNotFound, "no such path or method")
	}))
	return mux
}

// access says what a route asks for before its handler runs.
type access uint8

const (
	writers            access = 1 << iota // only members and clients of the committee
	unlimited                             // served however busy the node is
	ofBlob                                // {id} in the path
	refuseInconsistent                    // 410 for blobs with a verdict
)

// call is one request being served.
type call struct {
	http.ResponseWriter
	*http.Request
	n      *Node
	id     commit.BlobID
	who    committee.Identity
	rc     *http.ResponseController
	status int
	held   int64 // bytes of n.bytes
}

// serve wraps a handler in limits, authorization and metrics.
func (n *Node) serve(route string, kind access, h func(*call)) http.Handler {
	seconds := n.metrics.seconds.WithLabelValues(route)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		c := &call{ResponseWriter: w, Request: r, n: n, rc: http.NewResponseController(w)}
		// A server that is not net/http's own may know no deadlines.
		_ = c.rc.SetReadDeadline(started.Add(n.config.StallTimeout + n.bodyTime(r.ContentLength)))
		r.Body = &pacedBody{ReadCloser: r.Body, rc: c.rc, started: started, stall: n.config.StallTimeout, rate: n.config.MinRate}
		c.extend()
		n.metrics.requests.Inc()
		defer func() {
			n.metrics.requests.Dec()
			n.bytes.Release(c.held)
			if c.status == 0 {
				c.status = http.StatusOK
			}
			seconds.Observe(time.Since(started).Seconds())
			n.metrics.answers.WithLabelValues(route, strconv.Itoa(c.status)).Inc()
		}()
		if kind&unlimited == 0 {
			select {
			case n.slots <- struct{}{}:
				defer func() { <-n.slots }()
			default:
				c.busy("too many requests")
				return
			}
		}
		if c.admit(kind) {
			h(c)
		}
	})
}

// bodyTime returns how long a body of that length may take to arrive.
func (n *Node) bodyTime(length int64) time.Duration {
	return time.Duration(max(length, 0)/n.config.MinRate) * time.Second
}

// admit checks what the route asks for, and answers if it is not met.
func (c *call) admit(kind access) bool {
	n := c.n
	c.who = n.committee.Identify(c.TLS)
	if n.config.Plaintext {
		c.who.Role = committee.Writer
	}
	if kind&writers != 0 && c.who.Role == committee.Stranger {
		c.fail(http.StatusForbidden, "a certificate of the committee is needed")
		return false
	}
	if kind&ofBlob != 0 {
		id, err := commit.ParseBlobID(c.PathValue("id"))
		if err != nil {
			c.fail(http.StatusBadRequest, err.Error())
			return false
		}
		c.id = id
	}
	if kind&refuseInconsistent != 0 {
		switch _, err := n.store.Record(c.id, store.Verdict); {
		case err == nil:
			c.gone()
			return false
		case !errors.Is(err, store.ErrNotFound):
			c.storeError(err)
			return false
		}
	}
	return true
}

// Header returns the answer's header.
func (c *call) Header() http.Header { return c.ResponseWriter.Header() }

// WriteHeader notes the status.
func (c *call) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// writePiece is how much must be taken within the stall timeout.
const writePiece = 1 << 20

// Write gives the other end some time more for each piece that it takes.
func (c *call) Write(b []byte) (total int, err error) {
	for {
		c.extend()
		n, err := c.ResponseWriter.Write(b[:min(len(b), writePiece)])
		c.n.metrics.sent.Add(float64(n))
		total += n
		if b = b[n:]; err != nil || len(b) == 0 {
			return total, err
		}
	}
}

// extend lets writing go on for a while.
func (c *call) extend() { _ = c.rc.SetWriteDeadline(time.Now().Add(c.n.config.StallTimeout)) }

// fail answers with an error.
func (c *call) fail(status int, message string) { c.answer(status, api.Error{Message: message}) }

// gone answers for a blob that is inconsistent.
func (c *call) gone() {
	c.answer(http.StatusGone, api.Error{Message: "blob is inconsistent", Proof: api.BlobPath(c.id, api.ProofPath)})
}

// busy answers that the same request may be served a little later.
func (c *call) busy(message string) {
	c.n.metrics.refused.Inc()
	c.Header().Set("Retry-After", "1")
	c.fail(http.StatusServiceUnavailable, message)
}

// answer answers in JSON.
func (c *call) answer(status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, nil
	}
	c.Header().Set("Content-Type", api.TypeJSON)
	c.Header().Set("Content-Length", strconv.Itoa(len(data)+1))
	c.WriteHeader(status)
	_, _ = c.Write(append(data, '\n')) // a client that has gone learns nothing
}

// send answers with bytes.
func (c *call) send(data []byte) {
	c.Header().Set("Content-Type", api.TypeBytes)
	c.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = c.Write(data)
}

// storeError answers for an error of the store.
func (c *call) storeError(err error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.fail(http.StatusNotFound, "not here")
	case errors.Is(err, store.ErrCorrupt):
		c.n.corrupt(err)
		c.fail(http.StatusNotFound, "damaged, and about to be recovered")
	case errors.Is(err, store.ErrFull):
		c.fail(http.StatusInsufficientStorage, "disk is full")
	case errors.Is(err, store.ErrFailed):
		c.busy("the store failed")
	case errors.Is(err, store.ErrUnavailable):
		c.n.log.Warn("store", "path", c.URL.Path, "error", err)
		c.busy("cannot be read at present")
	default:
		c.n.log.Error("store", "path", c.URL.Path, "error", err)
		c.fail(http.StatusInternalServerError, "the store has an error")
	}
}

// corrupt has a sliver recovered that the store says is corrupt. Other errors say
// nothing of the sliver, which stays.
func (n *Node) corrupt(err error) {
	var sliver *store.CorruptError
	switch {
	case errors.As(err, &sliver):
		n.healer.Corrupt(sliver.Blob, sliver.Ref)
	case !errors.Is(err, store.ErrCorrupt):
		n.log.Warn("store", "error", err)
		return
	}
	n.log.Warn("damaged", "error", err)
	n.metrics.rot.Inc()
}

// hold reserves memory for a body, and answers if there is none.
func (c *call) hold(bytes int64) bool {
	bytes = min(bytes, c.n.config.MaxBytes-c.held)
	if !c.n.bytes.TryAcquire(bytes) {
		c.busy("too many bytes in flight")
		return false
	}
	c.held += bytes
	return true
}

// compute waits for a turn to use the CPUs.
func (c *call) compute() (done func(), ok bool) {
	select {
	case c.n.verify <- struct{}{}:
		return func() { <-c.n.verify }, true
	case <-c.Context().Done():
		return nil, false
	}
}

// bound checks a body's announced length, and answers if it is not within limit.
func (c *call) bound(limit int64) bool {
	switch {
	case c.ContentLength < 0:
		c.fail(http.StatusLengthRequired, "Content-Length is needed")
	case c.ContentLength > limit:
		c.fail(http.StatusRequestEntityTooLarge, "body is longer than "+strconv.FormatInt(limit, 10)+" bytes")
	default:
		return c.hold(c.ContentLength)
	}
	return false
}

// body reads a whole body of at most limit bytes, and answers if it cannot.
func (c *call) body(limit int64) ([]byte, bool) {
	if !c.bound(limit) {
		return nil, false
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.ResponseWriter, c.Body, limit))
	if err != nil {
		c.fail(http.StatusBadRequest, "body is cut off")
		return nil, false
	}
	c.n.metrics.received.Add(float64(len(data)))
	return data, true
}
