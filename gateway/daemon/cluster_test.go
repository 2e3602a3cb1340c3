package daemon

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// startCluster starts the API before nodes without a ledger.
func startCluster(t *testing.T) (*served, *client.Client) {
	t.Helper()
	nodes, writer := nodetest.Start(t, commit.Walrus, 4, 10)
	c, err := client.New(nodes.Control, writer, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	d, err := New(ForCluster(c), Options{MaxShort: maxShort})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return &served{t: t, url: server.URL}, c
}

// TestCluster stores and reads by way of nodes, as many of which are down as may be, and
// which keep metadata in parts.
func TestCluster(t *testing.T) {
	nodes, writer := nodetest.Start(t, commit.Walrus, 4, 10, nodetest.Metadata(committee.Coded))
	c, err := client.New(nodes.Control, writer, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d, err := New(ForCluster(c), Options{Piece: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	defer server.Close()
	s := &served{t: t, url: server.URL}

	blob := strings.Repeat(text, 10_000)
	id, err := c.Code().ID([]byte(blob))
	if err != nil {
		t.Fatal(err)
	}
	want := func(name, path, body string, headers ...string) {
		t.Helper()
		if answer, got := s.ask("GET", path, nil, headers...); answer.StatusCode/100 != 2 || got != body {
			t.Errorf("%s: %d, %.200q", name, answer.StatusCode, got)
		}
	}
	if answer, got := s.ask("PUT", "/v1/blobs?epochs=3", strings.NewReader(blob)); answer.StatusCode != 200 || !strings.Contains(got, `"newlyCreated"`) || !strings.Contains(got, id.String()) {
		t.Fatalf("a new blob: %d, %s", answer.StatusCode, got)
	}
	if err := c.Flush(t.Context()); err != nil { // all nodes have the certificate
		t.Fatal(err)
	}
	if answer, got := s.ask("PUT", "/v1/blobs", strings.NewReader(blob)); answer.StatusCode != 200 || !strings.Contains(got, `"alreadyCertified"`) {
		t.Errorf("the same again: %d, %s", answer.StatusCode, got)
	}
	body, kind := form(t, "b", "bytes of b", "a", strings.Repeat("a", 5000))
	answer, quilt := s.ask("PUT", "/v1/quilts", body, kind)
	if answer.StatusCode != 200 {
		t.Fatalf("a quilt: %d, %s", answer.StatusCode, quilt)
	}
	_, quiltID, _ := strings.Cut(quilt, `"blobId":"`)
	quiltID = quiltID[:43]
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, down := range []bool{false, true} {
		if down {
			nodes.Stop(3)
		}
		want("whole", "/v1/blobs/"+id.String(), blob)
		want("range", "/v1/blobs/"+id.String(), blob[100:200_000], "Range: bytes=100-199999")
		want("stream", "/v1alpha/blobs/"+id.String()+"/stream", blob)
		want("object", "/v1/blobs/by-object-id/"+ObjectID(id).String(), blob)
		want("file of a quilt", "/v1/blobs/by-quilt-id/"+quiltID+"/b", "bytes of b")
		want("longer file of a quilt", "/v1/blobs/by-quilt-id/"+quiltID+"/a", strings.Repeat("a", 5000))
	}
	if answer, got := s.ask("GET", "/v1/blobs/"+commit.BlobID{1}.String(), nil); reason(got) != "404 NOT_FOUND BLOB_NOT_FOUND" {
		t.Errorf("a blob that is not there: %d, %s", answer.StatusCode, got)
	}
	for _, query := range []string{"send_object_to=0x1", "share=true"} {
		if answer, got := s.ask("PUT", "/v1/blobs?"+query, strings.NewReader("x")); answer.StatusCode != 400 {
			t.Errorf("an owner, %s: %d, %s", query, answer.StatusCode, got)
		}
	}
	nodes.Stop(2)
	nodes.Stop(1)
	if answer, got := s.ask("GET", "/v1/blobs/"+id.String(), nil); reason(got) != "503 UNAVAILABLE BLOB_UNAVAILABLE" || answer.Header.Get("Retry-After") == "" {
		t.Errorf("too few nodes: %d, %.200s", answer.StatusCode, got)
	}
}
