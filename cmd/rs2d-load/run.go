package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/cpuid/v2"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/network"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/report"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/scrape"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
)

const (
	clientKeyName  = "client.key" // which rs2d-node init makes beside the committee's file
	startTimeout   = time.Minute
	preloadTimeout = 2 * time.Minute
	grace          = 5 * time.Second // that writes go on to slow nodes
)

// nodes tell how they fare.
type nodes interface {
	Runs() []cluster.ProcessRun
	AwaitHealthy(context.Context) bool
}

// session is one run and what it works with.
type session struct {
	*runCmd
	events  []cluster.Event
	cluster *cluster.Cluster // nil if the nodes are not ours
	nodes   nodes            // nil if nobody tells their figures
	client  *client.Client
	load    *load.Load
	live    *live
	kept    string           // directory of stores and logs that are to stay
	network *network.Profile // nil without emulated links
	cpu     time.Duration    // that the process had used before
	start   time.Time

	mu      sync.Mutex
	done    []cluster.Done
	healing []report.HealingPoint
	use     []report.NodeUse
	result  report.Result
}

// Run puts load on a cluster and reports what came of it.
func (c *runCmd) Run(a *app) error {
	events, err := c.events()
	if err != nil {
		return err
	}
	if err := c.validate(events); err != nil {
		return err
	}
	if c.Seed == 0 {
		c.Seed = 1
		if c.Committee != "" { // which may have the blobs of an earlier run
			c.Seed = rand.Uint64()
		}
	}
	var page *atomicfile.File
	if c.HTML != "" { // not to be able to is better known before the run than after it
		// It is written after the end of a run that was interrupted too.
		if page, err = atomicfile.Create(context.WithoutCancel(a.ctx), c.HTML); err != nil {
			return err
		}
		defer page.Discard()
	}
	s := &session{runCmd: c, events: events, live: newLive(a.stderr)}
	if c.Net != "" {
		if s.network, err = network.Load(c.Net); err != nil {
			return err
		}
	}
	err = s.run(a.ctx)
	s.live.clear()
	if s.kept != "" {
		fmt.Fprintln(a.stderr, "stores and logs are in", s.kept)
	}
	if err != nil {
		return err
	}
	if err := s.write(a, page); err != nil {
		return err
	}
	switch {
	case a.ctx.Err() != nil:
		return a.ctx.Err()
	case !s.result.OK:
		return cli.AsFound(errors.New(strings.Join(s.result.Problems, "; ")))
	}
	return nil
}

// write puts the result where it was asked for.
func (s *session) write(a *app, page *atomicfile.File) error {
	text := s.result.Text
	if s.JSON {
		text = func(w io.Writer) error { return cli.WriteJSON(w, &s.result) }
	}
	if err := text(a.stdout); err != nil || page == nil {
		return err
	}
	if err := s.result.HTML(page); err != nil {
		return err
	}
	return page.Commit()
}

// run does everything, and leaves s.result. An error means that there is none.
func (s *session) run(ctx context.Context) (err error) {
	if s.Profile != "" {
		if err := os.MkdirAll(s.Profile, 0o777); err != nil {
			return err
		}
		end, err := profile(filepath.Join(s.Profile, "load.pprof"))
		if err != nil {
			return err
		}
		defer func() { _ = end() }() // what was measured is worth more than this file
	}
	control, key, stop, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	members := control.View().Current
	params := members.Params()
	sizes, err := s.sizes(params.MaxBlob())
	if err != nil {
		return err
	}
	var registrar client.Registrar
	if s.cluster != nil {
		if registrar, err = s.cluster.Registrar(); err != nil {
			return err
		}
	}
	s.client, err = client.New(control, key, client.Options{
		Registrar: registrar,
		Peer:      peer.Options{Plaintext: s.Plaintext, Idle: 5 * time.Second, Dial: cluster.DialBy(s.cluster)},
		Check:     checks[s.Check], Timeout: patience(s), Grace: grace,
	})
	if err != nil {
		return err
	}
	defer s.client.Close()
	s.load = load.New(load.Config{
		Client: s.client, Seed: s.Seed, Sizes: sizes, Reads: s.Reads, Duplicates: s.Duplicates,
		Inconsistent: s.Inconsistent, Concurrency: s.Concurrency, Rate: s.Rate, Verify: s.Verify, Timeout: patience(s),
	})
	s.setup(members, sizes)
	s.cpu = ownCPU()
	if err := s.preload(ctx); err != nil {
		return err
	}
	if err := s.play(ctx); err != nil {
		return err
	}
	s.finish(ctx)
	return nil
}

