package report

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// chart is a plot of lines over time, with marks at some times.
type chart struct {
	title, unit string
	lines       []line
	marks       []mark
	log         bool    // logarithmic ordinates
	end         float64 // of the abscissa, seconds: marks beyond are not shown
}

// line is a named line. Ordinates that are not positive are gaps on logarithmic
// charts.
type line struct {
	name  string
	color string
	x, y  []float64
}

// mark is a vertical line.
type mark struct {
	x    float64
	text string
}

// Sizes of a chart in pixels.
const (
	chartWidth, chartHeight                          = 860, 280
	marginLeft, marginRight, marginTop, marginBottom = 64, 16, 34, 34
	labelWidth                                       = 12 // of a mark's label, which is written downwards
	maxLabel                                         = 44 // bytes
)

// svg writes the chart.
func (c *chart) svg() string {
	lo, hi := c.bounds()
	x := func(v float64) float64 {
		return marginLeft + v/max(c.end, 1e-9)*(chartWidth-marginLeft-marginRight)
	}
	y := func(v float64) float64 {
		at := (v - lo) / (hi - lo)
		if c.log {
			at = math.Log(max(v, lo)/lo) / math.Log(hi/lo)
		}
		return chartHeight - marginBottom - at*(chartHeight-marginTop-marginBottom)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		chartWidth, chartHeight, html.EscapeString(c.title))
	fmt.Fprintf(&b, `<text x="%d" y="18" class="t">%s, %s</text>`, marginLeft, html.EscapeString(c.title), html.EscapeString(c.unit))
	for _, v := range ticks(lo, hi, c.log) {
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="g"/><text x="%d" y="%.1f" class="a" text-anchor="end">%s</text>`,
			marginLeft, chartWidth-marginRight, y(v), y(v), marginLeft-6, y(v)+4, label(v))
	}
	for _, v := range ticks(0, c.end, false) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="a" text-anchor="middle">%s s</text>`, x(v), chartHeight-marginBottom+18, label(v))
	}
	c.drawMarks(&b, x)
	right := float64(chartWidth - marginRight)
	for i := len(c.lines) - 1; i >= 0; i-- {
		l := c.lines[i]
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.6" stroke-linecap="round"/>`, c.path(l, x, y), l.color)
		fmt.Fprintf(&b, `<text x="%.1f" y="18" class="a" text-anchor="end" style="fill:%s">%s</text>`, right, l.color, html.EscapeString(l.name))
		right -= float64(8*len(l.name) + 14)
	}
	b.WriteString(`</svg>`)
	return b.String()
}

// shown returns the marks within the chart, from left to right.
func (c *chart) shown() []mark {
	marks := slices.DeleteFunc(slices.Clone(c.marks), func(m mark) bool { return m.x > c.end })
	slices.SortStableFunc(marks, func(a, b mark) int { return cmp.Compare(a.x, b.x) })
	return marks
}

// drawMarks writes the marks, and the labels of those that are close to each other as
// one.
func (c *chart) drawMarks(b *strings.Builder, x func(float64) float64) {
	marks := c.shown()
	for _, m := range marks {
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" class="m"><title>%s</title></line>`,
			x(m.x), x(m.x), marginTop, chartHeight-marginBottom, html.EscapeString(m.text))
	}
	for i := 0; i < len(marks); {
		text, first := marks[i].text, x(marks[i].x)
		for i++; i < len(marks) && x(marks[i].x) < first+labelWidth; i++ {
			text += "; " + marks[i].text
		}
		fmt.Fprintf(b, `<text transform="translate(%.1f %d) rotate(90)" class="n">%s</text>`,
			first+3, marginTop+2, html.EscapeString(shortened(text, maxLabel)))
	}
}

// path writes a line's path.
func (c *chart) path(l line, x, y func(float64) float64) string {
	var b strings.Builder
	pen := "M"
	for i := range l.x {
		if c.log && l.y[i] <= 0 {
			pen = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", pen, x(l.x[i]), y(l.y[i]))
		if pen == "M" {
			b.WriteString("h0") // so that a point between gaps is seen
		}
		pen = "L"
	}
	return b.String()
}

// bounds returns the least and greatest ordinate of the chart: whole decades on
// logarithmic ones, and from 0 on others.
func (c *chart) bounds() (lo, hi float64) {
	lo, hi = math.Inf(1), 0
	for _, l := range c.lines {
		for _, v := range l.y {
			hi = max(hi, v)
			if v > 0 {
				lo = min(lo, v)
			}
		}
	}
	if hi <= 0 {
		lo, hi = 1, 10 // there is nothing to show
	}
	if !c.log {
		return 0, hi * 1.05
	}
	lo = math.Pow(10, math.Floor(math.Log10(lo)))
	return lo, max(math.Pow(10, math.Ceil(math.Log10(hi))), 10*lo)
}

// ticks returns round numbers from lo to hi: decades, or about five.
func ticks(lo, hi float64, log bool) []float64 {
	var all []float64
	if log {
		for v := lo; v <= hi*1.001; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	if !(hi > lo) {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/6)))
	for _, by := range []float64{1, 2, 5, 10} {
		if (hi-lo)/(step*by) <= 6 {
			step *= by
			break
		}
	}
	for i := math.Ceil(lo / step); i*step <= hi; i++ {
		all = append(all, i*step)
	}
	return all
}

// label writes a tick.
func label(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
