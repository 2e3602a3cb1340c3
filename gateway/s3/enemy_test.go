package s3

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// signed returns a request that is signed, with whatever body, path and query.
func (s *served) signed(method, target string, body io.Reader, hash string) *http.Request {
	s.t.Helper()
	ask, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.at+target, body)
	if err != nil {
		s.t.Fatal(err)
	}
	ask.Header.Set("X-Amz-Content-Sha256", hash)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(s.t.Context(), aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}, ask, hash, "s3", "us-east-1", time.Now()); err != nil {
		s.t.Fatal(err)
	}
	return ask
}

// ask sends a request, and returns the status of the answer, and the code in it.
func (s *served) ask(ask *http.Request) (status int, code string) {
	s.t.Helper()
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		s.t.Fatalf("%s %s: %v", ask.Method, ask.URL, err)
	}
	defer answer.Body.Close()
	var said struct{ Code string }
	data, err := io.ReadAll(answer.Body)
	if err == nil && len(data) > 0 {
		_ = xml.Unmarshal(data, &said) // an object's bytes are no XML
	}
	return answer.StatusCode, said.Code
}

func (s *served) send(method, target string, body string) (status int, code string) {
	s.t.Helper()
	sum := sha256.Sum256([]byte(body))
	ask, digest := s.signed(method, target, strings.NewReader(body), hex.EncodeToString(sum[:])), md5.Sum([]byte(body))
	ask.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(digest[:]))
	return s.ask(ask)
}

// head returns the head of a request whose body has a length, or none that is known.
func head(t *testing.T, ask *http.Request, length int64) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", ask.Method, ask.URL.RequestURI(), ask.URL.Host)
	if err := ask.Header.Write(&b); err != nil {
		t.Fatal(err)
	}
	if length < 0 {
		return b.String() + "Transfer-Encoding: chunked\r\n\r\n"
	}
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n", b.String(), length)
}

