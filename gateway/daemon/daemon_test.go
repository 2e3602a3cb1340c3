package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/rs2d"
)

// fake is a store in memory.
type fake struct {
	code  *rs2d.Code
	mu    sync.Mutex
	blobs map[commit.BlobID][]byte
	err   error         // of all calls
	after int           // ranges that are read before err
	piece uint64        // that is streamed at once
	begun chan struct{} // one for each Put that begins
	held  chan struct{} // that Put waits for
}

func newFake(t testing.TB) *fake {
	code, err := rs2d.New(10, rs2d.WithWorkers(1)) // several wait for each other by a clock, which tests may stop
	if err != nil {
		t.Fatal(err)
	}
	return &fake{code: code, blobs: make(map[commit.BlobID][]byte), piece: 7}
}

func (f *fake) Params() commit.Params { return f.code.Params() }

func (f *fake) Put(ctx context.Context, blob []byte, o PutOptions) (*Stored, error) {
	if f.held != nil {
		f.begun <- struct{}{}
		<-f.held
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	id, err := f.code.ID(blob)
	if err == nil {
		err = o.vet(id)
	}
	if err != nil {
		return nil, err
	}
	_, have := f.blobs[id]
	f.blobs[id] = bytes.Clone(blob)
	s := &Stored{Object: f.object(id), New: !have || o.Force, EncodedSize: 5000, Cost: 7}
	s.End, s.Permanent, s.Shared = 3+o.Epochs, o.Permanent, o.Share
	if o.Owner != nil {
		s.ID = *o.Owner
	}
	return s, nil
}

func (f *fake) Relay(ctx context.Context, src io.ReaderAt, size int64, id commit.BlobID, object *ObjectID) (*Certificate, error) {
	s, err := f.PutFrom(ctx, src, size, PutOptions{})
	if err == nil && s.Blob != id {
		err = errOtherBlob(s.Blob)
	}
	return &Certificate{Signers: []int{0, 2}, Message: attestation(id, object).WalrusMessage(3)}, err
}

func (f *fake) Certify(ctx context.Context, id commit.BlobID, object *ObjectID, c *Certificate) error {
	_, err := f.get(id)
	return err
}

func (f *fake) Free(context.Context, commit.BlobID, ObjectID) error { return nil }

func (f *fake) PutFrom(ctx context.Context, src io.ReaderAt, size int64, o PutOptions) (*Stored, error) {
	blob, err := io.ReadAll(io.NewSectionReader(src, 0, size))
	if err != nil {
		return nil, err
	}
	return f.Put(ctx, blob, o)
}

func (f *fake) Cluster(context.Context) (*Cluster, error) {
	return &Cluster{Members: []Member{}}, f.err
}

func (f *fake) object(id commit.BlobID) Object {
	return Object{
		ID: ObjectID(id), Blob: id, Size: uint64(len(f.blobs[id])), Registered: 3, Certified: 3, Storage: ObjectID{1}, Start: 3, End: 4,
		Attributes: map[string]string{"Content-Type": "text/x", "etag": "mine", "x-other": "1", "link": "a\nb"},
	}
}

func (f *fake) get(id commit.BlobID) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	blob, ok := f.blobs[id]
	if f.err != nil && f.after == 0 {
		return nil, f.err
	}
	if !ok {
		return nil, client.ErrNotFound
	}
	return blob, nil
}

func (f *fake) Metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	blob, err := f.get(id)
	return &commit.Metadata{Length: uint64(len(blob))}, err
}

func (f *fake) Read(ctx context.Context, id commit.BlobID) ([]byte, error) { return f.get(id) }

func (f *fake) ReadRange(ctx context.Context, id commit.BlobID, off, n uint64) ([]byte, error) {
	blob, err := f.get(id)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = max(f.after-1, 0)
	return blob[off:][:n], nil
}

// Stream writes a piece at a time, and nothing of one that is stalled.
func (f *fake) Stream(ctx context.Context, id commit.BlobID, w io.Writer, p Part) error {
	for off := p.Off; off < p.Off+p.N; off += f.piece {
		data, err := f.ReadRange(ctx, id, off, min(f.piece, p.Off+p.N-off))
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			return err
		}
	}
	_, err := f.get(id)
	return err
}

func (f *fake) ReadColumns(ctx context.Context, id commit.BlobID, from, to int) ([]byte, error) {
	blob, err := f.get(id)
	if err != nil {
		return nil, err
	}
	return quilt.ColumnsOf(f.Params(), blob)(ctx, from, to)
}

