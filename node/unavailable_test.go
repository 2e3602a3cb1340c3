package node_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestNoDescriptors has a node run out of file descriptors while it is read and
// scrubbed. It must lose none of its slivers by that.
func TestNoDescriptors(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	m := c.nodes[1]
	m.kill()
	var broken atomic.Bool
	m.fs = errorfs.Wrap(m.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind == errorfs.OpOpen && strings.HasSuffix(op.Path, ".slivers") {
			return syscall.EMFILE
		}
		return nil
	}))
	m.start()
	cl := c.client(nil)
	blob := randomBlob(1, 1_000_000)
	id := put(t, cl, blob).ID
	before, err := m.disk.Info(id)
	if err != nil || len(before.Slivers) != 6 {
		t.Fatalf("%d slivers, %v", len(before.Slivers), err)
	}
	broken.Store(true)
	web, base := c.web(1)
	for _, pair := range c.committee.Pairs(id, 1) {
		for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
			if resp, body := ask(t, web, "GET", base+api.SliverPath(id, pair, axis), nil); resp.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%v sliver of pair %d: got %s, %s, want 503", axis, pair, resp.Status, body)
			}
		}
	}
	said := httptest.NewRecorder()
	m.node.AdminHandler().ServeHTTP(said, httptest.NewRequest("GET", "/metrics", nil))
	if want := `redstuff_problem{problem="descriptors"} 1`; !strings.Contains(said.Body.String(), want) {
		t.Errorf("the metrics do not say %s", want)
	}
	if h, err := cl.Peers()[1].Health(t.Context()); err != nil || !slices.ContainsFunc(h.Problems, func(p api.Problem) bool { return p.Name == "descriptors" }) {
		t.Errorf("status says %+v, %v, want a problem of descriptors", h.Problems, err)
	}
	expectRead(t, c.client(nil), id, blob)
	if err := m.node.Scrubber().Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.node.Scrubber().Totals(); got.Corrupt != 0 || got.Unread != 6 {
		t.Errorf("scrubbed: got %+v, want 0 corrupt and 6 unread", got)
	}
	broken.Store(false)
	if after, err := m.disk.Info(id); err != nil || len(after.Slivers) != len(before.Slivers) {
		t.Fatalf("%d slivers of %d are left, %v", len(after.Slivers), len(before.Slivers), err)
	}
	if s, err := cl.Peers()[1].Status(t.Context(), id); err != nil || !s.Complete {
		t.Fatalf("%+v, %v", s, err)
	}
}
