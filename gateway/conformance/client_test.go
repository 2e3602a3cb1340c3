package conformance

import (
	"net/http/httptest"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/sdk"
	"github.com/redstuff-go/redstuff/node/nodetest"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestGeneratedClient has clients that are generated from the documents of the gateway and of a node's
// face, which check what they send and are answered, go through all operations.
func TestGeneratedClient(t *testing.T) {
	j := startJudge(t, "client.mjs")
	nodes, _, gateway := startGateway(t)
	face, about := startFace(t, nodes.Nodes[1])
	apis := []map[string]any{
		{"calls": "gateway", "url": gateway.URL},
		{"calls": "node", "url": face, "token": token, "about": about},
	}
	var got struct {
		Called  int
		Missing []string
	}
	if err := j.ask(map[string]any{"operation": "drive", "apis": apis}, &got); err != nil {
		t.Fatal(err)
	}
	if want := 17 + 15; got.Called != want || len(got.Missing) > 0 {
		t.Errorf("%d operations were called, want %d, and not %q", got.Called, want, got.Missing)
	}
}

// startFace starts the face of a node, and returns its URL, and what the node stores of a blob.
func startFace(t *testing.T, one *nodetest.Node) (url string, about map[string]any) {
	t.Helper()
	view := func() server.View { return server.ViewOf(one.Control.View(), one.ID()) }
	n := view().Params().N
	code, err := rs2d.New(n, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		t.Fatal(err)
	}
	f, err := sdk.New(sdk.Config{View: view, Store: one.Store, Signer: one.Signer(), Code: code, Corrupt: one.Healer().Corrupt, Metadata: one.Metadata, Tokens: []string{token}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	e, err := code.Encode([]byte("a blob that a node is sent"))
	if err != nil {
		t.Fatal(err)
	}
	meta := e.Metadata()
	raw, err := meta.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	symbol, err := code.Params().SymbolSize(meta.Length)
	if err != nil {
		t.Fatal(err)
	}
	var slivers []map[string]any
	for _, pair := range view().Pairs(e.ID(), view().Member) {
		first, second := e.Pair(pair)
		primary, err := first.AppendBCS(nil, symbol)
		if err != nil {
			t.Fatal(err)
		}
		secondary, err := second.AppendBCS(nil, symbol)
		if err != nil {
			t.Fatal(err)
		}
		slivers = append(slivers, map[string]any{"pair": pair, "primary": primary, "secondary": secondary})
	}
	return s.URL, map[string]any{"id": e.ID(), "metadata": raw, "slivers": slivers}
}
