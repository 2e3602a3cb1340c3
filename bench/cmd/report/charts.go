package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/redstuff-go/redstuff/bench/internal/peer"
	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
)

const (
	chartWidth  = 7.5 * vg.Inch
	chartHeight = 4.6 * vg.Inch
)

// charts draws what was measured into a directory.
type charts struct {
	*Results
	dir string
}

// drawAll draws all charts.
func (c charts) drawAll() error {
	for _, s := range shapes {
		if err := c.encode(s); err != nil {
			return err
		}
		if err := c.decode(s); err != nil {
			return err
		}
	}
	for _, draw := range []func() error{c.redstuff, c.hash, c.cores, c.goals, c.backends} {
		if err := draw(); err != nil {
			return err
		}
	}
	return nil
}

// over returns the points of measurements over sizes, the key being given for each
// size in order of preference.
func (c charts) over(sizes []int, y func(*Measurement) float64, keys func(size int) []Key) plotter.XYs {
	var points plotter.XYs
	for _, size := range sizes {
		if m := c.fastest(keys(size)...); m != nil {
			points = append(points, plotter.XY{X: float64(size), Y: y(m)})
		}
	}
	return points
}

func gigabytes(m *Measurement) float64 { return m.Throughput() / 1e9 }

func (c charts) encode(s work.Shape) error {
	p := newPlot(fmt.Sprintf("Encoding %v shards", s), "size of a shard", "data encoded, GB/s")
	logAxis(&p.X, byteTicks(shardSizes))
	logAxis(&p.Y, decimalTicks(plain))
	key := func(cores int, who ...string) func(int) []Key {
		return func(size int) (keys []Key) {
			for _, name := range who {
				keys = append(keys, Key{encode1D, s.String(), size, cores, name, ""})
			}
			return keys
		}
	}
	many := c.Machine.Cores
	lines := []error{
		series(p, fmt.Sprintf("redstuff, %d cores", many), c.over(shardSizes, gigabytes, key(many, redstuff)), sky, draw.TriangleGlyph{}, false),
		series(p, "redstuff, one core", c.over(shardSizes, gigabytes, key(1, redstuff)), blue, draw.CircleGlyph{}, false),
		series(p, fmt.Sprintf("klauspost, %d cores, best split", many),
			c.over(shardSizes, gigabytes, key(many, manyCores[1].Name, manyCores[2].Name)), orange, draw.TriangleGlyph{}, false),
		series(p, "klauspost, one core", c.over(shardSizes, gigabytes, key(1, klauspost)), red, draw.CircleGlyph{}, false),
	}
	if bound, known := peer.EncodeBound(s.String()); known {
		lines = append(lines, series(p, "compute bound of one core", level(shardSizes, bound/1e9), grey, nil, true))
	}
	return finish(p, lines, c.dir, "encode1d-"+s.String())
}

func level(sizes []int, y float64) plotter.XYs {
	return plotter.XYs{{X: float64(sizes[0]), Y: y}, {X: float64(sizes[len(sizes)-1]), Y: y}}
}

func (c charts) decode(s work.Shape) error {
	p := newPlot(fmt.Sprintf("Decoding %v shards, %d lost, one core", s, s.Parity), "size of a shard", "data decoded, GB/s")
	logAxis(&p.X, byteTicks(shardSizes))
	logAxis(&p.Y, decimalTicks(plain))
	p.Legend.Left = true
	key := func(who string, loss work.Loss) func(int) []Key {
		return func(size int) []Key { return []Key{{decode1D, s.String(), size, 1, who, loss.Name}} }
	}
	return finish(p, []error{
		series(p, "redstuff, pattern seen before", c.over(shardSizes, gigabytes, key(redstuff, work.LargestSeen)), sky, draw.TriangleGlyph{}, false),
		series(p, "redstuff, new pattern", c.over(shardSizes, gigabytes, key(redstuff, work.LargestNew)), blue, draw.CircleGlyph{}, false),
		series(p, "klauspost", c.over(shardSizes, gigabytes, key(klauspost, work.LargestNew)), red, draw.CircleGlyph{}, false),
	}, c.dir, "decode1d-"+s.String())
}

