package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// TestJoinAndLeave: a node that joins owns shards in a later epoch, and one that leaves is free
// when it owns none and all others have said that they have theirs, and not before.
func TestJoinAndLeave(t *testing.T) {
	const epoch = 1_000_000
	var clock atomic.Int64
	clock.Store(1_700_000_000_000)
	g := ledger.Genesis{
		Name: "test", Shards: 12, Scheme: uint8(commit.BLAKE3), Start: uint64(clock.Load()), EpochMillis: epoch, MinStake: 1, MaxNodes: 12,
	}
	keys := make([]*identity.Key, 4) // the last one joins
	var nodes []genesis.Node
	var accounts []genesis.Account
	for i := range keys {
		keys[i] = identity.GenerateKey()
		accounts = append(accounts, genesis.Account{Address: genesis.AddressOf(keys[i]), Balance: 1 << 30})
		if i < 3 {
			n := genesis.NewNode(fmt.Sprint("node-", i), fmt.Sprint("127.0.0.1:", i+1), keys[i])
			n.Stake, n.Capacity = 100, 1<<40
			nodes = append(nodes, n)
		}
	}
	genesis.Set(&g, nodes, accounts)
	l, err := embedded.Open(t.TempDir(), g, embedded.Options{Now: func() time.Time { return time.UnixMilli(clock.Load()) }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server := httptest.NewServer(rpc.Handler(chain.Local(l)))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "node.key")
	if err := os.WriteFile(file, keys[3].Reveal(), 0o600); err != nil {
		t.Fatal(err)
	}
	act := func(key *identity.Key, a ledger.Action) {
		t.Helper()
		if _, err := account.New(chain.Local(l), key.Account()).Do(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	pass := func() {
		t.Helper()
		for range 2 {
			clock.Add(epoch/2 + 1)
			act(keys[0], ledger.Transfer{To: ledger.Address{1}, Amount: 1})
		}
	}
	report := func() {
		t.Helper()
		now := l.State().System().Epoch
		for _, m := range ledger.Get[ledger.Committee](l.State(), ledger.CommitteeKey(now)).Members {
			for _, key := range keys {
				if m.TLSKey == [32]byte(key.TLSPublic()) {
					act(key, ledger.ReportSynced{Node: m.Node, Epoch: now})
				}
			}
		}
	}
	run := func(c interface{ Run(*cli.App) error }, into any) {
		t.Helper()
		var out bytes.Buffer
		if err := c.Run(&cli.App{Ctx: t.Context(), Stdout: &out}); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), into); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
	}

	join := &joinCmd{Ledger: server.URL, Name: "delta", Address: "127.0.0.1:9", Stake: 100, Capacity: 1 << 40, JSON: true, Key: file}
	var j joined
	run(join, &j)
	if !j.Registered || j.FromEpoch != 2 || j.Account != genesis.AddressOf(keys[3]) {
		t.Errorf("%+v, want a node that is new and owns shards from epoch 2 on", j)
	}
	var again joined
	if run(join, &again); again.Registered || again.Node != j.Node {
		t.Errorf("%+v, want more stake with the node that there is", again)
	}
	pass()
	report()

	leave := &leaveCmd{Ledger: server.URL, JSON: true, Key: file}
	var r left
	if run(leave, &r); r.Withdrawn != 2 || r.Shards == 0 || r.Free {
		t.Errorf("%+v, want 2 stakes withdrawn, and a node that still owns shards", r)
	}
	pass()
	if run(leave, &r); r.Withdrawn != 0 || r.Shards != 0 || r.Free {
		t.Errorf("%+v, want a node without shards that others may still need", r)
	}
	report()
	if run(leave, &r); !r.Free {
		t.Errorf("%+v, want a node that nobody needs", r)
	}
	var text bytes.Buffer
	leave.JSON = false
	if err := leave.Run(&cli.App{Ctx: t.Context(), Stdout: &text}); err != nil || !strings.Contains(text.String(), "it can be stopped") {
		t.Errorf("%q, %v", text.String(), err)
	}
	other := filepath.Join(t.TempDir(), "other.key")
	if err := os.WriteFile(other, identity.GenerateKey().Reveal(), 0o600); err != nil {
		t.Fatal(err)
	}
	leave.Key = other
	if err := leave.Run(&cli.App{Ctx: t.Context(), Stdout: &text}); err == nil || !strings.Contains(err.Error(), "key of no node") {
		t.Errorf("a key of nobody: %v", err)
	}
}
