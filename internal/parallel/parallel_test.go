package parallel

import (
	"runtime"
	"sync/atomic"
	"testing"
)

func TestDoCallsEveryPieceOnce(t *testing.T) {
	for _, size := range []int{1, 2, 7} {
		g := NewCrew(size).NewGroup()
		for _, workers := range []int{1, 2, 7} {
			for _, pieces := range []int{0, 1, 2, 6, 100} {
				counts := make([]atomic.Int32, pieces)
				g.Do(workers, pieces, func(worker, piece int) {
					if worker < 0 || worker >= min(size, workers) {
						t.Errorf("worker %d of %d in a crew of %d", worker, workers, size)
					}
					counts[piece].Add(1)
				})
				for i := range counts {
					if n := counts[i].Load(); n != 1 {
						t.Errorf("%d workers, %d pieces: piece %d was called %d times", workers, pieces, i, n)
					}
				}
			}
		}
	}
}

func TestWorkersRunAtOnce(t *testing.T) {
	g := NewCrew(3).NewGroup()
	for range 100 {
		var here atomic.Int32
		g.Do(3, 3, func(int, int) {
			here.Add(1)
			for here.Load() < 3 {
				runtime.Gosched()
			}
		})
	}
}

// TestCrewIsShared has a job inside of another: the crew's workers are busy with the
// outer one, so the inner one has its caller's goroutine alone.
func TestCrewIsShared(t *testing.T) {
	crew := NewCrew(2)
	outer, inner := crew.NewGroup(), crew.NewGroup()
	var here atomic.Int32
	outer.Do(2, 2, func(worker, _ int) {
		here.Add(1)
		for here.Load() < 2 {
			runtime.Gosched()
		}
		if worker == 0 {
			if n := crew.Free(); n != 1 {
				t.Errorf("%d workers are free", n)
			}
			inner.Do(2, 8, func(worker, _ int) {
				if worker != 0 {
					t.Errorf("worker %d of a job that should have one", worker)
				}
			})
			here.Add(1)
		}
		for here.Load() < 3 {
			runtime.Gosched()
		}
	})
	if n := crew.Free(); n != 2 {
		t.Errorf("%d workers of 2 are free in the end", n)
	}
}

func TestHelpersEnd(t *testing.T) {
	g := NewCrew(4).NewGroup()
	g.Do(4, 4, func(int, int) {})
	for _, h := range g.helpers {
		for h.state.Load() != away {
			runtime.Gosched()
		}
	}
	if busy := g.crew.busy.Load(); busy != 0 {
		t.Errorf("%d goroutines are busy with nothing", busy)
	}
}

func TestDoAllocatesNothing(t *testing.T) {
	g := NewCrew(4).NewGroup()
	piece := func(int, int) {}
	g.Do(4, 100, piece)
	if n := testing.AllocsPerRun(100, func() { g.Do(4, 100, piece) }); n >= 1 {
		t.Errorf("%v allocations a job", n)
	}
}

func TestSize(t *testing.T) {
	if n := NewCrew(3).Size(); n != 3 {
		t.Errorf("a crew of 3 has %d", n)
	}
	if n := NewCrew(0).Size(); n != runtime.GOMAXPROCS(0) {
		t.Errorf("a crew of all CPUs has %d of %d", n, runtime.GOMAXPROCS(0))
	}
}
