package peer

import (
	"sync"
	"time"
)

// Standing ranks nodes: those of a lower one are to be asked first.
type Standing int

// Standings of a node.
const (
	Good       Standing = iota
	Slow                // did not deliver in time when it was asked last
	Failing             // did not answer lately
	Distrusted          // has lied lately
)

// reputation is what is remembered of a node.
type reputation struct {
	distrustFor, failFor time.Duration

	mu         sync.Mutex
	distrusted time.Time // until then
	lies       int
	failing    penalty
	late       penalty
	inTime     time.Time // the last time
}

// penalty is time off, which doubles from failure to failure until a success.
type penalty struct {
	until time.Time
	count int // failures in a row
}

// maxDoublings bounds how often a penalty doubles.
const maxDoublings = 4

// extend begins time off. Failures during it are consequences of what it is for, such
// as calls that had begun before, and change nothing.
func (p *penalty) extend(now time.Time, first time.Duration) {
	if now.Before(p.until) {
		return
	}
	p.until = now.Add(first << min(p.count, maxDoublings))
	p.count++
}

// Distrust remembers that the node sent something that is provably wrong.
func (r *reputation) Distrust() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lies++
	r.distrusted = time.Now().Add(r.distrustFor)
}

// Lies returns how often the node was distrusted.
func (r *reputation) Lies() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lies
}

// Fail remembers that the node did not answer.
func (r *reputation) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing.extend(time.Now(), r.failFor)
}

// succeed remembers that the node answered.
func (r *reputation) succeed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = penalty{}
}

// Late remembers that the node did not deliver in time what it was asked for then,
// unless it has delivered something else in time since. It is Slow until it does, see
// InTime; time alone does not change that, so that nobody has to wait for it to find
// out. See Probe.
func (r *reputation) Late(since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.inTime.After(since) {
		r.late.extend(time.Now(), r.failFor)
	}
}

// InTime remembers that the node delivered in time.
func (r *reputation) InTime() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late, r.inTime = penalty{}, time.Now()
}

// Probe reports whether it is time to find out if a slow node is still slow, by a
// request that nobody waits for, and that InTime is called after if it is not. Until
// the next time, Probe reports false to all others.
func (r *reputation) Probe() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.late.count == 0 || now.Before(r.late.until) {
		return false
	}
	r.late.extend(now, r.failFor)
	return true
}

// Standing returns what is thought of the node at present.
func (r *reputation) Standing() Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch now := time.Now(); {
	case now.Before(r.distrusted):
		return Distrusted
	case now.Before(r.failing.until):
		return Failing
	case r.late.count > 0:
		return Slow
	}
	return Good
}
