package scrape

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// admin is what a node says at its admin address.
type admin struct {
	name string

	mu      sync.Mutex
	down    bool
	metrics sample
}

func (a *admin) set(metrics sample) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = metrics == nil
	a.metrics = metrics
}

func (a *admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/health":
		fmt.Fprintf(w, `{"name":%q}`, a.name)
	default:
		_, _ = io.WriteString(w, "# HELP x y\nredstuff_requests_total{route=\"a b\"} 7\n")
		for name, value := range a.metrics {
			fmt.Fprintf(w, "%s %g\n", name, value)
		}
	}
}

// serve starts admin addresses of nodes with these names.
func serve(t *testing.T, names ...string) (admins []*admin, addresses []string) {
	t.Helper()
	for _, name := range names {
		a := &admin{name: name, metrics: sample{processStart: 1000, healthy: 1, cpuSeconds: 40, healSlivers: 5, healRestored: 500}}
		s := httptest.NewServer(a)
		t.Cleanup(s.Close)
		admins, addresses = append(admins, a), append(addresses, strings.TrimPrefix(s.URL, "http://"))
	}
	return admins, addresses
}

func twoNodes(t *testing.T) *committee.Committee {
	t.Helper()
	shards := committee.Spread(8, 2)
	c, err := committee.New(committee.System{Network: "test", Shards: 8, Scheme: commit.BLAKE3}, 1, []committee.Member{
		identity.NewMember("a", "127.0.0.1:1", identity.GenerateKey(), shards[0]),
		identity.NewMember("b", "127.0.0.1:2", identity.GenerateKey(), shards[1]),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWatch(t *testing.T) {
	admins, addresses := serve(t, "b", "a") // in any order
	w, err := New(t.Context(), twoNodes(t), addresses)
	if err != nil {
		t.Fatal(err)
	}
	b := admins[0]
	b.set(sample{processStart: 1000, healthy: 0, cpuSeconds: 42, peerReceived: 10, healSlivers: 7, healRestored: 800, healReceived: 90, healWholeBlob: 4000})
	w.Look(t.Context())
	if w.healthy() {
		t.Error("healthy, while a node heals")
	}
	runs := w.Runs()
	if len(runs) != 2 || runs[0].Node != "b" || runs[1].Node != "a" {
		t.Fatalf("%+v", runs)
	}
	l := runs[0]
	if l.CPU != 2*time.Second || l.Cause != cluster.CauseStart || l.Stats.Received != 10 || l.Stats.First.IsZero() || l.Stats.Last != l.Stats.First {
		t.Errorf("%+v", l)
	}
	if got, want := l.Stats.Recovery, (cluster.Recovery{Slivers: 2, RestoredBytes: 300, SymbolBytes: 90, OneDimBytes: 4000}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if l := runs[1]; l.CPU != 0 || l.Stats.Recovery != (cluster.Recovery{}) {
		t.Errorf("of a node that did nothing: %+v", l)
	}

	b.set(nil)
	w.Look(t.Context())
	if got := w.Runs()[0]; got.CPU != 2*time.Second || !w.healthy() {
		t.Errorf("down: %+v", got)
	}

	b.set(sample{processStart: 2000, healthy: 1, cpuSeconds: 3, healSlivers: 4, healRestored: 100})
	w.Look(t.Context())
	runs = w.Runs()
	if len(runs) != 3 || runs[0].CPU != 2*time.Second {
		t.Fatalf("%+v", runs)
	}
	l = runs[1]
	if l.Cause != cluster.CauseRestart || l.Began.Unix() != 2000 || l.CPU != 3*time.Second || l.Stats.Recovery.Slivers != 4 || l.Healthy.IsZero() {
		t.Errorf("%+v", l)
	}
	if !w.AwaitHealthy(t.Context()) {
		t.Error("not healthy")
	}
}

func TestNew(t *testing.T) {
	_, addresses := serve(t, "a", "a", "stranger")
	admins, other := serve(t, "b")
	admins[0].set(sample{"go_goroutines": 3})
	for name, test := range map[string]struct {
		addresses []string
		want      string
	}{
		"twice":    {addresses[:2], "or there twice"},
		"stranger": {addresses[2:], "no member"},
		"nobody":   {[]string{"127.0.0.1:1"}, "127.0.0.1:1: "},
		"no node":  {other, errNoNode.Error()},
		"no host":  {[]string{"\x7f"}, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(t.Context(), twoNodes(t), test.addresses); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
		})
	}
}
