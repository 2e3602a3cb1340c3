// Package ceiling measures what one core can do at most: how many bytes it loads from its
// first cache, stores there, looks up in tables of 16 and maps linearly, with nothing else
// to do.
package ceiling

import (
	"math"
	"slices"
	"time"
)

// Ceiling is a rate that nothing on the instruction set exceeds.
type Ceiling struct {
	Set  string  `json:"set"`  // avx2, avx512 or neon
	Work string  `json:"work"` // load, store, shuffle or affine
	Rate float64 `json:"rate"` // bytes a nanosecond
}

// loop is an instruction repeated: chains of them a round, on vectors of so many bytes.
type loop struct {
	set, work string
	width     int
	backend   string // one that has the instruction
	run       func(buf *byte, rounds int)
}

// chains is how many instructions a round of a loop has.
const chains = 12

// Measure returns the ceilings of this machine's instruction sets, backends being those
// of package gf that it can run.
func Measure(backends []string) []Ceiling {
	var found []Ceiling
	buf := make([]byte, 64*(chains+1))
	for _, l := range loops {
		if !slices.Contains(backends, l.backend) {
			continue
		}
		const rounds, runs = 20000, 40
		best := math.Inf(1)
		for range runs {
			start := time.Now()
			l.run(aligned(buf), rounds)
			best = min(best, float64(time.Since(start).Nanoseconds()))
		}
		found = append(found, Ceiling{l.set, l.work, float64(rounds*chains*l.width) / best})
	}
	return found
}

// Find returns the rate of a work, or 0.
func Find(ceilings []Ceiling, set, work string) float64 {
	for _, c := range ceilings {
		if c.Set == set && c.Work == work {
			return c.Rate
		}
	}
	return 0
}
