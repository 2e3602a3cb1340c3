package daemon

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// stalled is a store of which nothing comes, after some bytes.
type stalled struct {
	*fake
	bytes int
}

func (s stalled) Stream(ctx context.Context, id commit.BlobID, w io.Writer, p Part) error {
	blob, err := s.get(id)
	if err != nil {
		return err
	}
	if s.bytes > 0 {
		if _, err := w.Write(blob[:s.bytes]); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestStalled ends streams for which nothing comes: with 503 if nothing has, and else with the
// connection.
func TestStalled(t *testing.T) {
	for name, sent := range map[string]int{"nothing": 0, "some": 1 << 19} {
		t.Run(name, func(t *testing.T) {
			store := stalled{newFake(t), sent}
			stored, err := store.Put(t.Context(), make([]byte, 1<<20), PutOptions{})
			if err != nil {
				t.Fatal(err)
			}
			d, err := New(store, Options{MaxWhole: 1, Timeout: 50 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(d)
			defer server.Close()
			answer, err := http.Get(server.URL + "/v1/blobs/" + stored.Blob.String())
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			got, err := io.ReadAll(answer.Body)
			if sent == 0 && (answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "") {
				t.Errorf("status %d, %s", answer.StatusCode, got)
			}
			if sent > 0 && (err == nil || len(got) > sent || answer.ContentLength != 1<<20) {
				t.Errorf("%d bytes of %d (%v), want no more than the %d that came, and an error", len(got), answer.ContentLength, err, sent)
			}
		})
	}
}

// TestStreamNodes reads a blob from nodes as it comes: nothing is kept in files unless a strict
// check is asked for.
func TestStreamNodes(t *testing.T) {
	nodes, writer := nodetest.Start(t, commit.BLAKE3, 4, 10)
	c, err := client.New(nodes.Control, writer, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	spool := t.TempDir()
	d, err := New(ForCluster(c), Options{MaxWhole: 1, Piece: 1, SpoolDir: spool})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	defer server.Close()
	s := &served{t: t, url: server.URL}
	blob := strings.Repeat(text, 30_000)
	r, err := c.Store(t.Context(), []byte(blob))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, down := range []bool{false, true} {
		if down {
			nodes.Stop(3)
		}
		for path, want := range map[string]string{
			"/v1/blobs/" + r.ID.String():                                              blob,
			"/v1/blobs/" + r.ID.String() + "?strict_consistency_check=true":           blob,
			"/v1/blobs/" + r.ID.String() + "/byte-range?start=5&length=600000":        blob[5:][:600_000],
			"/v1alpha/blobs/concat?ids=" + r.ID.String() + "," + r.ID.String():        blob + blob,
			"/v1alpha/blobs/" + r.ID.String() + "/stream?skip_consistency_check=true": blob,
		} {
			if answer, got := s.ask("GET", path, nil); answer.StatusCode != 200 || got != want {
				t.Errorf("%s, one node down: %v: status %d, %d bytes, want the %d stored", path, down, answer.StatusCode, len(got), len(want))
			}
		}
		var readers sync.WaitGroup
		for range 8 {
			readers.Go(func() {
				if answer, got := s.ask("GET", "/v1/blobs/"+r.ID.String(), nil, "Range: bytes=-500000"); answer.StatusCode != 206 || got != blob[len(blob)-500_000:] {
					t.Errorf("the end, one node down: %v: status %d, %d bytes", down, answer.StatusCode, len(got))
				}
			})
		}
		readers.Wait()
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v (%v)", left, err)
	}
}
