package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/network"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/report"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/fault/flood"
	"github.com/redstuff-go/redstuff/node/identity"
)

// asProgram makes the test binary the program, also for the nodes it starts.
const asProgram = "RS2D_LOAD_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// program returns the command, which is ended after a while at the latest.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// runLoad runs the program and returns what it reports.
func runLoad(t *testing.T, args ...string) *report.Result {
	t.Helper()
	var out, errs bytes.Buffer
	dir := t.TempDir()
	cmd := program(t, append([]string{"--json", "--dir", dir}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, errs.String(), out.String())
	}
	if errs.Len() > 0 {
		t.Errorf("on standard error: %s", errs.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
	r := new(report.Result)
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return r
}

// TestNodesDieAndHeal kills one node and empties another one, and finds every blob,
// and the emptied node whole.
func TestNodesDieAndHeal(t *testing.T) {
	t.Parallel()
	nodes := "7"
	if testing.Short() {
		nodes = "5" // f = 6 of 21 shards are one of these, and the wiped one heals without the killed one's
	}
	page := filepath.Join(t.TempDir(), "report.html")
	r := runLoad(t, "--local", nodes, "--shards", "21", "--duration", "3s", "--size", "lognormal:64KiB,1",
		"--duplicates", "0.1", "--inconsistent", "0.05", "--kill", "1@500ms", "--wipe", "1@1s", "--restart", "1@2s", "--html", page)
	if !r.OK || len(r.Problems) > 0 || r.Blobs.Unreadable+r.Blobs.Wrong+r.Blobs.Unchecked+r.Reads.Errors > 0 {
		t.Fatalf("%+v: %q, %q", r.Blobs, r.Problems, r.Errors)
	}
	if r.Blobs.Acknowledged < 16 || r.Blobs.Checked != r.Blobs.Acknowledged || r.Reads.Count == 0 || r.Writes.Count == 0 {
		t.Errorf("%+v, %+v, %+v", r.Blobs, r.Reads, r.Writes)
	}
	if r.Reads.Latency.P50 <= 0 || r.Reads.Latency.P99 < r.Reads.Latency.P50 || r.Writes.Latency.Max < r.Writes.Latency.P99 {
		t.Errorf("%+v, %+v", r.Reads.Latency, r.Writes.Latency)
	}
	if r.CPU.Nodes <= 0 || r.Bytes.ClientSent < r.Writes.Bytes || r.Bytes.ClientReceived < r.Reads.Bytes {
		t.Errorf("%+v, %+v", r.CPU, r.Bytes)
	}
	var actions []string
	for _, f := range r.Faults {
		if len(f.Nodes) != 1 {
			t.Errorf("%v", f)
		}
		actions = append(actions, f.Action)
	}
	if !slices.Equal(actions, []string{"kill", "wipe", "restart"}) {
		t.Errorf("faults %q", actions)
	}
	if !r.Recovery.Healthy || r.Blobs.Incomplete > 0 {
		t.Errorf("did not heal: %+v, %d incomplete", r.Recovery, r.Blobs.Incomplete)
	}
	wiped := slices.IndexFunc(r.Recovery.Nodes, func(n report.NodeRecovery) bool { return n.Cause == "wipe" })
	if wiped < 0 {
		t.Fatalf("%+v", r.Recovery)
	}
	// Whatever tells of a node names it as the table does.
	restarts := make(map[string]int)
	for _, n := range r.Nodes {
		if n.Figures != nil {
			restarts[n.Name] = n.Figures.Restarts
		}
	}
	if name := r.Recovery.Nodes[wiped].Node; len(restarts) != len(r.Nodes) || restarts[name] == 0 || !slices.Equal(r.Faults[1].Nodes, []string{name}) {
		t.Errorf("%s was wiped, the faults are %v, and nodes were started again so often: %v", name, r.Faults, restarts)
	}
	if n := r.Recovery.Nodes[wiped]; n.Slivers == 0 || n.First <= 0 || n.Last < n.First || n.HealthyAt <= 0 || n.Ratio > 1.3 {
		t.Errorf("%+v", n)
	}
	if html, err := os.ReadFile(page); err != nil || bytes.Count(html, []byte("<svg")) < 3 {
		t.Errorf("page of %d bytes, %v", len(html), err)
	}
}

// TestControl has nodes on each control plane, and kills one of them, with its validator
// if it has one.
func TestControl(t *testing.T) {
	for _, control := range []string{cluster.ControlFixed, cluster.ControlEmbedded, cluster.ControlComet} {
		t.Run(control, func(t *testing.T) {
			if testing.Short() && control != cluster.ControlFixed {
				t.Skip("others kill nodes on an embedded ledger, and comet builds CometBFT")
			}
			t.Parallel()
			r := runLoad(t, "--control", control, "--local", "4", "--shards", "10", "--duration", "4s", "--size", "64KiB", "--preload", "4",
				"--kill", "1@500ms", "--restart", "1@2s")
			if !r.OK || r.Reads.Errors+r.Writes.Errors > 0 || r.Writes.Count == 0 || r.Setup.Control != control {
				t.Errorf("%+v, %+v: %q, %q", r.Blobs, r.Writes, r.Problems, r.Errors)
			}
			if has := r.CPU.Ledger > 0; has != (control == cluster.ControlComet) {
				t.Errorf("%v s of processor time in validators", r.CPU.Ledger)
			}
		})
	}
}

// TestNetwork has links between nodes, which take their time, and cuts one node off for a
// second: it recovers what it missed.
func TestNetwork(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "net.toml")
	if err := os.WriteFile(file, []byte("[link]\ndelay = \"20ms\"\n[[place]]\nname = \"a\"\nup = \"1Gbit\"\n[[place]]\nname = \"b\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := runLoad(t, "--local", "4", "--shards", "10", "--duration", "2s", "--size", "64KiB", "--preload", "4", "--heal-interval", "500ms",
		"--net", file, "--partition", "1@500ms/700ms")
	if !r.OK || r.Reads.Errors+r.Writes.Errors > 0 || !r.Recovery.Healthy || r.Blobs.Incomplete > 0 {
		t.Errorf("%+v, %+v, %+v: %q, %q", r.Blobs, r.Writes, r.Recovery, r.Problems, r.Errors)
	}
	if r.Writes.Latency.P50 < 80 { // two round trips at least: metadata and slivers, and the certificate
		t.Errorf("writes take %v ms over links of 40 ms", r.Writes.Latency.P50)
	}
	if n := r.Setup.Network; n == nil || n.Name != file || len(n.Places) != 2 || n.Places[0].Up != 1e9 || n.Link.Delay != network.Duration(20*time.Millisecond) {
		t.Errorf("the report says of the network %+v", r.Setup.Network)
	}
	if l := r.Links; l == nil || l.Bytes < r.Bytes.ClientSent || l.Connections < 5 || l.CPU <= 0 {
		t.Errorf("links carried %+v, and clients alone sent %d bytes", r.Links, r.Bytes.ClientSent)
	}
	var actions []string
	for _, f := range r.Faults {
		actions = append(actions, f.Action)
	}
	if !slices.Equal(actions, []string{"partition", "rejoin"}) || !slices.Equal(r.Faults[0].Nodes, r.Faults[1].Nodes) {
		t.Errorf("faults %+v", r.Faults)
	}
}

// TestLiars lets as many nodes misbehave as may, each in another way.
func TestLiars(t *testing.T) {
	all := [][]string{{"corrupt", "swap"}, {"forget", "stall"}, {"drip", "refuse"}}
	if testing.Short() {
		all = [][]string{{"corrupt", "stall"}} // who answers wrongly, and who does not; package node has each kind
	}
	for _, kinds := range all {
		t.Run(strings.Join(kinds, " and "), func(t *testing.T) {
			t.Parallel()
			r := runLoad(t, "--local", "7", "--shards", "7", "--duration", "1500ms", "--size", "100KB", "--settle", "2s",
				"--rate", "40", "--"+kinds[0], "1@100ms", "--"+kinds[1], "1@200ms", "--preload", "4")
			if !r.OK || r.Reads.Errors > 0 || len(r.Faults) != 2 {
				t.Errorf("%+v: %q, %q, %v", r.Blobs, r.Problems, r.Errors, r.Faults)
			}
		})
	}
}

// TestCrashes kills nodes again and again: nothing that was acknowledged is lost. Where
// the machine is so busy that few kills fit in, it runs for longer.
func TestCrashes(t *testing.T) {
	if testing.Short() {
		t.Skip("others kill a node and start it again, once")
	}
	t.Parallel()
	const least, longest = 5, 16 * time.Second
	for duration := 2 * time.Second; ; duration *= 2 {
		r := runLoad(t, "--local", "7", "--shards", "7", "--duration", duration.String(), "--size", "32KiB", "--crash", "1@0s/100ms")
		kills := 0
		for _, f := range r.Faults {
			kills += len(f.Nodes)
		}
		if !r.OK || !r.Recovery.Healthy || r.Reads.Errors > 0 || kills < least && duration == longest {
			t.Errorf("%d kills in %v, want %d; %+v: %q, %q", kills, duration, least, r.Blobs, r.Problems, r.Errors)
		}
		if kills >= least || t.Failed() {
			return
		}
	}
}

// TestHostileNodes lets as many nodes as may be keep a wiped one from what it lacks.
func TestHostileNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("package node has hostile nodes")
	}
	t.Parallel()
	r := runLoad(t, "--local", "7", "--shards", "7", "--duration", "2s", "--size", "100KB", "--preload", "20",
		"--hostile", "1:list@100ms", "--hostile", "1@200ms", "--wipe", "1@500ms", "--settle", "20s")
	if !r.OK || !r.Recovery.Healthy || r.Blobs.Incomplete > 0 || len(r.Faults) != 3 {
		t.Fatalf("%+v, %+v: %q, %q", r.Recovery, r.Blobs, r.Problems, r.Errors)
	}
	if got := append(r.Faults[0].Kinds, r.Faults[1].Kinds...); !slices.Equal(got, []string{"list", "list"}) {
		t.Errorf("hostile in the ways %q, want list, and the first of all by turns", got)
	}
}

