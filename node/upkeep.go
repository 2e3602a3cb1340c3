package node

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/node/api"
)

// Problems says what the node cannot do at present, and what would help. It is empty if
// all is well.
func (n *Node) Problems() []api.Problem {
	var list []api.Problem
	if err := n.config.Store.Failed(); err != nil {
		list = append(list, api.Problem{
			Name: "store", Message: err.Error(),
			Remedy: "start the node again; if that fails, remove the store and start it empty: it recovers its slivers from the other nodes",
		})
	}
	if n.ledger != nil {
		list = append(list, n.config.Follower.Problems()...)
		list = append(list, n.ledger.witness.Problems()...)
		list = append(list, n.rotation.Problems()...)
		list = append(list, unsettled(n.config.Control.View())...)
	}
	list = append(list, n.others.Problems()...)
	for _, p := range n.server.Problems() {
		list = append(list, api.Problem(p))
	}
	return list
}

// watchEvery is the time between two looks for problems.
const watchEvery = 10 * time.Second

// watch logs every problem when it comes and when it goes, until the context ends.
func (n *Node) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	known := make(map[string]bool)
	for {
		known = n.logProblems(known)
		select {
		case <-tick.C:
		case <-n.others.Asked():
		case <-ctx.Done():
			return
		}
	}
}

// logProblems logs what is not known yet, and what is over. It returns what is known now.
func (n *Node) logProblems(known map[string]bool) map[string]bool {
	now := make(map[string]bool)
	for _, p := range n.Problems() {
		if now[p.Name] = true; !known[p.Name] {
			n.log.Warn(p.Message, "problem", p.Name, "remedy", p.Remedy)
		}
	}
	for name := range known {
		if !now[name] {
			n.log.Info("over", "problem", name)
		}
	}
	return now
}

// problemCollector shows problems as metrics.
type problemCollector struct{ problems func() []api.Problem }

var problemDesc = prometheus.NewDesc("redstuff_problem", "1 for each thing that the node cannot do at present.", []string{"problem"}, nil)

// Describe is for prometheus.
func (c *problemCollector) Describe(out chan<- *prometheus.Desc) { out <- problemDesc }

// Collect is for prometheus.
func (c *problemCollector) Collect(out chan<- prometheus.Metric) {
	for _, p := range c.problems() {
		out <- prometheus.MustNewConstMetric(problemDesc, prometheus.GaugeValue, 1, p.Name)
	}
}

// cleanEvery is the most time between two looks for blobs that nobody certified.
const cleanEvery = 10 * time.Minute

// clean removes blobs that nobody certified for long, until the context ends. It waits
// for the healer: a certificate that this node missed is known to others, and blobs that
// enough nodes have are certified by their healers.
func (n *Node) clean(ctx context.Context) {
	if n.config.HealInterval < 0 {
		return
	}
	tick := time.NewTicker(min(cleanEvery, n.config.PendingAge/4+time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if !n.healer.Healthy() {
			continue
		}
		removed, err := n.server.CleanPending(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Error("cleaning", "error", err)
		}
		if removed > 0 {
			n.log.Info("removed blobs that nobody certified", "blobs", removed, "age", n.config.PendingAge)
		}
	}
}
