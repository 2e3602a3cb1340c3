package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/report"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

const (
	startTimeout   = time.Minute
	preloadTimeout = 2 * time.Minute
	grace          = 5 * time.Second // that writes go on to slow nodes
)

// session is one run and what it works with.
type session struct {
	*runCmd
	events  []cluster.Event
	cluster *cluster.Cluster // nil if the nodes are not ours
	client  *client.Client
	load    *load.Load
	live    *live
	cpu     time.Duration // that the process had used before
	start   time.Time

	mu      sync.Mutex
	done    []cluster.Done
	healing []report.HealingPoint
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
	s := &session{runCmd: c, events: events, live: newLive(a.stderr)}
	err = s.run(a.ctx)
	s.live.clear()
	if err != nil {
		return err
	}
	if err := s.write(a); err != nil {
		return err
	}
	switch {
	case a.ctx.Err() != nil:
		return a.ctx.Err()
	case !s.result.OK:
		return cli.AsFound(fmt.Errorf("%d problems: %s", len(s.result.Problems), s.result.Problems[0]))
	}
	return nil
}

// write puts the result where it was asked for.
func (s *session) write(a *app) error {
	if s.HTML != "" {
		f, err := atomicfile.Create(s.HTML)
		if err != nil {
			return err
		}
		defer f.Discard()
		if err := s.result.HTML(f); err != nil {
			return err
		}
		if err := f.Commit(); err != nil {
			return err
		}
	}
	if s.JSON {
		return cli.WriteJSON(a.stdout, &s.result)
	}
	return s.result.Text(a.stdout)
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
	members, key, stop, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	params := members.Params()
	sizes, err := s.sizes(params.MaxBlob())
	if err != nil {
		return err
	}
	s.client, err = client.New(members, client.Options{
		Peer:  peer.Options{Key: key, Plaintext: s.Plaintext, Idle: 5 * time.Second},
		Check: checks[s.Check], Timeout: s.OpTimeout, Grace: grace,
	})
	if err != nil {
		return err
	}
	defer s.client.Close()
	s.load = load.New(load.Config{
		Client: s.client, Seed: s.Seed, Sizes: sizes, Reads: s.Reads, Duplicates: s.Duplicates,
		Inconsistent: s.Inconsistent, Concurrency: s.Concurrency, Rate: s.Rate, Verify: s.Verify, Timeout: s.OpTimeout,
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
		Nodes: members.Len(), Shards: params.N, FaultyShards: params.F, Scheme: members.Scheme().String(),
		Local: s.cluster != nil, TLS: !s.Plaintext, Sizes: sizes.String(), ReadShare: s.Reads,
		Duplicates: s.Duplicates, Inconsistent: s.Inconsistent, Concurrency: s.Concurrency, Rate: s.Rate,
		Verify: s.Verify, Check: s.Check, Seed: s.Seed, Backend: s.client.Code().Backend(), CPUs: runtime.GOMAXPROCS(0),
		Schedule: []string{},
	}
	for _, e := range s.events {
		s.result.Setup.Schedule = append(s.result.Setup.Schedule, fmt.Sprintf("%s %s", e.Action, e))
	}
}

// connect loads the committee, or starts one. stop ends what was started.
func (s *session) connect(ctx context.Context) (members *committee.Committee, key *committee.Key, stop func() error, err error) {
	if s.Committee != "" {
		if members, err = committee.Load(s.Committee); err != nil {
			return nil, nil, nil, err
		}
		text, err := os.ReadFile(s.Key)
		if err != nil {
			return nil, nil, nil, err
		}
		if key, err = committee.ParseKey(text); err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", s.Key, err)
		}
		return members, key, func() error { return nil }, nil
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
	dir, err := os.MkdirTemp(s.Dir, "rs2d-load-")
	if err != nil {
		return nil, nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	if s.Keep {
		remove = func() error { return nil }
	}
	s.live.say("starting %d nodes in %s", s.Local, dir)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s.cluster, err = cluster.Start(ctx, cluster.Options{
		Nodes: s.Local, Shards: s.Shards, Scheme: s.Scheme, Dir: dir, Program: program, Args: nodeArgs,
		Plaintext: s.Plaintext, HealInterval: s.HealInterval, HealDelay: s.HealDelay, Profile: s.Profile,
	})
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("starting nodes: %w", err), remove())
	}
	stop = func() error {
		s.cluster.Stop()
		return remove()
	}
	return s.cluster.Committee(), s.cluster.Writer(), stop, nil
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
	stop := make(chan struct{})
	playing, end := context.WithCancel(ctx)
	defer end()
	var aside sync.WaitGroup
	var failed error
	if s.cluster != nil {
		aside.Go(func() {
			failed = s.cluster.Play(playing, s.start, cluster.Expand(s.events, s.Duration), s.Seed, func(d cluster.Done) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.done = append(s.done, d)
			})
		})
	}
	aside.Go(func() { s.live.watch(s.load, s.start, s.Duration, stop) })
	sampling := make(chan struct{})
	var sampler sync.WaitGroup
	sampler.Go(func() { s.sample(sampling) })
	s.load.Run(ctx, s.start, s.Duration)
	close(stop)
	end()
	aside.Wait()
	s.settle(ctx)
	close(sampling)
	sampler.Wait()
	return failed
}