// TestFlood lets more strangers come than nodes may open files, and has every blob that
// was acknowledged read back. How many operations there were meanwhile depends on the
// machine: TestFloodProblems has what comes of that.
func TestFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("package node has floods")
	}
	t.Parallel()
	const least, longest = 100, 24 * time.Second
	for duration := 3 * time.Second; ; duration *= 2 {
		f := flooded(t, duration)
		short := slices.DeleteFunc(slices.Clone(f.Connections), func(c flood.Counts) bool { return c.Opened >= least })
		if len(short) > 0 && duration < longest {
			continue // the rest may still wait for nodes that are busy
		}
		if len(short) > 0 {
			t.Errorf("in %v: %+v, want %d connections at least", duration, short, least)
		}
		if f.Reads.Before <= 0 || f.Back <= 0 || f.CPU <= 0 {
			t.Errorf("%+v", f)
		}
		return
	}
}

// flooded runs a flood from the middle of a run on, and returns what came of it.
func flooded(t *testing.T, duration time.Duration) *report.Flood {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := program(t, "--json", "--dir", t.TempDir(), "--local", "4", "--shards", "8", "--duration", duration.String(), "--size", "20KB",
		"--open-files", "256", "--flood", "300@1500ms")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != cli.Found {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var r report.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	f := r.Flood
	if f == nil || len(f.Connections) != 3 || r.Blobs.Unreadable+r.Blobs.Wrong+r.Blobs.Unchecked+r.Reads.Errors+r.Writes.Errors > 0 {
		t.Fatalf("%+v, %+v: %q, %q", f, r.Blobs, r.Problems, r.Errors)
	}
	return f
}

// TestFloodProblems tells a flood that nodes bore from one that they did not.
func TestFloodProblems(t *testing.T) {
	good := report.Borne{Before: 100, During: 60}
	events := []cluster.Event{{Action: cluster.Flood}}
	for _, test := range []struct {
		name   string
		flood  *report.Flood
		events []cluster.Event
		want   []string
	}{
		{"none", nil, nil, nil},
		{"borne", &report.Flood{Reads: good, Writes: good, Back: 1}, events, nil},
		{"reads", &report.Flood{Reads: report.Borne{Before: 100, During: 40}, Writes: good, Back: 1}, events, []string{"reads fell from 100 to 40"}},
		{"among other faults", &report.Flood{Writes: report.Borne{Before: 9}, Back: 1}, append(events, cluster.Event{Action: cluster.Kill}), nil},
		{"late", &report.Flood{Reads: good, Writes: good, Back: 11}, events, []string{"took 11.0 s after the flood"}},
		{"never", &report.Flood{Reads: good, Writes: good, Back: -1}, events, []string{"no write and read"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := floodProblems(test.flood, test.events)
			if len(got) != len(test.want) || len(got) > 0 && !strings.Contains(got[0], test.want[0]) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// TestSlowloris lets slow clients come while nodes work. It takes as long as a node's patience.
func TestSlowloris(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	t.Parallel()
	r := runLoad(t, "--local", "4", "--shards", "8", "--duration", "2s", "--size", "50KB", "--slowloris", "12@100ms", "--corrupt", "1@1s")
	if !r.OK || r.Reads.Errors+r.Writes.Errors > 0 || len(r.Slowloris) != 6 || r.Faults[0].Clients != 12 {
		t.Errorf("%+v: %q, %q, %+v", r.Blobs, r.Problems, r.Errors, r.Faults)
	}
	for _, c := range r.Slowloris {
		if c.Cut < 6 || c.Cut != c.Opened || c.Open > 0 || c.Longest <= 0 || c.Longest > 30 {
			t.Errorf("%+v", c)
		}
	}
}

// TestCommittee puts load on nodes that were there before, twice.
func TestCommittee(t *testing.T) {
	t.Setenv(asProgram, "1")
	dir := t.TempDir()
	nodes, err := cluster.Start(t.Context(), cluster.Options{
		Nodes: 4, Shards: 8, Scheme: commit.BLAKE3, Dir: dir, Program: os.Args[0], Control: cluster.ControlFixed, Args: nodeArgs, StrangersArgs: strangersArgs,
		HealInterval: time.Second, HealDelay: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer nodes.Stop()
	text := nodes.Writer().Reveal()
	if err := os.WriteFile(filepath.Join(dir, clientKeyName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := runLoad(t, "--committee", filepath.Join(dir, "committee.toml"), "--duration", "300ms", "--size", "20KiB", "--preload", "2")
		if !r.OK || r.Setup.Local || !r.Recovery.Healthy {
			t.Errorf("%+v: %q, %q", r.Blobs, r.Problems, r.Errors)
		}
		if len(r.Nodes) != 4 || r.Nodes[3].Name != "node-3" || r.Nodes[3].State != "healthy" || r.Nodes[3].Figures != nil {
			t.Errorf("%+v", r.Nodes)
		}
		if r.Bytes.ClientSent < r.Writes.Bytes {
			t.Error("wrote what was there: each run should have blobs of its own")
		}
	}
}

// TestFailedWrites are a problem as long as no more shards are faulty than may be.
func TestFailedWrites(t *testing.T) {
	shards := committee.Spread(9, 4) // of which two nodes own more than f = 2
	var members []committee.Member
	for i := range 4 {
		members = append(members, identity.NewMember(fmt.Sprint(i), fmt.Sprintf("127.0.0.1:%d", i+1), identity.GenerateKey(), shards[i]))
	}
	all, err := committee.New(committee.System{Network: "test", Shards: 9, Scheme: commit.BLAKE3}, 1, members)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		done []cluster.Done
		ok   bool
	}{
		{nil, false},
		{[]cluster.Done{{Nodes: []int{1}, Weights: []int{2}}, {Nodes: []int{1}, Weights: []int{2}}, {Clients: 100}}, false},
		{[]cluster.Done{{Nodes: []int{1}, Weights: []int{2}}, {Action: cluster.Leave, Nodes: []int{2}, Weights: []int{2}}}, false},
		{[]cluster.Done{{Nodes: []int{1}, Weights: []int{2}}, {Nodes: []int{2}, Weights: []int{2}}}, true},
	} {
		var r report.Result
		r.Setup.FaultyShards = all.Params().F
		r.Writes.Errors = 3
		if (&judge{members: all, done: test.done}).findProblems(&r); r.OK != test.ok {
			t.Errorf("%v: %q", test.done, r.Problems)
		}
	}
}

func TestUsage(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no cluster", []string{"--duration", "1s"}, "--local N or --committee FILE"},
		{"two clusters", []string{"--local", "4", "--committee", "c", "--key", "k"}, "--local N or --committee FILE"},
		{"no key", []string{"--committee", "c", "--key", "no/key"}, ": no such file"},
		{"admin of local nodes", []string{"--local", "4", "--admin", "127.0.0.1:1"}, "--admin is for --committee"},
		{"validators of other control planes", []string{"--local", "4", "--comet", "c"}, "--comet is for --local nodes with --control comet"},
		{"no validators", []string{"--local", "4", "--control", "comet", "--comet", "no/such/program"}, "no/such/program"},
		{"fault after the end", []string{"--local", "4", "--duration", "5s", "--kill", "1@5s"}, "--kill 1@5s: the run ends at 5s"},
		{"no file", []string{"--committee", "no/such", "--key", "k"}, "no/such"},
		{"foreign nodes", []string{"--committee", "c", "--key", "k", "--kill", "1@1s"}, "need --local"},
		{"more nodes than shards", []string{"--local", "11", "--shards", "10"}, "only 10 shards"},
		{"few shards", []string{"--local", "1", "--shards", "2"}, "shards"},
		{"schedule", []string{"--local", "4", "--wipe", "soon"}, "--wipe soon: no @"},
		{"kind", []string{"--local", "4", "--hostile", "1:kind@1s"}, "the kinds are list, drip, invent"},
		{"flood from the start", []string{"--local", "4", "--flood", "10@500ms"}, "to compare"},
		{"open files", []string{"--local", "4", "--open-files", "10"}, "at least 64"},
		{"size", []string{"--local", "4", "--size", "65MiB"}, "--size \"65MiB\": blobs may have at most"},
		{"capacity", []string{"--local", "4", "--shards", "4", "--size", "10MiB"}, "at most"},
		{"share", []string{"--local", "4", "--reads", "1.5"}, "--reads: a share"},
		{"shares", []string{"--local", "4", "--duplicates", "0.6", "--inconsistent", "0.6"}, "--duplicates and --inconsistent"},
		{"rate", []string{"--local", "4", "--rate=-1"}, "--rate -1"},
		{"time", []string{"--local", "4", "--duration", "0s"}, "--duration 0s"},
		{"workers", []string{"--local", "4", "-c", "0"}, "--concurrency 0"},
		{"check", []string{"--local", "4", "--check", "none", "--inconsistent", "0.1"}, "needs --check strict"},
		{"network", []string{"--local", "4", "--net", "no/such"}, "lan, wan, lossy"},
		{"network of others", []string{"--committee", "c", "--net", "lan"}, "--net is for --local"},
		{"partition without a network", []string{"--local", "4", "--partition", "1@1s/1s"}, "--partition needs --net"},
		{"partition for ever", []string{"--local", "4", "--net", "lan", "--partition", "1@1s"}, "COUNT@TIME/DURATION"},
		{"unknown flag", []string{"--lokal", "4"}, "--lokal"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := execute(t.Context(), test.args, strings.NewReader(""), &out, &errs)
			if code != cli.Failed || !strings.Contains(errs.String(), test.want) {
				t.Errorf("exit code %d: %s", code, errs.String())
			}
		})
	}
}

// TestCompare compares a run with itself, and with one that was slower.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, r *report.Result) string {
		path := filepath.Join(dir, name)
		data, err := json.Marshal(r)
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	r := &report.Result{Setup: report.Setup{Nodes: 4, Shards: 10}}
	r.Reads.PerSecond, r.Writes.PerSecond = 100, 50
	a := write("a", r)
	r.Writes.PerSecond = 30
	b, empty := write("b", r), write("empty", new(report.Result))
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"the same", []string{a, a, "--worse", "1"}, cli.OK, "the same"},
		{"slower", []string{a, b}, cli.OK, "1/1.67 of it: worse"},
		{"too slow", []string{a, b, "--worse", "30"}, cli.Found, "writes (ops/s) is worse by 40 %"},
		{"slow enough", []string{a, b, "--worse", "50"}, cli.OK, ""},
		{"json", []string{a, b, "--json"}, cli.OK, `"change": -0.4`},
		{"no run", []string{a, empty}, cli.Failed, "empty: not what --json prints of a run"},
		{"no file", []string{a, filepath.Join(dir, "none")}, cli.Failed, "none"},
		{"help", []string{"--help"}, cli.OK, "before.json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := execute(t.Context(), append([]string{"compare"}, test.args...), strings.NewReader(""), &out, &errs)
			if code != test.code || !strings.Contains(out.String()+errs.String(), test.want) {
				t.Errorf("exit code %d: %s%s, want %d and %q", code, &out, &errs, test.code, test.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var out, errs bytes.Buffer
	if code := execute(t.Context(), nil, strings.NewReader(""), &out, &errs); code != cli.OK || !strings.Contains(out.String(), "--local 10") {
		t.Errorf("%d: %s%s", code, out.String(), errs.String())
	}
}

// TestNodesEndWithTheirParent kills the program without a warning.
func TestNodesEndWithTheirParent(t *testing.T) {
	dir := t.TempDir()
	cmd := program(t, "--local", "4", "--shards", "8", "--duration", "60s", "--size", "1KiB", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var members *committee.Committee
	await(t, func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "*", "committee.toml"))
		if len(files) == 0 {
			return false
		}
		control, err := fixed.Load(files[0])
		if err == nil {
			members = control.View().Current
		}
		return err == nil
	})
	listening := func() (n int) {
		for i := range members.Len() {
			if conn, err := net.DialTimeout("tcp", members.Member(i).Address, time.Second); err == nil {
				conn.Close()
				n++
			}
		}
		return n
	}
	await(t, func() bool { return listening() == members.Len() })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	await(t, func() bool { return listening() == 0 })
	// A node that still lived would make files again.
	await(t, func() bool { return os.RemoveAll(dir) == nil })
}

// await waits for a condition.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// TestNodesComeAndGo lets nodes join, leave and be replaced while blobs are read and written:
// nothing is lost, no read and no write fails, and no more is copied than moves.
func TestNodesComeAndGo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes epochs")
	}
	t.Parallel()
	r := runLoad(t, "--local", "5", "--shards", "20", "--duration", "16s", "--epoch", "4s", "--size", "64KiB", "--preload", "30", "--rate", "10",
		"--join", "1@500ms", "--leave", "1:lying@5s", "--replace", "1@9s")
	if !r.OK || r.Reads.Errors+r.Writes.Errors+r.Blobs.Unreadable+r.Blobs.Wrong+r.Blobs.Unchecked > 0 {
		t.Fatalf("%+v: %q, %q", r.Blobs, r.Problems, r.Errors)
	}
	moved, settled := 0, 0
	for _, c := range r.Changes {
		moved += c.Moved
		if c.Took >= 0 {
			settled++
		}
	}
	if moved < 5 || settled == 0 {
		t.Errorf("%d shards moved, and %d epochs were settled: %+v", moved, settled, r.Changes)
	}
	if len(r.Nodes) != 7 {
		t.Errorf("%d nodes, want those there were, the one that joined, and the one that replaced another", len(r.Nodes))
	}
	states := make(map[string]string)
	for _, n := range r.Nodes {
		states[n.Name] = n.State
	}
	for _, f := range r.Faults {
		got, want := states[f.Nodes[0]], map[string][]string{"leave": {report.Gone, report.Leaving}, "replace": {report.Gone}, "join": {api.StateHealthy, api.StateHealing}}[f.Action]
		if !slices.Contains(want, got) {
			t.Errorf("%v: %s is %q, want one of %q", f, f.Nodes[0], got, want)
		}
	}
}

func TestEpochFlags(t *testing.T) {
	for want, args := range map[string][]string{
		"--join needs --epoch":  {"--local", "4", "--join", "1@1s"},
		"--epoch 10s":           {"--local", "4", "--control", "fixed", "--epoch", "10s"},
		"--epoch 10ms":          {"--local", "4", "--epoch", "10ms"},
		"there would be 9":      {"--local", "4", "--shards", "8", "--epoch", "2s", "--join", "5@1s"},
		"the kinds are lying":   {"--local", "4", "--epoch", "2s", "--leave", "1:slow@1s"},
		"there are no kinds of": {"--local", "4", "--epoch", "2s", "--replace", "1:slow@1s"},
		"--evict needs --epoch": {"--local", "4", "--challenges", "off", "--evict", "1@1s"},
		"--challenges needs":    {"--local", "4", "--challenges", "full"},
	} {
		out, err := program(t, args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: %v, %s, want an error that says %q", args, err, out, want)
		}
	}
}

// TestChallengeProblems: honest nodes that fail are a problem, and cheaters that fail are none.
func TestChallengeProblems(t *testing.T) {
	got := challengeProblems([]report.Challenge{
		{Epoch: 2, Node: "a", Started: true, Passed: true}, {Epoch: 2, Node: "b", Started: true, Failed: true, Cheats: true},
		{Epoch: 3, Node: "a", Started: true, Failed: true}, {Epoch: 3, Node: "c", Started: true},
		{Epoch: 3, Node: "b", Started: true, Passed: true, Cheats: true, Lacks: true}, {Epoch: 3, Node: "d", Started: true, Passed: true, Cheats: true},
		{Epoch: 4, Node: "a", Started: true, Failed: true, Upset: true}, {Epoch: 4, Node: "b", Started: true, Failed: true, Lacks: true},
	})
	if want := []string{"a, which is honest, failed the challenge of epoch 3", "b, which does not have its slivers, passed the challenge of epoch 3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestConduct: who lacks its slivers as long as a challenge is open must fail; who was killed shortly before, or
// meanwhile, may.
func TestConduct(t *testing.T) {
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	did := func(a cluster.Action, seconds int) cluster.Done {
		return cluster.Done{Action: a, At: at(seconds), Nodes: []int{3}}
	}
	r := cluster.Round{Armed: at(20), Closed: at(25)}
	for _, c := range []struct {
		name         string
		done         []cluster.Done
		round        cluster.Round
		lacks, upset bool
	}{
		{"nothing was done", nil, r, false, false},
		{"another one", []cluster.Done{{Action: cluster.Evict, At: at(5), Nodes: []int{2}}}, r, false, false},
		{"evicts", []cluster.Done{did(cluster.Evict, 5)}, r, true, false},
		{"proxies in the epoch before", []cluster.Done{did(cluster.Proxy, 15)}, r, true, true},
		{"evicts while it is open", []cluster.Done{did(cluster.Evict, 21)}, r, false, true},
		{"evicts, and restarts while it is open", []cluster.Done{did(cluster.Evict, 5), did(cluster.Restore, 24)}, r, false, true},
		{"evicts, and restarts later", []cluster.Done{did(cluster.Evict, 5), did(cluster.Restore, 26)}, r, true, false},
		{"evicts, and restarts while one is open that is not closed", []cluster.Done{did(cluster.Evict, 5), did(cluster.Restore, 99)}, cluster.Round{Armed: at(20)}, false, true},
		{"is lazy", []cluster.Done{did(cluster.Lazy, 5)}, r, false, false},
		{"was killed long ago", []cluster.Done{did(cluster.Kill, 1), did(cluster.Restore, 2)}, r, false, false},
		{"was killed long ago, and returned", []cluster.Done{did(cluster.Kill, 1), did(cluster.Restore, 12)}, r, false, true},
	} {
		if lacks, upset := conduct(c.done, 3, c.round, 10*time.Second); lacks != c.lacks || upset != c.upset {
			t.Errorf("%s: lacks %v, upset %v; want %v, %v", c.name, lacks, upset, c.lacks, c.upset)
		}
	}
}

// TestBetween: what is not within an interval lies between them.
func TestBetween(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name      string
		all, want []interval
	}{
		{"none", nil, []interval{{0, 10 * s}}},
		{"before the start and at the end", []interval{{-2 * s, 1 * s}, {8 * s, 10 * s}}, []interval{{1 * s, 8 * s}}},
		{"two", []interval{{1 * s, 2 * s}, {4 * s, 5 * s}}, []interval{{0, 1 * s}, {2 * s, 4 * s}, {5 * s, 10 * s}}},
		{"after the end", []interval{{11 * s, 10 * s}}, []interval{{0, 10 * s}}},
		{"all", []interval{{0, 10 * s}}, nil},
	} {
		if got := between(c.all, 10*s); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
