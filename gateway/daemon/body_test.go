package daemon

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"

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
	for _, c := range []struct {
		length, files int
	}{{0, 0}, {1, 0}, {100, 0}, {101, 1}, {1000, 1}} {
		dir, data := t.TempDir(), bytes.Repeat([]byte("x"), c.length)
		b, err := readBody(bytes.NewReader(data), dir, 100)
		if err != nil {
			t.Fatal(err)
		}
		if b.size != int64(c.length) || files(dir) != c.files || (b.file != nil) != (c.files == 1) {
			t.Errorf("%d bytes: size %d, %d files, want %d", c.length, b.size, files(dir), c.files)
		}
		got := b.short
		if b.file != nil {
			if got, err = io.ReadAll(io.NewSectionReader(b.file, 0, b.size)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %d come back", c.length, len(got))
		}
		if err := b.close(); err != nil || files(dir) != 0 {
			t.Errorf("%d bytes: %d files stay (%v)", c.length, files(dir), err)
		}
	}
	broken := errors.New("broken off")
	for _, after := range []int{10, 500} {
		dir := t.TempDir()
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", after)), iotest.ErrReader(broken))
		if _, err := readBody(r, dir, 100); !errors.Is(err, broken) || files(dir) != 0 {
			t.Errorf("broken off after %d bytes: %v, and %d files stay", after, err, files(dir))
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
