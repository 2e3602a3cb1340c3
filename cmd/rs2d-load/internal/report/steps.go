package report

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
)

// steps has a row for each kind and size, and a column for each step.
func steps(r *Result, kind string) table {
	t := table{}
	for _, b := range r.Steps {
		if b.Kind != kind {
			continue
		}
		if t.Head == nil {
			t.Head = append([]string{"mean " + kind + " of at most", "ops", "all"}, stepNames(r, kind)...)
		}
		row := []string{ui.Bytes(uint64(b.Bytes)), ui.Count(b.Count), ms(b.Total)}
		took := make(map[string]float64)
		for _, s := range b.Steps {
			took[s.Step] = s.Mean
		}
		for _, s := range stepNames(r, kind) {
			cell := "-"
			if v, ok := took[s]; ok {
				cell = ms(v)
			}
			row = append(row, cell)
		}
		t.add(row...)
	}
	return t
}

// stepNames lists the steps that any row of a kind has, in their order.
func stepNames(r *Result, kind string) (names []string) {
	order := load.StepsOf(load.Read)
	if kind == load.Write.String() {
		order = load.StepsOf(load.Write)
	}
	for _, step := range order {
		if slices.ContainsFunc(r.Steps, func(b load.Breakdown) bool {
			return b.Kind == kind && slices.ContainsFunc(b.Steps, func(s load.StepTime) bool { return s.Step == string(step) })
		}) {
			names = append(names, string(step))
		}
	}
	return names
}

// stepBars draws a bar for each kind and size, in which each step has its part. What goes on
// side by side is longer together than the whole.
func stepBars(r *Result, kind string) string {
	const left, right, bar, gap, top = 150, 90, 22, 10, 44
	longest := 0.0
	var rows []int
	for i, b := range r.Steps {
		if b.Kind != kind {
			continue
		}
		sum := 0.0
		for _, s := range b.Steps {
			sum += s.Mean
		}
		rows = append(rows, i)
		longest = max(longest, sum, b.Total)
	}
	if len(rows) == 0 || longest <= 0 {
		return ""
	}
	height := top + len(rows)*(bar+gap)
	var b strings.Builder
	title := "Where a " + kind + " spends its time"
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" class="chart" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg"><text x="0" y="18" class="t">%s</text>`,
		chartWidth, height, title, title)
	names := stepNames(r, kind)
	x := left
	for i, name := range names {
		fmt.Fprintf(&b, `<rect x="%d" y="26" width="10" height="10" class="f c%d"/><text x="%d" y="35" class="a">%s</text>`, x, i, x+14, name)
		x += 8*len(name) + 34
	}
	for at, i := range rows {
		row := &r.Steps[i]
		y := top + at*(bar+gap)
		fmt.Fprintf(&b, `<text x="%d" y="%d" class="a" text-anchor="end">%s</text>`, left-8, y+15, html.EscapeString("≤ "+ui.Bytes(uint64(row.Bytes))))
		from := float64(left)
		for _, s := range row.Steps {
			width := s.Mean / longest * (chartWidth - left - right)
			color := slices.Index(names, s.Step)
			fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" class="f c%d"><title>%s: %s of %s</title></rect>`,
				from, y, max(width, 0.5), bar, color, s.Step, ms(s.Mean), ms(row.Total))
			from += width
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="a">%s</text>`, from+6, y+15, ms(row.Total))
	}
	b.WriteString(`</svg>`)
	return b.String()
}
