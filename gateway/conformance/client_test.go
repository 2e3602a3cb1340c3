package conformance

import "testing"

// TestGeneratedClient has a client that is generated from the API's document, which checks what it
// sends and is answered, go through all operations.
func TestGeneratedClient(t *testing.T) {
	j := startJudge(t, "client.mjs")
	_, _, gateway := startGateway(t)
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
