package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Colours that stay apart for the colour-blind (M. Okabe, K. Ito, 2008).
var (
	orange  = color.RGBA{230, 159, 0, 255}
	blue    = color.RGBA{0, 114, 178, 255}
	sky     = color.RGBA{86, 180, 233, 255}
	green   = color.RGBA{0, 158, 115, 255}
	red     = color.RGBA{213, 94, 0, 255}
	purple  = color.RGBA{204, 121, 167, 255}
	grey    = color.RGBA{110, 110, 110, 255}
	pale    = color.RGBA{225, 225, 225, 255}
	palette = []color.RGBA{blue, red, green, purple, orange, sky}
)

// sans is the face of everything written in a chart.
func sans(size vg.Length) font.Font {
	return font.From(font.Font{Typeface: plot.DefaultFont.Typeface, Variant: "Sans"}, size)
}

var dashes = []vg.Length{vg.Points(5), vg.Points(4)}

// newPlot returns an empty chart in the report's style.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font = sans(13)
	p.Title.Padding = vg.Points(10)
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = sans(10.5)
		axis.Label.Padding = vg.Points(4)
		axis.Tick.Label.Font = sans(9)
	}
	p.Legend.TextStyle.Font = sans(9)
	p.Legend.Padding = vg.Points(2)
	p.Legend.ThumbnailWidth = vg.Points(24)
	p.Legend.Top = true
	p.BackgroundColor = color.White
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = pale, pale
	p.Add(grid)
	return p
}

// series adds a line with its name in the legend, in a style of its own.
func series(p *plot.Plot, name string, points plotter.XYs, c color.Color, glyph draw.GlyphDrawer, dashed bool) error {
	if len(points) == 0 {
		return nil
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	line.Width, line.Color = vg.Points(1.8), c
	if dashed {
		line.Dashes = dashes
	}
	p.Add(line)
	if glyph == nil {
		p.Legend.Add(name, line)
		return nil
	}
	dots.Shape, dots.Color, dots.Radius = glyph, c, vg.Points(3)
	p.Add(dots)
	p.Legend.Add(name, line, dots)
	return nil
}

// logAxis makes an axis logarithmic, with the given ticks.
func logAxis(axis *plot.Axis, ticks plot.Ticker) {
	axis.Scale, axis.Tick.Marker = plot.LogScale{}, ticks
}

// byteTicks are ticks at sizes.
func byteTicks(sizes []int) plot.Ticker {
	var ticks plot.ConstantTicks
	for _, size := range sizes {
		ticks = append(ticks, plot.Tick{Value: float64(size), Label: bytesName(size)})
	}
	return ticks
}

// decimalTicks are ticks at 1, 2 and 5 times the powers of ten.
func decimalTicks(label func(v float64) string) plot.Ticker {
	return plot.TickerFunc(func(low, high float64) []plot.Tick {
		var ticks []plot.Tick
		for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
			for _, step := range []float64{1, 2, 5} {
				if v := step * power; v >= low && v <= high {
					ticks = append(ticks, plot.Tick{Value: v, Label: label(v)})
				}
			}
		}
		return ticks
	})
}

func plain(v float64) string { return fmt.Sprintf("%g", math.Round(v*1e6)/1e6) }

// save writes a chart as PNG and SVG, and no chart if there is nothing in it.
func save(p *plot.Plot, dir, name string, width, height vg.Length) error {
	if p.X.Min > p.X.Max || p.Y.Min > p.Y.Max {
		return nil
	}
	png := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(144))}
	p.Draw(margins(draw.New(png)))
	if err := writeTo(filepath.Join(dir, name+".png"), png); err != nil {
		return err
	}
	svg := vgsvg.NewWith(vgsvg.UseWH(width, height), vgsvg.EmbedFonts(false))
	p.Draw(margins(draw.New(svg)))
	return writeTo(filepath.Join(dir, name+".svg"), svg)
}

func margins(c draw.Canvas) draw.Canvas {
	const margin = 12
	return draw.Crop(c, margin, -margin, margin, -margin)
}

func writeTo(path string, canvas vg.CanvasWriterTo) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(file); err != nil {
		return err
	}
	return file.Close()
}

// barGlyph is an upright stroke, to mark a place on a lying bar.
type barGlyph struct{}

func (barGlyph) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: style.Color, Width: vg.Points(2)})
	var stroke vg.Path
	stroke.Move(vg.Point{X: at.X, Y: at.Y - style.Radius*1.3})
	stroke.Line(vg.Point{X: at.X, Y: at.Y + style.Radius*1.3})
	c.Stroke(stroke)
}
