package report

import (
	_ "embed" // of the page
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// HTML writes a page with tables and charts, which needs no other file.
func (r *Result) HTML(w io.Writer) error {
	charts := []template.HTML{}
	for _, c := range (drawing{r}).charts() {
		charts = append(charts, template.HTML(c.svg())) // svg escapes what it is given
	}
	for _, kind := range []string{"write", "read"} {
		if bars := stepBars(r, kind); bars != "" {
			charts = append(charts, template.HTML(bars)) // it too
		}
	}
	type row struct {
		Name   string
		Charts []template.HTML
	}
	var rows []row
	for _, n := range (drawing{r}).nodeRows() {
		one := row{Name: n.Name}
		for _, c := range n.Charts {
			one.Charts = append(one.Charts, template.HTML(c.svg()))
		}
		rows = append(rows, one)
	}
	return page.Execute(w, map[string]any{
		"Title":    fmt.Sprintf("rs2d-load: %d nodes, %d shards", r.Setup.Nodes, r.Setup.Shards),
		"Headline": r.headline(), "Tables": r.tables(), "Verdict": r.verdict(), "Charts": charts, "Nodes": rows, "OK": r.OK,
		"Settings": settings(r), "Command": r.Setup.Command,
	})
}

// settings are what was run, in words.
func settings(r *Result) (rows [][]string) {
	s := r.Setup
	add := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "0" && text != "[]" {
			rows = append(rows, []string{name, text})
		}
	}
	if !s.Started.IsZero() {
		add("started", s.Started.Format(time.RFC1123))
	}
	add("program", s.Version)
	add("processor", fmt.Sprintf("%d × %s, %s", s.CPUs, s.Processor, s.Backend))
	add("cluster", fmt.Sprintf("%d nodes, %d shards, f = %d, scheme %s", s.Nodes, s.Shards, s.FaultyShards, s.Scheme))
	add("control plane", s.Control)
	if s.Network != nil {
		add("network", s.Network)
	}
	add("TLS", s.TLS)
	add("blobs", s.Sizes)
	add("share of reads", s.ReadShare)
	add("share of duplicates", s.Duplicates)
	add("share of inconsistent blobs", s.Inconsistent)
	add("operations", s.loop())
	add("check of reads", s.Check)
	add("bytes compared", s.Verify)
	add("seed", s.Seed)
	add("schedule", strings.Join(s.Schedule, ", "))
	return rows
}
