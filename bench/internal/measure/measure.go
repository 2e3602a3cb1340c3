// Package measure times operations side by side: in rounds, of which each runs every
// operation in turn, so that a slow moment of the machine meets all of them.
package measure

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/bench/internal/work"
)

// Settings say how long to measure.
type Settings struct {
	Rounds int
	// Round is the time that a round gives each operation, which runs once at least.
	Round time.Duration
}

// Result is what was measured of one operation.
type Result struct {
	Bytes  int64     // original data of one run
	Rounds []float64 // nanoseconds of one run, averaged over the round, round by round
	Allocs float64   // allocations of one run
	Alloc  float64   // bytes allocated by one run

	// Processor is like Rounds, of the time that the process spent on processors. For
	// work on one core it is the same if the machine does nothing else, and fairer if
	// it does. It is zero where the system does not tell.
	Processor []float64
}

// Best returns the nanoseconds of one run in the fastest round. What else a machine
// does can slow a round down and never make it faster, so this is the steadiest
// figure that rounds have.
func (r *Result) Best() float64 { return slices.Min(r.Rounds) }

// OnProcessor makes the time on processors count in place of the time that passed, if the
// system tells it.
func (r *Result) OnProcessor() {
	if len(r.Processor) > 0 && r.Processor[0] > 0 {
		r.Rounds = r.Processor
	}
}

// Median returns the nanoseconds of one run in the median round.
func (r *Result) Median() float64 {
	sorted := slices.Sorted(slices.Values(r.Rounds))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Throughput returns bytes of original data per second, in the fastest round.
func (r *Result) Throughput() float64 { return float64(r.Bytes) / r.Best() * 1e9 }

// Append adds the rounds of another measurement of the same operation.
func (r *Result) Append(more *Result) {
	n, m := float64(len(r.Rounds)), float64(len(more.Rounds))
	r.Allocs = (n*r.Allocs + m*more.Allocs) / (n + m)
	r.Alloc = (n*r.Alloc + m*more.Alloc) / (n + m)
	r.Rounds = append(r.Rounds, more.Rounds...)
	r.Processor = append(r.Processor, more.Processor...)
}

// Run measures the operations side by side.
func Run(s Settings, ops []*work.Op) ([]Result, error) {
	runners := make([]runner, len(ops))
	results := make([]Result, len(ops))
	for i, op := range ops {
		runners[i] = runner{op: op, runs: 1}
		results[i].Bytes = op.Bytes
		// The first run makes what is made once.
		if _, _, err := runners[i].round(); err != nil {
			return nil, fmt.Errorf("operation %d: %w", i, err)
		}
		if err := runners[i].calibrate(s.Round); err != nil {
			return nil, fmt.Errorf("operation %d: %w", i, err)
		}
	}
	runtime.GC() // what making the operations left behind is none of theirs
	for range s.Rounds {
		for i := range runners {
			passed, busy, err := runners[i].round()
			if err != nil {
				return nil, fmt.Errorf("operation %d: %w", i, err)
			}
			results[i].Rounds = append(results[i].Rounds, passed)
			results[i].Processor = append(results[i].Processor, busy)
		}
	}
	for i := range runners {
		runs := float64(runners[i].measured)
		results[i].Allocs = float64(runners[i].allocs) / runs
		results[i].Alloc = float64(runners[i].alloc) / runs
	}
	return results, nil
}

// runner is an operation being measured.
type runner struct {
	op   *work.Op
	runs int // in a round
	next int // number of the next run

	measured      int
	allocs, alloc uint64
}

// calibrate sets the runs of a round so that it takes as long as asked for.
func (r *runner) calibrate(round time.Duration) error {
	for {
		perRun, _, err := r.round()
		if err != nil {
			return err
		}
		took := perRun * float64(r.runs)
		if want := float64(round.Nanoseconds()); took < want/4 {
			// A short trial says little: approach the goal in steps.
			r.runs = max(r.runs+1, min(100*r.runs, int(want/2/perRun)))
			continue
		}
		r.runs = max(1, int(float64(round.Nanoseconds())/perRun))
		r.measured, r.allocs, r.alloc = 0, 0, 0
		return nil
	}
}

// round runs the operation and returns the nanoseconds of one run: those that passed,
// and those that the process was on processors.
func (r *runner) round() (perRun, perRunBusy float64, err error) {
	var before, after runtime.MemStats
	var passed, busy, startBusy time.Duration
	var start time.Time
	stop := func() {
		passed += time.Since(start)
		busy += processorTime() - startBusy
	}
	resume := func() { startBusy, start = processorTime(), time.Now() }
	runtime.ReadMemStats(&before)
	resume()
	for range r.runs {
		if err := r.op.Step(r.next, stop, resume); err != nil {
			return 0, 0, err
		}
		r.next++
	}
	stop()
	runtime.ReadMemStats(&after)
	r.measured += r.runs
	r.allocs += after.Mallocs - before.Mallocs
	r.alloc += after.TotalAlloc - before.TotalAlloc
	runs := float64(r.runs)
	return float64(passed.Nanoseconds()) / runs, float64(busy.Nanoseconds()) / runs, nil
}
