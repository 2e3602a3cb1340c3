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

// stage is a ledger of three nodes, whose time the test lets pass, behind its API.
type stage struct {
	t      *testing.T
	clock  atomic.Int64
	ledger *embedded.Ledger
	url    string
	keys   []*identity.Key // of the nodes, and the last one of a node to come
}

const stageEpoch = 1_000_000 // milliseconds

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, keys: make([]*identity.Key, 4)}
	s.clock.Store(1_700_000_000_000)
	g := ledger.Genesis{
		Name: "test", Shards: 12, Scheme: uint8(commit.BLAKE3), Start: uint64(s.clock.Load()), EpochMillis: stageEpoch, MinStake: 1, MaxNodes: 12,
	}
	var nodes []genesis.Node
	var accounts []genesis.Account
	for i := range s.keys {
		s.keys[i] = identity.GenerateKey()
		accounts = append(accounts, genesis.Account{Address: genesis.AddressOf(s.keys[i]), Balance: 1 << 30})
		if i < 3 {
			n := genesis.NewNode(fmt.Sprint("node-", i), fmt.Sprint("127.0.0.1:", i+1), s.keys[i])
			n.Stake, n.Capacity = 100, 1<<40
			nodes = append(nodes, n)
		}
	}
	genesis.Set(&g, nodes, accounts)
	var err error
	if s.ledger, err = embedded.Open(t.TempDir(), g, embedded.Options{Now: func() time.Time { return time.UnixMilli(s.clock.Load()) }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ledger.Close() })
	server := httptest.NewServer(rpc.Handler(chain.Local(s.ledger)))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// file writes a key's file.
func (s *stage) file(key *identity.Key) string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "node.key")
	if err := os.WriteFile(file, append(key.Reveal(), '\n'), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

func (s *stage) act(key *identity.Key, a ledger.Action) {
	s.t.Helper()
	if _, err := account.New(chain.Local(s.ledger), key.Account()).Do(s.t.Context(), a); err != nil {
		s.t.Fatal(err)
	}
}

// half lets half of an epoch pass.
func (s *stage) half() {
	s.t.Helper()
	s.clock.Add(stageEpoch/2 + 1)
	s.act(s.keys[0], ledger.Transfer{To: ledger.Address{1}, Amount: 1})
}

// pass lets an epoch pass.
func (s *stage) pass() {
	s.t.Helper()
	s.half()
	s.half()
}

// report has all members say that they have their shards, by whichever key may say so.
func (s *stage) report(more ...*identity.Key) {
	s.t.Helper()
	state := s.ledger.State()
	now := state.System().Epoch
	for _, m := range ledger.Get[ledger.Committee](state, ledger.CommitteeKey(now)).Members {
		owner := ledger.Get[ledger.Node](state, ledger.NodeKey(m.Node)).Owner
		for _, key := range append(more, s.keys...) {
			if owner != genesis.AddressOf(key) {
				continue
			}
			_, err := account.New(chain.Local(s.ledger), key.Account()).Do(s.t.Context(), ledger.ReportSynced{Node: m.Node, Epoch: now})
			if err != nil && ledger.RuleOf(err) != ledger.RuleTwice && ledger.RuleOf(err) != ledger.RuleEpoch {
				s.t.Fatal(err)
			}
			break
		}
	}
}

// governs reports whether the key's account governs a node.
func (s *stage) governs(key *identity.Key) bool {
	for _, n := range s.ledger.State().Nodes() {
		if n.Owner == genesis.AddressOf(key) {
			return true
		}
	}
	return false
}

// until waits until a condition holds.
func (s *stage) until(what string, holds func() bool) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 12_000 {
		if holds() {
			return
		}
		<-tick.C
	}
	s.t.Fatal("not in a minute: " + what)
}

// run runs a command that prints JSON.
func (s *stage) run(c interface{ Run(*cli.App) error }, into any) {
	s.t.Helper()
	var out, progress bytes.Buffer
	if err := c.Run(&cli.App{Ctx: s.t.Context(), Stdout: &out, Stderr: &progress}); err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		s.t.Fatalf("%v: %s", err, out.String())
	}
}

// TestJoinAndLeave: a node that joins owns shards in a later epoch, and one that leaves is free
// when it owns none and all others have said that they have theirs, and not before.
func TestJoinAndLeave(t *testing.T) {
	s := newStage(t)
	file := s.file(s.keys[3])
	join := &joinCmd{Ledger: s.url, newNode: newNode{Name: "delta", Address: "127.0.0.1:9", Capacity: 1 << 40}, Stake: 100, JSON: true, Key: file}
	var j joined
	s.run(join, &j)
	if !j.Registered || j.FromEpoch != 2 || j.Account != genesis.AddressOf(s.keys[3]) {
		t.Errorf("%+v, want a node that is new and owns shards from epoch 2 on", j)
	}
	var again joined
	if s.run(join, &again); again.Registered || again.Node != j.Node {
		t.Errorf("%+v, want more stake with the node that there is", again)
	}
	s.pass()
	s.report()

	leave := &leaveCmd{Ledger: s.url, JSON: true, Key: file}
	var r left
	if s.run(leave, &r); r.Withdrawn != 2 || r.Shards == 0 || r.Free {
		t.Errorf("%+v, want 2 stakes withdrawn, and a node that still owns shards", r)
	}
	s.pass()
	if s.run(leave, &r); r.Withdrawn != 0 || r.Shards != 0 || r.Free {
		t.Errorf("%+v, want a node without shards that others may still need", r)
	}
	s.report()
	if s.run(leave, &r); !r.Free {
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
