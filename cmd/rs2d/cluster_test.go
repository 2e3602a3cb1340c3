package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
	"github.com/redstuff-go/redstuff/rs2d"
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
		{"value of a flag", "ledger proof --account " + dashed + " --json", "ledger proof --account=" + dashed + " --json"},
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

// Clusters of scripts, by the directories that they see.
var (
	clusters sync.Map // string to *nodetest.Cluster
	towns    sync.Map // string to *town
)

// scriptT is a script as package nodetest wants a test to be.
type scriptT struct{ *testscript.TestScript }

// testOf is where a script's test is among its values.
type testOf struct{}

func (t scriptT) Helper()          {}
func (t scriptT) Cleanup(f func()) { t.Defer(f) }
func (t scriptT) Fatal(args ...any) {
	t.Fatalf("%s", fmt.Sprint(args...))
}

// Errorf fails the script, also at its end.
func (t scriptT) Errorf(format string, args ...any) {
	t.Value(testOf{}).(testscript.T).Fatal(fmt.Sprintf(format, args...))
}

// startNodes runs a committee in this process, and writes its file and a client's key:
// nodes DIR NODES SHARDS
func startNodes(ts *testscript.TestScript, neg bool, args []string) {
	dir := newDir(ts, args[0])
	c, writer := nodetest.Start(scriptT{ts}, commit.BLAKE3, number(ts, args[1]), number(ts, args[2]))
	text, err := c.Control.MarshalText()
	ts.Check(err)
	write(ts, filepath.Join(dir, "committee.toml"), text)
	keep(ts, dir, c, writer)
}

// startTown runs a ledger and nodes in this process, and writes the genesis, the key of a
// client that has money, and that of one that has none. It sets LEDGER:
// town DIR NODES SHARDS
func startTown(ts *testscript.TestScript, neg bool, args []string) {
	dir := newDir(ts, args[0])
	w, writer := nodetest.StartOnLedger(scriptT{ts}, commit.BLAKE3, number(ts, args[1]), number(ts, args[2]))
	text, err := genesis.Marshal(w.Genesis)
	ts.Check(err)
	write(ts, filepath.Join(dir, "genesis.toml"), text)
	ts.Setenv("LEDGER", w.URL)
	keep(ts, dir, &w.Cluster, writer)
	towns.Store(dir, &town{w, writer})
	ts.Defer(func() { towns.Delete(dir) })
}

func newDir(ts *testscript.TestScript, name string) string {
	dir := ts.MkAbs(name)
	ts.Check(os.MkdirAll(dir, 0o777))
	return dir
}

// keep writes the keys of a cluster's clients, and remembers the cluster.
func keep(ts *testscript.TestScript, dir string, c *nodetest.Cluster, writer *identity.Key) {
	for name, key := range map[string]*identity.Key{clientKeyName: writer, "stranger.key": identity.GenerateKey()} {
		ts.Check(os.WriteFile(filepath.Join(dir, name), key.Reveal(), 0o600))
	}
	clusters.Store(dir, c)
	ts.Defer(func() { clusters.Delete(dir) })
}

func clusterOf(ts *testscript.TestScript, dir string) *nodetest.Cluster {
	c, ok := clusters.Load(ts.MkAbs(dir))
	if !ok {
		ts.Fatalf("no cluster in %s", dir)
	}
	return c.(*nodetest.Cluster)
}

// stopNode stops nodes for good: stopnode DIR NUMBER…
func stopNode(ts *testscript.TestScript, neg bool, args []string) {
	for _, arg := range args[1:] {
		clusterOf(ts, args[0]).Stop(number(ts, arg))
	}
}

// town is a cluster on a ledger.
type town struct {
	*nodetest.Town
	writer *identity.Key
}

func townOf(ts *testscript.TestScript, dir string) *town {
	w, ok := towns.Load(ts.MkAbs(dir))
	if !ok {
		ts.Fatalf("no ledger in %s", dir)
	}
	return w.(*town)
}