// setup notes what is run.
func (s *session) setup(members *committee.Committee, sizes load.Sizes) {
	params := members.Params()
	s.result.Setup = report.Setup{
		Nodes: members.Len(), Shards: params.N, FaultyShards: params.F, Scheme: members.Scheme().String(), Metadata: members.System().Metadata.String(),
		Local: s.cluster != nil, TLS: !s.Plaintext, Sizes: sizes.String(), ReadShare: s.Reads,
		Duplicates: s.Duplicates, Inconsistent: s.Inconsistent, Concurrency: s.Concurrency, Rate: s.Rate,
		Control: s.plane(), Verify: s.Verify, Check: s.Check, Seed: s.Seed, Backend: s.client.Code().Backend(), CPUs: runtime.GOMAXPROCS(0),
		Schedule: []string{}, Network: s.network, Command: commandLine(os.Args), Version: version(), Processor: cpuid.CPU.BrandName,
	}
	for _, e := range s.events {
		s.result.Setup.Schedule = append(s.result.Setup.Schedule, fmt.Sprintf("%s %s", e.Action, e))
	}
}

// commandLine writes a command line as a shell reads it, without the program's directory.
func commandLine(args []string) string {
	words := []string{filepath.Base(args[0])}
	for _, arg := range args[1:] {
		if arg == "" || strings.ContainsAny(arg, " \t\n'\"\\$&;|<>*?()[]{}~#!`") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// version names the version of this program and of Go.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return runtime.Version()
	}
	return cmp.Or(info.Main.Version, "(devel)") + ", " + info.GoVersion
}

// plane names the control plane of nodes that are ours.
func (s *session) plane() string {
	if s.cluster == nil {
		return ""
	}
	return s.Control
}

// connect loads the committee, or starts one. stop ends what was started.
func (s *session) connect(ctx context.Context) (control control.Control, key *identity.Key, stop func() error, err error) {
	if s.Committee != "" {
		if control, err = fixed.Load(s.Committee); err != nil {
			return nil, nil, nil, err
		}
		name := cmp.Or(s.Key, filepath.Join(filepath.Dir(s.Committee), clientKeyName))
		if key, err = identity.LoadKey(name); err != nil {
			return nil, nil, nil, err
		}
		stop, err = s.follow(ctx, control.View().Current)
		return control, key, stop, err
	}
	params, err := commit.NewParams(s.Shards)
	if err != nil {
		return nil, nil, nil, err
	}
	if _, err := s.sizes(params.MaxBlob()); err != nil {
		return nil, nil, nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	if s.Dir != "" {
		if err := os.MkdirAll(s.Dir, 0o777); err != nil {
			return nil, nil, nil, fmt.Errorf("--dir: %w", err)
		}
	}
	dir, err := os.MkdirTemp(s.Dir, "rs2d-load-")
	if err != nil {
		return nil, nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	if s.Keep {
		s.kept, remove = dir, func() error { return nil }
	}
	s.live.say("starting %d nodes in %s", s.Local, dir)
	validator := ""
	if s.Control == cluster.ControlComet {
		if validator, err = validatorProgram(ctx, s.Comet, program, dir, s.live.say); err != nil {
			return nil, nil, nil, errors.Join(err, remove())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s.cluster, err = cluster.Start(ctx, cluster.Options{
		Nodes: s.Local, Shards: s.Shards, Scheme: s.Scheme, Metadata: s.Metadata, Dir: dir, Program: program, Control: s.Control, Validator: validator, Args: nodeArgs, StrangersArgs: strangersArgs,
		Plaintext: s.Plaintext, HealInterval: s.HealInterval, HealDelay: s.HealDelay, OpenFiles: s.OpenFiles, Profile: s.Profile,
		LinksArgs: linksArgs(s.Net, s.Profile), Epoch: s.Epoch, Challenges: s.challengeMode(s.events), Missing: s.Missing, MostNodes: s.mostNodes(s.events), BlobEpochs: s.blobEpochs(),
	})
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("starting nodes: %w", err), remove())
	}
	s.nodes = s.cluster
	stop = func() error {
		s.cluster.Stop()
		return remove()
	}
	return s.cluster.Control(), s.cluster.Writer(), stop, nil
}

// follow looks at nodes that somebody else runs, until stop is called.
func (s *session) follow(ctx context.Context, members *committee.Committee) (stop func() error, err error) {
	if len(s.Admin) == 0 {
		return func() error { return nil }, nil
	}
	watch, err := scrape.New(ctx, members, s.Admin)
	if err != nil {
		return nil, fmt.Errorf("--admin %w", err)
	}
	s.nodes = watch
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { watch.Run(ctx) })
	return func() error {
		cancel()
		running.Wait()
		return nil
	}, nil
}

// preload stores the first blobs.
func (s *session) preload(ctx context.Context) error {
	s.live.say("storing the first %d blobs", s.Preload)
	ctx, cancel := context.WithTimeout(ctx, preloadTimeout)
	defer cancel()
	return s.load.Preload(ctx, s.Preload)
}

// play runs load and faults side by side.
func (s *session) play(ctx context.Context) error {
	s.start = time.Now()
	s.result.Setup.Started = s.start
	stop := make(chan struct{})
	playing, end := context.WithCancel(ctx)
	defer end()
	var aside sync.WaitGroup
	var failed error
	if s.cluster != nil {
		aside.Go(func() {
			failed = cluster.Play(playing, s.cluster, s.start, cluster.Expand(s.events, s.Duration), s.Seed, func(d cluster.Done) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.done = append(s.done, d)
			})
		})
	}
	aside.Go(func() { s.live.watch(s.load, s.start, s.Duration, s.up, stop) })
	sampling := make(chan struct{})
	var sampler sync.WaitGroup
	sampler.Go(func() { s.sample(sampling) })
	s.load.Run(ctx, s.start, s.Duration)
	close(stop)
	end()
	aside.Wait()
	if s.cluster != nil {
		failed = errors.Join(failed, cluster.Reconnect(s.cluster))
	}
	failed = errors.Join(failed, s.endFlood(ctx))
	s.settle(ctx)
	close(sampling)
	sampler.Wait()
	return failed
}

