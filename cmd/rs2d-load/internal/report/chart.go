package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// chart is a plot of lines or bars over time, or over latencies, with marks at some times.
type chart struct {
	title, unit string
	lines       []line
	marks       []mark
	log         bool    // logarithmic ordinates
	end         float64 // of the abscissa, seconds: marks beyond are not shown
	bars        bool    // from each abscissa to the next, instead of lines; the first is where they begin
	latencies   bool    // the abscissae are milliseconds, and logarithmic
	small       bool    // one of many in a row, without marks' labels
}

// line is a named line. Ordinates that are not positive are gaps on logarithmic
// charts.
type line struct {
	name  string
	color int // of the page's palette
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
	smallWidth, smallHeight                          = 300, 120
	marginLeft, marginRight, marginTop, marginBottom = 64, 16, 34, 34
	labelWidth                                       = 12 // of a mark's label, which is written downwards
	maxLabel                                         = 44 // bytes
)

// scales are how a chart is drawn.
type scales struct {
	width, height int
	lo, hi        float64 // ordinates
	from, to      float64 // abscissae
	x, y          func(float64) float64
}

func (c *chart) scales() scales {
	s := scales{width: chartWidth, height: chartHeight, to: max(c.end, 1e-9)}
	if c.small {
		s.width, s.height = smallWidth, smallHeight
	}
	s.lo, s.hi = c.bounds()
	if c.latencies {
		s.from, s.to = c.span()
	}
	s.x = func(v float64) float64 {
		at := (v - s.from) / (s.to - s.from)
		if c.latencies {
			at = math.Log(max(v, s.from)/s.from) / math.Log(s.to/s.from)
		}
		return marginLeft + at*float64(s.width-marginLeft-marginRight)
	}
	s.y = func(v float64) float64 {
		at := (v - s.lo) / (s.hi - s.lo)
		if c.log {
			at = math.Log(max(v, s.lo)/s.lo) / math.Log(s.hi/s.lo)
		}
		return float64(s.height-marginBottom) - at*float64(s.height-marginTop-marginBottom)
	}
	return s
}

// span returns the first and the last abscissa of latencies.
func (c *chart) span() (from, to float64) {
	from, to = math.Inf(1), 0
	for _, l := range c.lines {
		for _, v := range l.x {
			if v > 0 {
				from, to = min(from, v), max(to, v)
			}
		}
	}
	if !(from < to) {
		return 1, 10
	}
	return from, to
}

// shownData is what a page's script knows of a chart, to tell values where the mouse is.
type shownData struct {
	Unit  string      `json:"unit"`
	Log   bool        `json:"log"` // abscissae
	Bars  bool        `json:"bars"`
	Gaps  bool        `json:"gaps"` // where ordinates are not positive
	From  float64     `json:"from"`
	To    float64     `json:"to"`
	Width int         `json:"width"`
	Lines []shownLine `json:"lines"`
}

type shownLine struct {
	Name  string    `json:"name"`
	Color int       `json:"color"`
	X     []float64 `json:"x"`
	Y     []float64 `json:"y"`
}

// data writes that, with as many digits as can be seen.
func (c *chart) data(s scales) string {
	round := func(v []float64) []float64 {
		r := make([]float64, len(v))
		for i := range v {
			r[i], _ = strconv.ParseFloat(strconv.FormatFloat(v[i], 'g', 4, 64), 64) // it is a number
		}
		return r
	}
	d := shownData{Unit: c.unit, Log: c.latencies, Bars: c.bars, Gaps: c.log, From: s.from, To: s.to, Width: s.width}
	for _, l := range c.lines {
		d.Lines = append(d.Lines, shownLine{l.name, l.color, round(l.x), round(l.y)})
	}
	text, err := json.Marshal(d)
	if err != nil {
		return "{}" // a value that is none: the chart shows what it can
	}
	return string(text)
}

// svg writes the chart.
func (c *chart) svg() string {
	s := c.scales()
	var b strings.Builder
	class := "chart"
	if c.small {
		class = "chart small"
	}
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" class="%s" role="img" aria-label="%s" data-chart="%s" xmlns="http://www.w3.org/2000/svg">`,
		s.width, s.height, class, html.EscapeString(c.title), html.EscapeString(c.data(s)))
	title := c.title + ", " + c.unit
	if c.small {
		title = c.title
	}
	fmt.Fprintf(&b, `<text x="%d" y="18" class="t">%s</text>`, marginLeft, html.EscapeString(title))
	most := 6
	if c.small {
		most = 3
	}
	for _, v := range atMost(most, s.lo, s.hi, c.log) {
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="g"/><text x="%d" y="%.1f" class="a" text-anchor="end">%s</text>`,
			marginLeft, s.width-marginRight, s.y(v), s.y(v), marginLeft-6, s.y(v)+4, label(v))
	}
	unit := " s"
	abscissae := atMost(most, s.from, s.to, false)
	if c.latencies {
		unit = " ms"
		abscissae = octaves(s.from, s.to)
	}
	for _, v := range abscissae {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="a" text-anchor="middle">%s%s</text>`, s.x(v), s.height-marginBottom+18, label(v), unit)
	}
	c.drawMarks(&b, s)
	right := float64(s.width - marginRight)
	for i := len(c.lines) - 1; i >= 0; i-- {
		l := c.lines[i]
		if c.bars {
			fmt.Fprintf(&b, `<path d="%s" class="b c%d"/>`, c.steps(l, s), l.color)
		} else {
			fmt.Fprintf(&b, `<path d="%s" class="l c%d"/>`, c.path(l, s.x, s.y), l.color)
		}
		if c.small && len(c.lines) == 1 {
			continue
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="18" class="k c%d" text-anchor="end">%s</text>`, right, l.color, html.EscapeString(l.name))
		right -= float64(8*len(l.name) + 14)
	}
	fmt.Fprintf(&b, `<line class="h" y1="%d" y2="%d" visibility="hidden"/></svg>`, marginTop, s.height-marginBottom)
	return b.String()
}

// steps writes the outline of bars: from each abscissa to the next.
func (c *chart) steps(l line, s scales) string {
	var b strings.Builder
	for i := 1; i < len(l.x); i++ {
		fmt.Fprintf(&b, "M%.1f %.1fV%.1fH%.1fV%.1fZ", s.x(l.x[i-1]), s.y(s.lo), s.y(l.y[i]), s.x(l.x[i]), s.y(s.lo))
	}
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
func (c *chart) drawMarks(b *strings.Builder, s scales) {
	x := s.x
	marks := c.shown()
	for _, m := range marks {
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" class="m"><title>%s</title></line>`,
			x(m.x), x(m.x), marginTop, s.height-marginBottom, html.EscapeString(m.text))
	}
	for i := 0; i < len(marks) && !c.small; {
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
	return atMost(6, lo, hi, log)
}

// octaves returns 1, 2 and 5 of each decade from lo to hi, or 1 alone if these are many.
func octaves(lo, hi float64) []float64 {
	var all []float64
	digits := []float64{1, 2, 5}
	if hi > 1000*lo {
		digits = digits[:1]
	}
	for decade := math.Pow(10, math.Floor(math.Log10(lo))); decade <= hi; decade *= 10 {
		for _, digit := range digits {
			if v := digit * decade; v >= lo && v <= hi {
				all = append(all, v)
			}
		}
	}
	return all
}

// atMost is ticks, but for how many there are of those that are not decades.
func atMost(most int, lo, hi float64, log bool) []float64 {
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
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/float64(most))))
	for _, by := range []float64{1, 2, 5, 10} {
		if (hi-lo)/(step*by) <= float64(most) {
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
