package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// domain says whose errors these are.
const domain = "daemon.walrus.space"

// failure is an error as clients are told of it, in the form of AIP-193.
type failure struct {
	code    int    // of HTTP
	status  string // its name
	reason  string // what programs look at
	message string // what people read
	domain  string // whose it is, if not the API's
}

func (f *failure) Error() string { return f.message }

// refuse returns the failure of a request that is wrong.
func refuse(reason, message string) *failure {
	return &failure{code: http.StatusBadRequest, status: "INVALID_ARGUMENT", reason: reason, message: message}
}

// plain is an error that clients are told of as bare text: the request has not the form
// that requests have.
type plain struct {
	code    int
	message string
}

func (p *plain) Error() string { return p.message }

func malformed(message string) *plain { return &plain{http.StatusBadRequest, message} }

// explain returns the failure that an error is for clients.
func explain(err error) *failure {
	var f *failure
	var tooLarge *commit.TooLargeError
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, client.ErrInconsistent):
		return &failure{code: http.StatusNotFound, status: "NOT_FOUND", reason: "BLOB_NOT_FOUND", message: "the blob was encoded wrongly, and nobody can read it"}
	case errors.Is(err, client.ErrNotFound):
		return &failure{code: http.StatusNotFound, status: "NOT_FOUND", reason: "BLOB_NOT_FOUND", message: "no blob of this id is stored"}
	case errors.Is(err, quilt.ErrNotFound), errors.Is(err, quilt.ErrNotQuilt), errors.Is(err, quilt.ErrMalformed):
		return &failure{code: http.StatusNotFound, status: "NOT_FOUND", reason: "QUILT_PATCH_NOT_FOUND", message: err.Error()}
	case errors.Is(err, errLedger):
		return &failure{code: http.StatusServiceUnavailable, status: "UNAVAILABLE", reason: "LEDGER_UNAVAILABLE", message: "the ledger does not answer at present: try again"}
	case ledger.RuleOf(err) == ledger.RuleEpochs:
		return refuse("INVALID_EPOCHS", err.Error())
	case ledger.RuleOf(err) == ledger.RuleCapacity:
		return &failure{code: http.StatusTooManyRequests, status: "RESOURCE_EXHAUSTED", reason: "CAPACITY_EXHAUSTED", message: "the nodes have no room for the blob in these epochs: " + err.Error()}
	case errors.Is(err, client.ErrTooLarge), errors.As(err, &tooLarge):
		return &failure{code: http.StatusForbidden, status: "SIZE_EXCEEDED", reason: "BLOB_TOO_LARGE", message: err.Error()}
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &failure{code: http.StatusServiceUnavailable, status: "UNAVAILABLE", reason: "BLOB_UNAVAILABLE", message: "too few nodes answer at present: try again"}
	default:
		return &failure{code: http.StatusInternalServerError, status: "INTERNAL", reason: "INTERNAL_ERROR", message: "an internal error has occurred, please report it"}
	}
}

// answerError tells a client of an error. A request that its client has given up is
// answered nothing.
func answerError(log *slog.Logger, w http.ResponseWriter, r *http.Request, err error) {
	var text *plain
	var body *http.MaxBytesError
	switch {
	case errors.As(err, &text):
	case errors.As(err, &body):
		text = &plain{http.StatusRequestEntityTooLarge, "the body is longer than " + strconv.FormatInt(body.Limit, 10) + " bytes"}
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		panic(http.ErrAbortHandler)
	}
	clear(w.Header())
	cors(w)
	if text != nil {
		http.Error(w, text.message, text.code)
		return
	}
	f := explain(err)
	if f.code == http.StatusInternalServerError {
		log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if f.code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	answerJSON(w, f.code, map[string]any{"error": map[string]any{
		"status": f.status, "code": f.code, "message": strings.TrimSpace(f.message),
		"details": []any{map[string]any{"@type": "ErrorInfo", "reason": f.reason, "domain": cmp.Or(f.domain, domain), "metadata": struct{}{}}},
	}})
}

// answerJSON answers a value. What cannot be written any more, nobody reads.
func answerJSON(w http.ResponseWriter, code int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // no value here is one that JSON has not
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text)
}
