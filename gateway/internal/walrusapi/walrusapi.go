// Package walrusapi is what all of Walrus's HTTP APIs have in common: errors in the form of
// AIP-193, JSON, and that pages of any origin may read the answers.
package walrusapi

import (
	"encoding/json"
	"net/http"
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
	JSON(w, e.Code, map[string]any{"error": map[string]any{
		"status": e.Status, "code": e.Code, "message": strings.TrimSpace(e.Message),
		"details": []any{map[string]any{"@type": "ErrorInfo", "reason": e.Reason, "domain": e.Domain, "metadata": metadata}},
	}})
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
