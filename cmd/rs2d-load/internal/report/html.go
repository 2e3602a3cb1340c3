package report

import (
	"fmt"
	"html/template"
	"io"
	"strings"

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
	var text strings.Builder
	if err := r.Text(&text); err != nil {
		return err
	}
	var charts []template.HTML
	for _, c := range r.charts() {
		charts = append(charts, template.HTML(c.svg())) // svg escapes what it is given
	}
	return page.Execute(w, map[string]any{
		"Title": fmt.Sprintf("rs2d-load: %d nodes, %d shards", r.Setup.Nodes, r.Setup.Shards),
		"Text":  text.String(), "Charts": charts, "OK": r.OK,
	})
}

// charts returns the charts that there is something to show on.
func (r *Result) charts() []chart {
	end := r.Seconds
	if n := len(r.Healing); n > 0 {
		end = max(end, r.Healing[n-1].Seconds)
	}
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
	if n := len(r.Healing); n > 0 && r.Healing[n-1].Received > 0 {
		received, restored := line{name: "received", color: blue}, line{name: "restored", color: orange}
		for _, p := range r.Healing {
			received.x, received.y = append(received.x, p.Seconds), append(received.y, float64(p.Received)/(1<<20))
			restored.x, restored.y = append(restored.x, p.Seconds), append(restored.y, float64(p.Restored)/(1<<20))
		}
		charts = append(charts, chart{title: "Recovery", unit: "MiB that nodes got from each other, and restored by passes that ended, so far", lines: []line{received, restored}})
	}
	for i := range charts {
		charts[i].marks, charts[i].end = marks, end
	}
	return charts
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{{.Title}}</title>
<style>
body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
pre{overflow-x:auto;background:#f5f5f5;padding:1rem;font-size:13px}
svg{width:100%;height:auto;margin:.5rem 0}
svg text{font:12px system-ui,sans-serif;fill:#333} svg .t{font-weight:600} svg .a{fill:#555} svg .n{font-size:10px;fill:#999}
svg .g{stroke:#e5e5e5} svg .m{stroke:#999;stroke-dasharray:3 3}
.bad{color:#b00020}
</style></head><body>
<h1>{{.Title}}</h1>
{{if not .OK}}<p class="bad"><strong>Not every promise was kept: see the problems below.</strong></p>{{end}}
{{range .Charts}}{{.}}
{{end}}<pre>{{.Text}}</pre>
</body></html>
`))
