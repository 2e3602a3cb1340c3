// Package walrusapi is what all of Walrus's HTTP APIs have in common: errors in the form of
// AIP-193, JSON, and that pages of any origin may read the answers.
package walrusapi

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Error is an error as clients are told of it.
type Error struct {
	Code    int    // of HTTP
	Status  string // its name
	Reason  string // what programs look at
	Message string // what people read
	Domain  string // whose it is

	Metadata map[string]string // what else programs look at; usually nothing
	Trace    string            // by which the operator finds what is logged of it; usually nothing
}

// Traced returns an internal error with a name that is its own.
func (e *Error) Traced() *Error {
	var name [16]byte
	_, _ = rand.Read(name[:]) // it never fails
	traced := *e
	traced.Trace = hex.EncodeToString(name[:])
	return &traced
}

func (e *Error) Error() string { return e.Message }

// Write answers with the error. One that may pass says when to try again.
func (e *Error) Write(w http.ResponseWriter) {
	if e.Code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	metadata := e.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	details := []any{map[string]any{"@type": "ErrorInfo", "reason": e.Reason, "domain": e.Domain, "metadata": metadata}}
	if e.Trace != "" {
		details = append(details, map[string]any{"@type": "DebugInfo", "stackEntries": []any{}, "detail": "TraceID: " + e.Trace})
	}
	JSON(w, e.Code, map[string]any{"error": map[string]any{
		"status": e.Status, "code": e.Code, "message": strings.TrimSpace(e.Message), "details": details,
	}})
}

// Text answers words, to a byte: what is wrong with a request of the wrong form.
func Text(w http.ResponseWriter, code int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text) // whoever does not read it has gone
}

// JSON answers a value. What cannot be written any more, nobody reads.
func JSON(w http.ResponseWriter, code int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // no value here is one that JSON has not
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text)
}

// AllowOrigins lets pages of any origin read the answer.
func AllowOrigins(w http.ResponseWriter) { w.Header().Set("Access-Control-Allow-Origin", "*") }

// Preflight answers what a browser asks before it sends a page's request. It reports
// whether that is what the request is.
func Preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "*")
	h.Set("Access-Control-Allow-Headers", "*")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked) // the star does not stand for Authorization
	}
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusOK)
	return true
}
