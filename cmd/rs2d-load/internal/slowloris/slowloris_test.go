package slowloris

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// besieged is a committee of one server, which has no patience.
func besieged(t *testing.T, plain bool, patience time.Duration) (c *committee.Committee, writer *identity.Key) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, writer := identity.GenerateKey(), identity.GenerateKey()
	members := []committee.Member{identity.NewMember("a", listener.Addr().String(), server, committee.Spread(4, 1)[0])}
	c, err = committee.New(committee.System{Network: "test", Shards: 4, Scheme: commit.BLAKE3}, 1, members)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{
		ReadHeaderTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write(make([]byte, 1<<20))
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
		}),
	}
	done := make(chan error, 1)
	go func() {
		if plain {
			done <- s.Serve(listener)
			return
		}
		s.TLSConfig = server.ServerTLS()
		done <- s.ServeTLS(listener, "", "")
	}()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return c, writer
}

// await waits for a condition.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

func TestCutOff(t *testing.T) {
	for name, plain := range map[string]bool{"TLS": false, "plaintext": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, writer := besieged(t, plain, 200*time.Millisecond)
			s := New(c, writer, plain)
			defer s.End()
			if s.Counts() != nil {
				t.Error("counts without clients")
			}
			ways := len(waysOf(plain))
			s.Add(2 * ways)
			again := func() bool { // each has been cut off, and has come again
				counts := s.Counts()
				for _, c := range counts {
					if c.Cut < 3 {
						return false
					}
				}
				return len(counts) == ways
			}
			await(t, again)
			s.Lift(t.Context())
			for _, c := range s.Counts() {
				if c.Opened != c.Cut || c.Open != 0 || c.Longest <= 0 {
					t.Errorf("%+v", c)
				}
			}
			before := s.Counts()
			s.Add(5)
			s.Lift(t.Context())
			if after := s.Counts(); after[0] != before[0] {
				t.Errorf("somebody came after the end: %+v", after)
			}
		})
	}
}

// TestPatientNode tells connections that the node never cut off from those it did.
func TestPatientNode(t *testing.T) {
	c, writer := besieged(t, false, time.Hour)
	s := New(c, writer, false)
	s.Add(1)
	await(t, func() bool { return s.Counts()[0].Opened > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s.Lift(ctx)
	if got := s.Counts(); len(got) != 1 || got[0].Open != 1 || got[0].Cut != 0 {
		t.Errorf("%+v", got)
	}
}

func TestSpared(t *testing.T) {
	c, writer := besieged(t, false, time.Hour)
	s := New(c, writer, false)
	defer s.End()
	s.Add(1)
	await(t, func() bool { return s.Counts()[0].Opened > 0 })
	s.Spare(0)
	s.Lift(t.Context())
	if got := s.Counts()[0]; got != (Counts{Way: got.Way}) {
		t.Errorf("%+v", got)
	}
}

func TestNodeIsDown(t *testing.T) {
	c, writer := besieged(t, true, time.Hour)
	member := c.Member(0)
	member.Address = "127.0.0.1:1" // which nobody may listen on
	c, err := committee.New(c.System(), 1, []committee.Member{member})
	if err != nil {
		t.Fatal(err)
	}
	s := New(c, writer, true)
	defer s.End()
	s.Add(1)
	await(t, func() bool { return s.Counts()[0].Refused > 0 })
	s.Lift(t.Context())
	if got := s.Counts()[0]; got.Opened != 0 || got.Cut != 0 {
		t.Errorf("%+v", got)
	}
}