// setLedger stops the ledger of a cluster or starts it again: ledger DIR stop|start
func setLedger(ts *testscript.TestScript, neg bool, args []string) {
	switch w := townOf(ts, args[0]); args[1] {
	case "stop":
		w.StopLedger()
	case "start":
		w.Restart(scriptT{ts})
	default:
		ts.Fatalf("ledger %s", args[1])
	}
}

// passEpochs lets epochs pass on the ledger of a cluster: epochs DIR NUMBER
func passEpochs(ts *testscript.TestScript, neg bool, args []string) {
	w := townOf(ts, args[0])
	end := w.Ledger.State().System().Epoch + uint32(number(ts, args[1]))
	for range 3 * number(ts, args[1]) {
		w.Pass(1)
		a := account.New(rpc.NewClient(w.URL), w.writer.Account())
		_, err := a.Do(context.Background(), ledger.Transfer{To: ledger.Address{1}, Amount: 1}) // makes a block
		ts.Check(err)
		if w.Ledger.State().System().Epoch >= end {
			return
		}
	}
	ts.Fatalf("epoch %d does not come", end)
}

// idOf sets a variable to the first word of standard output: idof VARIABLE
func idOf(ts *testscript.TestScript, neg bool, args []string) {
	words := strings.Fields(ts.ReadFile("stdout"))
	if len(words) == 0 {
		ts.Fatalf("standard output is empty")
	}
	ts.Setenv(args[0], words[0])
}

// awaitHandover waits until the committee of an epoch has signed who comes next:
// handover DIR EPOCH
func awaitHandover(ts *testscript.TestScript, neg bool, args []string) {
	w, key := townOf(ts, args[0]), ledger.HandoverKey(uint32(number(ts, args[1])))
	for range 3000 {
		if ledger.Get[ledger.Certified](w.Ledger.State(), key) != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("the committee of epoch %s does not sign", args[1])
}

// objectOf sets a variable to the first registration that stat told of in JSON:
// object VARIABLE
func objectOf(ts *testscript.TestScript, neg bool, args []string) {
	var stat statReport
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &stat))
	if len(stat.Registrations) == 0 {
		ts.Fatalf("no registrations")
	}
	ts.Setenv(args[0], stat.Registrations[0].Object)
}

// jsonVar sets a variable to a field of the JSON object that is standard output:
// jsonvar VARIABLE FIELD
func jsonVar(ts *testscript.TestScript, neg bool, args []string) {
	var fields map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &fields))
	value, ok := fields[args[1]].(string)
	if !ok {
		ts.Fatalf("no text in the field %s", args[1])
	}
	ts.Setenv(args[0], value)
}

// quiltOf sets a variable to the quilt of a patch: quiltof VARIABLE PATCH
func quiltOf(ts *testscript.TestScript, neg bool, args []string) {
	id, err := quilt.ParsePatchID(args[1])
	ts.Check(err)
	ts.Setenv(args[0], id.Quilt.String())
}

// showAgain registers a blob and shows the ledger a certificate from before, which it
// refuses with an error that matches: showagain DIR CERTIFICATE FILE REGEXP
func showAgain(ts *testscript.TestScript, neg bool, args []string) {
	w, ctx := townOf(ts, args[0]), context.Background()
	code, err := rs2d.New(int(w.Genesis.Shards), rs2d.WithScheme(commit.BLAKE3))
	ts.Check(err)
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	ts.Check(err)
	encoding, err := code.Encode([]byte(ts.ReadFile(args[2])))
	ts.Check(err)
	root, err := encoding.Metadata().Root(hasher)
	ts.Check(err)
	payer := account.New(rpc.NewClient(w.URL), w.writer.Account())
	got, err := payer.Do(ctx, ledger.ReserveAndRegister{
		Epochs: 1, ID: encoding.ID(), Root: root, Length: encoding.Metadata().Length, Encoding: ledger.EncodingRS2, Deletable: true,
	})
	ts.Check(err)
	object := got.Events[0].(ledger.BlobRegistered).Object
	_, err = payer.Do(ctx, ledger.CertifyBlob{Blob: object, Certificate: []byte(ts.ReadFile(args[1]))})
	if err == nil || !regexp.MustCompile(args[3]).MatchString(err.Error()) {
		ts.Fatalf("the certificate from before: %v, want %s", err, args[3])
	}
}
