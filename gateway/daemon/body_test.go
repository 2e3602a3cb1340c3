package daemon

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

// TestBody: what is short is in memory, and what is not, in a file that is gone afterwards.
func TestBody(t *testing.T) {
	files := func(dir string) int {
		t.Helper()
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	broken := errors.New("broken off")
	for _, c := range []struct {
		name          string
		length, files int
		ends          error // instead of the body's end
		unannounced   bool
		code          int // of what is wrong
	}{
		{name: "empty"}, {name: "one byte", length: 1}, {name: "short", length: 100}, {name: "short, unannounced", length: 100, unannounced: true},
		{name: "long", length: 101, files: 1}, {name: "longest", length: 1000, files: 1}, {name: "longest, unannounced", length: 1000, files: 1, unannounced: true},
		{name: "too long", length: 1001, code: 413}, {name: "too long, unannounced", length: 1001, unannounced: true, code: 413},
		{name: "broken off", length: 10, ends: broken, code: 400}, {name: "broken off when it is in a file", length: 500, ends: broken, code: 400},
	} {
		dir, data := t.TempDir(), bytes.Repeat([]byte("x"), c.length)
		d := newBodies(Options{SpoolDir: dir, MaxShort: 100, MaxBlob: 1000, Timeout: time.Minute})
		var src io.Reader = bytes.NewReader(data)
		if c.ends != nil {
			src = io.MultiReader(src, iotest.ErrReader(c.ends))
		}
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "/", src)
		if r.ContentLength = int64(c.length); c.unannounced || c.ends != nil {
			r.ContentLength = -1
		}
		b, err := d.receive(httptest.NewRecorder(), r, 1000)
		if c.code != 0 {
			var text *plain
			var long *http.MaxBytesError
			if !(errors.As(err, &text) && text.code == c.code || errors.As(err, &long) && c.code == 413) || files(dir) != 0 {
				t.Errorf("%s: %v, and %d files stay, want %d", c.name, err, files(dir), c.code)
			}
		} else if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		} else {
			if b.size != int64(c.length) || files(dir) != c.files || (b.file != nil) != (c.files == 1) {
				t.Errorf("%s: size %d, %d files, want %d", c.name, b.size, files(dir), c.files)
			}
			got, err := io.ReadAll(io.NewSectionReader(b.readerAt(), 0, b.size))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: %d bytes come back (%v)", c.name, len(got), err)
			}
			if err := b.close(); err != nil || files(dir) != 0 {
				t.Errorf("%s: %d files stay (%v)", c.name, files(dir), err)
			}
		}
		if d.memory.used != 0 || d.spool.used != 0 {
			t.Errorf("%s: %d bytes of memory and %d of files are held afterwards", c.name, d.memory.used, d.spool.used)
		}
	}
}

// TestBrokenBodies: that a body does not come, or is none, is the client's doing, and is told so.
func TestBrokenBodies(t *testing.T) {
	d, err := New(newFake(t), Options{MaxShort: 10})
	if err != nil {
		t.Fatal(err)
	}
	id := commit.BlobID{1}.String()
	for _, c := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"stalled", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, 408, "the body has not come in time"},
		{"cut off", io.ErrUnexpectedEOF, 400, "the body is malformed, or cut off"},
		{"malformed", errors.New("invalid byte in chunk length"), 400, "the body is malformed, or cut off"},
	} {
		for _, request := range [][2]string{{"PUT", "/v1/blobs"}, {"PUT", "/v1/quilts"}, {"POST", "/v1/blob-upload-relay?blob_id=" + id}, {"PUT", "/v1/blobs/" + id + "/certificate"}, {"POST", "/v1alpha/blobs/concat"}} {
			for _, begins := range []string{"", "--q\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nbegins"} {
				r := httptest.NewRequestWithContext(t.Context(), request[0], request[1], io.MultiReader(strings.NewReader(begins), iotest.ErrReader(c.err)))
				r.Header.Set("Content-Type", "multipart/form-data; boundary=q")
				w := httptest.NewRecorder()
				d.ServeHTTP(w, r)
				if w.Code != c.code || w.Body.String() != c.want {
					t.Errorf("%s, %s after %d bytes: %d, %s, want %d, %s", c.name, request, len(begins), w.Code, w.Body, c.code, c.want)
				}
			}
		}
	}
}

// maxShort is how many bytes of a blob the tests before nodes hold in memory.
const maxShort = 500_000

// TestLongBlobs stores blobs that are kept in files, with a ledger and without one.
func TestLongBlobs(t *testing.T) {
	w := startTown(t)
	fixed, _ := startCluster(t)
	long := strings.Repeat("much of the same, ", 60_000)
	if len(long) <= maxShort {
		t.Fatal(len(long))
	}
	for name, s := range map[string]*served{"ledger": w.served, "fixed": fixed} {
		got := s.put("epochs=2", long).NewlyCreated
		if got == nil || got.BlobObject.Size != uint64(len(long)) {
			t.Fatalf("%s: %+v", name, got)
		}
		if answer, back := s.ask("GET", "/v1/blobs/"+got.BlobObject.BlobID, nil); answer.StatusCode != 200 || back != long {
			t.Errorf("%s: read back: %d, %d bytes", name, answer.StatusCode, len(back))
		}
	}
	first := w.put("epochs=2", long)
	if first.AlreadyCertified == nil {
		t.Errorf("on the ledger again: %+v", first)
	}
	if answer, text := fixed.ask("PUT", "/v1/blobs", strings.NewReader(strings.Repeat("x", 10<<20+1))); answer.StatusCode != 413 {
		t.Errorf("too long: %d, %.100s", answer.StatusCode, text)
	}
}