// sample notes from time to time what nodes got from each other.
func (s *session) sample(stop <-chan struct{}) {
	if s.cluster == nil {
		return
	}
	const points = 200
	tick := time.NewTicker(max((s.Duration+s.Settle)/points, 100*time.Millisecond))
	defer tick.Stop()
	for {
		p := report.HealingPoint{Seconds: time.Since(s.start).Seconds()}
		for _, l := range s.cluster.Lives() {
			p.Received += l.Stats.Received
			p.Restored += l.Stats.Recovery.RestoredBytes
		}
		s.healing = append(s.healing, p)
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// settle waits until writes have ended, and nodes have recovered what they lack.
func (s *session) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.Settle)
	defer cancel()
	s.live.say("waiting for nodes that recover")
	if s.client.Flush(ctx) != nil || s.cluster == nil {
		return
	}
	// What a node missed is known to it, but not looked at before the delay.
	timer := time.NewTimer(s.HealDelay + 200*time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	s.result.Recovery.Healthy = s.cluster.AwaitHealthy(ctx)
}

// finish reads everything back, ends the nodes, and sums up.
func (s *session) finish(ctx context.Context) {
	s.live.say("reading all acknowledged blobs back")
	timed, cancel := context.WithTimeout(ctx, s.CheckTimeout)
	defer cancel()
	var whole []int // nodes that are to have everything
	if s.cluster != nil {
		states, _ := s.cluster.Nodes()
		for i, state := range states {
			if state == cluster.Untouched || state == cluster.Restored {
				whole = append(whole, i)
			}
		}
	}
	s.load.Check(timed, whole)

	r := &s.result
	r.Seconds = s.load.Elapsed().Seconds()
	r.Reads, r.Writes = s.load.Operations(load.Read), s.load.Operations(load.Write)
	r.Blobs, r.Series = s.load.Blobs(), s.load.Points()
	r.Errors = append([]string{}, s.load.Messages()...)
	wire := s.client.Wire()
	r.Wire.ClientSent, r.Wire.ClientReceived = wire.Sent.Load(), wire.Received.Load()
	r.CPU.Generator = (ownCPU() - s.cpu).Seconds()
	r.Faults, r.Healing = []report.Fault{}, append([]report.HealingPoint{}, s.healing...)
	for _, d := range s.done {
		r.Faults = append(r.Faults, report.Fault{Seconds: d.At.Sub(s.start).Seconds(), Action: string(d.Action), Nodes: append([]int{}, d.Nodes...)})
	}
	r.Problems = []string{}
	if s.cluster != nil {
		for _, err := range s.cluster.Died() {
			r.Problems = append(r.Problems, err.Error())
		}
		s.cluster.Stop()
		s.recovered(s.cluster.Lives())
	}
	b := r.Blobs
	for _, p := range []struct {
		count int64
		what  string
	}{
		{b.Unreadable, "reads of acknowledged blobs failed"},
		{b.Wrong, "reads gave wrong bytes"},
		{b.Unchecked, "acknowledged blobs were not read back in time"},
	} {
		if p.count > 0 {
			r.Problems = append(r.Problems, fmt.Sprintf("%d %s", p.count, p.what))
		}
	}
	r.OK = len(r.Problems) == 0
}

// recovered sums up what nodes recovered.
func (s *session) recovered(lives []cluster.Life) {
	r := &s.result
	after := func(t, from time.Time) float64 {
		if t.IsZero() {
			return -1
		}
		return t.Sub(from).Seconds()
	}
	r.Recovery.Nodes = []report.NodeRecovery{}
	for _, l := range lives {
		r.CPU.Nodes += l.CPU.Seconds()
		r.Wire.NodesReceived += l.Stats.Received
		r.Recovery.Add(l.Stats.Recovery)
		if l.Cause == cluster.CauseStart && l.Stats.Recovery.Slivers == 0 {
			continue
		}
		n := report.NodeRecovery{
			Recovery: l.Stats.Recovery, Node: l.Node, Cause: l.Cause, At: l.Began.Sub(s.start).Seconds(),
			First: after(l.Stats.First, l.Began), Last: after(l.Stats.Last, l.Began), HealthyAt: after(l.Healthy, l.Began),
			Ratio: l.Stats.Recovery.Ratio(), OneDimRatio: l.Stats.Recovery.OneDimRatio(),
		}
		r.Recovery.Nodes = append(r.Recovery.Nodes, n)
	}
	r.Recovery.Ratio, r.Recovery.OneDimRatio = r.Recovery.Recovery.Ratio(), r.Recovery.Recovery.OneDimRatio()
	r.Recovery.Healthy = r.Recovery.Healthy && r.Blobs.Incomplete == 0
}
