package daemon

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

// stuck is a client that reads and sends nothing, until it is cut off.
type stuck struct {
	*httptest.ResponseRecorder
	begins io.Reader // what it sends before
	once   sync.Once
	cut    chan struct{}
}

func newStuck(begins string) *stuck {
	return &stuck{ResponseRecorder: httptest.NewRecorder(), begins: strings.NewReader(begins), cut: make(chan struct{})}
}

func (s *stuck) deadline(at time.Time) error {
	if time.Until(at) <= 0 {
		s.once.Do(func() { close(s.cut) })
	}
	return nil
}

func (s *stuck) SetReadDeadline(at time.Time) error  { return s.deadline(at) }
func (s *stuck) SetWriteDeadline(at time.Time) error { return s.deadline(at) }
func (s *stuck) Close() error                        { return nil }

func (s *stuck) Read(data []byte) (int, error) {
	if n, err := s.begins.Read(data); err == nil {
		return n, nil
	}
	<-s.cut
	return 0, os.ErrDeadlineExceeded
}

// reader is stuck when it is sent bytes of a blob.
type stuckReader struct{ *stuck }

func (s stuckReader) Write(data []byte) (int, error) {
	<-s.cut
	return 0, os.ErrDeadlineExceeded
}

// enemies have requests served without end, by clients that are stuck, as many at once as there are,
// and returns what ends them.
func enemies(d *Daemon, n int, request func() (http.ResponseWriter, *http.Request)) (end func()) {
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range n {
		all.Go(func() {
			for {
				w, r := request()
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { _ = recover() }() // what is cut off breaks the connection
					d.ServeHTTP(w, r)
				}()
				select {
				case <-done:
				case <-stop:
					_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
					<-done
				}
				select {
				case <-stop:
					return
				case <-time.After(time.Second): // as long as the server has a network wait that has many
				}
			}
		})
	}
	return func() { close(stop); all.Wait() }
}

// TestSlowClients has 100 clients hold what there is for all of them, in every way there is. An honest
// one is served at once, or a few seconds later, and is not sent away.
func TestSlowClients(t *testing.T) {
	for _, c := range []struct {
		name            string
		method, path    string
		headers, begins string
		announced       int64
		most            time.Duration // that the honest one waits
	}{
		{"short bodies", "PUT", "/v1/blobs", "", "the beginning", 1 << 10, 0},
		{"bodies that fill the memory", "PUT", "/v1/blobs", "", "the beginning", 4 << 20, 0},
		{"bodies that fill the memory as they come", "PUT", "/v1/blobs", "", strings.Repeat("much ", 200), 1000, 15 * time.Second},
		{"bodies that fill the disk", "PUT", "/v1/blobs", "", strings.Repeat("much ", 1000), 10_000, 25 * time.Second},
		{"bodies of which nobody knows how long they are", "PUT", "/v1/blobs", "", "", -1, 3 * time.Second},
		{"forms", "PUT", "/v1/quilts", "multipart/form-data; boundary=q", "--q\r\n", 100 << 20, 3 * time.Second},
		{"relays", "POST", "/v1/blob-upload-relay?blob_id=" + commit.BlobID{1}.String(), "", "", 10 << 20, 3 * time.Second},
		{"certificates", "PUT", "/v1/blobs/" + commit.BlobID{1}.String() + "/certificate", "", "{", 64 << 10, 0},
		{"lists", "POST", "/v1alpha/blobs/concat", "", "{", 1 << 20, 0},
		{"readers", "GET", "", "", "", 0, 15 * time.Second},
		{"readers of what is streamed", "GET", "stream", "", "", 0, 15 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.piece = 1 << 20
				o := Options{MaxReads: 8, WaitingReads: 200, MaxWrites: 2, WaitingWrites: 2, SpoolDir: dir}
				if strings.Contains(c.name, "come") {
					o.MaxBodies, o.MaxQuilt = 20_000, 10_000
				}
				if strings.Contains(c.name, "disk") {
					o.MaxShort, o.MaxBlob, o.MaxSpool = 1000, 10_000, 50_000
				}
				d, err := New(f, o)
				if err != nil {
					t.Fatal(err)
				}
				stored, err := f.Put(t.Context(), make([]byte, 1<<20), PutOptions{})
				if err != nil {
					t.Fatal(err)
				}
				blob := "/v1/blobs/" + stored.Blob.String()
				end := enemies(d, 100, func() (http.ResponseWriter, *http.Request) {
					s := newStuck(c.begins)
					if c.method == "GET" {
						path := blob
						if c.path == "stream" {
							path = strings.Replace(blob, "/v1/", "/v1alpha/", 1) + "/stream"
						}
						return stuckReader{s}, httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
					}
					r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil)
					r.Body, r.ContentLength = s, c.announced
					r.Header.Set("Content-Type", c.headers)
					return s, r
				})
				defer end()
				time.Sleep(10 * time.Second)
				for _, body := range []string{"", "a blob", strings.Repeat("long ", 1500)} {
					r := httptest.NewRequestWithContext(t.Context(), "PUT", "/v1/blobs", strings.NewReader(body))
					if body == "" {
						r = httptest.NewRequestWithContext(t.Context(), "GET", blob, nil)
					}
					w, began := httptest.NewRecorder(), time.Now()
					d.ServeHTTP(w, r)
					if took := time.Since(began); w.Code != 200 || took > c.most {
						t.Errorf("%s of %d bytes: %d after %v, want 200 within %v: %.200s", r.Method, len(body), w.Code, took, c.most, w.Body)
					}
				}
			})
		})
	}
}
