package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/report"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/scrape"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
)

// healthTimeout is how long nodes may take to say how they are.
const healthTimeout = 3 * time.Second

// finish reads everything back, ends the nodes, and sums up.
func (s *session) finish(ctx context.Context) {
	s.live.say("reading all acknowledged blobs back")
	timed, cancel := context.WithTimeout(ctx, s.CheckTimeout+challengeTime(s))
	defer cancel()
	s.load.Check(timed, s.whole())

	r := &s.result
	r.Seconds = s.load.Elapsed().Seconds()
	r.Reads, r.Writes = s.load.Operations(load.Read), s.load.Operations(load.Write)
	r.Blobs, r.Series, r.Steps = s.load.Blobs(), s.load.Points(), load.Breakdowns(s.load)
	r.Errors = append([]string{}, s.load.Messages()...)
	counters := s.client.ByteCounters()
	r.Bytes.ClientSent, r.Bytes.ClientReceived = counters.Sent.Load(), counters.Received.Load()
	r.CPU.Generator = (ownCPU() - s.cpu).Seconds()
	r.Faults = []report.Fault{}
	var names []string
	if s.cluster != nil {
		names = cluster.Names(s.cluster)
	}
	for _, d := range s.done {
		nodes := []string{}
		for _, i := range d.Nodes {
			nodes = append(nodes, names[i])
		}
		if len(d.Kinds) == 0 {
			slices.Sort(nodes)
		}
		r.Faults = append(r.Faults, report.Fault{
			Seconds: d.At.Sub(s.start).Seconds(), Action: string(d.Action), Nodes: nodes, Kinds: d.Kinds, Clients: d.Clients,
		})
	}
	s.states(context.WithoutCancel(ctx)) // what was asked before an interrupt is worth to be known
	s.changes()
	trials{s}.challenges(ctx)
	trials{s}.rounds()
	(&judge{s.client.Committee(), s.cluster, s.events, s.done}).findProblems(r)
	if ctx.Err() != nil {
		r.Problems, r.OK = append(r.Problems, "interrupted"), false
	}
	if s.cluster != nil {
		s.cluster.Stop() // their last words, and what they took, are known then
		var err error
		if r.Links, err = cluster.EndLinks(s.cluster); err != nil {
			r.Problems, r.OK = append(r.Problems, err.Error()), false
		}
	}
	r.Recovery.Nodes, r.Healing = []report.NodeRecovery{}, append([]report.HealingPoint{}, s.healing...)
	if w, ok := s.nodes.(*scrape.Watch); ok {
		w.Look(timed)
	}
	if s.nodes != nil {
		last, _ := s.healed()
		r.Healing = append(r.Healing, last)
		r.Use = s.use
		s.figures(s.nodes.Runs())
	} else {
		r.Recovery.Healthy = !slices.ContainsFunc(r.Nodes, func(n report.Node) bool { return n.State != api.StateHealthy })
	}
}

// changes notes what became of the changes of epochs.
func (s *session) changes() {
	if s.cluster == nil || s.Epoch == 0 {
		return
	}
	all := cluster.Changes(s.cluster)
	copied := int64(0)
	for _, l := range s.cluster.Runs() {
		copied += l.Stats.Copied
	}
	for i, c := range all {
		next, end := copied, s.start.Add(s.Duration)
		if i+1 < len(all) {
			next, end = all[i+1].Copied, all[i+1].Started
		}
		change := report.Change{
			Epoch: c.Epoch, Seconds: c.Started.Sub(s.start).Seconds(), Took: -1, Moved: c.Moved, Given: c.Given, Minimum: c.Minimum, Copied: next - c.Copied,
		}
		if !c.Settled.IsZero() {
			change.Took, end = c.Settled.Sub(c.Started).Seconds(), c.Settled
		}
		change.Reads = s.load.Achieved(load.Read, c.Started.Sub(s.start), end.Sub(s.start))
		change.Writes = s.load.Achieved(load.Write, c.Started.Sub(s.start), end.Sub(s.start))
		s.result.Changes = append(s.result.Changes, change)
	}
}