func (c charts) redstuff() error {
	p := newPlot(fmt.Sprintf("RedStuff: encode and commit, n = %d", manyShards), "size of the blob", "time, ms")
	logAxis(&p.X, byteTicks(blobSizes))
	logAxis(&p.Y, decimalTicks(plain))
	p.Legend.Left = true
	milliseconds := func(m *Measurement) float64 { return m.Best() / 1e6 }
	key := func(scheme commit.Scheme, cores int) func(int) []Key {
		return func(size int) []Key {
			return []Key{{encode2D, codeName(manyShards), size, cores, redstuff, scheme.String()}}
		}
	}
	var earlier, bound plotter.XYs
	params, err := commit.NewParams(manyShards)
	if err != nil {
		return err
	}
	for _, size := range blobSizes {
		if ns := c.walrus(encode2D, "", size); ns > 0 {
			earlier = append(earlier, plotter.XY{X: float64(size), Y: ns / 1e6})
		}
		symbol, err := params.SymbolSize(uint64(size))
		if err != nil {
			return err
		}
		bound = append(bound, plotter.XY{X: float64(size), Y: peer.RedStuffBound(symbol) / 1e6})
	}
	many := c.Machine.Cores
	return finish(p, []error{
		series(p, "walrus-core, one core, scaled", earlier, red, draw.CircleGlyph{}, false),
		series(p, "Walrus scheme, one core", c.over(blobSizes, milliseconds, key(commit.Walrus, 1)), green, draw.CircleGlyph{}, false),
		series(p, "BLAKE3, one core", c.over(blobSizes, milliseconds, key(commit.BLAKE3, 1)), blue, draw.CircleGlyph{}, false),
		series(p, "BLAKE3, one core: compute bound", bound, grey, nil, true),
		series(p, fmt.Sprintf("BLAKE3, %d cores", many), c.over(blobSizes, milliseconds, key(commit.BLAKE3, many)), sky, draw.TriangleGlyph{}, false),
	}, c.dir, "redstuff")
}

func (c charts) hash() error {
	p := newPlot("Hashing a thousand messages, one core", "size of a message", "time of a message, ns")
	logAxis(&p.X, byteTicks([]int{2, 32, 64, 128, 256, 512, 1 << 10, 2 << 10, 4 << 10}))
	logAxis(&p.Y, decimalTicks(plain))
	p.Legend.Left = true
	perMessage := func(m *Measurement) float64 { return m.Best() / float64(work.Messages(m.Size)) }
	key := func(scheme commit.Scheme, who string) func(int) []Key {
		return func(size int) []Key { return []Key{{hashLeaves, scheme.String(), size, 1, who, ""}} }
	}
	var bound plotter.XYs
	for _, size := range hashSizes {
		bound = append(bound, plotter.XY{X: float64(size), Y: peer.HashBound(size)})
	}
	return finish(p, []error{
		series(p, "x/crypto Blake2b-256", c.over(hashSizes, perMessage, key(commit.Walrus, libraries[commit.Walrus])), orange, draw.TriangleGlyph{}, false),
		series(p, "zeebo BLAKE3", c.over(hashSizes, perMessage, key(commit.BLAKE3, libraries[commit.BLAKE3])), red, draw.CircleGlyph{}, false),
		series(p, "redstuff Blake2b-256", c.over(hashSizes, perMessage, key(commit.Walrus, redstuff)), sky, draw.TriangleGlyph{}, false),
		series(p, "redstuff BLAKE3", c.over(hashSizes, perMessage, key(commit.BLAKE3, redstuff)), blue, draw.CircleGlyph{}, false),
		series(p, "BLAKE3 at 7.1 GB/s", bound, grey, nil, true),
	}, c.dir, "hash")
}

func (c charts) cores() error {
	p := newPlot("Speed-up over cores", "cores", "times the speed of one core")
	p.Legend.Left = true
	var ideal plotter.XYs
	var ticks plot.ConstantTicks
	for cores := 1; cores <= c.Machine.Cores; cores++ {
		ideal = append(ideal, plotter.XY{X: float64(cores), Y: float64(cores)})
		ticks = append(ticks, plot.Tick{Value: float64(cores), Label: fmt.Sprint(cores)})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks, ticks
	lines := []error{series(p, "ideal", ideal, grey, nil, true)}
	glyphs := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.TriangleGlyph{}, draw.SquareGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}}
	for i, key := range scaled {
		var points plotter.XYs
		list := c.scaling(key)
		for _, m := range list {
			points = append(points, plotter.XY{X: float64(m.Cores), Y: list[0].Best() / m.Best()})
		}
		lines = append(lines, series(p, scaledName(key), points, palette[i%len(palette)], glyphs[i%len(glyphs)], false))
	}
	return finish(p, lines, c.dir, "cores")
}

