package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// asProgram has this test's program be rs2d-ledger itself.
const asProgram = "REDSTUFF_TEST_LEDGER"

func TestMain(m *testing.M) {
	// A process under the race detector would sleep a second before it ends.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// rich is somebody with money.
var rich = identity.GenerateKey()

// makeGenesis writes the genesis of a ledger with the command itself.
func makeGenesis(t *testing.T, dir string) string {
	t.Helper()
	n := genesis.NewNode("node-0", "127.0.0.1:7100", identity.GenerateKey())
	n.Stake, n.Capacity = ledger.DefaultMinStake, 1<<40
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(map[string][]genesis.Node{"node": {n}}); err != nil {
		t.Fatal(err)
	}
	registration, out := filepath.Join(dir, "node.toml"), filepath.Join(dir, "genesis.toml")
	if err := os.WriteFile(registration, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"init", "--network", "test", "--shards", "4", "--epoch", "1h", "--account", genesis.AddressOf(rich).String() + "=1000000000000", "--json", out, registration}
	stdout, stderr, code := call(args...)
	var r initReport
	if err := json.Unmarshal([]byte(stdout), &r); code != 0 || err != nil || r.Nodes != 1 || r.EpochMillis != 3_600_000 || len(r.Chain) != 64 {
		t.Fatalf("init: code %d, %s%s (%v)", code, stdout, stderr, err)
	}
	return out
}

// TestInitMoney: who governs a node has money from the beginning, unless the operator says
// otherwise.
func TestInitMoney(t *testing.T) {
	dir := t.TempDir()
	makeGenesis(t, dir)
	var f struct {
		Nodes []genesis.Node `toml:"node"`
	}
	registration := filepath.Join(dir, "node.toml")
	if _, err := toml.DecodeFile(registration, &f); err != nil {
		t.Fatal(err)
	}
	owner := f.Nodes[0].Owner
	for _, test := range []struct {
		name string
		args []string
		want uint64
	}{
		{"default", nil, 1_000_000_000_000},
		{"amount", []string{"--node-money", "5"}, 5},
		{"none", []string{"--node-money", "0"}, 0},
		{"account", []string{"--account", owner.String() + "=7"}, 7},
	} {
		out := filepath.Join(dir, test.name+".toml")
		if _, stderr, code := call(append(append([]string{"init", "--shards", "4"}, test.args...), out, registration)...); code != 0 {
			t.Fatalf("%s: code %d, %s", test.name, code, stderr)
		}
		g, err := genesis.Load(out)
		if err != nil {
			t.Fatal(err)
		}
		got := uint64(0)
		for _, b := range g.Balances {
			if b.Account == owner {
				got += b.Amount
			}
		}
		if got != test.want {
			t.Errorf("%s: the node's account has %d, want %d", test.name, got, test.want)
		}
	}
}

func call(args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = execute(context.Background(), args, &out, &errs)
	return out.String(), errs.String(), code
}

// program is a rs2d-ledger that runs.
type program struct {
	*exec.Cmd
	url  string
	rest *bufio.Reader
}

// start starts a ledger, and returns when it serves.
func start(t *testing.T, genesis, dir, listen string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: exec.Command(self, "run", "--genesis", genesis, "--dir", dir, "--listen", listen, "--snapshot", "7")}
	p.Env = append(os.Environ(), asProgram+"=1")
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	p.rest = bufio.NewReader(stderr)
	line, err := p.rest.ReadString('\n')
	_, after, ok := strings.Cut(line, "address=")
	if err != nil || !ok {
		t.Fatalf("rs2d-ledger says %q (%v)", line, err)
	}
	p.url = "http://" + strings.Fields(after)[0]
	return p
}

