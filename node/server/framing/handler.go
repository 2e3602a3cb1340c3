package framing

import "net/http"

// LastIfUnsure ends the connection after a request about whose end a proxy may be of another opinion:
// what follows may be another client's, or be written by this one to be taken for that. net/http does
// not say whether Content-Length was there as well as Transfer-Encoding, and of HTTP/1.0 not whether
// Transfer-Encoding was.
func LastIfUnsure(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
