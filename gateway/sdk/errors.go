package sdk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
)

// domain says whose errors these are, and anywhere whose those are that all of Walrus's services
// have alike.
const (
	domain   = "storage.walrus.space"
	anywhere = "global"
)

func failure(code int, status, reason, message string) *walrusapi.Error {
	return &walrusapi.Error{Code: code, Status: status, Reason: reason, Message: message, Domain: domain}
}

// invalid returns the error of a request that is wrong in itself.
func invalid(reason, message string) error {
	return failure(http.StatusBadRequest, "INVALID_ARGUMENT", reason, message)
}

// unmet returns the error of a request that would be right if something else were so.
func unmet(reason, message string) error {
	return failure(http.StatusBadRequest, "FAILED_PRECONDITION", reason, message)
}

func notFound(reason, message string) error {
	return failure(http.StatusNotFound, "NOT_FOUND", reason, message)
}

func unavailable(message string) *walrusapi.Error {
	return &walrusapi.Error{Code: http.StatusServiceUnavailable, Status: "UNAVAILABLE", Reason: "UNAVAILABLE", Message: message, Domain: anywhere}
}

// errAnswered is returned for a request that has been answered.
var errAnswered = errors.New("sdk: answered")

// answerError tells a client of an error.
func answerError(log *slog.Logger, r *request, err error) {
	var known *walrusapi.Error
	switch {
	case errors.Is(err, errAnswered), r.Context().Err() != nil && errors.Is(err, context.Canceled):
		return
	case errors.As(err, &known):
	case errors.Is(err, control.ErrUnknown):
		known = unavailable("whether the blob is registered cannot be known at present: the ledger does not answer")
	case errors.Is(err, store.ErrRefused):
		known = unavailable("the blob was deleted, or the ledger has to be asked again")
	case errors.Is(err, store.ErrFull):
		known = unavailable("the disk is full")
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrFailed), errors.Is(err, httpd.ErrBusy):
		known = unavailable("the node cannot do it at present")
	default:
		known = &walrusapi.Error{Code: http.StatusInternalServerError, Status: "INTERNAL", Reason: "INTERNAL_ERROR", Message: "an internal error has occurred, please report it", Domain: anywhere}
		known = known.Traced()
		log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err, "trace", known.Trace)
	}
	known.Write(r)
}

// fail answers what is wrong with a request before anybody has read it.
func fail(w http.ResponseWriter, code int, message string) {
	status := strings.ToUpper(strings.ReplaceAll(http.StatusText(code), " ", "_"))
	switch code {
	case http.StatusServiceUnavailable:
		unavailable(message).Write(w)
		return
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusLengthRequired:
		walrusapi.Text(w, code, message) // as Walrus does
		return
	}
	failure(code, status, status, message).Write(w)
}
