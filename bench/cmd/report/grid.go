package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/redstuff-go/redstuff/bench/internal/measure"
	"github.com/redstuff-go/redstuff/bench/internal/work"
)

// The grid: shapes from the smallest to the largest, beside klauspost's codecs over
// GF(2^16), whose bytes are the same, and over GF(2^8), which a reader with few shards
// could have instead.
var (
	gridShapes = []work.Shape{
		{Data: 1, Parity: 1}, {Data: 2, Parity: 1}, {Data: 4, Parity: 1}, {Data: 4, Parity: 2}, {Data: 8, Parity: 4}, {Data: 10, Parity: 4},
		{Data: 12, Parity: 4}, {Data: 16, Parity: 4}, {Data: 17, Parity: 3}, {Data: 32, Parity: 8}, {Data: 16, Parity: 16}, {Data: 32, Parity: 32},
		{Data: 64, Parity: 16}, {Data: 128, Parity: 128}, {Data: 256, Parity: 256}, {Data: 334, Parity: 666},
		{Data: 667, Parity: 333}, {Data: 1000, Parity: 1000}, {Data: 4096, Parity: 64},
	}
	gridSizes = []int{64, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}
	gridWorks = []gridWork{
		{"encode", func(a *work.Arena, e work.Engine, s work.Shape, size int) (*work.Op, error) {
			return work.Encode1D(a, e, s, size, 1)
		}},
		{"one lost", gridDecode(work.OneSeen)},
		{"a quarter lost", gridDecode(work.QuarterSeen)},
		{"as many lost as parity", gridDecode(work.ParitySeen)},
	}
	gridEngines = []work.Engine{work.Redstuff, work.Klauspost, work.KlauspostSmall}
)

// gridMemory bounds the bytes of all shards of a line.
const gridMemory = 640 << 20

// gridWork is what is measured in every cell of a grid.
type gridWork struct {
	name   string
	makeOp func(a *work.Arena, e work.Engine, s work.Shape, size int) (*work.Op, error)
}

func gridDecode(loss work.Loss) func(*work.Arena, work.Engine, work.Shape, int) (*work.Op, error) {
	return func(a *work.Arena, e work.Engine, s work.Shape, size int) (*work.Op, error) {
		return work.Decode1D(a, e, s, size, 1, loss)
	}
}

// GridLine is one work on one shape and size, by every engine that can do it.
type GridLine struct {
	Work  string `json:"work"`
	Shape string `json:"shape"`
	Size  int    `json:"size"`
	Bytes int64  `json:"bytes"` // original data of one run
	// Median nanoseconds of one run.
	Ours  float64 `json:"ours"`
	Peer  float64 `json:"peer"`            // over GF(2^16)
	Small float64 `json:"small,omitempty"` // over GF(2^8), where that has as many shards
}

// Ratio returns how many times as fast as the peer over GF(2^16) this project is.
func (l *GridLine) Ratio() float64 { return l.Peer / l.Ours }

// SmallRatio is the same for the peer over GF(2^8), or 0.
func (l *GridLine) SmallRatio() float64 { return l.Small / l.Ours }

// Grid is what a run measured.
type Grid struct {
	Machine   Machine
	Settings  measure.Settings
	Processor bool // times are of the processor, not those that passed
	Lines     []GridLine
}

// measureGrid measures the lines whose names, such as "encode 10+4 1 KiB", match. Lines
// that do not are taken from old.
func measureGrid(s measure.Settings, processor bool, only *regexp.Regexp, old *Grid) (*Grid, error) {
	grid := &Grid{Machine: thisMachine(), Settings: s, Processor: processor}
	begin := time.Now()
	for _, shape := range gridShapes {
		for _, size := range gridSizes {
			if shape.Total()*size > gridMemory {
				continue
			}
			for _, w := range gridWorks {
				line := GridLine{Work: w.name, Shape: shape.String(), Size: size}
				if name := fmt.Sprintf("%s %v %s", w.name, shape, bytesName(size)); !only.MatchString(name) {
					if kept := old.find(line.Work, line.Shape, size); kept != nil {
						grid.Lines = append(grid.Lines, *kept)
					}
					continue
				}
				if err := line.measure(s, processor, w, shape); err != nil {
					return nil, fmt.Errorf("%s %v, %d bytes: %w", w.name, shape, size, err)
				}
				fmt.Fprintf(os.Stderr, "%5.0fs  %-24s %-10v %8s  %8.2f GB/s  %6.2f× GF(2^16)", time.Since(begin).Seconds(), w.name, shape, bytesName(size), float64(line.Bytes)/line.Ours, line.Ratio())
				if line.Small > 0 {
					fmt.Fprintf(os.Stderr, "  %6.2f× GF(2^8)", line.SmallRatio())
				}
				fmt.Fprintln(os.Stderr)
				grid.Lines = append(grid.Lines, line)
			}
			debug.FreeOSMemory()
		}
	}
	return grid, nil
}

func (l *GridLine) measure(s measure.Settings, processor bool, w gridWork, shape work.Shape) error {
	// Codecs with the same bytes work on the same shards.
	var shared, own work.Arena
	var ops []*work.Op
	for _, e := range gridEngines {
		arena := &shared
		if e.Own {
			arena = &own
			if shape.Total() > work.SmallField {
				continue
			}
		}
		op, err := w.makeOp(arena, e, shape, l.Size)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		ops = append(ops, op)
	}
	measured, err := measure.Run(s, ops)
	if err != nil {
		return err
	}
	l.Bytes = measured[0].Bytes
	for i, to := range []*float64{&l.Ours, &l.Peer, &l.Small}[:len(measured)] {
		if processor {
			measured[i].OnProcessor()
		}
		*to = measured[i].Median()
	}
	return nil
}

// find returns a line, or nil.
func (g *Grid) find(work, shape string, size int) *GridLine {
	for i := range g.Lines {
		if l := &g.Lines[i]; l.Work == work && l.Shape == shape && l.Size == size {
			return l
		}
	}
	return nil
}

const gridFile = "grid.json"

// readGrid reads the grid that dir keeps: an empty one if there is none.
func readGrid(dir string) (*Grid, error) {
	data, err := os.ReadFile(filepath.Join(dir, gridFile))
	if os.IsNotExist(err) {
		return new(Grid), nil
	}
	if err != nil {
		return nil, err
	}
	g := new(Grid)
	return g, json.Unmarshal(data, g)
}

func (g *Grid) write(dir string) error {
	data, err := json.MarshalIndent(g, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, gridFile), append(data, '\n'), 0o644)
}