// goals has a bar for every line of the first table, from top to bottom, with
// marks where it must reach and where it aims.
func (c charts) goals() error {
	lines := slices.DeleteFunc(c.lines(), func(l line) bool { return l.verdict == told })
	if len(lines) == 0 {
		return nil
	}
	slices.Reverse(lines)
	p := newPlot("Times faster than the peer", "ratio of times, peer / redstuff", "")
	logAxis(&p.X, decimalTicks(plain))
	var ticks plot.ConstantTicks
	var least, aim plotter.XYs
	reached := map[string]plotter.XYs{}
	low, high := 1.0, 1.0
	for i, l := range lines {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: l.label + ": " + l.part})
		least = append(least, plotter.XY{X: l.least, Y: float64(i)})
		aim = append(aim, plotter.XY{X: l.aim, Y: float64(i)})
		reached[l.verdict] = append(reached[l.verdict], plotter.XY{X: l.ratio, Y: float64(i)})
		low, high = min(low, l.ratio), max(high, l.ratio, l.aim)
	}
	p.Y.Tick.Marker = ticks
	p.Y.Min, p.Y.Max = -0.7, float64(len(lines))-0.3
	p.X.Min, p.X.Max = low/1.1, high*1.4
	for _, verdict := range []struct {
		name   string
		colour color.Color
	}{{metAim, green}, {metLeast, blue}, {short, red}} {
		for i, at := range append(plotter.XYs{{X: 1, Y: -1}}, reached[verdict.name]...) {
			bar, err := plotter.NewLine(plotter.XYs{{X: 1, Y: at.Y}, {X: at.X, Y: at.Y}})
			if err != nil {
				return err
			}
			bar.Width, bar.Color = vg.Points(7), verdict.colour
			if i == 0 { // the legend's, in case the verdict is nobody's
				p.Legend.Add(verdict.name, bar)
				continue
			}
			p.Add(bar)
		}
	}
	for _, mark := range []struct {
		name   string
		points plotter.XYs
		glyph  draw.GlyphDrawer
	}{{"at least", least, barGlyph{}}, {"aim", aim, draw.RingGlyph{}}} {
		dots, err := plotter.NewScatter(mark.points)
		if err != nil {
			return err
		}
		dots.Shape, dots.Color, dots.Radius = mark.glyph, color.Black, vg.Points(4)
		p.Add(dots)
		p.Legend.Add(mark.name, dots)
	}
	p.Y.Tick.Label.XAlign = text.XRight
	return save(p, c.dir, "goals", 9.5*vg.Inch, vg.Length(len(lines))*13*vg.Points(1)+1.4*vg.Inch)
}

// backends has a group of bars for every instruction set: how much faster each
// work is than in pure Go.
func (c charts) backends() error {
	p := newPlot("Instruction sets beside pure Go, one core", "", "times the speed of the generic backend")
	works := []struct {
		name string
		key  Key
	}{
		{"encode 667+333, 1 KiB", Key{encode1D, shapes[1].String(), 1 << 10, 1, redstuff, ""}},
		{"decode 667+333, 1 KiB", Key{decode1D, shapes[1].String(), 1 << 10, 1, redstuff, ""}},
		{"BLAKE3 leaves of 152 B", Key{hashLeaves, commit.BLAKE3.String(), 152, 1, redstuff, ""}},
		{"Blake2b leaves of 152 B", Key{hashLeaves, commit.Walrus.String(), 152, 1, redstuff, ""}},
		{"RedStuff encode, n = 1000, 32 MiB", Key{encode2D, codeName(manyShards), 32 << 20, 1, redstuff, ""}},
	}
	names := slices.Clone(c.Machine.Backends)
	slices.Reverse(names)
	if len(names) < 2 {
		return nil
	}
	width := vg.Points(17)
	for i, w := range works {
		var values plotter.Values
		for _, name := range names {
			w.key.How = "backend " + name
			m := c.find(w.key)
			if m == nil {
				return nil
			}
			values = append(values, 1/m.Best())
		}
		for k := len(values) - 1; k >= 0; k-- {
			values[k] /= values[0]
		}
		bars, err := plotter.NewBarChart(values[1:], width)
		if err != nil {
			return err
		}
		bars.Color, bars.LineStyle.Width = palette[i], 0
		bars.Offset = width * vg.Length(float64(i)-float64(len(works)-1)/2)
		p.Add(bars)
		p.Legend.Add(w.name, bars)
	}
	p.Legend.Left = true
	p.NominalX(names[1:]...)
	p.X.Min, p.X.Max = -0.6, float64(len(names))-1.4
	p.Y.Min = 0
	return finish(p, nil, c.dir, "backends")
}

// finish saves a chart of the usual size, with room for the legend above the lines,
// unless a part of it failed.
func finish(p *plot.Plot, parts []error, dir, name string) error {
	for _, err := range parts {
		if err != nil {
			return fmt.Errorf("chart %s: %w", name, err)
		}
	}
	if _, logarithmic := p.Y.Scale.(plot.LogScale); logarithmic && p.Y.Max > p.Y.Min {
		p.Y.Max *= math.Pow(p.Y.Max/p.Y.Min, 0.3)
		p.Y.Min /= 1.15
	} else {
		p.Y.Max += 0.25 * (p.Y.Max - p.Y.Min)
	}
	return save(p, dir, name, chartWidth, chartHeight)
}
