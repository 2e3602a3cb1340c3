package daemon

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/redstuff-go/redstuff/commit"
)

// TestWords compares what is answered without bytes of blobs, to a byte, and that pages of any origin
// may read it.
func TestWords(t *testing.T) {
	s := serve(t, Options{MaxBlob: 10, MaxQuilt: 10})
	stored, err := s.store.Put(t.Context(), []byte(text), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id := stored.Blob.String()
	blob := "/v1/blobs/" + id
	_, notID := commit.ParseBlobID("xyz")
	fails := func(code int, status, reason, message string) string {
		return fmt.Sprintf(`{"error":{"code":%d,"details":[{"@type":"ErrorInfo","domain":"daemon.walrus.space","metadata":{},"reason":"%s"}],"message":"%s","status":"%s"}}`, code, reason, message, status)
	}
	const words, program, none = "text/plain; charset=utf-8", "application/json", ""
	quilt, form := form(t, "a", "more than ten bytes")
	for _, test := range []struct {
		name, method, path string
		body               io.Reader
		headers            []string
		code               int
		kind, want         string
	}{
		{"status", "GET", "/status", nil, nil, 200, words, "OK"},
		{"status, its head", "HEAD", "/status", nil, nil, 200, words, ""},
		{"status, another method", "POST", "/status", nil, nil, 405, none, ""},
		{"document, another method", "PUT", "/v1/api", nil, nil, 405, none, ""},
		{"no path", "GET", "/v1/blob/" + id, nil, nil, 404, none, ""},
		{"no path of these", "GET", "/v1/blobs/by-quilt-id/" + id + "/a/b", nil, nil, 404, none, ""},
		{"another method", "DELETE", blob, nil, nil, 405, none, ""},
		{"another method of a write", "GET", "/v1/blobs", nil, nil, 405, none, ""},
		{"no id", "GET", "/v1/blobs/xyz", nil, nil, 400, words, notID.Error()},
		{"what comes before ids, alone", "GET", "/v1/blobs/by-object-id", nil, nil, 400, words, ""},
		{"no id of a quilt", "GET", "/v1/quilts/xyz/patches", nil, nil, 400, words, notID.Error()},
		{"no key", "GET", blob + "?x=", nil, nil, 400, words, `unknown key "x"`},
		{"too long", "PUT", "/v1/blobs", strings.NewReader(text), nil, 413, words, "the body is longer than 10 bytes"},
		{"too long, unannounced", "PUT", "/v1/blobs", io.MultiReader(strings.NewReader(text)), nil, 413, words, "the body is longer than 10 bytes"},
		{"too long a form", "PUT", "/v1/quilts", quilt, []string{form}, 413, words, "the body is longer than 10 bytes"},
		{"no blob", "GET", "/v1/blobs/" + commit.BlobID{1}.String(), nil, nil, 404, program, fails(404, "NOT_FOUND", "BLOB_NOT_FOUND", "no blob of this id is stored")},
		{"no range", "GET", blob, nil, []string{"Range: bytes=9-8"}, 416, program, fails(416, "RANGE_NOT_SATISFIABLE", "INVALID_BYTE_RANGE", `the range \"bytes=9-8\" is none of the blob's 33 bytes: give one such as bytes=0-99`)},
		{"tip", "GET", "/v1/tip-config", nil, nil, 200, program, `"no_tip"`},
		{"any type", "PUT", "/v1/blobs", strings.NewReader("a blob"), []string{"Content-Type: x/y; z"}, 200, program, ""},
	} {
		answer, body := s.ask(test.method, test.path, test.body, test.headers...)
		h := answer.Header
		if answer.StatusCode != test.code || h.Get("Content-Type") != test.kind || body != test.want && (test.want != "" || test.kind == none) {
			t.Errorf("%s: %d, %q, %q, want %d, %q, %q", test.name, answer.StatusCode, h.Get("Content-Type"), body, test.code, test.kind, test.want)
		}
		if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Expose-Headers") != "" || h.Get("Content-Range") != "" {
			t.Errorf("%s: headers %v", test.name, h)
		}
		if test.code == 405 && h.Get("Allow") == "" {
			t.Errorf("%s: nobody says which methods there are", test.name)
		}
	}
	for _, path := range []string{"/v1/blobs", blob, "/v1/quilts", "/status", "/v1/api", "/no/path"} {
		answer, body := s.ask("OPTIONS", path, nil, "Origin: http://a", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization, x-any")
		h := answer.Header
		if answer.StatusCode != 200 || body != "" || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != "*" || h.Get("Access-Control-Allow-Headers") != "authorization, x-any" || h.Get("Access-Control-Max-Age") != "86400" {
			t.Errorf("before a request of another origin to %s: %d, %v", path, answer.StatusCode, h)
		}
	}
	s.store.err = errors.New("secret")
	want := regexp.MustCompile(`^{"error":{"code":500,"details":\[{"@type":"ErrorInfo","domain":"daemon.walrus.space","metadata":{},"reason":"INTERNAL_ERROR"},` +
		`{"@type":"DebugInfo","detail":"TraceID: [0-9a-f]{32}","stackEntries":\[\]}\],"message":"an internal error has occurred, please report it","status":"INTERNAL"}}$`)
	_, first := s.ask("GET", blob, nil)
	_, second := s.ask("GET", blob, nil)
	if !want.MatchString(first) || first == second {
		t.Errorf("twice what nobody has foreseen: %s, %s", first, second)
	}
}

// TestConcat reads blobs one after another.
func TestConcat(t *testing.T) {
	s := serve(t, Options{})
	a, err := s.store.Put(t.Context(), []byte("first "), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.store.Put(t.Context(), []byte("second"), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	one, two := a.Blob.String(), b.ID.String()
	const at = "/v1alpha/blobs/concat"
	digest := func(ids string) string {
		sum := sha256.Sum256([]byte(ids))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	for _, test := range []struct {
		name, method, query, body string
		code                      int
		want, etag, kind          string
	}{
		{"blobs", "GET", "?ids=" + one + "," + one, "", 200, "first first ", digest(one + "," + one), ""},
		{"with spaces", "GET", "?ids=%20" + one + ",,%20" + one + "%20", "", 200, "first first ", digest(one + "," + one), ""},
		{"an object, whose attributes become headers", "GET", "?ids=" + one + "," + two, "", 200, "first second", digest(one + "," + two), "text/x"},
		{"checked", "GET", "?ids=" + one + "&strict_consistency_check=true", "", 200, "first ", digest(one), ""},
		{"its head", "HEAD", "?ids=" + one, "", 200, "", digest(one), ""},
		{"strict and skip", "GET", "?ids=" + one + "&strict_consistency_check=true&skip_consistency_check=true", "", 400, "400 INVALID_ARGUMENT INVALID_CONSISTENCY_CHECK", "", "application/json"},
		{"unknown key", "GET", "?ids=" + one + "&x=1", "", 400, `unknown key "x"`, "", "text/plain; charset=utf-8"},
		{"no ids", "GET", "", "", 400, "at least one blob ID or object ID must be provided", "", "text/plain; charset=utf-8"},
		{"listed", "POST", "", `{"ids": ["` + two + `", " ` + one + ` ", ""]}`, 200, "secondfirst ", digest(two + "," + one), "text/x"},
		{"listed, checked", "POST", "", `{"ids": ["` + one + `"], "strict_consistency_check": true}`, 200, "first ", digest(one), ""},
		{"listed, strict and skip", "POST", "", `{"ids": ["` + one + `"], "strict_consistency_check": true, "skip_consistency_check": true}`, 400, "400 INVALID_ARGUMENT INVALID_CONSISTENCY_CHECK", "", "application/json"},
		{"none listed", "POST", "", `{"ids": []}`, 400, "at least one blob ID or object ID must be provided", "", "text/plain; charset=utf-8"},
		{"no list", "POST", "", `{"ids": `, 400, "unexpected end of JSON input", "", "text/plain; charset=utf-8"},
		{"an endless list", "POST", "", strings.Repeat(" ", maxConcat+1), 413, "", "", "text/plain; charset=utf-8"},
	} {
		answer, got := s.ask(test.method, at+test.query, strings.NewReader(test.body))
		if h := answer.Header; answer.StatusCode != test.code || got != test.want && reason(got) != test.want && test.want != "" || h.Get("Etag") != test.etag || h.Get("Content-Type") != test.kind {
			t.Errorf("%s: %d, %q, %q, %q, want %d, %q, %q, %q", test.name, answer.StatusCode, got, h.Get("Etag"), h.Get("Content-Type"), test.code, test.want, test.etag, test.kind)
		}
	}
	// That a blob is not there is found out when the status has been sent.
	answer, err := http.Get(s.url + at + "?ids=" + one + "," + commit.BlobID{1}.String())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); err == nil || answer.StatusCode != 200 {
		t.Errorf("one that is not there: %d, %q and no error", answer.StatusCode, got)
	}
}

// TestQuiltHeaders looks at the headers of files of quilts.
func TestQuiltHeaders(t *testing.T) {
	plain, all := serve(t, Options{}), serve(t, Options{AllTagsAsHeaders: true, AllowedHeaders: []string{}})
	for name, s := range map[string]*served{"those allowed": plain, "all": all} {
		body, kind := form(t, metadataPart, `[{"identifier": "b", "tags": {"Content-Type": "text/b", "x-n": "3", "etag": "mine", "link": "a\nb", "": "x"}}]`, "b", "bytes of b", "a", "A")
		answer, got := s.ask("PUT", "/v1/quilts", body, kind)
		if answer.StatusCode != 200 {
			t.Fatalf("%s: %d, %s", name, answer.StatusCode, got)
		}
		_, id, _ := strings.Cut(got, `"blobId":"`)
		id = id[:43]
		_, patches := s.ask("GET", "/v1/quilts/"+id+"/patches", nil)
		_, patch, _ := strings.Cut(patches, `{"identifier":"b","patch_id":"`)
		for _, path := range []string{"/v1/blobs/by-quilt-patch-id/" + patch[:50], "/v1/blobs/by-quilt-id/" + id + "/b"} {
			for _, method := range []string{"GET", "HEAD"} {
				answer, got := s.ask(method, path, nil, "Range: bytes=1-2", "If-None-Match: "+id)
				h, tag := answer.Header, map[string]string{"all": "3"}[name]
				if answer.StatusCode != 200 || got != "bytes of b" && method == "GET" || h.Get("Etag") != id || h.Get("Content-Length") != "10" || h.Get("X-Quilt-Patch-Identifier") != "b" || h.Get("Link") != "" ||
					h.Get("Content-Type") != "text/b" || h.Get("X-N") != tag || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "public, max-age=86400, stale-while-revalidate=3600" {
					t.Errorf("%s: %s %s: %d, %q, %v", name, method, path, answer.StatusCode, got, h)
				}
			}
			if answer, got := s.ask("GET", path+"?skip_consistency_check=true", nil); answer.StatusCode != 400 || got != `unknown key "skip_consistency_check"` {
				t.Errorf("%s: a check: %d, %s", path, answer.StatusCode, got)
			}
			if answer, _ := s.ask("GET", path, nil, "Accept: text/c"); answer.Header.Get("Content-Type") != "text/c" {
				t.Errorf("%s: a tag wins over Accept: %v", path, answer.Header)
			}
		}
		answer, _ = s.ask("GET", "/v1/quilts/"+id+"/patches", nil)
		if h := answer.Header; h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "" || h.Get("Etag") != "" {
			t.Errorf("%s: patches: %v", name, h)
		}
	}
}

// TestAllowedHeaders: of attributes those become headers that Walrus lets, and none that is there.
func TestAllowedHeaders(t *testing.T) {
	o, err := Options{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"content-type", "authorization", "content-disposition", "content-encoding", "content-language", "content-location", "link"}
	if !slices.Equal(o.AllowedHeaders, want) {
		t.Errorf("headers %q, want %q", o.AllowedHeaders, want)
	}
	if o.MaxBlob != 10240<<10 || o.MaxQuilt != 102400<<10 || o.MaxWrites != 8 || o.WaitingWrites != 8 || o.MaxReads != 256 || o.WaitingReads != 320 || o.AllTagsAsHeaders {
		t.Errorf("defaults %+v", o)
	}
	attributes := map[string]string{"X-Other": "1", "": "2", "Content-Language": "a\x00b"}
	for _, name := range want {
		if name != "content-language" {
			attributes[strings.ToUpper(name)] = "of " + name
		}
	}
	h := http.Header{"Etag": {"id"}, "Link": {"set"}}
	newReader(newFake(t), nil, nil, o).attributes(h, attributes, false)
	for _, name := range append(want, "etag", "x-other") {
		value := "of " + name
		switch name {
		case "content-language", "x-other":
			value = ""
		case "link":
			value = "set"
		case "etag":
			value = "id"
		}
		if got := h.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

// TestReadOverload has more reads than may wait: all ways to read share one bound, and what says
// whether the gateway serves is answered all the same.
func TestReadOverload(t *testing.T) {
	store := &counted{fake: newFake(t), hold: make(chan struct{})}
	stored, err := store.Put(t.Context(), []byte(text), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(store, Options{MaxReads: 1, WaitingReads: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := serveHandler(t, store.fake, d)
	var all sync.WaitGroup
	codes := make(chan int, 3)
	for range 3 { // one is served, one waits, and one has no place
		all.Go(func() {
			answer, _ := s.ask("GET", "/v1/blobs/"+stored.Blob.String(), nil)
			codes <- answer.StatusCode
		})
	}
	if first := <-codes; first != 429 {
		t.Errorf("status %d, want 429", first)
	}
	for path, want := range map[string]int{"/v1/blobs/by-object-id/0x1": 429, "/v1/quilts/" + stored.Blob.String() + "/patches": 429, "/status": 200, "/v1/api": 200} {
		answer, body := s.ask("GET", path, nil)
		if answer.StatusCode != want || want == 429 && (body != "the aggregator is receiving too many requests; please try again later" || answer.Header.Get("Access-Control-Allow-Origin") != "*") {
			t.Errorf("%s meanwhile: %d, %q, want %d", path, answer.StatusCode, body, want)
		}
	}
	close(store.hold)
	all.Wait()
	if a, b := <-codes, <-codes; a != 200 || b != 200 {
		t.Errorf("statuses %d and %d, want 200", a, b)
	}
}

// TestQuiltToken: a token bounds what a quilt is long, and not the form that it came in.
func TestQuiltToken(t *testing.T) {
	secret := []byte("the publisher's secret")
	s := serve(t, Options{Auth: &Auth{Secret: secret}})
	put := func(id string, size int) (int, string) {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"jti": id, "exp": int64(1) << 40, "size": size}).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		body, kind := form(t, "a", "A")
		answer, got := s.ask("PUT", "/v1/quilts", body, kind, "Authorization: Bearer "+token)
		return answer.StatusCode, reasonIn(authDomain, got) + regexp.MustCompile(`"size":\d+`).FindString(got)
	}
	size := s.store.code.Params().P * s.store.code.Params().S * 2
	if code, got := put("first", size); code != 200 || got != fmt.Sprintf(`"size":%d`, size) {
		t.Errorf("of the quilt's length: %d, %s", code, got)
	}
	if code, got := put("second", size+1); code != 400 || got != "400 FAILED_PRECONDITION INVALID_SIZE" {
		t.Errorf("of another length: %d, %s", code, got)
	}
}

// TestFormsOfParts ends forms that take much more memory than they are long: of many files, and of
// many tags.
func TestFormsOfParts(t *testing.T) {
	s := serve(t, Options{})
	var many []string
	for i := range s.store.code.Params().S {
		many = append(many, fmt.Sprint("file ", i), "")
	}
	tags := func(entry string, times int) []string {
		var b strings.Builder
		for i := range times {
			fmt.Fprintf(&b, entry, i)
		}
		return []string{"a", "A", metadataPart, "[" + strings.TrimSuffix(b.String(), ",") + "]"}
	}
	long := `{"identifier": "b%d", "tags": {"k": "` + strings.Repeat("x", maxTags) + `"}},`
	for _, c := range []struct {
		name  string
		parts []string
		code  int
	}{
		{"as many files as there may be", many[2:], 200}, {"one more", many, 400},
		{"many tags of files that are not there", tags(`{"identifier": "b%d"},`, maxTagged), 200}, {"one more", tags(`{"identifier": "b%d"},`, maxTagged+1), 400},
		{"long tags", tags(long, 1), 400},
	} {
		body, kind := form(t, c.parts...)
		if answer, got := s.ask("PUT", "/v1/quilts", body, kind); answer.StatusCode != c.code || c.code != 200 && reason(got) != "400 INVALID_ARGUMENT MALFORMED_REQUEST" {
			t.Errorf("%s: %d, %.200s, want %d", c.name, answer.StatusCode, got, c.code)
		}
	}
}
