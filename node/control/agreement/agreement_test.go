package agreement_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/agreement"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
)

// view returns an epoch of seven members with three shards each, so that f = 6: any two
// of them may lie.
func view(t *testing.T, number uint64, keys []*identity.Key) *epoch.View {
	t.Helper()
	var members []committee.Member
	for i, shards := range committee.Spread(21, 7) {
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), fmt.Sprint("host:", 1+i), keys[i], shards))
	}
	c, err := committee.New(committee.System{Network: "test", Shards: 21, Scheme: commit.BLAKE3}, number, members)
	if err != nil {
		t.Fatal(err)
	}
	f, err := fixed.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return f.View()
}

// asked is a peer that answers what it is told to.
type asked struct {
	name   string
	health api.Health
	err    error
	silent bool
	calls  atomic.Int32
}

func (a *asked) Name() string { return a.name }

func (a *asked) Health(ctx context.Context) (api.Health, error) {
	a.calls.Add(1)
	if a.silent {
		<-ctx.Done()
		return api.Health{}, ctx.Err()
	}
	return a.health, a.err
}

// only returns the same peers for every committee.
func only(peers []agreement.Peer) func(*committee.Committee) []agreement.Peer {
	return func(*committee.Committee) []agreement.Peer { return peers }
}

func checkerOf(t *testing.T, c agreement.Config) *agreement.Checker {
	t.Helper()
	checker, err := agreement.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return checker
}

func TestConfig(t *testing.T) {
	v := func() *epoch.View { return nil }
	for want, c := range map[string]agreement.Config{
		"Config.View must be set":  {Peers: only(nil)},
		"Config.Peers must be set": {View: v},
		"Config.Every":             {View: v, Peers: only(nil), Every: -1},
		"Config.Timeout":           {View: v, Peers: only(nil), Timeout: -1},
	} {
		if _, err := agreement.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that names %s", err, want)
		}
	}
}

// healthOf is what a node says that sees the view.
func healthOf(v *epoch.View, you string) api.Health {
	return api.Health{
		Network: v.Current.System().Network, Epoch: v.Current.Epoch(), Committee: v.Current.Fingerprint().String(),
		View: v.Digest.String(), You: you,
	}
}

func TestProblems(t *testing.T) {
	var keys []*identity.Key
	for range 7 {
		keys = append(keys, identity.GenerateKey())
	}
	own, next := view(t, 1, keys), view(t, 2, keys)
	same := healthOf(own, "node-0")
	unknown := healthOf(next, "")
	for _, c := range []struct {
		name     string
		change   func(p []*asked) // the other six, which agree
		outvoted bool
		want     []string // in the problem's message; none if there is none
		not      []string
	}{
		{"all agree", func([]*asked) {}, false, nil, nil},
		{"nobody answers", func(p []*asked) {
			for i := range p {
				p[i].err = errors.New("no route")
			}
		}, false, nil, nil},
		{"they say nothing of it", func(p []*asked) {
			for i := range p {
				p[i].health = api.Health{}
			}
		}, false, nil, nil},
		{"as many as may lie", func(p []*asked) { p[0].health, p[3].health = unknown, unknown }, false,
			[]string{"node-1 has epoch 2 of the network \"test\"", "node-4", "does not know this node", "epoch 1"}, []string{"node-2", "node-5"}},
		{"one more", func(p []*asked) { p[0].health, p[3].health, p[5].health = unknown, unknown, unknown }, true,
			[]string{"node-1", "node-4", "node-6"}, []string{"node-3"}},
		{"other keys", func(p []*asked) {
			for _, i := range []int{0, 1, 2} {
				p[i].err = fmt.Errorf("dial: %w", identity.ErrStranger)
			}
		}, true, []string{"node-1 has another TLS key", "node-3"}, []string{"node-4"}},
		{"they know this node", func(p []*asked) { p[2].health = healthOf(next, "node-0") }, false, []string{"node-3"}, []string{"know"}},
		{"endless and unprintable words", func(p []*asked) {
			p[2].health = api.Health{View: "x", Network: strings.Repeat("\x1b[2J\n", 10_000), Committee: strings.Repeat("z", 1<<20)}
		}, false, []string{"node-3"}, []string{"\n", "\x1b", strings.Repeat("z", 100)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all []*asked
			var peers []agreement.Peer
			for i := 1; i < 7; i++ {
				p := &asked{name: fmt.Sprint("node-", i), health: same}
				all, peers = append(all, p), append(peers, p)
			}
			c.change(all)
			checker := checkerOf(t, agreement.Config{View: func() *epoch.View { return own }, Peers: only(peers)})
			if got := checker.Problems(); len(got) != 0 || checker.Outvoted() {
				t.Fatalf("before anybody was asked: %v", got)
			}
			checker.Ask(t.Context())
			if got := checker.Outvoted(); got != c.outvoted {
				t.Errorf("outvoted: %v, want %v", got, c.outvoted)
			}
			problems := checker.Problems()
			if len(c.want) == 0 {
				if len(problems) != 0 {
					t.Errorf("problems %v, want none", problems)
				}
				return
			}
			if len(problems) != 1 || problems[0].Name != "committee" || problems[0].Remedy == "" {
				t.Fatalf("problems %v, want one of the committee with a remedy", problems)
			}
			for _, want := range c.want {
				if !strings.Contains(problems[0].Message, want) {
					t.Errorf("%q does not say %q", problems[0].Message, want)
				}
			}
			for _, not := range c.not {
				if strings.Contains(problems[0].Message, not) {
					t.Errorf("%q says %q", problems[0].Message, not)
				}
			}
			// What was wrong is over when all agree.
			for _, p := range all {
				p.health, p.err = same, nil
			}
			checker.Ask(t.Context())
			if got := checker.Problems(); len(got) != 0 || checker.Outvoted() {
				t.Errorf("after all agreed: %v", got)
			}
		})
	}
}