// endless is a body that has no end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestMaliciousXML sends what is no list of parts, keys, tags or rules, or a very long one: it is
// refused, and takes no memory.
func TestMaliciousXML(t *testing.T) {
	s := serve(t, Options{Epochs: newAging().epochs})
	s.bucket("bucket")
	s.put("bucket", "key", []byte("some text"))
	up, err := s.aws.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
	if err != nil {
		t.Fatal(err)
	}
	bomb := `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><x>&c;</x>`
	outside := `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>`
	for _, c := range []struct{ name, body string }{
		{"entities", bomb}, {"a file", outside}, {"deep", strings.Repeat("<a>", 20_000)}, {"cut off", "<Tagging><TagSet"}, {"no text", "\xff\xfe\x00"},
	} {
		for _, to := range []struct{ method, target string }{
			{"POST", "/bucket/key?uploadId=" + *up.UploadId}, {"PUT", "/bucket/key?tagging"}, {"PUT", "/bucket?tagging"}, {"PUT", "/bucket?lifecycle"},
			{"PUT", "/bucket?cors"}, {"PUT", "/bucket?website"}, {"PUT", "/other"},
		} {
			if status, code := s.send(to.method, to.target, c.body); status != 400 || code != "MalformedXML" {
				t.Errorf("%s to %s %s: %d %s, want MalformedXML", c.name, to.method, to.target, status, code)
			}
		}
	}
	// What is too long is not read.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, to := range []struct{ method, target string }{
		{"POST", "/bucket/key?uploadId=" + *up.UploadId}, {"POST", "/bucket?delete"}, {"PUT", "/bucket?lifecycle"}, {"PUT", "/bucket/key?tagging"}, {"PUT", "/other"},
	} {
		for _, length := range []int64{1 << 40, -1} {
			ask := s.signed(to.method, to.target, nil, "UNSIGNED-PAYLOAD")
			ask.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			want := "MaxMessageLengthExceeded"
			if length < 0 {
				want = "MissingContentLength"
			}
			conn, err := net.Dial("tcp", s.at)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var answered sync.WaitGroup
			answered.Go(func() { // meanwhile something comes, until the end of the connection
				_, _ = io.WriteString(conn, head(t, ask, length))
				_, _ = io.Copy(conn, io.LimitReader(endless{}, 64<<20))
			})
			answer, err := http.ReadResponse(bufio.NewReader(conn), ask)
			if err != nil {
				t.Fatalf("%s %s of %d bytes: %v", to.method, to.target, length, err)
			}
			var said struct{ Code string }
			if err := xml.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode/100 != 4 || said.Code != want {
				t.Errorf("%s %s of %d bytes: %d %s (%v), want %s", to.method, to.target, length, answer.StatusCode, said.Code, err, want)
			}
			conn.Close()
			answered.Wait()
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 {
		t.Errorf("bodies that were refused took %d bytes of memory", took)
	}
	s.expect("bucket", "key", []byte("some text"))
}

// TestStrangeKeys puts objects whose keys are whatever bytes: they are refused, or come back, and
// are none but the key's own.
func TestStrangeKeys(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	s.put("bucket", "safe", []byte("what was there"))
	for _, c := range []struct {
		key, want string // "" if it is stored
	}{
		{"\xff\xfe", ""}, {"a\nb", ""}, {"a b+c", ""}, {"ü/ä", ""}, {"%2e%2e", ""}, {strings.Repeat("k", 1024), ""}, {"a//b", ""},
		{strings.Repeat("k", 1025), "KeyTooLongError"}, {"a\x00b", "InvalidURI"}, {"../safe", "400"}, {"a/../../safe", "400"}, {"..", "400"},
	} {
		target := "/bucket/" + strings.NewReplacer("%2F", "/", "+", "%2B").Replace(url.PathEscape(c.key))
		data := "of " + c.key
		status, code := s.send("PUT", target, data)
		if code != c.want || (status == 200) != (c.want == "") {
			t.Errorf("key %q: %d %s, want %q", c.key, status, code, c.want)
		}
		if status != 200 {
			continue
		}
		if o, err := s.backend.all.index.object("bucket", c.key); err != nil || o.Size != int64(len(data)) {
			t.Errorf("key %q: the record is %+v (%v)", c.key, o, err)
		}
		up := sending{t, s.backend}
		id := up.begin(c.key)
		if got := up.list(); !strings.Contains(got, fmt.Sprintf("%q %s", c.key, id)) {
			t.Errorf("key %q: the upload is not among %s", c.key, got)
		}
		if err := s.backend.AbortMultipartUpload(t.Context(), &awss3.AbortMultipartUploadInput{Bucket: aws.String("bucket"), Key: aws.String(c.key), UploadId: &id}); err != nil {
			t.Errorf("key %q: %v", c.key, err)
		}
	}
	s.expect("bucket", "safe", []byte("what was there"))
}

// TestPresigned changes what was signed, or comes too late.
func TestPresigned(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	s.put("bucket", "key", []byte("some text"))
	good, err := s.minio.PresignedGetObject(t.Context(), "bucket", "key", time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(f func(u *url.URL, q url.Values)) string {
		u := *good
		q := u.Query()
		f(&u, q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for _, c := range []struct {
		name, target, method string
		status               int
		want                 string
	}{
		{"as it was signed", good.String(), "GET", 200, ""},
		{"another key", edit(func(u *url.URL, _ url.Values) { u.Path = "/bucket/other" }), "GET", 403, "SignatureDoesNotMatch"},
		{"another method", good.String(), "DELETE", 403, "SignatureDoesNotMatch"},
		{"longer", edit(func(_ *url.URL, q url.Values) { q.Set("X-Amz-Expires", "3600") }), "GET", 403, "SignatureDoesNotMatch"},
		{"for ever", edit(func(_ *url.URL, q url.Values) { q.Set("X-Amz-Expires", "99999999") }), "GET", 400, "AuthorizationQueryParametersError"},
		{"more is asked", edit(func(_ *url.URL, q url.Values) { q.Set("response-content-type", "text/html") }), "GET", 403, "SignatureDoesNotMatch"},
		{"too late", edit(func(_ *url.URL, q url.Values) {
			at := time.Now().Add(-time.Hour).UTC()
			q.Set("X-Amz-Date", at.Format("20060102T150405Z"))
			q.Set("X-Amz-Credential", strings.Replace(q.Get("X-Amz-Credential"), time.Now().UTC().Format("20060102"), at.Format("20060102"), 1))
		}), "GET", 403, "AccessDenied"},
	} {
		ask, err := http.NewRequestWithContext(t.Context(), c.method, c.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, code := s.ask(ask); status != c.status || code != c.want {
			t.Errorf("%s: %d %s, want %d %s", c.name, status, code, c.status, c.want)
		}
	}
	s.expect("bucket", "key", []byte("some text"))
}

// slowServer serves a backend for clients that may be slow for a moment only.
func slowServer(t *testing.T, o Options) (s *served) {
	t.Helper()
	first := serve(t, o)
	first.bucket("bucket")
	server, err := NewServer(first.backend, ServerOptions{Address: "127.0.0.1:1", Access: access, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	server.stall = 100 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := server.serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	slow := *first
	slow.at = l.Addr().String()
	return &slow
}

// TestSlowWriterGivesWay: one who sends slowly keeps the memory for it until somebody else needs that.
func TestSlowWriterGivesWay(t *testing.T) {
	s := serve(t, Options{Writes: 1})
	s.bucket("bucket")
	s.backend.all.content.slots.patience = 50 * time.Millisecond
	conn, err := net.Dial("tcp", s.at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var sending sync.WaitGroup
	defer sending.Wait()
	ended := make(chan struct{})
	defer close(ended)
	ask := s.signed("PUT", "/bucket/slow", nil, "UNSIGNED-PAYLOAD")
	sending.Go(func() {
		_, _ = io.WriteString(conn, head(t, ask, 1<<30))
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-tick.C:
				_, _ = conn.Write(make([]byte, 1<<10))
			case <-ended:
				tick.Stop()
				return
			}
		}
	})
	for range 6000 {
		if len(s.backend.all.content.slots.free) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	if got := len(s.backend.all.content.slots.free); got != 0 {
		t.Fatalf("%d buffers are free, want none: nobody else wants one", got)
	}
	s.put("bucket", "key", []byte("some text"))
	answer, err := http.ReadResponse(bufio.NewReader(conn), ask)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if said, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != 400 || !bytes.Contains(said, []byte("RequestTimeout")) {
		t.Errorf("the slow one is answered %d, %s (%v), want RequestTimeout", answer.StatusCode, said, err)
	}
}

// TestSlowClients cuts off who begins no request, does not end its head or its body, or takes no
// answer; one that goes on is served though it takes long.
func TestSlowClients(t *testing.T) {
	s := slowServer(t, Options{ReadSize: 1 << 20})
	large := some(1, 32<<20)
	if err := putTo(s.backend, "large", large); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, says, want string }{
		{"nothing", "", ""},
		{"half a head", "PUT /bucket/key HTTP/1.1\r\nHost: x\r\n", ""},
		{"half a body", head(t, s.signed("PUT", "/bucket/key", nil, "UNSIGNED-PAYLOAD"), 100) + "half", "RequestTimeout"},
		{"half a list", head(t, s.signed("POST", "/bucket?delete", nil, "UNSIGNED-PAYLOAD"), 9000) + "<Delete>", ""},
	} {
		conn, err := net.Dial("tcp", s.at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, c.says); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") || !bytes.Contains(answer, []byte(c.want)) {
			t.Errorf("%s: %q (%v), want the end of the connection, and %q before", c.name, answer, err, c.want)
		}
	}
	conn, err := net.Dial("tcp", s.at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := s.signed("GET", "/bucket/large", nil, "UNSIGNED-PAYLOAD").Write(conn); err != nil {
		t.Fatal(err)
	}
	first, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || first.StatusCode != 200 {
		t.Fatalf("%+v (%v), want the object", first, err)
	}
	for range 6000 {
		if s.backend.all.content.reading.Load() == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := s.backend.all.content.reading.Load(); got != 0 {
		t.Errorf("%d objects are being read by who takes nothing, want 0", got)
	}
	if n, err := io.Copy(io.Discard, first.Body); err == nil {
		t.Errorf("%d bytes came to who took nothing for long, want that the connection has ended", n)
	}
}

// TestPace counts the time only in which a client is waited for.
func TestPace(t *testing.T) {
	c := &pacedConn{stall: time.Second}
	now := time.Now()
	if got := c.begin(&c.in, &c.out, now).Sub(now); got != time.Second {
		t.Errorf("at first %v, want a second", got)
	}
	for range 100 {
		c.end(&c.in, time.Second, leastRate)
	}
	if got := c.begin(&c.in, &c.out, now).Sub(now); got != time.Second {
		t.Errorf("at the least rate %v, want a second still", got)
	}
	c.end(&c.in, 0, 1<<40)
	c.end(&c.in, time.Second/4, 0)
	if got := c.begin(&c.in, &c.out, now).Sub(now); got != time.Second*3/4 {
		t.Errorf("after a quarter of a second %v, want the rest, whatever came before", got)
	}
	c.limit = now.Add(time.Millisecond)
	if got := c.begin(&c.in, &c.out, now).Sub(now); got != time.Millisecond {
		t.Errorf("with a limit %v, want that", got)
	}
	if got := c.begin(&c.out, &c.in, now).Sub(now); got != time.Second || c.in != 0 {
		t.Errorf("an answer has %v, and the request before has taken %v, want a second, and none", got, c.in)
	}
	content := &content{read: 4 << 20}
	for _, many := range []struct{ reading, want int64 }{{0, 4 << 20}, {16, 4 << 20}, {256, 256 << 10}, {1 << 40, 1}} {
		content.reading.Store(many.reading)
		if got := content.atOnce(); got != many.want {
			t.Errorf("%d objects are read at once: %d bytes of each, want %d", many.reading, got, many.want)
		}
	}
}

// TestNotImplemented asks for what there is not.
func TestNotImplemented(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	s.put("bucket", "key", []byte("some text"))
	for _, c := range []struct{ method, target, body string }{
		{"PUT", "/bucket?versioning", `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`},
		{"PUT", "/bucket?encryption", ""}, {"GET", "/bucket?encryption", ""}, {"DELETE", "/bucket?encryption", ""},
		{"PUT", "/bucket?replication", ""}, {"GET", "/bucket?replication", ""},
		{"PUT", "/bucket?notification", ""}, {"GET", "/bucket?notification", ""},
		{"PUT", "/bucket?logging", ""}, {"GET", "/bucket?logging", ""},
		{"PUT", "/bucket?inventory&id=x", ""}, {"GET", "/bucket?inventory&id=x", ""},
		{"PUT", "/bucket?analytics&id=x", ""}, {"PUT", "/bucket?metrics&id=x", ""}, {"PUT", "/bucket?intelligent-tiering&id=x", ""},
		{"PUT", "/bucket?accelerate", ""}, {"GET", "/bucket?accelerate", ""}, {"PUT", "/bucket?requestPayment", ""}, {"PUT", "/bucket?publicAccessBlock", ""},
		{"POST", "/bucket/key?select&select-type=2", "<SelectObjectContentRequest/>"}, {"POST", "/bucket/key?restore", "<RestoreRequest/>"},
		{"GET", "/bucket/key?torrent", ""}, {"GET", "/bucket/key?versionId=other", ""},
	} {
		if status, code := s.send(c.method, c.target, c.body); status != 501 || code != "NotImplemented" {
			t.Errorf("%s %s: %d %s, want NotImplemented", c.method, c.target, status, code)
		}
	}
	ask, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.at+"/bucket/key?select&select-type=2", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, code := s.ask(ask); status != 403 || code != "AccessDenied" {
		t.Errorf("nobody asks for it: %d %s, want AccessDenied", status, code)
	}
}
