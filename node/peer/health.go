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
	transfers  promptness
	answers    promptness
}

// promptness is whether a node has been late with one kind of thing.
type promptness struct {
	late   penalty
	inTime time.Time // the last time
}

// note notes that the node was late with what it was asked for then, unless it has been
// in time since.
func (p *promptness) note(since time.Time, first time.Duration) {
	if !p.inTime.After(since) {
		p.late.extend(time.Now(), first)
	}
}

// clear notes that the node was in time.
func (p *promptness) clear() { p.late, p.inTime = penalty{}, time.Now() }

// probe reports whether it is time to try again, and begins the time until the next.
func (p *promptness) probe(first time.Duration) bool {
	now := time.Now()
	if p.late.count == 0 || now.Before(p.late.until) {
		return false
	}
	p.late.extend(now, first)
	return true
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
	r.transfers.note(since, r.failFor)
}

// InTime remembers that the node delivered in time.
func (r *reputation) InTime() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.transfers.clear()
	r.answers.clear()
}

// Probe reports whether it is time to find out if a slow node is still slow, by a
// request that nobody waits for, and that InTime is called after if it is not. Until
// the next time, Probe reports false to all others.
func (r *reputation) Probe() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	transfers, answers := r.transfers.probe(r.failFor), r.answers.probe(r.failFor)
	return transfers || answers
}

// LateToAnswer remembers that the node did not give a short answer in time. It is Slow
// until it does, or until InTime. That it gives short answers in time says nothing of
// long ones.
func (r *reputation) LateToAnswer(since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers.note(since, r.failFor)
}

// Answered remembers that the node gave a short answer in time.
func (r *reputation) Answered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers.clear()
}

// Prompt reports whether a short answer is worth waiting for: the node gave the last one
// in time, or it is time to find out if it does again.
func (r *reputation) Prompt() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers.late.count == 0 || r.answers.probe(r.failFor)
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
	case r.transfers.late.count > 0 || r.answers.late.count > 0:
		return Slow
	}
	return Good
}
