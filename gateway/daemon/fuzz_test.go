package daemon

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzRange reads ranges. One that is taken lies within the blob.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=3-", "bytes=-3", "bytes=1-2,3-4", "bytes=-", "lines=1-2", "bytes=18446744073709551615-18446744073709551615"} {
		f.Add(s, uint64(33))
	}
	f.Fuzz(func(t *testing.T, header string, size uint64) {
		off, n, ok := parseRange([]string{header}, size)
		if ok && (n == 0 || off >= size || n > size-off) {
			t.Errorf("%q of %d bytes: %d bytes from %d on", header, size, n, off)
		}
	})
}

// FuzzRequest serves requests of any form.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{
		"/v1/blobs?epochs=2", "/v1/quilts", "/v1/blobs/x", "/v1/blobs/by-object-id/0x1", "/v1/blobs/by-quilt-patch-id/x",
		"/v1/blobs/by-quilt-id/x/a%2Fb", "/v1/quilts/x/patches", "/v1alpha/blobs/concat?ids=a,b", "/v1alpha/blobs/x/stream", "/%zz",
	} {
		for _, method := range []string{"GET", "PUT", "POST", "HEAD", "OPTIONS"} {
			f.Add(method, path, "multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"_metadata\"\r\n\r\n[{\"identifier\":\"a\",\"tags\":{\"b\":1}}]\r\n--x--\r\n"))
		}
	}
	store := newFake(f)
	d, err := New(store, Options{MaxBlob: 1000, MaxQuilt: 1000})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path, kind string, body []byte) {
		u, err := url.ParseRequestURI(path)
		if err != nil || strings.ContainsAny(method, " \r\n") || method == "" {
			t.Skip("net/http refuses it")
		}
		r := (&http.Request{Method: method, URL: u, Header: http.Header{"Content-Type": {kind}}}).WithContext(t.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 {
			t.Errorf("%s %q: %d, %s", method, path, w.Code, w.Body)
		}
	})
}
