package main

import (
	"fmt"
	"time"

	"github.com/redstuff-go/redstuff/bench/internal/peer"
	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
)

// goal is a line of the first table: what our measurement is to reach against a
// peer's, in the same run or, where the peer cannot run here, in an earlier one.
type goal struct {
	group, part string
	label       string // of the group, in the chart
	ours        Key
	peers       []Key   // of which the fastest counts
	earlier     float64 // the peer's nanoseconds, where it was measured earlier, on another machine
	least, aim  float64 // 0 where the number of cores is another than what these are for
	against     string
}

// line is a goal with what was measured.
type line struct {
	goal
	oursNs, peerNs float64
	ratio          float64
	medians        float64 // the ratio of the median rounds
	verdict        string
}

const (
	metAim   = "aim met"
	metLeast = "met"
	short    = "short"
	told     = "–" // nothing is asked for
)

// lines returns the goals whose measurements are there.
func (r *Results) lines() []line {
	var lines []line
	best, middle := r.slower()
	for _, g := range goals(r.Machine.Cores) {
		ours := r.find(g.ours)
		if ours == nil {
			continue
		}
		l := line{goal: g, oursNs: ours.Best(), peerNs: g.earlier * best}
		median := g.earlier * middle
		if peer := r.fastest(g.peers...); peer != nil {
			l.peerNs = peer.Best()
			median = peer.Median()
			if g.against == "" {
				l.against = peer.Who
			}
		}
		if l.peerNs == 0 {
			continue
		}
		l.ratio, l.medians = l.peerNs/l.oursNs, median/ours.Median()
		switch {
		case g.aim == 0:
			l.verdict = told
		case l.ratio >= g.aim:
			l.verdict = metAim
		case l.ratio >= g.least:
			l.verdict = metLeast
		default:
			l.verdict = short
		}
		lines = append(lines, l)
	}
	return lines
}

// goals lists the lines of the first table.
func goals(cores int) []goal {
	var list []goal
	for _, g := range []struct {
		size       int
		least, aim float64
	}{{64, 2.5, 4}, {1 << 10, 1.3, 1.5}, {16 << 10, 1.7, 2}, {1 << 20, 3, 4}} {
		for _, s := range shapes {
			key := Key{encode1D, s.String(), g.size, 1, redstuff, ""}
			list = append(list, goal{group: "1D encode, one core", label: "encode", part: s.String() + ", shards " + bytesName(g.size),
				ours: key, peers: []Key{by(key, klauspost)}, least: g.least, aim: g.aim})
		}
	}
	if cores > 1 {
		least, aim := 3.0, 5.0 // of four cores
		if cores != 4 {
			least, aim = 0, 0
		}
		for _, size := range []int{1 << 10, 16 << 10, 1 << 20} {
			for _, s := range shapes {
				key := Key{encode1D, s.String(), size, cores, redstuff, ""}
				single := by(key, klauspost)
				single.Cores = 1
				peers := []Key{single}
				for _, e := range manyCores[1:] {
					peers = append(peers, by(key, e.Name))
				}
				list = append(list, goal{group: fmt.Sprintf("1D encode, %d cores", cores), label: fmt.Sprintf("encode, %d cores", cores), part: s.String() + ", shards " + bytesName(size),
					ours: key, peers: peers, least: least, aim: aim})
			}
		}
	}
	for _, g := range []struct {
		size       int
		loss       work.Loss
		pattern    string
		least, aim float64
	}{
		{64, work.LargestNew, "new pattern", 8, 15}, {64, work.LargestSeen, "pattern seen before", 30, 60},
		{1 << 10, work.LargestNew, "new pattern", 3, 4}, {16 << 10, work.LargestNew, "new pattern", 2, 3},
	} {
		for _, s := range shapes {
			key := Key{decode1D, s.String(), g.size, 1, redstuff, g.loss.Name}
			list = append(list, goal{group: "1D decode, largest loss", label: "decode", part: fmt.Sprintf("%v, %s, %s", s, bytesName(g.size), g.pattern),
				ours: key, peers: []Key{by(key, klauspost)}, least: g.least, aim: g.aim})
		}
	}
	for _, loss := range []work.Loss{work.OneNew, work.OneSeen} {
		pattern := "new pattern"
		if loss == work.OneSeen {
			pattern = "pattern seen before"
		}
		for _, s := range shapes {
			key := Key{decode1D, s.String(), 1 << 10, 1, redstuff, loss.Name}
			list = append(list, goal{group: "1D decode, one shard lost", label: "decode, one lost", part: fmt.Sprintf("%v, 1 KiB, %s", s, pattern),
				ours: key, peers: []Key{by(key, klauspost)}, least: 30, aim: 80})
		}
	}
	return append(list, goals2D(cores)...)
}