// TestKill: a ledger that is killed at any moment goes on at the same root, with all that
// it acknowledged.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	g := makeGenesis(t, dir)
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	acknowledged, height, last := uint64(0), uint64(0), chain.Status{}
	for range rounds {
		p := start(t, g, filepath.Join(dir, "log"), "127.0.0.1:0")
		l := rpc.NewClient(p.url)
		s, err := l.Status(t.Context())
		if err != nil || s.Height < height {
			t.Fatalf("height %d after a kill, and %d was acknowledged (%v)", s.Height, height, err)
		}
		a := account.New(l, rich.Account())
		state, err := a.State(t.Context())
		if err != nil || state.Nonce < acknowledged {
			t.Fatalf("%d transactions after a kill, and %d were acknowledged (%v)", state.Nonce, acknowledged, err)
		}
		if s.Height == last.Height && s.Height > 0 && !bytes.Equal(s.Root, last.Root) {
			t.Fatalf("height %d: another root after a kill", s.Height)
		}
		acknowledged = state.Nonce
		kill := time.AfterFunc(time.Duration(20+rand.IntN(200))*time.Millisecond, func() { _ = p.Process.Kill() })
		for {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			got, err := account.New(l, rich.Account()).Do(ctx, ledger.Transfer{To: ledger.Address{1}, Amount: 1})
			if err == nil {
				acknowledged++
				if now, failed := l.Status(ctx); failed == nil {
					last = now
				}
				height = got.Height
			}
			cancel()
			if err != nil {
				break
			}
		}
		kill.Stop()
		_ = p.Process.Kill()
		_ = p.Wait()
	}
	if acknowledged == 0 {
		t.Error("nothing was acknowledged before a kill")
	}
	t.Logf("%d transactions acknowledged over %d kills", acknowledged, rounds)
}

// TestRun: a ledger tells how it is and what happened, and ends cleanly when it is told to.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	g := makeGenesis(t, dir)
	p := start(t, g, filepath.Join(dir, "log"), "127.0.0.1:0")
	n := genesis.NewNode("node-1", "127.0.0.1:7101", identity.GenerateKey())
	info := ledger.NodeInfo{
		Name: n.Name, Address: n.Address, PublicKey: n.PublicKey.Bytes(), Possession: n.Proof, TLSKey: n.TLSKey, TLSProof: n.TLSProof,
	}
	other := account.New(rpc.NewClient(p.url), rich.Account())
	if _, err := other.Do(t.Context(), ledger.RegisterNode{Node: info}); ledger.RuleOf(err) != ledger.RuleKey {
		t.Errorf("a node of somebody else's key: %v, want rule %q", err, ledger.RuleKey)
	}
	if _, err := other.Do(t.Context(), ledger.Transfer{To: n.Owner, Amount: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := call("status", "--ledger", p.url, "--json")
	var s chain.Status
	if err := json.Unmarshal([]byte(stdout), &s); code != 0 || err != nil || s.Name != "test" || s.Members != 1 || s.Height != 2 {
		t.Errorf("status: code %d, %s%s (%v)", code, stdout, stderr, err)
	}
	if stdout, _, code := call("events", "--ledger", p.url, "--json"); code != 0 || stdout != "" {
		t.Errorf("events: code %d, %q, want none", code, stdout)
	}
	if stdout, _, code := call("status", "--ledger", p.url); code != 0 || !strings.Contains(stdout, "1 nodes, 4 shards") {
		t.Errorf("status: code %d, %q", code, stdout)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(p.rest)
	if err != nil || !strings.Contains(string(rest), "stopped") {
		t.Errorf("its last words are %q (%v)", rest, err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
}

func TestWrongUse(t *testing.T) {
	dir := t.TempDir()
	g := makeGenesis(t, dir)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.WriteFile(filepath.Join(dir, "bad.toml"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		args []string
		says string
	}{
		{"no nodes", []string{"init", filepath.Join(dir, "new.toml")}, "one node at least"},
		{"file is there", []string{"init", "-n", "4", g, filepath.Join(dir, "node.toml")}, "exists already"},
		{"no registration", []string{"init", filepath.Join(dir, "new.toml"), filepath.Join(dir, "bad.toml")}, "bad.toml"},
		{"no account", []string{"init", "--account", "x=1", filepath.Join(dir, "new.toml"), filepath.Join(dir, "node.toml")}, "ADDRESS=BALANCE"},
		{"no genesis", []string{"run", "--genesis", filepath.Join(dir, "bad.toml"), "--dir", filepath.Join(dir, "x")}, "bad.toml"},
		{"port in use", []string{"run", "--genesis", g, "--dir", filepath.Join(dir, "x"), "--listen", listener.Addr().String()}, "in use"},
		{"nobody there", []string{"status", "--ledger", "http://127.0.0.1:1"}, "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, stderr, code := call(test.args...)
			if code != 2 || !strings.Contains(stderr, test.says) {
				t.Errorf("code %d, %q; want code 2 and a word of %q", code, stderr, test.says)
			}
		})
	}
}
