package report

import (
	"slices"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
)

// Colors of the page's palette, which also those can tell apart who see no red or no green.
const (
	blue = iota
	sky
	orange
	yellow
	green
	pink
)

// drawing draws a result.
type drawing struct{ *Result }

// charts returns the charts that there is something to show on.
func (r drawing) charts() []chart {
	marks := r.marks()
	over := func(name string, color int, f func(load.Point) float64) line {
		l := line{name: name, color: color}
		for _, p := range r.Series {
			l.x, l.y = append(l.x, p.Seconds), append(l.y, f(p))
		}
		return l
	}
	var charts []chart
	for _, k := range []struct {
		name  string
		total load.Operations
		of    func(load.Point) load.SeriesCounts
	}{
		{"reads", r.Reads, func(p load.Point) load.SeriesCounts { return p.Reads }},
		{"writes", r.Writes, func(p load.Point) load.SeriesCounts { return p.Writes }},
	} {
		if k.total.Count == 0 {
			continue
		}
		charts = append(charts, chart{title: "Latency of " + k.name, unit: "ms, by the end of operations", log: true, lines: []line{
			over("p50", sky, func(p load.Point) float64 { return k.of(p).P50 }),
			over("p90", blue, func(p load.Point) float64 { return k.of(p).P90 }),
			over("p99", yellow, func(p load.Point) float64 { return k.of(p).P99 }),
			over("max", orange, func(p load.Point) float64 { return k.of(p).Max }),
		}})
	}
	charts = append(charts, chart{title: "Throughput", unit: "MB/s of blobs", lines: []line{
		over("reads", blue, func(p load.Point) float64 { return p.Reads.MBps }),
		over("writes", orange, func(p load.Point) float64 { return p.Writes.MBps }),
	}})
	if r.Reads.Errors+r.Writes.Errors > 0 {
		charts = append(charts, chart{title: "Errors", unit: "operations", lines: []line{
			over("reads", blue, func(p load.Point) float64 { return float64(p.Reads.Errors) }),
			over("writes", orange, func(p load.Point) float64 { return float64(p.Writes.Errors) }),
		}})
	}
	for i := range charts {
		charts[i].marks, charts[i].end = marks, r.end()
	}
	if c, ok := r.healing(marks); ok {
		charts = append(charts, c)
	}
	return append(charts, r.distributions()...)
}

// marks are the faults.
func (r drawing) marks() (marks []mark) {
	for _, f := range r.Faults {
		marks = append(marks, mark{f.Seconds, f.String()})
	}
	return marks
}

// end returns when the last operation had ended, in seconds.
func (r drawing) end() float64 {
	if n := len(r.Series); n > 0 {
		return max(r.Seconds, r.Series[n-1].Seconds)
	}
	return r.Seconds
}

// healing shows what nodes recovered, if they did.
func (r drawing) healing(marks []mark) (chart, bool) {
	n := len(r.Healing)
	if n == 0 || r.Healing[n-1].Received == 0 {
		return chart{}, false
	}
	marks = append(slices.Clone(marks), mark{r.Seconds, "load ends"})
	for _, n := range r.Recovery.Nodes {
		if n.Slivers > 0 && n.HealthyAt >= 0 && n.Cause != cluster.CauseStart {
			marks = append(marks, mark{n.At + n.HealthyAt, n.Node + " healthy"})
		}
	}
	received, restored := line{name: "received", color: blue}, line{name: "restored", color: orange}
	for _, p := range r.Healing {
		received.x, received.y = append(received.x, p.Seconds), append(received.y, float64(p.Received)/(1<<20))
		restored.x, restored.y = append(restored.x, p.Seconds), append(restored.y, float64(p.Restored)/(1<<20))
	}
	return chart{title: "Recovery", unit: "MiB that nodes received from each other and restored, so far",
		lines: []line{received, restored}, marks: marks, end: r.Healing[n-1].Seconds}, true
}

// distributions show how latencies are spread.
func (r drawing) distributions() (charts []chart) {
	for _, k := range []struct {
		name  string
		color int
		of    load.Operations
	}{{"reads", blue, r.Reads}, {"writes", orange, r.Writes}} {
		if len(k.of.Spread) == 0 {
			continue
		}
		first := k.of.Spread[0].Most
		l := line{name: k.name, color: k.color, x: []float64{first / 1.15}, y: []float64{0}}
		for i, b := range k.of.Spread {
			const bin = 1.1486983549970351 // a fifth of an octave
			if from := b.Most / bin; i > 0 && from > k.of.Spread[i-1].Most*1.01 {
				l.x, l.y = append(l.x, from), append(l.y, 0) // nothing took so long
			}
			l.x, l.y = append(l.x, b.Most), append(l.y, float64(b.Count))
		}
		charts = append(charts, chart{title: "Distribution of " + k.name, unit: "operations by latency, in bins of a fifth of an octave",
			bars: true, latencies: true, lines: []line{l}})
	}
	return charts
}

// nodeRow is the charts of one node.
type nodeRow struct {
	Name   string
	Charts []chart
}

// nodeRows returns a row of charts for each node that told what it used.
func (r drawing) nodeRows() (rows []nodeRow) {
	for _, u := range r.Use {
		known := slices.ContainsFunc(r.Nodes, func(n Node) bool { return n.Name == u.Node })
		if !known || len(u.Points) < 2 {
			continue
		}
		end := u.Points[len(u.Points)-1].Seconds
		var marks []mark
		for _, f := range r.Faults {
			if slices.Contains(f.Nodes, u.Node) {
				marks = append(marks, mark{f.Seconds, f.Action})
			}
		}
		// rate is how fast something grew; what a killed process had not told is lost.
		rate := func(name string, color int, unit float64, of func(UsePoint) float64) line {
			const window = 1 // second: nodes tell twice in that time
			l := line{name: name, color: color}
			from := 0
			for i := range u.Points {
				for from+1 < i && u.Points[i].Seconds-u.Points[from+1].Seconds >= window {
					from++
				}
				if took := u.Points[i].Seconds - u.Points[from].Seconds; took >= window/2.0 {
					l.x = append(l.x, u.Points[i].Seconds)
					l.y = append(l.y, max(0, of(u.Points[i])-of(u.Points[from]))/took/unit)
				}
			}
			return l
		}
		memory := line{name: "memory", color: green}
		for _, p := range u.Points {
			memory.x, memory.y = append(memory.x, p.Seconds), append(memory.y, float64(p.Memory)/(1<<20))
		}
		const mb = 1e6
		row := nodeRow{Name: u.Node, Charts: []chart{
			{title: "Processors", unit: "in use", lines: []line{rate("processors", blue, 1, func(p UsePoint) float64 { return p.CPU })}},
			{title: "Memory, MiB", unit: "MiB", lines: []line{memory}},
			{title: "Clients, MB/s", unit: "MB/s", lines: []line{
				rate("taken", orange, mb, func(p UsePoint) float64 { return float64(p.Taken) }),
				rate("served", blue, mb, func(p UsePoint) float64 { return float64(p.Served) }),
			}},
			{title: "Nodes, MB/s", unit: "MB/s", lines: []line{
				rate("received", blue, mb, func(p UsePoint) float64 { return float64(p.Received) }),
				rate("restored", orange, mb, func(p UsePoint) float64 { return float64(p.Restored) }),
			}},
		}}
		for i := range row.Charts {
			row.Charts[i].small, row.Charts[i].end, row.Charts[i].marks = true, end, marks
		}
		rows = append(rows, row)
	}
	return rows
}
