package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/gateway/quilt"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// domain says whose errors these are.
const domain = "daemon.walrus.space"

// refuse returns the failure of a request that is wrong.
func refuse(reason, message string) *walrusapi.Error {
	return &walrusapi.Error{Code: http.StatusBadRequest, Status: "INVALID_ARGUMENT", Reason: reason, Message: message, Domain: domain}
}

// plain is an error that clients are told of as bare text: the request has not the form
// that requests have.
type plain struct {
	code    int
	message string
}

func (p *plain) Error() string { return p.message }

func malformed(message string) *plain { return &plain{http.StatusBadRequest, message} }

// busy returns the failure of a request for which there is no room.
func busy(service string) *plain {
	return &plain{http.StatusTooManyRequests, "the " + service + " is receiving too many requests; please try again later"}
}

// explain returns the failure that an error is for clients.
func explain(err error) *walrusapi.Error {
	var f *walrusapi.Error
	var tooLarge *commit.TooLargeError
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, errBlocked):
		return &walrusapi.Error{Code: http.StatusUnavailableForLegalReasons, Status: "UNAVAILABLE_FOR_LEGAL_REASONS", Reason: "FORBIDDEN_BLOB", Message: "the operator of this gateway has blocked the blob", Domain: domain}
	case errors.Is(err, client.ErrInconsistent):
		return &walrusapi.Error{Code: http.StatusNotFound, Status: "NOT_FOUND", Reason: "BLOB_NOT_FOUND", Message: "the blob was encoded wrongly, and nobody can read it", Domain: domain}
	case errors.Is(err, client.ErrNotFound):
		return &walrusapi.Error{Code: http.StatusNotFound, Status: "NOT_FOUND", Reason: "BLOB_NOT_FOUND", Message: "no blob of this id is stored", Domain: domain}
	case errors.Is(err, quilt.ErrNotFound), errors.Is(err, quilt.ErrNotQuilt), errors.Is(err, quilt.ErrMalformed):
		return &walrusapi.Error{Code: http.StatusNotFound, Status: "NOT_FOUND", Reason: "QUILT_PATCH_NOT_FOUND", Message: err.Error(), Domain: domain}
	case errors.Is(err, errLedger):
		return &walrusapi.Error{Code: http.StatusServiceUnavailable, Status: "UNAVAILABLE", Reason: "LEDGER_UNAVAILABLE", Message: "the ledger does not answer at present: try again", Domain: domain}
	case ledger.RuleOf(err) == ledger.RuleEpochs:
		return refuse("INVALID_EPOCHS", err.Error())
	case ledger.RuleOf(err) == ledger.RuleCapacity:
		return &walrusapi.Error{Code: http.StatusTooManyRequests, Status: "RESOURCE_EXHAUSTED", Reason: "CAPACITY_EXHAUSTED", Message: "the nodes have no room for the blob in these epochs: " + err.Error(), Domain: domain}
	case errors.Is(err, client.ErrTooLarge), errors.As(err, &tooLarge):
		return &walrusapi.Error{Code: http.StatusForbidden, Status: "SIZE_EXCEEDED", Reason: "BLOB_TOO_LARGE", Message: err.Error(), Domain: domain}
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &walrusapi.Error{Code: http.StatusServiceUnavailable, Status: "UNAVAILABLE", Reason: "BLOB_UNAVAILABLE", Message: "too few nodes answer at present: try again", Domain: domain}
	default:
		return &walrusapi.Error{Code: http.StatusInternalServerError, Status: "INTERNAL", Reason: "INTERNAL_ERROR", Message: "an internal error has occurred, please report it", Domain: domain}
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
	walrusapi.AllowOrigins(w)
	if text != nil {
		if text.code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		walrusapi.Text(w, text.code, text.message)
		return
	}
	f := explain(err)
	if f.Code == http.StatusInternalServerError {
		f = f.Traced()
		log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err, "trace", f.Trace)
	}
	f.Write(w)
}
