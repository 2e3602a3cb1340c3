package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/server/httpd"
)

// request is one request and its answer.
type request struct {
	*httpd.Exchange
	view  View
	id    commit.BlobID // of the path, if it names a blob
	visit *gate.Visit   // nil until something is asked for that may be withheld
}

// owns reports whether the pair of the request's blob is one of the node's: to be stored, or
// to be read.
func (r *request) owns(pair int) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.view.mayHold(r.id, pair)
	}
	return placement.Owns(r.view.Committee, r.view.Member, r.id, pair)
}

// misdirected answers that the node is not who is to do it, in the epoch that it knows.
func (r *request) misdirected(message string) {
	r.answer(http.StatusMisdirectedRequest, api.Error{Message: message, Epoch: r.view.Epoch()})
}

// name returns the node's name in the committee.
func (r *request) name() string { return r.view.Committee.Member(r.view.Member).Name }

// fail answers with an error.
func fail(w http.ResponseWriter, status int, message string) {
	answer(w, status, api.Error{Message: message})
}

// gone answers for a blob that is inconsistent.
func (r *request) gone() {
	r.answer(http.StatusGone, api.Error{Message: "blob is inconsistent", Proof: api.BlobPath(r.id, api.ProofPath)})
}

// badBody answers for a body that cannot be read or understood.
func (r *request) badBody(err error) {
	if errors.Is(err, httpd.ErrBusy) {
		r.Busy(err.Error())
		return
	}
	r.Fail(http.StatusBadRequest, err.Error())
}

// answer answers in JSON.
func (r *request) answer(status int, v any) { answer(r, status, v) }

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
func (r *request) send(data []byte) {
	r.Header().Set("Content-Type", api.TypeBytes)
	r.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = r.Write(data)
}
