package node

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/server/httpd"
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
		c.Fail(http.StatusNotFound, "no such path or method")
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
	*httpd.Exchange
	n  *Node
	id commit.BlobID
}

// serve wraps a handler in limits, authorization and metrics.
func (n *Node) serve(route string, kind access, h func(*call)) http.Handler {
	rule := httpd.Rule{Unlimited: kind&unlimited != 0}
	if kind&writers != 0 {
		rule.Least = httpd.Client
	}
	return n.http.Handle(route, rule, func(x *httpd.Exchange) {
		if c := (&call{Exchange: x, n: n}); c.admit(kind) {
			h(c)
		}
	})
}

// identify tells who is at the other end of a connection.
func (n *Node) identify(state *tls.ConnectionState) httpd.Party {
	if n.config.Plaintext {
		return httpd.Party{Class: httpd.Client}
	}
	switch who := n.committee.Identify(state); who.Role {
	case committee.Peer:
		return httpd.Party{Class: httpd.Member, Name: who.Name}
	case committee.Writer:
		return httpd.Party{Class: httpd.Client, Name: who.Name}
	}
	return httpd.Party{}
}

// admit checks what the route asks for, and answers if it is not met.
func (c *call) admit(kind access) bool {
	if kind&ofBlob != 0 {
		id, err := commit.ParseBlobID(c.PathValue("id"))
		if err != nil {
			c.Fail(http.StatusBadRequest, err.Error())
			return false
		}
		c.id = id
	}
	if kind&refuseInconsistent != 0 {
		switch _, err := c.n.store.Record(c.id, store.Verdict); {
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

// fail answers with an error.
func fail(w http.ResponseWriter, status int, message string) {
	answer(w, status, api.Error{Message: message})
}

// gone answers for a blob that is inconsistent.
func (c *call) gone() {
	c.answer(http.StatusGone, api.Error{Message: "blob is inconsistent", Proof: api.BlobPath(c.id, api.ProofPath)})
}

// answer answers in JSON.
func (c *call) answer(status int, v any) { answer(c, status, v) }

func answer(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", api.TypeJSON)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // a client that has gone learns nothing
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
		c.Fail(http.StatusNotFound, "not here")
	case errors.Is(err, store.ErrCorrupt):
		c.n.corrupt(err)
		c.Fail(http.StatusNotFound, "damaged, and about to be recovered")
	case errors.Is(err, store.ErrFull):
		c.Fail(http.StatusInsufficientStorage, "disk is full")
	case errors.Is(err, store.ErrFailed):
		c.Busy("the store failed")
	case errors.Is(err, store.ErrUnavailable):
		c.n.log.Warn("store", "path", c.URL.Path, "error", err)
		c.Busy("cannot be read at present")
	default:
		c.n.log.Error("store", "path", c.URL.Path, "error", err)
		c.Fail(http.StatusInternalServerError, "the store has an error")
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

// compute waits for a turn to use the CPUs.
func (c *call) compute() (done func(), ok bool) {
	done, err := c.Turn(c.Context())
	return done, err == nil
}