func (f *fake) Object(ctx context.Context, id ObjectID) (*Object, error) {
	if _, err := f.get(commit.BlobID(id)); err != nil {
		return nil, err
	}
	o := f.object(commit.BlobID(id))
	return &o, nil
}

// served is the API before a fake.
type served struct {
	t     *testing.T
	store *fake
	url   string
}

func serve(t *testing.T, o Options) *served {
	f := newFake(t)
	d, err := New(f, o)
	if err != nil {
		t.Fatal(err)
	}
	return serveHandler(t, f, d)
}

func serveHandler(t *testing.T, f *fake, h http.Handler) *served {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &served{t, f, s.URL}
}

// ask makes a request with headers "Name: value", and returns the answer with its body.
func (s *served) ask(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, string(text)
}

// reason returns the reason in the text of an error.
func reason(text string) string { return reasonIn(domain, text) }

func reasonIn(domain, text string) string {
	var e struct {
		Error struct {
			Status  string
			Code    int
			Message string
			Details []struct {
				Type   string `json:"@type"`
				Reason string
				Domain string
			}
		}
	}
	details := 1
	if json.Unmarshal([]byte(text), &e) == nil && e.Error.Code == http.StatusInternalServerError {
		details = 2 // one by which the operator finds what is logged
	}
	if len(e.Error.Details) != details || e.Error.Details[0].Type != "ErrorInfo" || e.Error.Details[0].Domain != domain || e.Error.Message == "" {
		return ""
	}
	return fmt.Sprintf("%d %s %s", e.Error.Code, e.Error.Status, e.Error.Details[0].Reason)
}

const text = "thirty-three bytes of a test blob"

// TestReads asks for a blob in all ways: one that is read before it is answered, and one that is
// streamed.
func TestReads(t *testing.T) {
	t.Run("at once", func(t *testing.T) { testReads(t, Options{Piece: 10}) })
	t.Run("streamed", func(t *testing.T) { testReads(t, Options{Piece: 1, MaxWhole: 1}) })
}

