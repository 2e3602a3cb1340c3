package daemon

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
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

// FuzzCertificate reads certificates. One that is taken is written as it was read.
func FuzzCertificate(f *testing.F) {
	good, err := json.Marshal(&Certificate{Signers: []int{0, 2, 3}, Message: []byte{1, 0, 3, 255}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, s := range []string{"null", "{}", "[]", `{"signers":[-1],"serialized_message":[256],"signature":"AA=="}`, `{"signers":null,"serialized_message":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Certificate
		if json.Unmarshal(data, &c) != nil {
			return
		}
		text, err := json.Marshal(&c)
		if err != nil {
			t.Fatal(err)
		}
		var again Certificate
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s is not read: %v", text, err)
		}
		if !slices.Equal(again.Signers, c.Signers) || !bytes.Equal(again.Message, c.Message) || again.Signature != c.Signature {
			t.Errorf("%+v becomes %+v", c, again)
		}
	})
}

// FuzzObjectID reads ids of objects. One that is taken is written in full, and read again.
func FuzzObjectID(f *testing.F) {
	for _, s := range []string{"0x1", "1", "0x", "0xg", "0x" + strings.Repeat("f", 64), "0x" + strings.Repeat("0", 65)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseObjectID(s)
		if err != nil {
			return
		}
		again, err := ParseObjectID(id.String())
		digits := strings.TrimLeft(strings.ToLower(strings.TrimPrefix(s, "0x")), "0")
		if err != nil || again != id || strings.TrimLeft(id.String()[2:], "0") != digits {
			t.Errorf("%q is %v, and that %v (%v)", s, id, again, err)
		}
	})
}

// FuzzToken reads tokens. None that is not signed lets anybody write.
func FuzzToken(f *testing.F) {
	auth, err := Auth{Secret: []byte("a secret")}.withDefaults()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTksImp0aSI6ImEifQ.", "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjk5OTk5OTk5OTksImp0aSI6ImEifQ.AAAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		g := &gate{Auth: auth, used: make(map[string]int64)}
		r := &http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}
		if _, err := g.open(r, PutOptions{Epochs: 1}); err == nil {
			t.Errorf("%q lets somebody write", token)
		}
		if len(g.used) > 0 {
			t.Errorf("%q is remembered as used", token)
		}
	})
}
