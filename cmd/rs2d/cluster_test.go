package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/store"
)

func TestDashedIDs(t *testing.T) {
	const plain, dashed = "zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc", "--_Vr74n4maePfKjeEyUv9Vwa49TO_x4EpnDsh-7NUs"
	tests := []struct {
		name, args, want string
	}{
		{"no id", "id --scheme walrus f", "id --scheme walrus f"},
		{"plain id", "get " + plain + " -o x", "get " + plain + " -o x"},
		{"dashed id", "get " + dashed + " -o x", "get -o x -- " + dashed},
		{"already guarded", "get -o x -- " + dashed, "get -o x -- " + dashed},
		{"before a guard", "get " + dashed + " -- x", "get -- x " + dashed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, want := dashedIDs(strings.Fields(test.args)), strings.Fields(test.want); !reflect.DeepEqual(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// running is the nodes of one script, by the directory that it sees.
var running sync.Map // string to []func(), which stop the nodes

// startNodes runs a committee in this process, and writes its file and a client's key:
// nodes DIR NODES SHARDS
func startNodes(ts *testscript.TestScript, neg bool, args []string) {
	dir, count := ts.MkAbs(args[0]), number(ts, args[1])
	writer := identity.GenerateKey()
	keys := make([]*identity.Key, count)
	listeners := make([]net.Listener, count)
	members := make([]committee.Member, count)
	for i, shards := range committee.Spread(number(ts, args[2]), count) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		keys[i], listeners[i] = identity.GenerateKey(), l
		members[i] = identity.NewMember(fmt.Sprintf("node-%d", i), l.Addr().String(), keys[i], shards)
	}
	nodes, err := committee.New(committee.System{Network: "test", Shards: number(ts, args[2]), Scheme: commit.BLAKE3}, 1, members)
	ts.Check(err)
	all, err := fixed.New(nodes, fixed.Client{Name: "writer", TLSKey: writer.TLSPublic()})
	ts.Check(err)
	text, err := all.MarshalText()
	ts.Check(err)
	write(ts, filepath.Join(dir, "committee.toml"), text)
	secret := writer.Reveal()
	ts.Check(os.WriteFile(filepath.Join(dir, clientKeyName), secret, 0o600))
	secret = identity.GenerateKey().Reveal()
	ts.Check(os.WriteFile(filepath.Join(dir, "stranger.key"), secret, 0o600))

	stops := make([]func(), count)
	for i, l := range listeners {
		stops[i] = startNode(ts, all, keys[i], l, filepath.Join(dir, members[i].Name))
		ts.Defer(stops[i])
	}
	running.Store(dir, stops)
	ts.Defer(func() { running.Delete(dir) })
}

// startNode runs one node until what it returns is called.
func startNode(ts *testscript.TestScript, all *fixed.Control, key *identity.Key, l net.Listener, dir string) (stop func()) {
	disk, err := store.Open(dir, store.Options{})
	ts.Check(err)
	n, err := node.New(key, node.Config{Control: all, Store: disk, HealInterval: -1, ScrubRate: -1})
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = n.Run(ctx, l, nil, 100*time.Millisecond) })
	return sync.OnceFunc(func() {
		cancel()
		done.Wait()
		_ = disk.Close()
	})
}

// stopNode stops nodes for good: stopnode DIR NUMBER…
func stopNode(ts *testscript.TestScript, neg bool, args []string) {
	stops, _ := running.Load(ts.MkAbs(args[0]))
	for _, arg := range args[1:] {
		stops.([]func())[number(ts, arg)]()
	}
}

// idOf sets a variable to the first word of standard output: idof VARIABLE
func idOf(ts *testscript.TestScript, neg bool, args []string) {
	id, _, _ := strings.Cut(ts.ReadFile("stdout"), " ")
	ts.Setenv(args[0], id)
}
