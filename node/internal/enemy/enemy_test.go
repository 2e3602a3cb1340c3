package enemy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/fault/flood"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/internal/enemy"
)

// node answers in all forms: a list, frames, and bytes.
func node(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	switch enemy.EndpointOf(r) {
	case enemy.List:
		w.Header().Set("Content-Type", api.TypeJSON)
		_ = json.NewEncoder(w).Encode(api.BlobList{Blobs: []api.BlobEntry{{Blob: commit.BlobID{1}}, {Blob: commit.BlobID{2}}}})
	case enemy.Slivers:
		w.Header().Set("Content-Type", api.TypeFrames)
		_, _ = w.Write(stream(1, 2))
	case "":
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", api.TypeBytes)
		_, _ = io.WriteString(w, "metadata of "+r.URL.Path)
	}
}

// stream is frames of slivers, by their pairs.
func stream(pairs ...uint16) (b []byte) {
	for _, pair := range pairs {
		b = append(api.FrameHeader{Kind: api.FrameSliver, Index: pair, Length: 3}.Append(b), "abc"...)
	}
	return api.FrameHeader{}.Append(b)
}

// get makes a request and returns its answer, at most limit bytes of it.
func get(ctx context.Context, url string, limit int64) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, limit))
}

func TestBehaviours(t *testing.T) {
	var m enemy.Member
	server := httptest.NewServer(m.Wrap(http.HandlerFunc(node)))
	t.Cleanup(server.Close)
	one, two := api.BlobPath(commit.BlobID{1}, ""), api.BlobPath(commit.BlobID{2}, "")
	slivers, metadata := one+api.SliversPath+"?primary=1,2", two+api.MetadataPath
	honest := make(map[string][]byte)
	for _, path := range []string{one + api.MetadataPath, slivers, metadata, api.BlobsPath} {
		var err error
		if honest[path], err = get(t.Context(), server.URL+path, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	want := func(path string, f func(got []byte, err error) bool) func(t *testing.T) {
		return func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if got, err := get(ctx, server.URL+path, 1<<20); !f(got, err) {
				t.Errorf("got %d bytes %.200q, %v; the honest answer is %q", len(got), got, err, honest[path])
			}
		}
	}
	is := func(b []byte) func([]byte, error) bool {
		return func(got []byte, err error) bool { return err == nil && bytes.Equal(got, b) }
	}
	isList := func(ids ...byte) func([]byte, error) bool {
		return func(got []byte, err error) bool {
			var l api.BlobList
			ok := json.Unmarshal(got, &l) == nil && len(l.Blobs) == len(ids)
			for i := 0; ok && i < len(ids); i++ {
				ok = l.Blobs[i].Blob == commit.BlobID{ids[i]}
			}
			return ok
		}
	}
	full := func(got []byte, err error) bool { return len(got) == 1<<20 && err == nil }
	never := func(_ []byte, err error) bool { return errors.Is(err, context.DeadlineExceeded) }
	for _, test := range []struct {
		how  enemy.Behaviour
		path string
		want func([]byte, error) bool
	}{
		{enemy.Honest, metadata, is(honest[metadata])},
		{enemy.Endless, metadata, full}, {enemy.Endless, slivers, full}, {enemy.Endless, api.BlobsPath, full},
		{enemy.Huge, metadata, full}, {enemy.Huge, slivers, full},
		{enemy.Silent, metadata, never}, {enemy.Stalled, metadata, never}, {enemy.Dripping, metadata, never},
		{enemy.Malformed, metadata, func(got []byte, err error) bool {
			return err == nil && len(got) == len(honest[metadata]) && !bytes.Equal(got, honest[metadata])
		}},
		{enemy.CutOff, metadata, func(got []byte, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && len(got) == len(honest[metadata])/2
		}},
		{enemy.Reordered, slivers, is(stream(2, 1))}, {enemy.Reordered, api.BlobsPath, isList(2, 1)},
		{enemy.Repeated, slivers, is(stream(1, 1, 2, 2))}, {enemy.Repeated, api.BlobsPath, isList(1, 1, 2, 2)},
		{enemy.Stale, metadata, is(honest[one+api.MetadataPath])},
		{enemy.Foreign, metadata, is(honest[one+api.MetadataPath])},
		{enemy.Foreign, slivers, func(got []byte, err error) bool { return err == nil && !bytes.Equal(got, honest[slivers]) }},
		{enemy.Refusing, metadata, func(_ []byte, err error) bool { return err != nil && strings.Contains(err.Error(), "503") }},
	} {
		m.SetAll(test.how)
		t.Run(test.how.String()+" "+test.path, want(test.path, test.want))
	}
	if m.Seen(enemy.Metadata) < 8 || m.Seen(enemy.Health) != 0 {
		t.Errorf("saw %d requests for metadata, and %d for health", m.Seen(enemy.Metadata), m.Seen(enemy.Health))
	}
	// One endpoint may be hostile and the others not.
	m.SetAll(enemy.Honest)
	m.Set(enemy.Slivers, enemy.Refusing)
	t.Run("another endpoint", want(metadata, is(honest[metadata])))
}

func TestEndpointOf(t *testing.T) {
	for _, e := range enemy.Endpoints() {
		method, path, _ := strings.Cut(string(e), " ")
		path = strings.NewReplacer("{id}", commit.BlobID{7}.String(), "{pair}", "3", "{axis}", "primary").Replace(path)
		if got := enemy.EndpointOf(httptest.NewRequest(method, path, nil)); got != e {
			t.Errorf("%s %s is %q, want %q", method, path, got, e)
		}
	}
	for _, path := range []string{"/", "/v1/blobs/", "/v1/nothing", "/v1/blobs/x/nothing"} {
		if got := enemy.EndpointOf(httptest.NewRequest(http.MethodGet, path, nil)); got != "" {
			t.Errorf("%s is %q, want none", path, got)
		}
	}
}

// TestServe serves under a member's key, and takes strangers.
func TestServe(t *testing.T) {
	key := identity.GenerateKey()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var m enemy.Member
	m.SetAll(enemy.Silent)
	stop := enemy.Serve(t, listener, key.ServerTLS(), m.Wrap(http.HandlerFunc(node)))
	target := flood.Target{Address: listener.Addr().String(), Stranger: (*identity.Key)(nil).ClientTLS(key.TLSPublic())}
	f := enemy.Strangers(t, flood.Config{Targets: []flood.Target{target}}, flood.Idle, 4)
	if got := f.Counts()[0]; got.Opened < 4 || got.Refused > 0 {
		t.Errorf("%+v, want 4 connections", got)
	}
	stop()
	if conn, err := net.Dial("tcp", target.Address); err == nil {
		_ = conn.Close()
		t.Error("still listens after its end")
	}
}

func TestDisk(t *testing.T) {
	for _, want := range append(enemy.SaysNothing(), syscall.EIO) {
		d := enemy.NewDisk(vfs.NewMem())
		f, err := d.Create("a", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		d.Fail(want, enemy.Opening)
		if _, err := d.Open("a"); !errors.Is(err, want) {
			t.Errorf("open: %v, want %v", err, want)
		}
		if got := d.Mend(); got != 1 {
			t.Errorf("%d failures, want 1", got)
		}
		f, err = d.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		d.Fail(syscall.ENOSPC, enemy.Writing)
		if _, err := d.Create("b", vfs.WriteCategoryUnspecified); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("create: %v, want no space", err)
		}
	}
}
