// Package parallel runs the independent pieces of one job on several goroutines.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Crew is how many goroutines the jobs of one owner keep busy at a time, those of
// the callers included: where many calls run at once, each has its caller's alone,
// and none is cut in pieces for others that have work already.
type Crew struct {
	size int32
	busy atomic.Int32
}

// NewCrew returns a crew of n, or of as many as there are usable CPUs if n is 0.
func NewCrew(n int) *Crew {
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return &Crew{size: int32(n)}
}

// Size returns how many goroutines can be busy at a time.
func (c *Crew) Size() int { return int(c.size) }

// Free returns how many of them a job that begins now can expect, its caller's
// included: at least one.
func (c *Crew) Free() int { return int(max(1, c.size-c.busy.Load())) }

// full says that no goroutine more should be busy.
func (c *Crew) full() bool { return c.busy.Load() >= c.size }

// take makes the caller and up to n others busy, and returns how many others.
func (c *Crew) take(n int) int {
	for {
		busy := c.busy.Load()
		others := max(0, min(int32(n), c.size-busy-1))
		if c.busy.CompareAndSwap(busy, busy+others+1) {
			return int(others)
		}
	}
}

// Group runs jobs one after another, with the workers of a crew. It is not safe for
// concurrent use, and after its first job allocates nothing.
//
// To wake a goroutine takes about as long as to encode a hundred kilobytes, and much
// longer where the processor has gone to sleep meanwhile. So a worker that is done
// lingers: it looks for the next job for a while, and only while the crew has nothing
// better to do. Then it ends: a group that is not used any more holds no goroutine.
type Group struct {
	crew    *Crew
	active  atomic.Bool // a job is in work
	pieces  int
	piece   func(worker, piece int)
	done    sync.WaitGroup
	helpers []*helper // the workers past the first

	// What workers write while others read it has lines of its own.
	_       [lineBytes]byte
	next    atomic.Int64 // the lowest piece not taken
	_       [lineBytes]byte
	working atomic.Int32 // helpers that are not done
	_       [lineBytes]byte
}

// lineBytes is a pair of cache lines: processors fetch them together.
const lineBytes = 128

// A worker that waits, for work or for the others to end, only looks for the first
// waitAwake, since each time that it gives way to other goroutines takes the
// scheduler's lock; then it gives way between looks, and after waitMost it sleeps.
// Both are several times what it takes to wake a goroutine, at best and at worst.
const (
	waitAwake = 50 * time.Microsecond
	waitMost  = 200 * time.Microsecond
)

// helper is a worker past the first.
type helper struct {
	_     [lineBytes]byte
	state atomic.Int32
	run   func()
	_     [lineBytes]byte
}

// The states of a helper. A job hires it when it is away, by a new goroutine, or when
// it lingers; nobody but the helper ends its lingering.
const (
	away int32 = iota
	hired
	lingering
)

// NewGroup returns a group of the crew.
func (c *Crew) NewGroup() *Group { return &Group{crew: c} }

// Do calls piece(worker, i) for every i < pieces, on at most workers goroutines, of
// which the caller's is worker 0, and returns when all calls have. Workers take the
// lowest piece not taken yet.
func (g *Group) Do(workers, pieces int, piece func(worker, piece int)) {
	g.active.Store(true)
	others := g.crew.take(min(workers, pieces) - 1)
	defer func() {
		g.crew.busy.Add(-1)
		g.active.Store(false)
	}()
	if others == 0 {
		for i := range pieces {
			piece(0, i)
		}
		return
	}
	for w := len(g.helpers) + 1; w <= others; w++ {
		h := new(helper)
		h.run = func() { g.help(h, w) }
		g.helpers = append(g.helpers, h)
	}
	g.pieces, g.piece = pieces, piece
	g.next.Store(0)
	g.working.Store(int32(others))
	g.done.Add(others)
	for _, h := range g.helpers[:others] {
		if !h.state.CompareAndSwap(lingering, hired) {
			h.state.Store(hired)
			go h.run()
		}
	}
	g.loop(0)
	// The others are about to end too: to sleep would take longer than to look.
	for start := time.Now(); g.working.Load() > 0 && wait(start); {
	}
	g.done.Wait()
	g.piece = nil
}

// help is the goroutine of worker w: it works, lingers, and works again if hired.
func (g *Group) help(h *helper, w int) {
	for {
		g.loop(w)
		g.crew.busy.Add(-1)
		h.state.Store(lingering)
		g.working.Add(-1)
		g.done.Done()
		// From here on, the group's fields may be the next job's.
		for start := time.Now(); h.state.Load() == lingering; {
			// A crew that is busy with this very group may be about to hire.
			tired := !g.active.Load() && g.crew.full() || !wait(start)
			if tired && h.state.CompareAndSwap(lingering, away) {
				return
			}
		}
	}
}

// wait passes a moment of a wait that began at start, and tells whether to go on
// waiting.
func wait(start time.Time) bool {
	waited := time.Since(start)
	if waited >= waitAwake {
		runtime.Gosched()
	}
	return waited < waitMost
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
