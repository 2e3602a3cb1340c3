package genesis_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

func build(t testing.TB) ledger.Genesis {
	t.Helper()
	g := ledger.Genesis{Name: "test", Shards: 12, Scheme: uint8(commit.Walrus), Start: 1_700_000_000_123, EpochMillis: 90_000, MaxNodes: 5, MinStake: 10, StakeTolerance: 250}
	var nodes []genesis.Node
	for i := range 3 {
		n := genesis.NewNode(fmt.Sprint("node-", i), fmt.Sprint("host:", 1+i), identity.GenerateKey())
		n.Stake, n.Capacity, n.StoragePrice, n.Commission = 100, 1<<40, 3, 500
		nodes = append(nodes, n)
	}
	g.Challenges = ledger.ChallengeRules{Mode: ledger.ChallengesLight, Strikes: 2, FinesShared: 5000}
	g.Migration = ledger.MigrationRules{Sender: 300, Receiver: 200, Helpers: 5000}
	genesis.Set(&g, nodes, []genesis.Account{{Address: genesis.AddressOf(identity.GenerateKey()), Balance: 1 << 50}})
	return g
}

func TestRoundTrip(t *testing.T) {
	g := build(t)
	text, err := genesis.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	back, err := genesis.Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got, want := back.ChainID(), g.ChainID(); got != want {
		t.Errorf("chain %x, want %x", got, want)
	}
	for name, change := range map[string][2]string{
		"unknown key":     {"shards = 12", "shards = 12\nage = 8"},
		"no network":      {"network = \"test\"\n", ""},
		"no start":        {"start = 2023", "began = 2023"},
		"negative epoch":  {`epoch = "1m30s"`, `epoch = "-90s"`},
		"half a millisec": {`epoch = "1m30s"`, `epoch = "1500us"`},
		"too few shards":  {"max_nodes = 5", "max_nodes = 13"},
		"little stake":    {"stake = 100", "stake = 1"},
		"same name":       {`"node-1"`, `"node-2"`},
		"foreign TLS key": {line(text, "tls_proof", 0), line(text, "tls_proof", 1)},
		"foreign key":     {line(text, "proof", 0), line(text, "proof", 1)},
		"no address":      {line(text, "owner", 0), `owner = "x"`},
		"negative money":  {"balance = ", "balance = -"},
		"no TOML":         {"shards", "="},
		"unknown mode":    {`mode = "light"`, `mode = "some"`},
		"large penalty":   {"penalty = 100", "penalty = 10001"},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Fatalf("%s: nothing changed in\n%s", name, text)
		}
		if _, err := genesis.Parse([]byte(changed)); !errors.Is(err, ledger.ErrGenesis) {
			t.Errorf("%s: %v, want an ErrGenesis", name, err)
		}
	}
}

// TestMetadata: the file says what nodes keep of metadata, if that is not all.
func TestMetadata(t *testing.T) {
	g := build(t)
	full := g.ChainID()
	g.Metadata = uint8(committee.Coded)
	text, err := genesis.Marshal(g)
	if err != nil || !strings.Contains(string(text), "metadata = \"coded\"\n") {
		t.Fatalf("%v, or not said in\n%s", err, text)
	}
	back, err := genesis.Parse(text)
	if err != nil || back.System().Metadata != committee.Coded || back.ChainID() == full {
		t.Errorf("%v, or not what the file says", err)
	}
	g.Metadata = 7
	if _, err := genesis.Marshal(g); !errors.Is(err, ledger.ErrGenesis) {
		t.Errorf("form 7: %v, want an ErrGenesis", err)
	}
}

// line returns the line number i of those that set a key.
func line(text []byte, key string, i int) string {
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(strings.TrimSpace(line), key+" ") {
			if i--; i < 0 {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

func FuzzParse(f *testing.F) {
	text, err := genesis.Marshal(build(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := genesis.Parse(text)
		if err != nil {
			if !errors.Is(err, ledger.ErrGenesis) {
				t.Fatal(err)
			}
			return
		}
		again, err := genesis.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		back, err := genesis.Parse(again)
		if err != nil || back.ChainID() != g.ChainID() {
			t.Fatalf("what was written reads as something else: %v\n%s", err, bytes.TrimSpace(again))
		}
	})
}
