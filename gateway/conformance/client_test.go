package conformance

import (
	"net/http/httptest"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// TestGeneratedClient has a client that is generated from the API's document, which checks what it
// sends and is answered, go through all operations.
func TestGeneratedClient(t *testing.T) {
	j := startJudge(t, "client.mjs")
	nodes, writer := nodetest.Start(t, commit.Walrus, 4, 10)
	c, err := client.New(nodes.Control, writer, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	d, err := daemon.New(daemon.ForCluster(c), daemon.Options{})
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(d)
	t.Cleanup(gateway.Close)
	var got struct {
		Called  int
		Missing []string
	}
	if err := j.ask(map[string]any{"operation": "drive", "url": gateway.URL}, &got); err != nil {
		t.Fatal(err)
	}
	if got.Called == 0 || len(got.Missing) > 0 {
		t.Errorf("%d operations were called, and not %q", got.Called, got.Missing)
	}
}
