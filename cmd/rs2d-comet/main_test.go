package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/comet"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// run runs a command line that ends by itself.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// files writes the genesis and the keys of some operators.
func files(t *testing.T, operators int) (dir string, keys []*identity.Key) {
	t.Helper()
	dir = tempDir(t)
	g := ledger.Genesis{Name: "test", Shards: 10, Scheme: uint8(commit.BLAKE3), Start: uint64(time.Now().UnixMilli()), MaxNodes: 10}
	var nodes []genesis.Node
	var accounts []genesis.Account
	for i := range operators {
		key := identity.GenerateKey()
		keys = append(keys, key)
		n := genesis.NewNode(fmt.Sprint("node-", i), fmt.Sprintf("127.0.0.1:%d", 7100+i), key)
		n.Stake, n.Capacity = ledger.DefaultMinStake, 1<<40
		nodes = append(nodes, n)
		accounts = append(accounts, genesis.Account{Address: n.Owner, Balance: 1 << 40})
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".key")), key.Reveal(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	genesis.Set(&g, nodes, accounts)
	text, err := genesis.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "genesis.toml"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, keys
}

// tempDir returns a new directory, which is removed in the end. CometBFT writes its book of
// addresses once more after a validator's end, so that takes more than one try at times.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rs2d-comet-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wait(t, "end of the directory", func() bool { return os.RemoveAll(dir) == nil }) })
	return dir
}

// free returns an address on which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestRun: four operators' validators take a transaction by one API and show it at
// another, and end when they are told to.
func TestRun(t *testing.T) {
	const operators = 4
	dir, keys := files(t, operators)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	input, end := io.Pipe()
	defer end.Close()
	var apis, peers, admins []string
	for i, key := range keys {
		want := identity.ValidatorPeerID(key.Account())
		code, id, _ := run(t, "id", "--key", filepath.Join(dir, fmt.Sprint(i, ".key")))
		if code != 0 || strings.TrimSpace(id) != want {
			t.Fatalf("id: code %d, %q, want %q", code, id, want)
		}
		apis, admins = append(apis, free(t)), append(admins, free(t))
		peers = append(peers, want+"@"+free(t))
	}
	for i := range operators {
		_, listen, _ := strings.Cut(peers[i], "@")
		text := fmt.Sprintf("genesis = \"genesis.toml\"\nkey = \"%d.key\"\ndir = \"%[1]d\"\nlisten = %q\napi = %q\nadmin = %q\npeer = %q\nlog_level = \"error\"\n",
			i, listen, apis[i], admins[i], slices.Delete(slices.Clone(peers), i, i+1))
		config := filepath.Join(dir, fmt.Sprint(i, ".toml"))
		if err := os.WriteFile(config, []byte(strings.ReplaceAll(text, `" "`, `", "`)), 0o644); err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			if code := execute(ctx, []string{"run", "--config", config, "--pause", "20ms", "--until-eof"}, input, io.Discard, io.Discard); code != 0 {
				t.Errorf("validator %d ended with code %d", i, code)
			}
		})
	}
	clients := make([]*rpc.Client, operators)
	for i, api := range apis {
		clients[i] = rpc.NewClient("http://" + api)
	}
	wait(t, "APIs", func() bool {
		for _, c := range clients {
			if s, err := c.Status(ctx); err != nil || s.Members != operators {
				return false
			}
		}
		return true
	})
	g, err := clients[0].Genesis(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := ledger.Tx{Chain: g.ChainID(), FeePerByte: 1000, Action: ledger.Transfer{To: genesis.AddressOf(keys[1]), Amount: 7}}.Sign(keys[0].Account())
	if err != nil {
		t.Fatal(err)
	}
	r, err := clients[2].Submit(ctx, tx)
	if err != nil || r.Err != nil {
		t.Fatalf("receipt %+v (%v)", r, err)
	}
	wait(t, "block at the other APIs", func() bool {
		for _, c := range clients {
			if s, err := c.Status(ctx); err != nil || s.Height < r.Height {
				return false
			}
		}
		return true
	})
	var at comet.Status
	if err := json.Unmarshal(get(t, apis[3], "/v1/chain"), &at); err != nil || at.Peer != peers[3] || at.Height == 0 || len(at.Hash) != 32 {
		t.Errorf("chain %+v (%v)", at, err)
	}
	if len(get(t, apis[3], "/v1/headers/1")) == 0 {
		t.Error("no header")
	}
	if _, err := os.Stat(filepath.Join(dir, "3", "data", "vote_state.json")); err != nil {
		t.Errorf("paths of a configuration are not relative to it: %v", err)
	}
	if m := get(t, admins[3], "/"); !bytes.Contains(m, []byte("cometbft_consensus_height")) {
		t.Errorf("metrics %.200s", m)
	}
	if err := end.Close(); err != nil { // all of them end
		t.Error(err)
	}
	group.Wait()
}

func get(t *testing.T, address, path string) []byte {
	t.Helper()
	resp, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s (%v)", path, resp.Status, err)
	}
	return data
}

func wait(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(2 * time.Minute)
	for !so() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("no %s", what)
		}
	}
}

// TestUsage: what is wrong is said, and has its exit code.
func TestUsage(t *testing.T) {
	dir, _ := files(t, 1)
	config := func(text string) string {
		name := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	base := []string{"run", "--genesis", filepath.Join(dir, "genesis.toml"), "--key", filepath.Join(dir, "0.key"), "--dir", filepath.Join(dir, "0")}
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"nothing", nil, cli.OK, ""},
		{"version", []string{"--version"}, cli.OK, ""},
		{"no such command", []string{"walk"}, cli.Failed, "unexpected argument walk"},
		{"help", []string{"run", "--help"}, 0, ""},
		{"no such file", []string{"run", "--config", "/no/such/file"}, cli.Failed, "/no/such/file"},
		{"unknown key", []string{"run", "--config", config("gen = 1")}, cli.Failed, "unknown key gen"},
		{"no list", []string{"run", "--config", config("peer = [1]")}, cli.Failed, "peer has 1, which is no text"},
		{"no text", []string{"run", "--config", config("[key]")}, cli.Failed, "neither a text"},
		{"no genesis", []string{"run", "--key", "k", "--dir", "d"}, cli.Failed, "--genesis"},
		{"no such key", []string{"id", "--key", "/no/such/key"}, cli.Failed, "/no/such/key"},
		{"no snapshots", append(base, "--snapshot", "0"), cli.Failed, "more than zero"},
		{"one server", append(base, "--join-from", "http://127.0.0.1:1", "--trust", "1:00"), cli.Failed, "two URLs"},
		{"no trust", append(base, "--join-from", "http://127.0.0.1:1", "--join-from", "http://127.0.0.1:2"), cli.Failed, "--trust"},
		{"few blocks", append(base, "--retain", "5"), cli.Failed, "RetainBlocks"},
	} {
		code, out, errs := run(t, test.args...)
		if code != test.code || !strings.Contains(errs, test.want) {
			t.Errorf("%s: code %d, %q; want %d, %q", test.name, code, errs, test.code, test.want)
		}
		if test.name == "help" && !strings.Contains(out, "Example: rs2d-comet run") {
			t.Errorf("help without an example: %s", out)
		}
	}
}
