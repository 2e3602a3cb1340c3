package rpc

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/redstuff-go/redstuff/node/control/chain"
)

// inSession has requests with a height answered from its state or a later one, see
// [HeightHeader].
func (h handler) inSession(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text := r.Header.Get(HeightHeader)
		if text == "" {
			f(w, r)
			return
		}
		seen, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			fail(w, fmt.Errorf("%w: %s is no height", errQuery, HeightHeader))
			return
		}
		now, err := h.ledger.Status(r.Context())
		if err != nil {
			fail(w, err)
			return
		}
		stamped := &stampedWriter{ResponseWriter: w, stamp: func() {
			if now, err := h.ledger.Status(r.Context()); err == nil {
				w.Header().Set(HeightHeader, strconv.FormatUint(now.Height, 10))
			}
		}}
		if now.Height < seen {
			fail(stamped, fmt.Errorf("%w: this one is at height %d, and %d was seen", chain.ErrBehind, now.Height, seen))
			return
		}
		f(stamped, r)
	}
}

// stampedWriter sets a header when all that an answer is made of was looked up.
type stampedWriter struct {
	http.ResponseWriter
	stamp   func()
	stamped bool
}

// WriteHeader writes the header.
func (w *stampedWriter) WriteHeader(status int) {
	if !w.stamped {
		w.stamped = true
		w.stamp()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write writes some of the body.
func (w *stampedWriter) Write(data []byte) (int, error) {
	if !w.stamped {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(data)
}
