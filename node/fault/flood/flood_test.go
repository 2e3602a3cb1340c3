package flood_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/fault/flood"
	"github.com/redstuff-go/redstuff/node/identity"
)

// serve runs a server that cuts off who lets it wait for longer than its patience. It
// counts connections by their source.
func serve(t *testing.T, plain bool, patience time.Duration) (flood.Target, *sources) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	key, client := identity.GenerateKey(), identity.GenerateKey()
	from := &sources{seen: make(map[string]int)}
	s := &http.Server{
		ReadHeaderTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience,
		ErrorLog: log.New(io.Discard, "", 0), ConnState: from.note,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write([]byte("{}"))
			if r.URL.Path != "/v1/health" {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		}),
	}
	target := flood.Target{Address: listener.Addr().String()}
	done := make(chan error, 1)
	go func() {
		if plain {
			done <- s.Serve(listener)
			return
		}
		s.TLSConfig = key.ServerTLS()
		done <- s.ServeTLS(listener, "", "")
	}()
	if !plain {
		target.Stranger = (*identity.Key)(nil).ClientTLS(key.TLSPublic())
		target.Client = client.ClientTLS(key.TLSPublic())
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return target, from
}

type sources struct {
	mu   sync.Mutex
	seen map[string]int
}

func (s *sources) note(c net.Conn, state http.ConnState) {
	if state != http.StateNew {
		return
	}
	host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[host]++
}

// awaitCounts waits until the counts of every kind are as wanted.
func awaitCounts(t *testing.T, f *flood.Flood, want func(flood.Counts) bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(60 * time.Second); ; <-tick.C {
		counts := f.Counts()
		if !slices.ContainsFunc(counts, func(c flood.Counts) bool { return !want(c) }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %+v", counts)
		}
	}
}

// TestCutOff has every kind be cut off, and come again.
func TestCutOff(t *testing.T) {
	for name, plain := range map[string]bool{"TLS": false, "plaintext": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, _ := serve(t, plain, 200*time.Millisecond)
			f := flood.New(flood.Config{Targets: []flood.Target{target}, Reconnect: time.Millisecond})
			defer f.Stop()
			if f.Counts() != nil {
				t.Error("counts without clients")
			}
			kinds := flood.Kinds()
			if !plain && testing.Short() {
				// A TLS server takes 5 s to say good-bye to who reads nothing.
				kinds = slices.DeleteFunc(kinds, func(k flood.Kind) bool { return k == flood.Unread })
			}
			for _, k := range kinds {
				f.Add(k, 2)
			}
			if got := len(f.Counts()); got != len(kinds) {
				t.Fatalf("counts of %d kinds, want %d", got, len(kinds))
			}
			awaitCounts(t, f, func(c flood.Counts) bool { return c.Cut >= 3 || c.Kind == flood.Unread && c.Cut > 0 })
			f.Drain(t.Context())
			for _, c := range f.Counts() {
				if c.Opened != c.Cut || c.Held() != 0 || c.Open != 0 || c.Longest <= 0 {
					t.Errorf("%+v", c)
				}
			}
			before := f.Counts()
			f.Add(flood.Silent, 5)
			f.Drain(t.Context())
			if after := f.Counts(); !slices.Equal(after, before) {
				t.Errorf("somebody came after the end: %+v", after)
			}
		})
	}
}

// TestPatientServer tells connections that the server never cut off from those it did.
func TestPatientServer(t *testing.T) {
	target, _ := serve(t, false, time.Hour)
	f := flood.New(flood.Config{Targets: []flood.Target{target}})
	f.Add(flood.Silent, 3)
	if err := f.Await(t.Context(), flood.Silent, 3); err != nil {
		t.Fatal(err)
	}
	if got := f.Counts()[0].Held(); got != 3 {
		t.Errorf("%d connections, want 3", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.Drain(ctx)
	if got := f.Counts()[0]; got.Open != 3 || got.Cut != 0 {
		t.Errorf("%+v, want 3 that were not cut off", got)
	}
}

func TestExclude(t *testing.T) {
	target, _ := serve(t, false, time.Hour)
	f := flood.New(flood.Config{Targets: []flood.Target{target}})
	defer f.Stop()
	f.Add(flood.Idle, 1)
	if err := f.Await(t.Context(), flood.Idle, 1); err != nil {
		t.Fatal(err)
	}
	f.Exclude(0)
	f.Drain(t.Context())
	if got := f.Counts()[0]; got != (flood.Counts{Kind: flood.Idle}) {
		t.Errorf("%+v, want no counts", got)
	}
}

func TestNodeIsDown(t *testing.T) {
	f := flood.New(flood.Config{Targets: []flood.Target{{Address: "127.0.0.1:1"}}}) // which nobody may listen on
	defer f.Stop()
	f.Add(flood.Silent, 1)
	if err := f.Await(t.Context(), flood.Silent, 1); err != nil {
		t.Fatal(err)
	}
	f.Drain(t.Context())
	if got := f.Counts()[0]; got.Opened != 0 || got.Cut != 0 || got.Refused == 0 {
		t.Errorf("%+v, want refusals only", got)
	}
}

// TestSource has strangers come from an address of their own, or from any if the system
// does not have that one.
func TestSource(t *testing.T) {
	for _, source := range []string{"127.0.0.9", "192.0.2.1"} {
		target, from := serve(t, true, time.Hour)
		f := flood.New(flood.Config{Targets: []flood.Target{target}, Source: netip.MustParseAddr(source)})
		f.Add(flood.Idle, 1)
		awaitCounts(t, f, func(c flood.Counts) bool { return c.Opened > 0 })
		f.Stop()
		from.mu.Lock()
		if len(from.seen) != 1 || from.seen["127.0.0.1"]+from.seen[source] != 1 || source == "192.0.2.1" && from.seen[source] > 0 {
			t.Errorf("from %v, want one connection from %s if there is such an address", from.seen, source)
		}
		from.mu.Unlock()
	}
}
