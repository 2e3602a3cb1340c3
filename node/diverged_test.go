package node_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
)

// membersOf returns the members of a committee.
func membersOf(c *committee.Committee) (members []committee.Member) {
	for i := range c.Len() {
		members = append(members, c.Member(i))
	}
	return members
}

// logged is what a node logs.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), s)
}

// TestOtherCommittee has a node whose committee's file is not that of the others.
func TestOtherCommittee(t *testing.T) {
	for name, change := range map[string]func(members []committee.Member, odd *member) (epoch uint64){
		"epoch": func([]committee.Member, *member) uint64 { return 2 },
		"address": func(members []committee.Member, _ *member) uint64 {
			members[3].Address = "elsewhere.example.org:7100" // its own, which it does not dial
			return 1
		},
		"key": func(members []committee.Member, odd *member) uint64 {
			odd.key = identity.GenerateKey()
			members[3] = identity.NewMember("node-3", members[3].Address, odd.key, members[3].Shards)
			return 1
		},
		"others' TLS keys": func(members []committee.Member, _ *member) uint64 {
			for i := range 3 {
				members[i].TLSKey = identity.GenerateKey().TLSPublic()
			}
			return 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logged
			c := newClusterOf(t, 4, 10, func(m *member, config *node.Config) {
				if m.i != 3 {
					return
				}
				current := config.Control.View().Current
				members := membersOf(current)
				epoch := change(members, m)
				other, err := committee.New(current.System(), epoch, members)
				if err != nil {
					t.Fatal(err)
				}
				if config.Control, err = fixed.New(other); err != nil {
					t.Fatal(err)
				}
				config.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			odd := c.nodes[3].node
			waitFor(t, func() bool {
				list := odd.Problems()
				return odd.State() == api.StateDiverged && len(list) > 0 && strings.Count(list[0].Message, " has ") == 3
			})
			problems := odd.Problems()
			if len(problems) != 1 || problems[0].Name != "committee" {
				t.Fatalf("problems of the odd node: %v, want one of the committee", problems)
			}
			for _, want := range []string{"node-0 has", "node-1 has", "node-2 has", "network \"test\""} {
				if !strings.Contains(problems[0].Message, want) {
					t.Errorf("%q does not say %q", problems[0].Message, want)
				}
			}
			metrics := httptest.NewRecorder()
			odd.AdminHandler().ServeHTTP(metrics, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			for _, want := range []string{`redstuff_problem{problem="committee"} 1`, "redstuff_healthy 0"} {
				if !strings.Contains(metrics.Body.String(), want) {
					t.Errorf("metrics do not say %s", want)
				}
			}
			if n := log.count("problem=committee"); n > 1 {
				t.Errorf("logged %d times", n)
			}
			if unknown := "and does not know this node"; strings.Contains(problems[0].Message, unknown) != (name == "key") {
				t.Errorf("%q says %q, want it only of an unknown key", problems[0].Message, unknown)
			}
			// One node is no reason for the others to doubt themselves, but they say so.
			for _, m := range c.nodes[:3] {
				waitFor(t, func() bool { return len(m.node.Problems()) == 1 })
				if got := m.node.State(); got != api.StateHealthy {
					t.Errorf("node %d is %s, want %s", m.i, got, api.StateHealthy)
				}
				if got := m.node.Problems()[0].Message; !strings.Contains(got, "node-3 has") || strings.Contains(got, "node-1") {
					t.Errorf("node %d says %q", m.i, got)
				}
			}
		})
	}
}

// TestWriteToOtherEpoch: the attestation of a node of another epoch counts for nothing,
// and the writer says why; the node is not taken for a liar.
func TestWriteToOtherEpoch(t *testing.T) {
	c := newClusterOf(t, 4, 10, func(m *member, config *node.Config) {
		if m.i == 3 {
			current := config.Control.View().Current
			other, err := committee.New(current.System(), current.Epoch()+1, membersOf(current))
			if err != nil {
				t.Fatal(err)
			}
			writers := config.Control.View().Writers
			var clients []fixed.Client
			for key, name := range writers {
				clients = append(clients, fixed.Client{Name: name, TLSKey: key})
			}
			if config.Control, err = fixed.New(other, clients...); err != nil {
				t.Fatal(err)
			}
		}
	})
	cl := c.client(nil)
	receipt := put(t, cl, randomBlob(1, 1000))
	if receipt.Certificate.Signed(3) {
		t.Error("a node of another epoch has signed")
	}
	if got := cl.Peers()[3].ObservedHealth(); got == peer.Distrusted {
		t.Error("a node of another epoch is taken for a liar")
	}
	c.nodes[0].kill()
	_, err := cl.Store(t.Context(), randomBlob(2, 1000))
	if !errors.Is(err, client.ErrUnavailable) || !errors.Is(err, peer.ErrOtherCommittee) || !strings.Contains(err.Error(), "epoch 2") {
		t.Errorf("%v, want that node-3 is in epoch 2", err)
	}
}
