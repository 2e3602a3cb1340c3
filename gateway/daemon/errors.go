package daemon

import (
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
)

// domain says whose errors these are.
const domain = "daemon.walrus.space"

// failure is an error as clients are told of it, in the form of AIP-193.
type failure struct {
	code    int    // of HTTP
	status  string // its name
	reason  string // what programs look at
	message string // what people read
}

func (f *failure) Error() string { return f.message }

// refuse returns the failure of a request that is wrong.
func refuse(reason, message string) *failure {
	return &failure{http.StatusBadRequest, "INVALID_ARGUMENT", reason, message}
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
		return &failure{http.StatusNotFound, "NOT_FOUND", "BLOB_NOT_FOUND", "the blob was encoded wrongly, and nobody can read it"}
	case errors.Is(err, client.ErrNotFound):
		return &failure{http.StatusNotFound, "NOT_FOUND", "BLOB_NOT_FOUND", "no blob of this id is stored"}
	case errors.Is(err, quilt.ErrNotFound), errors.Is(err, quilt.ErrNotQuilt), errors.Is(err, quilt.ErrMalformed):
		return &failure{http.StatusNotFound, "NOT_FOUND", "QUILT_PATCH_NOT_FOUND", err.Error()}
	case errors.Is(err, client.ErrTooLarge), errors.As(err, &tooLarge):
		return &failure{http.StatusForbidden, "SIZE_EXCEEDED", "BLOB_TOO_LARGE", err.Error()}
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &failure{http.StatusServiceUnavailable, "UNAVAILABLE", "BLOB_UNAVAILABLE", "too few nodes answer at present: try again"}
	default:
		return &failure{http.StatusInternalServerError, "INTERNAL", "INTERNAL_ERROR", "an internal error has occurred, please report it"}
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
		"details": []any{map[string]any{"@type": "ErrorInfo", "reason": f.reason, "domain": domain, "metadata": struct{}{}}},
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
