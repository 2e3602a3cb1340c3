package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/bench/internal/ceiling"
	"github.com/redstuff-go/redstuff/bench/internal/measure"
	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gf"
)

// Survey is what one machine does on one core with each of its instruction sets, beside
// the most that its vector units could do. Surveys of several machines are compared.
type Survey struct {
	Machine  Machine          `json:"machine"`
	Settings measure.Settings `json:"settings"`
	// Processor says that times are of the processor, not those that passed.
	Processor bool              `json:"processor"`
	Ceilings  []ceiling.Ceiling `json:"ceilings"`
	Measured  []Surveyed        `json:"measured"`
}

// Surveyed is the median of a work on a backend.
type Surveyed struct {
	Work    string  `json:"work"`
	Backend string  `json:"backend"`
	Ns      float64 `json:"ns"`    // of one unit
	Bytes   int64   `json:"bytes"` // of original data in a unit
}

// surveyed is a work that a survey measures on every backend.
type surveyed struct {
	name   string
	units  float64 // in one run
	makeOp func(a *work.Arena, backend string) (*work.Op, error)
}

const butterflyName = "butterfly of 128 bytes, constant of the subfield"

func surveyWorks() []surveyed {
	works := []surveyed{{butterflyName, work.Butterflies, work.Transform}}
	for _, c := range []struct {
		shape work.Shape
		size  int
	}{
		{work.Shape{Data: 10, Parity: 4}, 64}, {work.Shape{Data: 10, Parity: 4}, 16 << 10}, {work.Shape{Data: 16, Parity: 16}, 16 << 10},
		{work.Shape{Data: 128, Parity: 128}, 1 << 10}, {shapes[0], 1 << 10}, {shapes[1], 1 << 10}, {shapes[1], 16 << 10},
	} {
		works = append(works, surveyed{fmt.Sprintf("encode %v, %s", c.shape, bytesName(c.size)), 1,
			func(a *work.Arena, backend string) (*work.Op, error) {
				return work.Encode1D(a, work.OnBackend(backend), c.shape, c.size, 1)
			}})
	}
	works = append(works, surveyed{fmt.Sprintf("one lost, %v, 16 KiB", shapes[1]), 1,
		func(a *work.Arena, backend string) (*work.Op, error) {
			return work.Decode1D(a, work.OnBackend(backend), shapes[1], 16<<10, 1, work.OneSeen)
		}})
	for _, scheme := range schemes {
		works = append(works,
			surveyed{fmt.Sprintf("%v leaf of 1 KiB", scheme), float64(work.Messages(1 << 10)),
				func(a *work.Arena, backend string) (*work.Op, error) { return work.Leaves(a, scheme, backend, 1<<10) }},
			surveyed{fmt.Sprintf("%v node", scheme), float64(work.Messages(2 * commit.HashSize)),
				func(a *work.Arena, backend string) (*work.Op, error) { return work.Nodes(a, scheme, backend) }})
	}
	return works
}

// takeSurvey measures everything, on one core.
func takeSurvey(s measure.Settings, processor bool) (*Survey, error) {
	v := &Survey{Machine: thisMachine(), Settings: s, Processor: processor, Ceilings: ceiling.Measure(gf.Backends())}
	begin := time.Now()
	for _, w := range surveyWorks() {
		fmt.Fprintf(os.Stderr, "%5.0fs  %s\n", time.Since(begin).Seconds(), w.name)
		var ops []*work.Op
		for _, name := range gf.Backends() {
			op, err := w.makeOp(new(work.Arena), name)
			if err != nil {
				return nil, fmt.Errorf("%s on %s: %w", w.name, name, err)
			}
			ops = append(ops, op)
		}
		measured, err := measure.Run(s, ops)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		for i, name := range gf.Backends() {
			if processor {
				measured[i].OnProcessor()
			}
			v.Measured = append(v.Measured, Surveyed{w.name, name, measured[i].Median() / w.units, int64(float64(measured[i].Bytes) / w.units)})
		}
	}
	return v, nil
}

func (v *Survey) write(path string) error {
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

func readSurvey(path string) (*Survey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v := new(Survey)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(v.Measured) == 0 {
		return nil, fmt.Errorf("%s: no survey, which `report -o` writes: it has no measurements", path)
	}
	return v, nil
}

// find returns what was measured, or nil.
func (v *Survey) find(work, backend string) *Surveyed {
	for i := range v.Measured {
		if m := &v.Measured[i]; m.Work == work && m.Backend == backend {
			return m
		}
	}
	return nil
}

// rateOf returns a ceiling, or 0.
func (v *Survey) rateOf(set, work string) float64 { return ceiling.Find(v.Ceilings, set, work) }

// butterflyBound returns the least nanoseconds of a butterfly of 128 bytes on a backend by
// the ceilings: 64 bytes are loaded and stored, in radix 4 or more, and 64 are mapped, or
// looked up by either nibble. It is 0 where nothing is known.
func (v *Survey) butterflyBound(backend string) (ns float64, by string) {
	set, affine := strings.CutSuffix(backend, "+gfni")
	set = strings.TrimSuffix(set, "+sha3")
	needs := []struct {
		work  string
		bytes float64
	}{{"load", 64}, {"store", 64}, {"shuffle", 128}}
	if affine {
		needs[2].work, needs[2].bytes = "affine", 64
	}
	for _, n := range needs {
		rate := ceiling.Find(v.Ceilings, set, n.work)
		if rate == 0 {
			return 0, ""
		}
		if t := n.bytes / rate; t > ns {
			ns, by = t, n.work
		}
	}
	return ns, by
}
