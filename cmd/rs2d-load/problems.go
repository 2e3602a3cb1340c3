package main

import (
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/report"
	"github.com/redstuff-go/redstuff/node/committee"
)

// judge tells which promises were broken in a run.
type judge struct {
	members *committee.Committee
	cluster *cluster.Cluster // nil if the nodes are not ours
	events  []cluster.Event
	done    []cluster.Done
}

// findProblems lists the promises that were broken.
func (j *judge) findProblems(r *report.Result) {
	r.Problems = []string{}
	problem := func(count int64, what string) {
		if count > 0 {
			r.Problems = append(r.Problems, ui.Count(count)+" "+what)
		}
	}
	problem(r.Blobs.Unreadable, "reads of acknowledged blobs failed")
	problem(r.Blobs.Wrong, "reads gave wrong bytes")
	problem(r.Blobs.Unchecked, "acknowledged blobs were not read back at the end")
	if j.touched() <= r.Setup.FaultyShards {
		problem(r.Writes.Errors, "writes failed, though no more than f shards were faulty")
	}
	if j.cluster == nil {
		r.OK = len(r.Problems) == 0
		return
	}
	r.Problems = append(r.Problems, changeProblems(r.Changes)...)
	r.Problems = append(r.Problems, challengeProblems(r.Challenges)...)
	for _, err := range j.cluster.Died() {
		r.Problems = append(r.Problems, err.Error())
	}
	r.Slowloris = j.cluster.SlowClients().Counts()
	for _, c := range r.Slowloris {
		problem(c.Open, "slow clients were not cut off within --settle: "+string(c.Kind))
	}
	r.Problems = append(r.Problems, floodProblems(r.Flood, j.events)...)
	if scheduled(j.events, cluster.Hostile) && j.broken() <= r.Setup.FaultyShards && !(r.Recovery.Healthy && r.Blobs.Incomplete == 0) {
		r.Problems = append(r.Problems, "honest nodes did not recover within --settle, though no more than f shards were hostile")
	}
	r.OK = len(r.Problems) == 0
}

// changeProblems lists what went wrong with epochs: too much was copied, or none was settled
// of the last ones. What is copied late counts with a later epoch, so that all are taken
// together.
func changeProblems(changes []report.Change) (problems []string) {
	copied, minimum := int64(0), int64(0)
	for _, c := range changes {
		copied, minimum = copied+c.Copied, minimum+c.Minimum
	}
	const last = 3 // the very last one may have had no time
	if n := len(changes); n >= last && !slices.ContainsFunc(changes[n-last:], func(c report.Change) bool { return c.Took >= 0 }) {
		problems = append(problems, fmt.Sprintf("none of the last %d epochs was settled", last))
	}
	if float64(copied) > report.MostCopied*float64(minimum) {
		problems = append(problems, fmt.Sprintf("%s were copied for shards that moved, more than %g times the %s that they have",
			ui.Bytes(uint64(copied)), report.MostCopied, ui.Bytes(uint64(minimum))))
	}
	return problems
}

// floodProblems lists what nodes did not bear of a flood. Rates are compared only if
// nothing else was done that costs some.
func floodProblems(f *report.Flood, events []cluster.Event) (problems []string) {
	if f == nil {
		return nil
	}
	alone := !slices.ContainsFunc(events, func(e cluster.Event) bool { return e.Action != cluster.Flood })
	for _, o := range []struct {
		name  string
		borne report.Borne
	}{{"reads", f.Reads}, {"writes", f.Writes}} {
		if alone && o.borne.Short() {
			problems = append(problems, fmt.Sprintf("%s fell from %s to %s a second under the flood, below half",
				o.name, ui.Digits(o.borne.Before), ui.Digits(o.borne.During)))
		}
	}
	switch {
	case f.Back < 0:
		problems = append(problems, "no write and read succeeded after the flood")
	case f.Back > report.BackWithin:
		problems = append(problems, fmt.Sprintf("a write and a read took %.1f s after the flood, more than %d s", f.Back, report.BackWithin))
	}
	return problems
}

// scheduled reports whether an action is part of the schedule.
func scheduled(events []cluster.Event, a cluster.Action) bool {
	return slices.ContainsFunc(events, func(e cluster.Event) bool { return e.Action == a })
}

// broken counts the shards of nodes that misbehave or are dead.
func (j *judge) broken() (shards int) {
	states, _ := j.cluster.Nodes()
	for i, name := range cluster.Names(j.cluster) {
		seat, ok := j.members.FindName(name)
		if ok && (states[i] == cluster.Lying || states[i] == cluster.Dead) {
			shards += j.members.Weight(seat)
		}
	}
	return shards
}

// touched counts the shards of the nodes to which something was done, at any time. That a node
// joins or leaves is nothing.
func (j *judge) touched() (shards int) {
	touched := make(map[int]bool)
	for _, d := range j.done {
		if d.Action == cluster.Join || d.Action == cluster.Leave || d.Action == cluster.Rejoin {
			continue
		}
		for at, i := range d.Nodes {
			if !touched[i] {
				touched[i] = true
				shards += d.Weights[at]
			}
		}
	}
	return shards
}
