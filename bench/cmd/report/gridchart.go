package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// heat colours a ratio: what is slower in reds, what is faster in blues, and what is the
// same in white. Twice and four times are as far apart as once and twice.
func heat(ratio float64) color.RGBA {
	x := math.Log2(ratio) / 3 // eight times as fast is the deepest blue
	to := blue
	if x < 0 {
		x, to = 3*-x, red // half as fast is the deepest red
	}
	x = math.Min(x, 1)
	mix := func(c uint8) uint8 { return uint8(255 + x*0.85*(float64(c)-255)) }
	return color.RGBA{mix(to.R), mix(to.G), mix(to.B), 255}
}

// cells draws a rectangle with a number for every line of a work.
type cells struct {
	grid  *Grid
	work  string
	ratio func(*GridLine) float64
}

// Plot implements plot.Plotter.
func (c *cells) Plot(canvas draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&canvas)
	style := draw.TextStyle{Color: color.Black, Font: sans(7), XAlign: draw.XCenter, YAlign: draw.YCenter, Handler: plot.DefaultTextHandler}
	for y, shape := range gridShapes {
		for x, size := range gridSizes {
			l := c.grid.find(c.work, shape.String(), size)
			if l == nil || c.ratio(l) == 0 {
				continue
			}
			ratio, row := c.ratio(l), float64(len(gridShapes)-1-y)
			left, right := toX(float64(x)-0.5), toX(float64(x)+0.5)
			low, high := toY(row-0.5), toY(row+0.5)
			canvas.FillPolygon(heat(ratio), []vg.Point{{X: left, Y: low}, {X: right, Y: low}, {X: right, Y: high}, {X: left, Y: high}})
			canvas.FillText(style, vg.Point{X: toX(float64(x)), Y: toY(row)}, digits(ratio))
		}
	}
}

// DataRange implements plot.DataRanger.
func (c *cells) DataRange() (xmin, xmax, ymin, ymax float64) {
	return -0.5, float64(len(gridSizes)) - 0.5, -0.5, float64(len(gridShapes)) - 0.5
}

// charts draws the heat maps: encoding beside both of klauspost's fields, and the losses
// beside GF(2^16).
func (g *Grid) charts(dir string) error {
	if len(g.Lines) == 0 {
		return nil
	}
	for _, chart := range []struct {
		name, title, work string
		ratio             func(*GridLine) float64
	}{
		{"grid", "Encoding, times the speed of klauspost over GF(2^16)", "encode", (*GridLine).Ratio},
		{"grid-gf8", "Encoding, times the speed of klauspost over GF(2^8)", "encode", (*GridLine).SmallRatio},
		{"grid-one", "One shard lost, times the speed of klauspost over GF(2^16)", "one lost", (*GridLine).Ratio},
		{"grid-quarter", "A quarter lost, times the speed of klauspost over GF(2^16)", "a quarter lost", (*GridLine).Ratio},
		{"grid-most", "As many lost as parity, times the speed of klauspost over GF(2^16)", "as many lost as parity", (*GridLine).Ratio},
	} {
		p := newPlot(chart.title, "size of a shard", "")
		p.X.Tick.Marker, p.Y.Tick.Marker = gridTicks()
		p.Add(&cells{g, chart.work, chart.ratio})
		if err := save(p, dir, chart.name, chartWidth, chartHeight*1.15); err != nil {
			return fmt.Errorf("%s: %w", chart.name, err)
		}
	}
	return nil
}

func gridTicks() (x, y plot.ConstantTicks) {
	for i, size := range gridSizes {
		x = append(x, plot.Tick{Value: float64(i), Label: bytesName(size)})
	}
	for i, shape := range slices.Backward(gridShapes) {
		y = append(y, plot.Tick{Value: float64(len(gridShapes) - 1 - i), Label: shape.String()})
	}
	return x, y
}

var _ plot.DataRanger = (*cells)(nil)

// gridSection writes what a grid found.
func (d *document) gridSection(g *Grid) {
	if len(g.Lines) == 0 {
		return
	}
	m := g.Machine
	d.paragraph("## Few and many shards")
	d.paragraph("Written by `make grid` on %s, %d cores, %s, revision %s, %s: medians of %d rounds of %v, of which each runs all codecs of a line in turn, on one core%s. "+
		"Throughput in GB/s of data, and in brackets how many times that of klauspost/reedsolomon: over GF(2^16), whose bytes are the same, "+
		"and for at most 256 shards over GF(2^8), its default, which has other bytes and fewer shards.",
		m.CPU, m.Cores, m.OS, m.Revision, m.Date, g.Settings.Rounds, g.Settings.Round, map[bool]string{true: ", by the time on the processor, because others used the machine meanwhile"}[g.Processor])
	d.chart("grid", "Heat map of encoding beside klauspost over GF(2^16)")
	d.chart("grid-gf8", "Heat map of encoding beside klauspost over GF(2^8)")
	d.chart("grid-one", "Heat map of restoring one lost shard")
	d.chart("grid-quarter", "Heat map of restoring a quarter of the data")
	d.chart("grid-most", "Heat map of restoring as many shards as there is parity")
	for _, w := range gridWorks {
		columns := []string{"shards"}
		for _, size := range gridSizes {
			columns = append(columns, ">"+bytesName(size))
		}
		var rows [][]string
		slower, lines := 0, 0
		for _, shape := range gridShapes {
			row := []string{shape.String()}
			for _, size := range gridSizes {
				l := g.find(w.name, shape.String(), size)
				if l == nil {
					row = append(row, "–")
					continue
				}
				lines++
				if l.Ratio() < 1 {
					slower++
				}
				text := digits(float64(l.Bytes)/l.Ours) + " (" + digits(l.Ratio()) + "×"
				if l.Small > 0 {
					text += ", " + digits(l.SmallRatio()) + "×"
				}
				row = append(row, text+")")
			}
			rows = append(rows, row)
		}
		d.paragraph("### %s%s", string(w.name[0]-'a'+'A'), w.name[1:])
		d.paragraph("%d of %d lines are slower than klauspost over GF(2^16).", slower, lines)
		d.table(columns, rows)
	}
}