func goals2D(cores int) []goal {
	var list []goal
	code := codeName(manyShards)
	for i, scheme := range schemes {
		least, aim := 10.0, 15.0
		if i > 0 {
			least, aim = 5, 8
		}
		for _, size := range []int{1, 32 << 20, 256 << 20} {
			list = append(list, goal{group: fmt.Sprintf("RedStuff encode + commitments, %s, %v, one core", code, scheme), label: fmt.Sprintf("RedStuff encode, %v", scheme), part: bytesName(size),
				ours: Key{encode2D, code, size, 1, redstuff, scheme.String()}, against: walrusCore,
				earlier: walrus(encode2D, "", size), least: least, aim: aim})
		}
	}
	for _, size := range []int{32 << 20, 256 << 20} {
		budget := peer.Budget[size]
		list = append(list, goal{group: fmt.Sprintf("… %s, %v, against a budget", code, commit.BLAKE3), label: "RedStuff encode, budget", part: bytesName(size),
			ours: Key{encode2D, code, size, 1, redstuff, commit.BLAKE3.String()}, against: "budget",
			earlier: float64(budget[0].Nanoseconds()), least: 1, aim: float64(budget[0]) / float64(budget[1])})
	}
	if cores > 1 {
		for _, scheme := range schemes {
			for _, size := range []int{32 << 20, 256 << 20} {
				key := Key{encode2D, code, size, cores, redstuff, scheme.String()}
				single := key
				single.Cores = 1
				list = append(list, goal{group: fmt.Sprintf("… %d cores", cores), label: fmt.Sprintf("RedStuff encode, %d cores against one", cores), part: fmt.Sprintf("%v, %s", scheme, bytesName(size)),
					ours: key, peers: []Key{single}, against: "itself on one core", least: 0.825 * float64(cores), aim: 0.95 * float64(cores)})
			}
		}
	}
	for _, check := range []string{checkNone, checkStrict} {
		how := "primary, " + check
		list = append(list, goal{group: fmt.Sprintf("decode from random primary slivers, %s, one core", code), label: "RedStuff decode", part: "32 MiB, check: " + check,
			ours: Key{decode2D, code, 32 << 20, 1, redstuff, how}, against: walrusCore,
			earlier: walrus(decode2D, how, 32<<20), least: 10, aim: 15})
	}
	for _, scheme := range schemes {
		list = append(list, goal{group: "recovery of one sliver pair, proofs verified", label: "RedStuff recover", part: fmt.Sprintf("32 MiB, %v", scheme),
			ours: Key{recover2D, recoverCode(scheme), 32 << 20, 1, redstuff, withProofs}, against: walrusCore,
			earlier: walrus(recover2D, withProofs, 32<<20), least: 10, aim: 15})
	}
	return list
}

// by returns the key of another engine's measurement.
func by(k Key, who string) Key {
	k.Who = who
	return k
}

// bytesName writes a number of bytes with its unit.
func bytesName(n int) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if n < 1024 {
			return fmt.Sprint(n, " ", unit)
		}
		n /= 1024
	}
	return fmt.Sprint(n, " GiB")
}

// timeName writes nanoseconds with three significant digits.
func timeName(ns float64) string {
	d := time.Duration(ns)
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}} {
		if d >= unit.of {
			return fmt.Sprintf("%s %s", digits(ns/float64(unit.of.Nanoseconds())), unit.name)
		}
	}
	return digits(ns) + " ns"
}

// rateName writes bytes a second with three significant digits.
func rateName(rate float64) string {
	for _, unit := range []struct {
		of   float64
		name string
	}{{1e9, "GB/s"}, {1e6, "MB/s"}, {1e3, "kB/s"}} {
		if rate >= unit.of {
			return digits(rate/unit.of) + " " + unit.name
		}
	}
	return digits(rate) + " B/s"
}

// digits writes a positive number with three significant digits.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
