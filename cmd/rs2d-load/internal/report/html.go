package report

import (
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
)

// Colors of lines, which also those can tell apart who see no red or no green.
const (
	blue   = "#0072b2"
	sky    = "#56b4e9"
	orange = "#d55e00"
	yellow = "#e69f00"
)

// HTML writes a page with tables and charts, which needs no other file.
func (r *Result) HTML(w io.Writer) error {
	var charts []template.HTML
	for _, c := range r.charts() {
		charts = append(charts, template.HTML(c.svg())) // svg escapes what it is given
	}
	return page.Execute(w, map[string]any{
		"Title":    fmt.Sprintf("rs2d-load: %d nodes, %d shards", r.Setup.Nodes, r.Setup.Shards),
		"Headline": r.headline(), "Tables": r.tables(), "Verdict": r.verdict(), "Charts": charts, "OK": r.OK,
	})
}

// charts returns the charts that there is something to show on.
func (r *Result) charts() []chart {
	var marks []mark
	for _, f := range r.Faults {
		marks = append(marks, mark{f.Seconds, f.String()})
	}
	over := func(name, color string, f func(load.Point) float64) line {
		l := line{name: name, color: color}
		for _, p := range r.Series {
			l.x, l.y = append(l.x, p.Seconds), append(l.y, f(p))
		}
		return l
	}
	charts := []chart{
		{title: "Latency", unit: "ms, by the end of operations", log: true, lines: []line{
			over("read p50", sky, func(p load.Point) float64 { return p.Reads.P50 }),
			over("read p99", blue, func(p load.Point) float64 { return p.Reads.P99 }),
			over("write p50", yellow, func(p load.Point) float64 { return p.Writes.P50 }),
			over("write p99", orange, func(p load.Point) float64 { return p.Writes.P99 }),
		}},
		{title: "Throughput", unit: "MB/s of blobs", lines: []line{
			over("reads", blue, func(p load.Point) float64 { return p.Reads.MBps }),
			over("writes", orange, func(p load.Point) float64 { return p.Writes.MBps }),
		}},
	}
	if r.Reads.Errors+r.Writes.Errors > 0 {
		charts = append(charts, chart{title: "Errors", unit: "operations", lines: []line{
			over("reads", blue, func(p load.Point) float64 { return float64(p.Reads.Errors) }),
			over("writes", orange, func(p load.Point) float64 { return float64(p.Writes.Errors) }),
		}})
	}
	end := r.Seconds
	if n := len(r.Series); n > 0 {
		end = max(end, r.Series[n-1].Seconds)
	}
	for i := range charts {
		charts[i].marks, charts[i].end = marks, end
	}
	if n := len(r.Healing); n > 0 && r.Healing[n-1].Received > 0 {
		marks := append(slices.Clone(marks), mark{r.Seconds, "load ends"})
		for _, n := range r.Recovery.Nodes {
			if n.Slivers > 0 && n.HealthyAt >= 0 && n.Cause != cluster.CauseStart {
				marks = append(marks, mark{n.At + n.HealthyAt, fmt.Sprintf("node-%d healthy", n.Node)})
			}
		}
		received, restored := line{name: "received", color: blue}, line{name: "restored", color: orange}
		for _, p := range r.Healing {
			received.x, received.y = append(received.x, p.Seconds), append(received.y, float64(p.Received)/(1<<20))
			restored.x, restored.y = append(restored.x, p.Seconds), append(restored.y, float64(p.Restored)/(1<<20))
		}
		charts = append(charts, chart{title: "Recovery", unit: "MiB that nodes received from each other and restored, so far",
			lines: []line{received, restored}, marks: marks, end: r.Healing[n-1].Seconds})
	}
	return charts
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{{.Title}}</title>
<style>
body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem;margin-bottom:.25rem} .head{color:#555;margin-top:0}
.verdict{border-left:4px solid #2a7d4f;background:#f1f8f4;padding:.5rem 1rem;overflow-wrap:anywhere} .verdict.bad{border-color:#b00020;background:#fdf1f2}
.wide{overflow-x:auto} table{border-collapse:collapse;margin:1rem 0;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .75rem;text-align:right;white-space:nowrap;border-bottom:1px solid #e5e5e5} th{color:#555;font-weight:600}
th:first-child,td:first-child{text-align:left;padding-left:0} .facts td{text-align:left;white-space:normal} .facts td:first-child{color:#555;font-weight:600}
svg{width:100%;height:auto;margin:.5rem 0}
svg text{font:12px system-ui,sans-serif;fill:#333} svg .t{font-weight:600} svg .a{fill:#555} svg .n{font-size:10px;fill:#777}
svg .g{stroke:#e5e5e5} svg .m{stroke:#999;stroke-dasharray:3 3}
</style></head><body>
<h1>{{.Title}}</h1>
<p class="head">{{.Headline}}</p>
<div class="verdict{{if not .OK}} bad{{end}}">{{if not .OK}}<strong>Not every promise was kept.</strong><br>{{end}}{{range .Verdict}}{{.}}<br>{{end}}</div>
{{range .Charts}}{{.}}
{{end}}{{range .Tables}}<div class="wide"><table{{if not .Head}} class="facts"{{end}}>
{{if .Head}}<tr>{{range .Head}}<th>{{.}}</th>{{end}}</tr>
{{end}}{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</table></div>
{{if .Note}}<p>{{.Note}}</p>
{{end}}{{end}}</body></html>
`))