func testReads(t *testing.T, o Options) {
	s := serve(t, o)
	stored, err := s.store.Put(t.Context(), []byte(text), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := s.store.Put(t.Context(), nil, PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id, other := stored.Blob.String(), commit.BlobID{1}.String()
	blob, object := "/v1/blobs/"+id, "/v1/blobs/by-object-id/"+stored.ID.String()
	const notFound, badRange, badCheck = "404 NOT_FOUND BLOB_NOT_FOUND", "416 RANGE_NOT_SATISFIABLE INVALID_BYTE_RANGE", "400 INVALID_ARGUMENT INVALID_CONSISTENCY_CHECK"
	for _, test := range []struct {
		name, method, path string
		headers            []string
		code               int
		body               string // or the reason of an error
	}{
		{"status", "GET", "/status", nil, 200, "OK"},
		{"whole", "GET", blob, nil, 200, text},
		{"empty", "GET", "/v1/blobs/" + empty.Blob.String(), nil, 200, ""},
		{"head", "HEAD", blob, nil, 200, ""},
		{"strict", "GET", blob + "?strict_consistency_check=true", nil, 200, text},
		{"skip", "GET", blob + "?skip_consistency_check=true&strict_consistency_check=false", nil, 200, text},
		{"strict and skip", "GET", blob + "?skip_consistency_check=true&strict_consistency_check=true", nil, 400, badCheck},
		{"not a flag", "GET", blob + "?skip_consistency_check=yes", nil, 400, "skip_consistency_check is \"yes\", want true or false"},
		{"a flag twice", "GET", blob + "?skip_consistency_check=true&skip_consistency_check=true", nil, 400, "skip_consistency_check is given 2 times"},
		{"unknown key", "GET", blob + "?epochs=1", nil, 400, "unknown key \"epochs\""},
		{"another blob", "GET", "/v1/blobs/" + other, nil, 404, notFound},
		{"range, strict", "GET", blob + "?strict_consistency_check=true", []string{"Range: bytes=7-11"}, 206, text[7:12]},
		{"range, strict and skip", "GET", blob + "?skip_consistency_check=true&strict_consistency_check=true", []string{"Range: bytes=7-11"}, 400, badCheck},
		{"what was read before", "GET", blob, []string{"If-None-Match: " + id}, 200, text},
		{"what has not changed", "GET", blob, []string{"If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"}, 200, text},
		{"range", "GET", blob, []string{"Range: bytes=7-11"}, 206, text[7:12]},
		{"range with spaces", "GET", blob, []string{"Range:  bytes=7-11 "}, 206, text[7:12]},
		{"last byte", "GET", blob, []string{"Range: bytes=32-32"}, 206, text[32:]},
		{"range without an end", "GET", blob, []string{"Range: bytes=30-"}, 206, text[30:]},
		{"last bytes", "GET", blob, []string{"Range: bytes=-4"}, 206, text[29:]},
		{"more than all", "GET", blob, []string{"Range: bytes=-40"}, 206, text},
		{"range beyond", "GET", blob, []string{"Range: bytes=30-33"}, 416, badRange},
		{"range after the end", "GET", blob, []string{"Range: bytes=33-"}, 416, badRange},
		{"no bytes", "GET", blob, []string{"Range: bytes=-0"}, 416, badRange},
		{"backwards", "GET", blob, []string{"Range: bytes=4-3"}, 416, badRange},
		{"two ranges", "GET", blob, []string{"Range: bytes=1-2,4-5"}, 416, badRange},
		{"two headers", "GET", blob, []string{"Range: bytes=1-2", "Range: bytes=4-5"}, 416, badRange},
		{"units", "GET", blob, []string{"Range: lines=1-2"}, 416, badRange},
		{"overflow", "GET", blob, []string{"Range: bytes=1-18446744073709551616"}, 416, badRange},
		{"range of nothing", "GET", "/v1/blobs/" + empty.Blob.String(), []string{"Range: bytes=-1"}, 416, badRange},
		{"byte-range", "GET", blob + "/byte-range?start=7&length=5", nil, 200, text[7:12]},
		{"byte-range at the end", "GET", blob + "/byte-range?start=32&length=1", nil, 200, text[32:]},
		{"byte-range beyond", "GET", blob + "/byte-range?start=30&length=4", nil, 400, "400 INVALID_ARGUMENT INVALID_BYTE_RANGE"},
		{"byte-range overflow", "GET", blob + "/byte-range?start=30&length=18446744073709551615", nil, 400, "400 INVALID_ARGUMENT INVALID_BYTE_RANGE"},
		{"byte-range of nothing", "GET", blob + "/byte-range?start=3&length=0", nil, 400, "400 INVALID_ARGUMENT INVALID_BYTE_RANGE"},
		{"byte-range of all", "GET", blob + "/byte-range?start=0&length=33", nil, 200, text},
		{"byte-range after the end", "GET", blob + "/byte-range?start=33&length=1", nil, 400, "400 INVALID_ARGUMENT INVALID_BYTE_RANGE"},
		{"byte-range without start", "GET", blob + "/byte-range?length=3", nil, 400, "start and length are needed"},
		{"byte-range of no number", "GET", blob + "/byte-range?start=-1&length=3", nil, 400, "start is \"-1\", want a number of 64 bits"},
		{"byte-range, unknown key", "GET", blob + "/byte-range?start=0&length=3&strict_consistency_check=true", nil, 400, "unknown key \"strict_consistency_check\""},
		{"byte-range without length", "GET", blob + "/byte-range?start=3", nil, 400, "start and length are needed"},
		{"byte-range of another", "GET", "/v1/blobs/" + other + "/byte-range?start=3&length=1", nil, 404, notFound},
		{"object", "GET", object, nil, 200, text},
		{"object in short", "GET", "/v1/blobs/by-object-id/1", nil, 404, notFound},
		{"object without 0x", "GET", "/v1/blobs/by-object-id/" + stored.ID.String()[2:], nil, 200, text},
		{"object, checked strictly", "GET", object + "?strict_consistency_check=true", nil, 200, text},
		{"object's range beyond", "GET", object, []string{"Range: bytes=30-33"}, 416, badRange},
		{"object's range", "GET", object, []string{"Range: bytes=0-5"}, 206, text[:6]},
		{"no object id", "GET", "/v1/blobs/by-object-id/0xg", nil, 400, "daemon: object id \"0xg\": want 0x and up to 64 digits in hexadecimal"},
		{"stream", "GET", "/v1alpha/blobs/" + id + "/stream", nil, 200, text},
		{"stream of nothing", "GET", "/v1alpha/blobs/" + empty.Blob.String() + "/stream", nil, 200, ""},
		{"stream, of which a range is asked for", "GET", "/v1alpha/blobs/" + id + "/stream", []string{"Range: bytes=1-2"}, 200, text},
		{"stream, strict", "GET", "/v1alpha/blobs/" + id + "/stream?strict_consistency_check=true", nil, 200, text},
		{"stream, strict and skip", "GET", "/v1alpha/blobs/" + id + "/stream?skip_consistency_check=true&strict_consistency_check=true", nil, 400, badCheck},
		{"stream, unknown key", "GET", "/v1alpha/blobs/" + id + "/stream?start=1", nil, 400, "unknown key \"start\""},
		{"stream of another", "GET", "/v1alpha/blobs/" + other + "/stream", nil, 404, notFound},
		{"concat", "GET", "/v1alpha/blobs/concat?ids=" + id + ",%20," + stored.ID.String(), nil, 200, text + text},
		{"concat of none", "GET", "/v1alpha/blobs/concat?ids=,", nil, 400, "at least one blob ID or object ID must be provided"},
		{"concat of no id", "GET", "/v1alpha/blobs/concat?ids=!", nil, 400, "400 INVALID_ARGUMENT INVALID_ID_FORMAT"},
		{"concat of no object", "GET", "/v1alpha/blobs/concat?ids=0x1", nil, 404, "404 NOT_FOUND OBJECT_ID_RESOLUTION_FAILED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &served{t, s.store, s.url}
			answer, body := s.ask(test.method, test.path, nil, test.headers...)
			if answer.StatusCode != test.code {
				t.Errorf("status %d, want %d: %s", answer.StatusCode, test.code, body)
			}
			if got := reason(body); body != test.body && got != test.body && test.body != "" || test.body == "" && test.code == 200 && body != "" {
				t.Errorf("answer %q, reason %q, want %q", body, got, test.body)
			}
			if got := answer.Header.Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("origin %q is allowed", got)
			}
		})
	}
	for _, method := range []string{"GET", "POST"} {
		var body io.Reader
		path := "/v1alpha/blobs/concat?ids=" + id + "," + id
		if method == "POST" {
			path, body = "/v1alpha/blobs/concat", strings.NewReader(`{"ids": ["`+id+`", "`+id+`"]}`)
		}
		if answer, got := s.ask(method, path, body); answer.StatusCode != 200 || got != text+text {
			t.Errorf("%s of two: %d, %q", method, answer.StatusCode, got)
		}
	}
}