// TestChange: when this node's own view changes, what others said is compared with it.
func TestChange(t *testing.T) {
	var keys []*identity.Key
	for range 7 {
		keys = append(keys, identity.GenerateKey())
	}
	one, two := view(t, 1, keys), view(t, 2, keys)
	now := one
	var peers []agreement.Peer
	for i := 1; i < 7; i++ {
		peers = append(peers, &asked{name: fmt.Sprint("node-", i), health: healthOf(two, "node-0")})
	}
	checker := checkerOf(t, agreement.Config{View: func() *epoch.View { return now }, Peers: only(peers)})
	checker.Ask(t.Context())
	if !checker.Outvoted() {
		t.Error("not outvoted before the change")
	}
	now = two
	if checker.Outvoted() || len(checker.Problems()) != 0 {
		t.Errorf("after the change: %v", checker.Problems())
	}
}

// TestRun asks at the start, and then ever less often down to once a minute; it waits for
// no silent peer longer than the timeout.
func TestRun(t *testing.T) {
	var keys []*identity.Key
	for range 7 {
		keys = append(keys, identity.GenerateKey())
	}
	own := view(t, 1, keys)
	synctest.Test(t, func(t *testing.T) {
		good, silent := &asked{name: "node-1", health: healthOf(own, "node-0")}, &asked{name: "node-2", silent: true}
		checker := checkerOf(t, agreement.Config{
			View: func() *epoch.View { return own }, Peers: only([]agreement.Peer{good, silent}),
			Every: time.Minute, Timeout: 10 * time.Second,
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			checker.Run(ctx)
		}()
		// Each round takes the timeout, and is followed by a pause.
		started := time.Now()
		for round, want := range []time.Duration{10, 10 + 1 + 10, 21 + 2 + 10, 33 + 4 + 10, 47 + 8 + 10, 65 + 16 + 10, 91 + 32 + 10, 133 + 60 + 10, 203 + 60 + 10} {
			<-checker.Asked()
			if got, want := good.calls.Load(), int32(round+1); got != want || silent.calls.Load() != want {
				t.Errorf("asked %d and %d times, want %d", got, silent.calls.Load(), want)
			}
			if got := time.Since(started); got != want*time.Second {
				t.Errorf("round %d ended after %v, want %v", round, got, want*time.Second)
			}
		}
		cancel()
		<-ended
	})
}
