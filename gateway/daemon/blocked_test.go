package daemon

import (
	"io"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
)

// blocks are blobs that are blocked.
type blocks map[commit.BlobID]bool

func (b blocks) Has(id commit.BlobID) bool { return b[id] }

// TestBlocked asks in all ways for blobs that are blocked, and gives them. Others are served.
func TestBlocked(t *testing.T) {
	for name, o := range map[string]Options{"at once": {MaxShort: 1 << 20}, "piece by piece": {Piece: 1, MaxWhole: 1, MaxShort: 1}} {
		o.SpoolDir = t.TempDir()
		blocked := make(blocks)
		o.Blocked = blocked
		s := serve(t, o)
		put := func(data []byte) string {
			t.Helper()
			stored, err := s.store.Put(t.Context(), data, PutOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return stored.Blob.String()
		}
		files, patches, err := quilt.Encode(s.store.Params(), []quilt.File{{Identifier: "a", Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		other := put([]byte("another blob"))
		blob, archive := put([]byte(text)), put(files)
		for _, id := range []string{blob, archive} {
			parsed, err := commit.ParseBlobID(id)
			if err != nil {
				t.Fatal(err)
			}
			blocked[parsed] = true
		}
		inBlob, _ := commit.ParseBlobID(archive)
		object := func(id string) string {
			parsed, _ := commit.ParseBlobID(id)
			return ObjectID(parsed).String()
		}
		const certificate = `{"signers":[0],"serialized_message":[1],"signature":"`
		zeros := certificate + strings.Repeat("A", 128) + `"}`
		for _, c := range []struct{ method, path, body string }{
			{"GET", "/v1/blobs/" + blob, ""},
			{"HEAD", "/v1/blobs/" + blob, ""},
			{"GET", "/v1/blobs/" + blob + "?strict_consistency_check=true", ""},
			{"GET", "/v1/blobs/" + blob + "/byte-range?start=0&length=5", ""},
			{"GET", "/v1/blobs/by-object-id/" + object(blob), ""},
			{"GET", "/v1/blobs/by-quilt-patch-id/" + patches[0].ID(inBlob).String(), ""},
			{"GET", "/v1/blobs/by-quilt-id/" + archive + "/a", ""},
			{"GET", "/v1/quilts/" + archive + "/patches", ""},
			{"GET", "/v1alpha/blobs/" + blob + "/stream", ""},
			{"GET", "/v1alpha/blobs/concat?ids=" + other + "," + blob, ""},
			{"GET", "/v1alpha/blobs/concat?ids=" + object(blob), ""},
			{"POST", "/v1alpha/blobs/concat", `{"ids": ["` + blob + `"]}`},
			{"PUT", "/v1/blobs", text},
			{"PUT", "/v1/blobs?force=true", text},
			{"POST", "/v1/blob-upload-relay?blob_id=" + blob, text},
			{"PUT", "/v1/blobs/" + blob + "/certificate", zeros},
		} {
			answer, got := s.ask(c.method, c.path, strings.NewReader(c.body))
			if answer.StatusCode != 451 || c.method != "HEAD" && reason(got) != "451 UNAVAILABLE_FOR_LEGAL_REASONS FORBIDDEN_BLOB" {
				t.Errorf("%s, %s %s: %d, %s, want 451 FORBIDDEN_BLOB", name, c.method, c.path, answer.StatusCode, got)
			}
		}
		body, kind := form(t, "a", text)
		if answer, got := s.ask("PUT", "/v1/quilts", body, kind); reason(got) != "451 UNAVAILABLE_FOR_LEGAL_REASONS FORBIDDEN_BLOB" {
			t.Errorf("%s, PUT of the same quilt: %d, %s, want 451 FORBIDDEN_BLOB", name, answer.StatusCode, got)
		}
		for path, want := range map[string]string{"/v1/blobs/" + other: "another blob", "/v1alpha/blobs/" + other + "/stream": "another blob"} {
			if answer, got := s.ask("GET", path, nil); answer.StatusCode != 200 || got != want {
				t.Errorf("%s, GET %s: %d, %q, want 200, %q", name, path, answer.StatusCode, got, want)
			}
		}
		if answer, got := s.ask("PUT", "/v1/blobs", strings.NewReader("a blob that nobody has blocked")); answer.StatusCode != 200 {
			t.Errorf("%s, PUT of another: %d, %s", name, answer.StatusCode, got)
		}
	}
}

// TestBlockedByNodes: neither store of nodes stores, or says anything of, what is blocked.
func TestBlockedByNodes(t *testing.T) {
	w := startTown(t)
	_, c := startCluster(t)
	for name, s := range map[string]Store{"ledger": w.stores[0], "fixed": ForCluster(c)} {
		blob := []byte("a blob of " + name)
		stored, err := s.Put(t.Context(), []byte("stored, "+name), PutOptions{Epochs: 2})
		if err != nil {
			t.Fatal(err)
		}
		id, err := c.Code().ID(blob)
		if err != nil {
			t.Fatal(err)
		}
		b := blocking{s, blocks{id: true, stored.Blob: true}}
		for i, data := range [][]byte{blob, []byte("stored, " + name)} {
			if _, err := b.Put(t.Context(), data, PutOptions{Epochs: 1}); explain(err).Code != 451 {
				t.Errorf("%s, Put %d: %v", name, i, err)
			}
			if _, err := b.PutFrom(t.Context(), strings.NewReader(string(data)), int64(len(data)), PutOptions{Epochs: 1}); explain(err).Code != 451 {
				t.Errorf("%s, PutFrom %d: %v", name, i, err)
			}
		}
		if err := b.Stream(t.Context(), stored.Blob, io.Discard, Part{N: 1}); explain(err).Code != 451 {
			t.Errorf("%s, Stream: %v", name, err)
		}
		if got, err := s.Read(t.Context(), id); err == nil {
			t.Errorf("%s: what is blocked was stored: %q", name, got)
		}
	}
}
