package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
)

// Comparison is two runs side by side.
type Comparison struct {
	Settings []Differing `json:"settings"` // of which the runs differ
	Figures  []Figure    `json:"figures"`
}

// Differing is a setting of which two runs differ.
type Differing struct {
	Name string `json:"name"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// Figure is one figure of two runs.
type Figure struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	A      float64 `json:"a"`
	B      float64 `json:"b"`
	Change float64 `json:"change"` // B as a part of A, less one
	More   bool    `json:"more_is_better"`
}

// Worse returns by how much B is worse than A, as a part of A; negative if it is better.
func (f Figure) Worse() float64 {
	if f.More {
		return -f.Change
	}
	return f.Change
}

// Compare sets two runs side by side: what both have measured, and what they were told
// differently.
func Compare(a, b *Result) Comparison {
	c := Comparison{Settings: []Differing{}, Figures: []Figure{}}
	c.settings(settings(a), settings(b))
	add := func(name, unit string, more bool, of func(*Result) float64) {
		x, y := of(a), of(b)
		if x > 0 && y >= 0 && !math.IsInf(x, 0) && !math.IsInf(y, 0) && (y > 0 || more) {
			c.Figures = append(c.Figures, Figure{name, unit, x, y, y/x - 1, more})
		}
	}
	for _, k := range []struct {
		name string
		of   func(*Result) load.Operations
	}{{"reads", func(r *Result) load.Operations { return r.Reads }}, {"writes", func(r *Result) load.Operations { return r.Writes }}} {
		add(k.name, "ops/s", true, func(r *Result) float64 { return k.of(r).PerSecond })
		add(k.name, "MB/s", true, func(r *Result) float64 { return k.of(r).MBps })
		for _, p := range []struct {
			name string
			of   func(load.Latency) float64
		}{
			{"p50", func(l load.Latency) float64 { return l.P50 }}, {"p90", func(l load.Latency) float64 { return l.P90 }},
			{"p99", func(l load.Latency) float64 { return l.P99 }}, {"max", func(l load.Latency) float64 { return l.Max }},
		} {
			add(k.name+" "+p.name, "ms", false, func(r *Result) float64 { return p.of(k.of(r).Latency) })
		}
	}
	operations := func(r *Result) float64 { return float64(r.Reads.Count + r.Writes.Count) }
	add("processor of clients for an operation", "ms", false, func(r *Result) float64 { return 1e3 * r.CPU.Generator / operations(r) })
	add("processor of nodes for an operation", "ms", false, func(r *Result) float64 { return 1e3 * r.CPU.Nodes / operations(r) })
	for _, s := range a.Steps {
		name := fmt.Sprintf("%s of at most %s", s.Kind, ui.Bytes(uint64(s.Bytes)))
		find := func(r *Result) (load.Breakdown, bool) {
			i := slices.IndexFunc(r.Steps, func(o load.Breakdown) bool { return o.Kind == s.Kind && o.Bytes == s.Bytes })
			if i < 0 {
				return load.Breakdown{}, false
			}
			return r.Steps[i], true
		}
		for _, step := range s.Steps {
			add(name+": "+step.Step, "ms", false, func(r *Result) float64 {
				if b, ok := find(r); ok {
					if i := slices.IndexFunc(b.Steps, func(t load.StepTime) bool { return t.Step == step.Step }); i >= 0 {
						return b.Steps[i].Mean
					}
				}
				return -1
			})
		}
	}
	add("received for each byte recovered", "", false, func(r *Result) float64 { return r.Recovery.Ratio })
	add("slowest recovery", "s", false, func(r *Result) float64 {
		slowest := -1.0
		for _, n := range r.Recovery.Nodes {
			if n.Cause != "start" {
				slowest = max(slowest, n.Last)
			}
		}
		return slowest
	})
	return c
}

// settings notes the settings that differ. That runs began at other times is no setting.
func (c *Comparison) settings(a, b [][]string) {
	values := make(map[string][2]string)
	var order []string
	for i, rows := range [][][]string{a, b} {
		for _, row := range rows {
			v, known := values[row[0]]
			if !known {
				order = append(order, row[0])
			}
			v[i] = row[1]
			values[row[0]] = v
		}
	}
	for _, name := range order {
		if v := values[name]; v[0] != v[1] && name != "started" {
			c.Settings = append(c.Settings, Differing{name, v[0], v[1]})
		}
	}
}

// Text prints a comparison for people.
func (c *Comparison) Text(w io.Writer) error {
	t := ui.NewTable(w)
	t.Row("", "A", "B", "B is")
	for _, s := range c.Settings {
		t.Row(s.Name, s.A, s.B, "")
	}
	for _, f := range c.Figures {
		unit := ""
		if f.Unit != "" {
			unit = " " + f.Unit
		}
		t.Row(f.Name, ui.Digits(f.A)+unit, ui.Digits(f.B)+unit, f.verdict())
	}
	return t.Flush()
}

// verdict says how B compares. What differs less than runs do as a rule is the same.
func (f Figure) verdict() string {
	const same = 0.02
	how := "worse"
	if f.Worse() < 0 {
		how = "better"
	}
	switch {
	case math.Abs(f.Change) < same:
		return "the same"
	case f.A > 0 && f.B > 0 && f.B >= f.A:
		return strconv.FormatFloat(f.B/f.A, 'f', 2, 64) + "× as much: " + how
	case f.B > 0:
		return "1/" + strconv.FormatFloat(f.A/f.B, 'f', 2, 64) + " of it: " + how
	}
	return "nothing: " + how
}
