package main

import (
	"context"
	"fmt"
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
	armed := make(map[uint32]time.Time)
	for _, r := range cluster.Rounds(s.cluster) {
		armed[r.Epoch] = r.Armed
	}
	for _, row := range rows {
		s.result.Challenges = append(s.result.Challenges, report.Challenge{
			Epoch: row.Epoch, Node: row.Name, Member: row.Member, Started: row.Started, Passed: row.Passed, Failed: row.Failed, Cheats: cheats[row.Name],
			Lacks:   s.lacks(numbers[row.Name], armed[row.Epoch]),
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

// challengeProblems says which nodes that did nothing wrong have failed a challenge, and which
// passed one though they had kept nothing of the blobs since before its epoch began, or half.
// Those that misbehave otherwise, now or before, are no matter of it.
func challengeProblems(challenges []report.Challenge) (problems []string) {
	for _, c := range challenges {
		if c.Failed && !c.Cheats {
			problems = append(problems, fmt.Sprintf("%s, which is honest, failed the challenge of epoch %d", c.Node, c.Epoch))
		}
		if c.Passed && c.Lacks {
			problems = append(problems, fmt.Sprintf("%s, which does not have its slivers, passed the challenge of epoch %d", c.Node, c.Epoch))
		}
	}
	return problems
}

// lacks reports whether a node had lost half of its slivers, or all, when a challenge was armed.
func (s trials) lacks(node int, armed time.Time) (lacks bool) {
	for _, d := range s.done {
		for _, i := range d.Nodes {
			if i == node && d.At.Before(armed) {
				lacks = d.Action == cluster.Evict || d.Action == cluster.Proxy
			}
		}
	}
	return lacks
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
