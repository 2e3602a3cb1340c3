// Command rs2d-load puts load on a cluster of RedStuff nodes, breaks some of them on a
// schedule, and measures what comes of it. Run rs2d-load --help.
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
)

func main() { os.Exit(run()) }

// run is main with an exit code, and with deferred clean-up done.
func run() int {
	return cli.Main(func(ctx context.Context) int {
		return execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	})
}

const about = `Load for a cluster of RedStuff nodes: reads and writes, faults on a schedule, and what comes of it.

With --local N it starts N nodes on this machine by itself:

rs2d-load --local 10 --shards 100 --duration 20s --kill 2@5s --wipe 1@8s --restart 2@12s --html report.html
rs2d-load --local 10 --shards 100 --duration 20s --hostile 3@2s --wipe 1@5s
rs2d-load --local 4 --shards 16 --duration 20s --flood 600@10s
rs2d-load --local 10 --control comet --duration 20s --kill 2@5s --restart 2@12s
rs2d-load --local 10 --duration 20s --net wan --partition 2@5s/5s --json > a.json
rs2d-load compare a.json b.json

Exit codes: 0 every acknowledged blob was read back, every byte right; 1 one was not, or another promise was broken: a write failed though no more than f shards were faulty, a node died by itself, or did not cut off a slow client, honest nodes did not recover among hostile ones, or a flood took more than half the rate; 2 wrong usage, or the cluster cannot be reached; 130 interrupted.`

// grammar is the command line.
type grammar struct {
	runCmd
	Version kong.VersionFlag `help:"Print the version and exit."`
}

// partGrammar is that of the processes which --local starts: what they are, and flags.
type partGrammar struct {
	Node      nodeCmd      `cmd:""`
	Strangers strangersCmd `cmd:""`
	Links     linksCmd     `cmd:""`
}

// First arguments of a partGrammar.
const (
	nodeCommand      = "node"
	strangersCommand = "strangers"
	linksCommand     = "links"
)

// app is what a command has of the world outside.
type app struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// execute runs the command line args and returns the exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := cli.NewOutput(stdout)
	p := cli.Program{
		Name: "rs2d-load", About: about, Grammar: new(grammar), ExitCode: cli.ExitCode,
		Stdout: out, Stderr: stderr, App: &app{ctx, stdin, out, stderr},
	}
	if len(args) > 0 && slices.Contains([]string{nodeCommand, strangersCommand, linksCommand}, args[0]) {
		p.Grammar = new(partGrammar)
	}
	if len(args) > 0 && args[0] == compareCommand {
		p.Grammar = new(compareGrammar)
	}
	return p.Execute(args)
}

// nodeCmd is one of the processes that --local starts.
type nodeCmd struct {
	Committee    string
	Genesis      string
	Ledger       string
	Listen       string
	Key          string
	Store        string
	Plaintext    bool
	HealInterval time.Duration
	HealDelay    time.Duration
	OpenFiles    uint64
	Network      string
	Host         string
	Profile      string
}

// nodeArgs returns the command line of a node.
func nodeArgs(c cluster.NodeConfig) []string {
	args := []string{
		nodeCommand, "--committee", c.Committee, "--genesis", c.Genesis, "--ledger", c.Ledger, "--key", c.Key, "--store", c.Store,
		"--heal-interval", c.HealInterval.String(), "--heal-delay", c.HealDelay.String(),
	}
	if c.Plaintext {
		args = append(args, "--plaintext")
	}
	if c.Listen != "" {
		args = append(args, "--listen", c.Listen)
	}
	if c.Network != "" {
		args = append(args, "--network", c.Network, "--host", c.Host)
	}
	if c.OpenFiles > 0 {
		args = append(args, "--open-files", strconv.FormatUint(c.OpenFiles, 10))
	}
	if c.Profile != "" {
		args = append(args, "--profile", c.Profile)
	}
	return args
}

// strangersCmd is the process that floods come from.
type strangersCmd struct {
	Committee string
	Key       string
	Plaintext bool
	Profile   string
}

// strangersArgs returns the command line of the process that floods come from.
func strangersArgs(c cluster.StrangersConfig) []string {
	args := []string{strangersCommand, "--committee", c.Committee, "--key", c.Key}
	if c.Plaintext {
		args = append(args, "--plaintext")
	}
	if c.Profile != "" {
		args = append(args, "--profile", c.Profile)
	}
	return args
}

// linksCmd is the process that emulates links.
type linksCmd struct {
	Net     string
	Profile string
}

// linksArgs returns the command line of that process, or nil if there is none.
func linksArgs(net, profiles string) []string {
	if net == "" {
		return nil
	}
	args := []string{linksCommand, "--net", net}
	if profiles != "" {
		args = append(args, "--profile", filepath.Join(profiles, "links.pprof"))
	}
	return args
}

// Run emulates links until standard input ends.
func (c *linksCmd) Run(a *app) error {
	signal.Ignore(os.Interrupt) // as for nodes
	stop, err := profile(c.Profile)
	if err != nil {
		return err
	}
	return errors.Join(cluster.RunLinks(c.Net, a.stdin, a.stdout), stop())
}

// Run floods until standard input ends.
func (c *strangersCmd) Run(a *app) error {
	signal.Ignore(os.Interrupt) // as for nodes
	stop, err := profile(c.Profile)
	if err != nil {
		return err
	}
	return errors.Join(cluster.RunStrangers(cluster.StrangersConfig(*c), a.stdin, a.stdout), stop())
}

// Run serves until standard input ends.
func (c *nodeCmd) Run(a *app) error {
	// A terminal interrupts all processes at once. This one ends when its parent says.
	signal.Ignore(os.Interrupt)
	stop, err := profile(c.Profile)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	return errors.Join(cluster.RunNode(cluster.NodeConfig(*c), a.stdin, a.stdout, log), stop())
}

// profile begins to write a profile of the processor's time to a file, if it has a
// name. stop ends it.
func profile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
