package comet

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// TestOpenErrors: what cannot run says why, and leaves nothing open.
func TestOpenErrors(t *testing.T) {
	good := alone(t.TempDir(), uint64(time.Now().UnixMilli()))
	for _, test := range []struct {
		name   string
		change func(*Options)
		want   error
	}{
		{"no directory", func(o *Options) { o.Dir = "" }, ErrOptions},
		{"no address", func(o *Options) { o.Listen = "here" }, ErrOptions},
		{"few blocks", func(o *Options) { o.RetainBlocks = 10 }, ErrOptions},
		{"a time below zero", func(o *Options) { o.Patience = -1 }, ErrOptions},
		{"one server", func(o *Options) {
			o.Join = &Join{Servers: []string{"http://127.0.0.1:1"}, Height: 1, Hash: []byte("h")}
		}, ErrOptions},
		{"no genesis", func(o *Options) { o.Genesis = ledger.Genesis{} }, ledger.ErrGenesis},
	} {
		o := good
		test.change(&o)
		if n, err := Open(world.TLS(0), o); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
			if err == nil {
				_ = n.Close()
			}
		}
	}
	if _, err := Open(nil, good); !errors.Is(err, ErrOptions) {
		t.Errorf("no key: %v, want ErrOptions", err)
	}
	n, err := Open(world.TLS(0), good)
	if err != nil {
		t.Fatalf("after all these: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	// Without its last vote a validator might vote twice.
	if err := os.WriteFile(filepath.Join(good.Dir, "data", "vote_state.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(world.TLS(0), good); err == nil || !strings.Contains(err.Error(), "vote_state.json") {
		t.Errorf("a broken file of votes: %v, want its name", err)
	}
}

// TestMetrics: two nodes' metrics are in two registries, by the names that CometBFT has.
func TestMetrics(t *testing.T) {
	for range 2 {
		r := prometheus.NewRegistry()
		o := alone(t.TempDir(), uint64(time.Now().UnixMilli()))
		o.Registerer = r
		n, err := Open(world.TLS(0), o)
		if err != nil {
			t.Fatal(err)
		}
		wait(t, "metrics of each kind", func() bool {
			families, err := r.Gather()
			if err != nil {
				t.Fatal(err)
			}
			missing := map[string]bool{
				"cometbft_consensus_height": true, "cometbft_consensus_validators": true, "cometbft_mempool_size": true,
				"cometbft_state_block_processing_time": true,
			}
			for _, f := range families {
				delete(missing, f.GetName())
			}
			return len(missing) == 0
		})
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPeerID: what gives a validator's id without CometBFT gives the one that CometBFT has.
func TestPeerID(t *testing.T) {
	for i := range 3 {
		if got, want := identity.ValidatorPeerID(world.TLS(i)), string(peerKey(world.TLS(i)).ID()); got != want {
			t.Errorf("member %d: id %s, want %s", i, got, want)
		}
	}
}

// TestOthers: of a node's keys that one votes which the ledger has; its peers know it by the
// first.
func TestOthers(t *testing.T) {
	o := alone(t.TempDir(), uint64(time.Now().UnixMilli()))
	old := world.Key("an old key")
	o.Others = []ed25519.PrivateKey{world.TLS(0)}
	n, err := Open(old, o)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if want := identity.ValidatorPeerID(old); n.ID() != want {
		t.Errorf("id %s, want that of the first key, %s", n.ID(), want)
	}
	users := world.NewUsers(n.State(), 19)
	if _, err := n.Submit(t.Context(), users.Next()); err != nil {
		t.Errorf("without the vote of its other key there is no block: %v", err)
	}
}
