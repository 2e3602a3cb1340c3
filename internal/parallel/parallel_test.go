package parallel

import (
	"sync/atomic"
	"testing"
)

func TestDoCallsEveryPieceOnce(t *testing.T) {
	var g Group
	for _, workers := range []int{1, 2, 7} {
		for _, pieces := range []int{0, 1, 2, 6, 100} {
			counts := make([]atomic.Int32, pieces)
			g.Do(workers, pieces, func(worker, piece int) {
				if worker < 0 || worker >= workers {
					t.Errorf("worker %d of %d", worker, workers)
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

func TestDoAllocatesNothing(t *testing.T) {
	var g Group
	piece := func(int, int) {}
	g.Do(4, 100, piece)
	if n := testing.AllocsPerRun(100, func() { g.Do(4, 100, piece) }); n >= 1 {
		t.Errorf("%v allocations a job", n)
	}
}

func TestWorkers(t *testing.T) {
	if Workers(3) != 3 || Workers(0) < 1 {
		t.Errorf("Workers(3) = %d, Workers(0) = %d", Workers(3), Workers(0))
	}
}
