package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/report"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// trials sums up the challenges of a run.
type trials struct{ *session }

// challenges notes what became of challenges.
func (s trials) challenges(ctx context.Context) {
	if s.cluster == nil {
		return
	}
	rows, err := cluster.Challenges(ctx, s.cluster)
	if err != nil {
		s.result.Errors = append(s.result.Errors, "the ledger does not tell of its challenges: "+err.Error())
	}
	states, _ := s.cluster.Nodes()
	cheats, numbers := make(map[string]bool), make(map[string]int)
	for i, name := range cluster.Names(s.cluster) {
		cheats[name], numbers[name] = states[i] == cluster.Lying, i
	}
	rounds := make(map[uint32]cluster.Round)
	for _, r := range cluster.Rounds(s.cluster) {
		rounds[r.Epoch] = r
	}
	for _, row := range rows {
		lacks, upset := conduct(s.done, numbers[row.Name], rounds[row.Epoch], s.Epoch)
		s.result.Challenges = append(s.result.Challenges, report.Challenge{
			Epoch: row.Epoch, Node: row.Name, Member: row.Member, Started: row.Started, Passed: row.Passed, Failed: row.Failed,
			Cheats: cheats[row.Name], Lacks: lacks, Upset: !lacks && (upset || !rounds[row.Epoch].Whole[row.Name]),
			Refused: row.Refused, Reward: row.Reward, Slashed: row.Slashed, Fined: row.Fined,
		})
	}
}

// rounds notes how challenges went, and what was read and written meanwhile.
func (s trials) rounds() {
	if s.cluster == nil {
		return
	}
	all := cluster.Rounds(s.cluster)
	if len(all) == 0 {
		return
	}
	rounds := new(report.Rounds)
	from := func(start, t time.Time) float64 {
		if t.IsZero() {
			return -1
		}
		return t.Sub(start).Seconds()
	}
	end := s.start.Add(s.Duration)
	var open []interval
	for _, c := range all {
		span := interval{c.Armed.Sub(s.start), min(s.Duration, c.Closed.Sub(s.start))}
		if c.Closed.IsZero() {
			span.to = s.Duration
		}
		open = append(open, span)
		row := report.Round{
			Epoch: c.Epoch, Seconds: from(s.start, c.Armed), Started: from(c.Armed, c.Started), Closed: from(c.Armed, c.Closed), Blobs: c.Blobs, Drawn: c.Drawn,
		}
		if c.Armed.Before(end) {
			row.Reads = s.load.Achieved(load.Read, span.from, span.to)
			row.Writes = s.load.Achieved(load.Write, span.from, span.to)
		}
		rounds.Rounds = append(rounds.Rounds, row)
	}
	rounds.Reads, rounds.Writes = s.achievedIn(load.Read, between(open, s.Duration)), s.achievedIn(load.Write, between(open, s.Duration))
	s.result.Rounds = rounds
}

// interval is a part of a run, from its start.
type interval struct{ from, to time.Duration }

// between returns what of a run lies between intervals, which are in their order.
func between(all []interval, end time.Duration) (gaps []interval) {
	at := time.Duration(0)
	for _, i := range append(all[:len(all):len(all)], interval{end, end}) {
		if i.from > at {
			gaps = append(gaps, interval{at, min(i.from, end)})
		}
		at = max(at, i.to)
	}
	return gaps
}

// achievedIn returns how many operations of a kind a second succeeded in some parts of the run.
func (s trials) achievedIn(k load.Kind, parts []interval) float64 {
	sum, all := 0.0, 0.0
	for _, p := range parts {
		seconds := (p.to - p.from).Seconds()
		sum, all = sum+seconds*s.load.Achieved(k, p.from, p.to), all+seconds
	}
	if all == 0 {
		return 0
	}
	return sum / all
}

// challengeProblems says which nodes have failed a challenge though they did nothing wrong and nothing was
// done to them, and which passed one though they had kept nothing of the blobs as long as it was open, or half.
func challengeProblems(challenges []report.Challenge) (problems []string) {
	for _, c := range challenges {
		if c.Failed && !c.Cheats && !c.Lacks && !c.Upset {
			problems = append(problems, fmt.Sprintf("%s, which is honest, failed the challenge of epoch %d", c.Node, c.Epoch))
		}
		if c.Passed && c.Lacks {
			problems = append(problems, fmt.Sprintf("%s, which does not have its slivers, passed the challenge of epoch %d", c.Node, c.Epoch))
		}
	}
	return problems
}

// conduct says of a node in a challenge whether it had lost half of its slivers, or all, from before it was armed
// until it was closed; and whether anything was done to the node in that time, or within an epoch before,
// so that it may have lacked something honestly.
func conduct(done []cluster.Done, node int, r cluster.Round, epoch time.Duration) (lacks, upset bool) {
	within := func(t time.Time) bool { return r.Closed.IsZero() || t.Before(r.Closed) }
	for _, d := range done {
		if !slices.Contains(d.Nodes, node) || !within(d.At) {
			continue
		}
		switch d.Action {
		case cluster.Evict, cluster.Proxy:
			lacks = d.At.Before(r.Armed)
		default: // whatever else is done to it ends that, or may
			lacks = false
		}
		upset = upset || d.At.After(r.Armed.Add(-epoch))
	}
	return lacks, upset
}

// challengeTime returns how long blobs may be withheld at once, because nodes are challenged.
func challengeTime(s *session) time.Duration {
	if s.cluster == nil || s.challengeMode(s.events) == ledger.ChallengesOff {
		return 0
	}
	return cluster.MostOfChallenge(s.Epoch)
}

// patience returns how long an operation may take.
func patience(s *session) time.Duration { return s.OpTimeout + challengeTime(s) }