// up says how many nodes serve, if they are ours.
func (s *session) up() string {
	if s.cluster == nil {
		return ""
	}
	up := 0
	_, serving := s.cluster.Nodes()
	for _, serves := range serving {
		if serves {
			up++
		}
	}
	return fmt.Sprintf("  nodes up %d of %d", up, len(serving))
}

// sample notes from time to time what nodes got from each other.
func (s *session) sample(stop <-chan struct{}) {
	if s.nodes == nil {
		return
	}
	const points = 200
	tick := time.NewTicker(max((s.Duration+s.Settle)/points, 100*time.Millisecond))
	defer tick.Stop()
	for {
		point, use := s.healed()
		s.healing = append(s.healing, point)
		if s.cluster != nil {
			s.used(use)
		}
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// healed sums up what nodes have got from each other, and what each has used.
func (s *session) healed() (report.HealingPoint, map[string]*report.UsePoint) {
	p := report.HealingPoint{Seconds: time.Since(s.start).Seconds()}
	use := make(map[string]*report.UsePoint)
	for _, l := range s.nodes.Runs() {
		p.Received += l.Stats.Received
		p.Restored += l.Stats.Recovery.RestoredBytes
		u := use[l.Node]
		if u == nil {
			u = &report.UsePoint{Seconds: p.Seconds}
			use[l.Node] = u
		}
		u.CPU += l.Stats.Usage.CPU
		u.Memory = l.Stats.Usage.Memory // the latest process is the last
		u.Taken += l.Stats.Usage.Taken
		u.Served += l.Stats.Usage.Served
		u.Received += l.Stats.Received
		u.Restored += l.Stats.Recovery.RestoredBytes
	}
	return p, use
}

// used notes what nodes of ours have used.
func (s *session) used(use map[string]*report.UsePoint) {
	_, serving := s.cluster.Nodes()
	names := cluster.Names(s.cluster) // of which there may be more meanwhile
	for i, serves := range serving {
		u := use[names[i]]
		if u == nil {
			continue
		}
		if u.Up = serves; !serves {
			u.Memory = 0
		}
		for len(s.use) <= i {
			s.use = append(s.use, report.NodeUse{Node: names[len(s.use)]})
		}
		s.use[i].Points = append(s.use[i].Points, *u)
	}
}

// endFlood ends a flood, and notes how the nodes bore it: how many operations they served
// meanwhile, and how long a write and a read take right after it.
func (s *session) endFlood(ctx context.Context) error {
	first := slices.IndexFunc(s.done, func(d cluster.Done) bool { return d.Action == cluster.Flood })
	if first < 0 {
		return nil
	}
	failed := s.cluster.Strangers().Stop()
	began := time.Now()
	came := s.done[first].At.Sub(s.start)
	borne := func(k load.Kind) report.Borne {
		return report.Borne{Before: s.load.Achieved(k, 0, came), During: s.load.Achieved(k, came, s.Duration)}
	}
	strangers := s.cluster.Strangers()
	f := &report.Flood{Connections: strangers.Counts(), CPU: strangers.CPU().Seconds(), Reads: borne(load.Read), Writes: borne(load.Write), Back: -1}
	if s.load.TryOnce(ctx) == nil {
		f.Back = time.Since(began).Seconds()
	}
	s.result.Flood = f
	return failed
}

// settle waits until writes have ended, nodes have cut off slow clients, and have
// recovered what they lack.
func (s *session) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.Settle)
	defer cancel()
	s.live.say("waiting for nodes that recover")
	if s.cluster != nil {
		s.cluster.SlowClients().Drain(ctx)
	}
	if s.client.Flush(ctx) != nil || s.nodes == nil {
		return
	}
	// What a node missed is known to it, but not looked at before the delay.
	timer := time.NewTimer(s.HealDelay + 200*time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	s.result.Recovery.Healthy = s.nodes.AwaitHealthy(ctx)
}