// TestHeaders looks at the headers of answers with bytes.
func TestHeaders(t *testing.T) {
	s := serve(t, Options{})
	stored, err := s.store.Put(t.Context(), []byte("<html>"), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id := stored.Blob.String()
	blob, object := "/v1/blobs/"+id, "/v1/blobs/by-object-id/"+stored.ID.String()
	usual := map[string]string{
		"Etag": id, "X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=86400, stale-while-revalidate=3600",
		"Content-Type": "", "Content-Length": "6", "Content-Range": "", "Accept-Ranges": "", "Link": "",
	}
	for _, test := range []struct {
		name, method, path string
		headers            []string
		differ             map[string]string
	}{
		{"GET", "GET", blob, nil, nil},
		{"HEAD", "HEAD", blob, nil, nil},
		{"accept anything", "GET", blob, []string{"Accept: text/html, */*"}, nil},
		{"accept", "GET", blob, []string{"Accept: image/png"}, map[string]string{"Content-Type": "image/png"}},
		{"type of a HEAD", "HEAD", blob, []string{"Content-Type: image/gif"}, nil},
		{"accept beside the request's type", "GET", blob, []string{"Accept: image/png", "Content-Type: image/gif"}, map[string]string{"Content-Type": "image/png"}},
		{"range beyond", "GET", blob, []string{"Range: bytes=1-6"}, map[string]string{"Etag": "", "Cache-Control": "", "X-Content-Type-Options": "", "Content-Type": "application/json", "Content-Length": "*"}},
		{"type of the request", "GET", blob, []string{"Content-Type: image/gif"}, map[string]string{"Content-Type": "image/gif"}},
		{"range", "GET", blob, []string{"Range: bytes=1-2"}, map[string]string{"Content-Length": "2", "Content-Range": "bytes 1-2/6"}},
		{"byte-range", "GET", blob + "/byte-range?start=1&length=2", nil, map[string]string{"Content-Length": "2", "Etag": id + "-1-2"}},
		{"attributes", "GET", object, nil, map[string]string{"Content-Type": "text/x"}},
		{"attributes never win", "GET", object, []string{"Accept: image/png"}, map[string]string{"Content-Type": "image/png"}},
		{"stream", "GET", "/v1alpha/blobs/" + id + "/stream", nil, map[string]string{"X-Walrus-Streaming": "true"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &served{t, s.store, s.url}
			answer, _ := s.ask(test.method, test.path, nil, test.headers...)
			want := maps.Clone(usual)
			maps.Copy(want, test.differ)
			for name, value := range want {
				if got := answer.Header.Get(name); got != value && value != "*" {
					t.Errorf("%s: %q, want %q", name, got, value)
				}
			}
		})
	}
	answer, _ := s.ask("OPTIONS", blob, nil, "Origin: http://a", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization")
	if h := answer.Header; answer.StatusCode != 200 || h.Get("Access-Control-Max-Age") != "86400" || h.Get("Access-Control-Allow-Headers") != "authorization" || h.Get("Access-Control-Allow-Methods") != "*" {
		t.Errorf("before a request of another origin: %d, %v", answer.StatusCode, h)
	}
}

// TestErrors has the store fail.
func TestErrors(t *testing.T) {
	s := serve(t, Options{Piece: 10})
	stored, err := s.store.Put(t.Context(), []byte(text), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id := stored.Blob.String()
	for _, test := range []struct {
		name         string
		err          error
		method, path string
		want, retry  string
	}{
		{"unavailable", client.ErrUnavailable, "GET", "/v1/blobs/" + id, "503 UNAVAILABLE BLOB_UNAVAILABLE", "1"},
		{"too late", context.DeadlineExceeded, "GET", "/v1/blobs/" + id, "503 UNAVAILABLE BLOB_UNAVAILABLE", "1"},
		{"inconsistent", client.ErrInconsistent, "GET", "/v1/blobs/" + id, "404 NOT_FOUND BLOB_NOT_FOUND", ""},
		{"too large", client.ErrTooLarge, "GET", "/v1/blobs/" + id, "403 SIZE_EXCEEDED BLOB_TOO_LARGE", ""},
		{"anything else", errors.New("secret"), "GET", "/v1/blobs/" + id, "500 INTERNAL INTERNAL_ERROR", ""},
		{"unavailable range", client.ErrUnavailable, "GET", "/v1/blobs/" + id + "/byte-range?start=0&length=1", "500 INTERNAL INTERNAL_ERROR", ""},
		{"unavailable stream", client.ErrUnavailable, "GET", "/v1alpha/blobs/" + id + "/stream", "500 INTERNAL SLIVER_RETRIEVAL_FAILED", ""},
		{"too large range", client.ErrTooLarge, "GET", "/v1/blobs/" + id + "/byte-range?start=0&length=1", "403 SIZE_EXCEEDED BLOB_TOO_LARGE", ""},
		{"too large stream", client.ErrTooLarge, "GET", "/v1alpha/blobs/" + id + "/stream", "403 SIZE_EXCEEDED BLOB_TOO_LARGE", ""},
		{"unavailable object", client.ErrUnavailable, "GET", "/v1/blobs/by-object-id/" + stored.ID.String(), "503 UNAVAILABLE BLOB_UNAVAILABLE", "1"},
		{"unavailable quilt", client.ErrUnavailable, "GET", "/v1/quilts/" + id + "/patches", "503 UNAVAILABLE BLOB_UNAVAILABLE", "1"},
		{"anything else of a stream", errors.New("secret"), "GET", "/v1alpha/blobs/" + id + "/stream", "500 INTERNAL INTERNAL_ERROR", ""},
		{"anything else of a write", errors.New("secret"), "PUT", "/v1/blobs", "500 INTERNAL INTERNAL_ERROR", ""},
		{"marked as invalid", client.ErrInconsistent, "PUT", "/v1/blobs", "500 INTERNAL INTERNAL_ERROR", ""},
		{"unconfirmed", client.ErrUnavailable, "PUT", "/v1/blobs", "504 DEADLINE_EXCEEDED INSUFFICIENT_CONFIRMATIONS", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &served{t, s.store, s.url}
			s.store.err = test.err
			answer, body := s.ask(test.method, test.path, nil)
			if got := reason(body); got != test.want || !strings.HasPrefix(test.want, fmt.Sprint(answer.StatusCode)) || answer.Header.Get("Retry-After") != test.retry || strings.Contains(body, "secret") {
				t.Errorf("status %d, %s, want %s", answer.StatusCode, body, test.want)
			}
		})
	}
	t.Run("in the middle of a stream", func(t *testing.T) {
		s := serve(t, Options{Piece: 100_000})
		stored, err := s.store.Put(t.Context(), make([]byte, 250_000), PutOptions{}) // longer than what is held back
		if err != nil {
			t.Fatal(err)
		}
		s.store.err, s.store.after, s.store.piece = client.ErrUnavailable, 2, 100_000
		answer, err := http.Get(s.url + "/v1alpha/blobs/" + stored.Blob.String() + "/stream")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if got, err := io.ReadAll(answer.Body); err == nil || answer.StatusCode != 200 {
			t.Errorf("status %d, %q and no error", answer.StatusCode, got)
		}
	})
}

// TestPut stores blobs with all that a query may say.
func TestPut(t *testing.T) {
	s := serve(t, Options{MaxBlob: 100})
	put := func(t *testing.T, query, body string) (int, string) {
		s := &served{t, s.store, s.url}
		answer, got := s.ask("PUT", "/v1/blobs"+query, strings.NewReader(body))
		return answer.StatusCode, got
	}
	code, got := put(t, "?epochs=5", text)
	id, err := s.store.code.ID([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"newlyCreated":{"blobObject":{"blobId":"` + id.String() + `","certifiedEpoch":3,"deletable":true,"encodingType":"RS2","id":"` + ObjectID(id).String() +
		`","registeredEpoch":3,"size":33,"storage":{"endEpoch":8,"id":"` + ObjectID{1}.String() + `","startEpoch":3,"storageSize":5000}},"cost":7,` +
		`"resourceOperation":{"registerFromScratch":{"encodedLength":5000,"epochsAhead":5}}}}`
	if code != 200 || got != want {
		t.Errorf("a new blob: %d, %s, want %s", code, got, want)
	}
	want = `{"alreadyCertified":{"blobId":"` + id.String() + `","endEpoch":4,"object":"` + ObjectID(id).String() + `"}}`
	if code, got = put(t, "", text); code != 200 || got != want {
		t.Errorf("the same: %d, %s, want %s", code, got, want)
	}
	for _, test := range []struct {
		query string
		code  int
		want  string // is part of the answer
	}{
		{"?force=true", 200, "newlyCreated"},
		{"?permanent=true&force=true", 200, `"deletable":false`},
		{"?deletable=true&force=true", 200, `"deletable":true`},
		{"?encoding_type=RS2&quilt_version=V1&reuse_resources=true&share=false", 200, "alreadyCertified"},
		{"?send_object_to=0x" + strings.Repeat("ab", 32), 200, strings.Repeat("ab", 32)},
		{"?permanent=true", 200, `"event":{"txDigest":"`},
		{"?deletable=false&permanent=false&force=false", 200, `"alreadyCertified"`},
		{"?quilt_version=V9", 200, "alreadyCertified"},
		{"?share=true&force=true", 200, `"sharedBlobObject":"` + ObjectID(id).String()},
		{"?share=true&share=true", 400, "share is given 2 times"},
		{"?send_object_to=0x1&send_object_to=0x1", 400, "send_object_to is given 2 times"},
		{"?permanent=1", 400, "want true or false"},
		{"?epochs=-1", 400, "epochs"},
		{"?deletable=true&permanent=true", 400, "INVALID_BLOB_PERSISTENCE"},
		{"?epochs=0", 400, "epochs"},
		{"?epochs=4294967296", 400, "epochs"},
		{"?encoding_type=RS1", 400, "RS2"},
		{"?share=true&send_object_to=0x1", 400, "exclude"},
		{"?share=false&send_object_to=0x1", 400, "exclude"},
		{"?send_object_to=0xx", 400, "hexadecimal"},
		{"?epoch=1", 400, "unknown key"},
		{"?epochs=%zz", 400, "malformed"},
	} {
		t.Run(test.query, func(t *testing.T) {
			if code, got := put(t, test.query, text); code != test.code || !strings.Contains(got, test.want) {
				t.Errorf("%d, %s, want %d with %s", code, got, test.code, test.want)
			}
		})
	}
	if code, got := put(t, "", strings.Repeat("x", 101)); code != 413 || strings.Contains(got, "{") {
		t.Errorf("a blob that is too long: %d, %s", code, got)
	}
	if code, _ := put(t, "", strings.Repeat("x", 100)); code != 200 {
		t.Errorf("the longest blob: %d", code)
	}
}

// form returns the body of a form of parts name, content, …, and its type.
func form(t *testing.T, parts ...string) (io.Reader, string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		p, err := w.CreateFormFile(parts[i], "any name")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(p, parts[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, "Content-Type: " + w.FormDataContentType()
}

// TestQuilts stores forms as quilts, and reads their files.
func TestQuilts(t *testing.T) {
	s := serve(t, Options{MaxQuilt: 4000})
	body, kind := form(t, "b", "bytes of b", "a/../c d", "A", metadataPart,
		`[{"identifier": "b", "tags": {"content-type": "text/b", "x-n": 3, "x-o": {"a": [1, null]}}}, {"identifier": "none"}]`)
	answer, got := s.ask("PUT", "/v1/quilts?epochs=2", body, kind)
	var stored struct {
		BlobStoreResult struct {
			NewlyCreated struct{ BlobObject struct{ BlobID string } }
		}
		StoredQuiltBlobs []struct {
			Identifier, QuiltPatchID string
			Range                    [2]int
		}
	}
	if err := json.Unmarshal([]byte(got), &stored); err != nil || answer.StatusCode != 200 || len(stored.StoredQuiltBlobs) != 2 || stored.StoredQuiltBlobs[1].Range[0] != stored.StoredQuiltBlobs[0].Range[1] {
		t.Fatalf("%d, %s, %v", answer.StatusCode, got, err)
	}
	id, b := stored.BlobStoreResult.NewlyCreated.BlobObject.BlobID, stored.StoredQuiltBlobs[1]
	byQuilt := "/v1/blobs/by-quilt-id/" + id + "/"
	const noPatch = "404 NOT_FOUND QUILT_PATCH_NOT_FOUND"
	plain, err := s.store.Put(t.Context(), []byte(text), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, path string
		code       int
		body       string
	}{
		{"by patch", "/v1/blobs/by-quilt-patch-id/" + b.QuiltPatchID, 200, "bytes of b"},
		{"by name", byQuilt + "b", 200, "bytes of b"},
		{"by a name with slashes", byQuilt + "a%2F..%2Fc%20d", 200, "A"},
		{"another name", byQuilt + "B", 404, noPatch},
		{"no quilt", "/v1/blobs/by-quilt-id/" + plain.Blob.String() + "/b", 404, noPatch},
		{"no blob", "/v1/blobs/by-quilt-id/" + commit.BlobID{1}.String() + "/b", 404, "404 NOT_FOUND BLOB_NOT_FOUND"},
		{"no patch id", "/v1/blobs/by-quilt-patch-id/x", 400, ""},
		{"unknown key", byQuilt + "b?strict_consistency_check=true", 400, "unknown key \"strict_consistency_check\""},
		{"patches", "/v1/quilts/" + id + "/patches", 200, `[{"identifier":"a/../c d","patch_id":"` + stored.StoredQuiltBlobs[0].QuiltPatchID +
			`","tags":{}},{"identifier":"b","patch_id":"` + b.QuiltPatchID + `","tags":{"content-type":"text/b","x-n":"3","x-o":"{\"a\":[1,null]}"}}]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &served{t, s.store, s.url}
			answer, body := s.ask("GET", test.path, nil)
			if answer.StatusCode != test.code || test.body != "" && body != test.body && reason(body) != test.body {
				t.Errorf("%d, %s, want %d, %s", answer.StatusCode, body, test.code, test.body)
			}
		})
	}
	answer, _ = s.ask("GET", byQuilt+"b", nil)
	if h := answer.Header; h.Get("Etag") != id || h.Get("X-Quilt-Patch-Identifier") != "b" || h.Get("Content-Type") != "text/b" || h.Get("X-N") != "" {
		t.Errorf("headers %v", h)
	}
	const wrong = "400 INVALID_ARGUMENT MALFORMED_REQUEST"
	for _, test := range []struct {
		name  string
		parts []string
		code  int
		want  string
	}{
		{"no files", nil, 400, wrong},
		{"the same twice", []string{"a", "1", "a", "2"}, 400, wrong},
		{"no name", []string{"", "1"}, 400, wrong},
		{"tags twice", []string{"a", "1", metadataPart, `[{"identifier": "a"}, {"identifier": "a"}]`}, 400, wrong},
		{"tags of nobody", []string{"a", "1", metadataPart, `[{"tags": {}}]`}, 400, wrong},
		{"tags that are no list", []string{"a", "1", metadataPart, `{}`}, 400, wrong},
		{"tags that do not end", []string{"a", "1", metadataPart, `[{"identifier": "a"}`}, 400, wrong},
		{"tags and more", []string{"a", "1", metadataPart, `[] []`}, 400, wrong},
		{"tags of what is no object", []string{"a", "1", metadataPart, `[1]`}, 400, wrong},
		{"tags of no form", []string{"a", "1", metadataPart, `{`}, 400, wrong},
		{"too long", []string{"a", strings.Repeat("x", 4000)}, 413, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &served{t, s.store, s.url}
			body, kind := form(t, test.parts...)
			if answer, got := s.ask("PUT", "/v1/quilts", body, kind); answer.StatusCode != test.code || reason(got) != test.want {
				t.Errorf("%d, %s, want %d, %s", answer.StatusCode, got, test.code, test.want)
			}
		})
	}
	if answer, got := s.ask("PUT", "/v1/quilts", strings.NewReader("x"), "Content-Type: text/plain"); answer.StatusCode != 400 || reason(got) != wrong {
		t.Errorf("no form: %d, %s", answer.StatusCode, got)
	}
}

// TestOverload has more requests than may wait.
func TestOverload(t *testing.T) {
	s := serve(t, Options{MaxWrites: 2, WaitingWrites: 1})
	s.store.begun, s.store.held = make(chan struct{}, 3), make(chan struct{})
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() { _, _ = s.ask("PUT", "/v1/blobs", strings.NewReader(fmt.Sprint(i))) })
	}
	<-s.store.begun
	<-s.store.begun
	// One more may wait; of the next two one has no place.
	codes := make(chan int, 2)
	for range 2 {
		all.Go(func() {
			answer, body := s.ask("PUT", "/v1/blobs", strings.NewReader("x"))
			if answer.StatusCode == 429 && body != "the publisher is receiving too many requests; please try again later" {
				t.Errorf("answer %q", body)
			}
			codes <- answer.StatusCode
		})
	}
	if first := <-codes; first != 429 {
		t.Errorf("status %d, want 429", first)
	}
	if answer, _ := s.ask("GET", "/v1/blobs/"+commit.BlobID{1}.String(), nil); answer.StatusCode != 404 {
		t.Errorf("a read meanwhile: status %d", answer.StatusCode)
	}
	close(s.store.held)
	if second := <-codes; second != 200 {
		t.Errorf("status %d, want 200", second)
	}
	all.Wait()
}

// TestNew refuses options that are wrong, and serves one half only where that is asked for.
func TestNew(t *testing.T) {
	f := newFake(t)
	for name, o := range map[string]Options{
		"MaxBlob": {MaxBlob: -1}, "MaxQuilt": {MaxQuilt: -1}, "MaxReads": {MaxReads: -1}, "MaxWrites": {MaxWrites: -1},
		"WaitingReads": {WaitingReads: -1}, "WaitingWrites": {WaitingWrites: -1}, "Timeout": {Timeout: -1}, "NoReads": {NoReads: true, NoWrites: true},
	} {
		if _, err := New(f, o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(nil, Options{}); err == nil {
		t.Error("no store: no error")
	}
	publisher, aggregator := serve(t, Options{NoReads: true}), serve(t, Options{NoWrites: true})
	id := commit.BlobID{1}.String()
	for _, test := range []struct {
		s            *served
		method, path string
		want         int
	}{
		{publisher, "PUT", "/v1/blobs", 200}, {publisher, "GET", "/v1/blobs/" + id, 404}, {publisher, "GET", "/status", 200},
		{aggregator, "PUT", "/v1/blobs", 404}, {aggregator, "GET", "/v1/blobs/" + id, 404}, {aggregator, "GET", "/status", 200},
	} {
		answer, body := test.s.ask(test.method, test.path, nil)
		if answer.StatusCode != test.want || (reason(body) != "") != (test.s == aggregator && test.want == 404 && test.method == "GET") {
			t.Errorf("%s %s: %d, %q", test.method, test.path, answer.StatusCode, body)
		}
	}
}
