package node_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/control/chain"
)

// get asks a handler.
func get(h http.Handler, path string) (status int, body string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

// TestDashboardShowsMetrics has a node on a ledger show every metric that the dashboard and
// the alerts ask for, and the dashboard or the alerts ask for most of them.
func TestDashboardShowsMetrics(t *testing.T) {
	w := newTown(t, 4, 12)
	admin := w.nodes[0].node.AdminHandler()
	put(t, w.client(2, nil), randomBlob(1, 1000)) // requests have routes and answers then
	var text string
	until(t, "the node has counted its blobs", func() bool {
		_, text = get(admin, "/metrics")
		return !strings.Contains(text, "redstuff_stored_blobs NaN")
	})
	shown := make(map[string]bool)
	for _, line := range strings.Split(text, "\n") {
		if name := regexp.MustCompile(`^[a-z_0-9]+`).FindString(line); name != "" {
			shown[name] = true
		}
	}
	shown["redstuff_problem"] = true // one appears with each problem
	used := make(map[string]bool)
	for _, file := range []string{"../deploy/grafana/redstuff.json", "../deploy/prometheus/alerts.yml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`\b(redstuff|process|go)_[a-z_0-9]+`).FindAllString(string(data), -1)
		if len(names) < 10 {
			t.Errorf("%s: %d metrics, want some", file, len(names))
		}
		for _, name := range names {
			if used[name] = true; !shown[name] {
				t.Errorf("%s: no node has the metric %s", file, name)
			}
		}
	}
	unused := 0
	for name := range shown {
		if strings.HasPrefix(name, "redstuff_") && !used[name] {
			unused++
		}
	}
	if 3*unused > len(shown) {
		t.Errorf("%d metrics of %d are shown nowhere", unused, len(shown))
	}
}

// TestReady has a node say that it is ready, and why it is not.
func TestReady(t *testing.T) {
	c := newCluster(t, 4, 12, func(c *node.Config) { c.HealInterval = -1 })
	m := c.nodes[0]
	admin := m.node.AdminHandler()
	if status, body := get(admin, "/ready"); status != 200 || body != "ready\n" {
		t.Errorf("%d %q, want that it is ready", status, body)
	}
	m.kill()
	if status, body := get(admin, "/ready"); status != 503 || body != "the node is closing\n" {
		t.Errorf("%d %q at the end, want 503 and why", status, body)
	}
	if _, text := get(admin, "/metrics"); !strings.Contains(text, "redstuff_ready 0\n") {
		t.Error("the metric says that it is ready")
	}

	w := newTown(t, 4, 12)
	first := w.nodes[0]
	first.kill()
	w.reach.set(nil)
	first.start()
	admin = first.node.AdminHandler()
	if status, body := get(admin, "/ready"); status != 503 || !strings.Contains(body, "ledger") {
		t.Errorf("%d %q without a ledger since the start, want 503 and why", status, body)
	}
	w.reach.set(chain.Local(w.ledger))
	until(t, "the node is ready", func() bool { status, _ := get(admin, "/ready"); return status == 200 })
	w.reach.set(nil)
	if status, body := get(admin, "/ready"); status != 200 {
		t.Errorf("%d %q when the ledger falls silent, want that it serves on", status, body)
	}
}
