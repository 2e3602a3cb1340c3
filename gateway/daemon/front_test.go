package daemon

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// cluster asks how the cluster is.
func (s *served) cluster() (c Cluster) {
	s.t.Helper()
	answer, text := s.ask("GET", "/v1/cluster", nil)
	if err := json.Unmarshal([]byte(text), &c); err != nil || answer.StatusCode != 200 {
		s.t.Fatalf("%d, %s (%v)", answer.StatusCode, text, err)
	}
	return c
}

// TestPage: the page is there, may run its own script only, and shows what the cluster says.
func TestPage(t *testing.T) {
	w := startTown(t)
	for path, kind := range map[string]string{"/": "text/html; charset=utf-8", "/page.js": "text/javascript; charset=utf-8"} {
		answer, text := w.ask("GET", path, nil)
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != kind || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") || len(text) < 1000 {
			t.Errorf("%s: %d, %v, %d bytes", path, answer.StatusCode, answer.Header, len(text))
		}
		if strings.Contains(text, "http://") || strings.Contains(text, "https://") {
			t.Errorf("%s asks somebody else for something", path)
		}
		if answer, _ := w.ask("PUT", path, nil); answer.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("PUT %s: %d", path, answer.StatusCode)
		}
	}
	before := w.cluster()
	if before.NodesUp != 4 || before.ShardsUp != 10 || before.Shards != 10 || before.ShardsNeeded != 7 || before.Network != "test" || len(before.Members) != 4 || before.Recent == nil || len(before.Recent) != 0 || !before.Writes {
		t.Errorf("at first: %+v", before)
	}
	if l := before.Ledger; l == nil || l.StoragePrice != 3 || l.WritePrice != 2 || l.Capacity == 0 || l.Phase == "" || l.Ends <= l.Due || l.FeePerByte == 0 {
		t.Errorf("ledger: %+v", l)
	}
	stored := w.put("epochs=3", "a blob").NewlyCreated
	w.put("epochs=1", "a blob") // is the same object
	after := w.cluster()
	if len(after.Recent) != 1 || after.Recent[0].Object.String() != stored.BlobObject.ID || after.Recent[0].End != 4 || after.Recent[0].Length != 6 || after.Recent[0].Signers < 3 || after.Recent[0].Signed < 7 || after.Recent[0].Permanent {
		t.Errorf("recent: %+v, want %+v", after.Recent, stored)
	}
	w.Stop(1)
	w.Stop(2)
	w.fronts[0].mu.Lock() // a second later
	w.fronts[0].last = nil
	w.fronts[0].mu.Unlock()
	if c := w.cluster(); c.NodesUp != 2 || c.ShardsUp >= c.ShardsNeeded {
		t.Errorf("two are down: %+v", c)
	}
	if c := w.cluster(); c.Members[0].State == "" || c.Members[0].Shards == "" {
		t.Errorf("members: %+v", c.Members)
	}
	if answer, _ := w.ask("GET", "/v1/cluster?x=1", nil); answer.StatusCode != 400 {
		t.Errorf("unknown key: %d", answer.StatusCode)
	}
}

// TestRecent remembers so many blobs, the last ones first.
func TestRecent(t *testing.T) {
	var r recent
	for i := range 3 * maxRecent {
		s := &Stored{}
		s.ID[0] = byte(i)
		r.add(s)
	}
	again := &Stored{}
	again.ID[0] = 3*maxRecent - 5
	r.add(again)
	got := r.list()
	if len(got) != maxRecent || got[0].Object[0] != again.ID[0] || got[1].Object[0] != 3*maxRecent-1 {
		t.Errorf("%d are remembered, want %d; the last ones are %v", len(got), maxRecent, got[:2])
	}
	for i, a := range got {
		for _, b := range got[:i] {
			if a.Object == b.Object {
				t.Errorf("%v is there twice", a.Object)
			}
		}
	}
}
