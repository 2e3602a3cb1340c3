// Package parallel runs the independent pieces of one job on several goroutines.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Workers returns n, or the number of usable CPUs if n is 0.
func Workers(n int) int {
	if n == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// Group runs jobs one after another. It is not safe for concurrent use, holds no
// goroutine between jobs, and after its first job allocates nothing.
type Group struct {
	pieces int
	next   atomic.Int64
	piece  func(worker, piece int)
	done   sync.WaitGroup
	loops  []func() // the loop of each worker past the first
}

// Do calls piece(worker, i) for every i < pieces, on at most workers goroutines, of
// which the caller's is worker 0, and returns when all calls have. Workers take the
// lowest piece not taken yet.
func (g *Group) Do(workers, pieces int, piece func(worker, piece int)) {
	workers = min(workers, pieces)
	if workers <= 1 {
		for i := range pieces {
			piece(0, i)
		}
		return
	}
	for w := len(g.loops) + 1; w < workers; w++ {
		g.loops = append(g.loops, func() {
			defer g.done.Done()
			g.loop(w)
		})
	}
	g.pieces, g.piece = pieces, piece
	g.next.Store(0)
	g.done.Add(workers - 1)
	for _, loop := range g.loops[:workers-1] {
		go loop()
	}
	g.loop(0)
	g.done.Wait()
	g.piece = nil
}

func (g *Group) loop(worker int) {
	for {
		i := int(g.next.Add(1)) - 1
		if i >= g.pieces {
			return
		}
		g.piece(worker, i)
	}
}