// whole lists the nodes that are to have everything, if they are ours.
func (s *session) whole() []committee.PublicKey {
	if s.cluster == nil {
		return nil
	}
	return cluster.Whole(s.cluster)
}

// states asks all nodes how they are, and tells what was done to local ones.
func (s *session) states(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	members := s.client.Committee()
	healths := s.client.Health(ctx)
	node := func(name string) report.Node {
		n := report.Node{Name: name, State: report.Down}
		// Epochs begin meanwhile, in which members have other numbers.
		if seat, ok := members.FindName(name); ok {
			n.Shards = members.Weight(seat)
		}
		at := slices.IndexFunc(healths, func(h client.NodeStatus) bool { return h.Name == name })
		if at < 0 {
			return n
		}
		if h := healths[at]; h.Err == nil {
			n.State, n.Missing = h.Health.State, h.Health.Missing
			if m := h.Health.Migration; m != nil {
				n.Liars = m.Liars
			}
		}
		return n
	}
	if s.cluster == nil {
		for i := range healths {
			s.result.Nodes = append(s.result.Nodes, node(healths[i].Name))
		}
		return
	}
	names := cluster.Names(s.cluster)
	states, _ := s.cluster.Nodes()
	for i := range names {
		n := node(names[i])
		switch states[i] {
		case cluster.Dead:
			n.State = report.Killed
		case cluster.Gone:
			n.State = report.Gone
		case cluster.Leaving:
			n.State = report.Leaving
		case cluster.Lying:
			n.State, n.Missing = report.Lying, 0 // what it says of itself is worth nothing
		}
		s.result.Nodes = append(s.result.Nodes, n)
	}
}

// figures sums up what nodes' processes did.
func (s *session) figures(runs []cluster.ProcessRun) {
	r := &s.result
	after := func(t, from time.Time) float64 {
		if t.IsZero() {
			return -1
		}
		return t.Sub(from).Seconds()
	}
	for _, l := range runs {
		recovery := l.Stats.Recovery
		r.CPU.Nodes += l.CPU.Seconds()
		r.CPU.Ledger += l.Validator.Seconds()
		r.Bytes.NodesReceived += l.Stats.Received
		r.Recovery.Add(recovery)
		at := slices.IndexFunc(r.Nodes, func(n report.Node) bool { return n.Name == l.Node })
		if at < 0 { // it was a member when the run began
			at = len(r.Nodes)
			r.Nodes = append(r.Nodes, report.Node{Name: l.Node, State: report.Gone})
		}
		f := r.Nodes[at].Figures
		if f == nil {
			f = new(report.Figures)
			r.Nodes[at].Figures = f
		} else {
			f.Restarts++
		}
		f.CPU += l.CPU.Seconds()
		f.Received += l.Stats.Received
		f.Sent += l.Stats.Sent
		f.Restored += recovery.RestoredBytes
		if l.Cause == cluster.CauseStart && recovery.Slivers == 0 {
			continue
		}
		n := report.NodeRecovery{
			Recovery: recovery, Node: l.Node, Cause: l.Cause, At: l.Began.Sub(s.start).Seconds(),
			First: after(l.Stats.First, l.Began), Last: after(l.Stats.Last, l.Began), HealthyAt: after(l.Healthy, l.Began),
			Ratio: recovery.Ratio(), OneDimRatio: recovery.OneDimRatio(),
		}
		n.BlobsRate = n.Rate()
		r.Recovery.Nodes = append(r.Recovery.Nodes, n)
	}
	slices.SortStableFunc(r.Recovery.Nodes, func(a, b report.NodeRecovery) int { return cmp.Compare(a.At, b.At) })
	r.Recovery.Ratio, r.Recovery.OneDimRatio = r.Recovery.Recovery.Ratio(), r.Recovery.Recovery.OneDimRatio()
	r.Recovery.Healthy = r.Recovery.Healthy && r.Blobs.Incomplete == 0
}
