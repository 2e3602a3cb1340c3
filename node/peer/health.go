package peer

import (
	"sync"
	"time"
)

// Health is what is thought of a node by who speaks to it. Nodes of a lower one are asked
// first.
type Health int

// Healths of a node.
const (
	Good       Health = iota
	Slow              // did not deliver in time when it was asked last
	Failing           // did not answer lately
	Distrusted        // has lied lately
)

// history is what is remembered of a node.
type history struct {
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
func (h *history) Distrust() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lies++
	h.distrusted = time.Now().Add(h.distrustFor)
}

// Lies returns how often the node was distrusted.
func (h *history) Lies() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lies
}

// MarkFailed remembers that the node did not answer.
func (h *history) MarkFailed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing.extend(time.Now(), h.failFor)
}

// succeed remembers that the node answered.
func (h *history) succeed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing = penalty{}
}

// MarkLate remembers that the node did not deliver in time what it was asked for then,
// unless it has delivered something else in time since. It is Slow until it does, see
// MarkInTime; time alone does not change that, so that nobody has to wait for it to find
// out. See ShouldProbe.
func (h *history) MarkLate(since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.transfers.note(since, h.failFor)
}

// MarkInTime remembers that the node delivered in time.
func (h *history) MarkInTime() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.transfers.clear()
	h.answers.clear()
}

// ShouldProbe reports whether it is time to find out if a slow node is still slow, by a
// request that nobody waits for, see [Set.Probe]. Until the next time, ShouldProbe
// reports false to all others.
func (h *history) ShouldProbe() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.health() != Slow {
		return false
	}
	transfers, answers := h.transfers.probe(h.failFor), h.answers.probe(h.failFor)
	return transfers || answers
}

// MarkAnswerLate remembers that the node did not give a short answer in time. It is Slow
// until it does, or until MarkInTime. That it gives short answers in time says nothing
// of long ones.
func (h *history) MarkAnswerLate(since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers.note(since, h.failFor)
}

// MarkAnswered remembers that the node gave a short answer in time.
func (h *history) MarkAnswered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers.clear()
}

// WorthWaiting reports whether to wait for a short answer: the node gave the last one in
// time, or it is time to find out if it does again.
func (h *history) WorthWaiting() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answers.late.count == 0 || h.answers.probe(h.failFor)
}

// ObservedHealth returns what is thought of the node at present. What it says of itself
// is [Peer.Health].
func (h *history) ObservedHealth() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.health()
}

func (h *history) health() Health {
	switch now := time.Now(); {
	case now.Before(h.distrusted):
		return Distrusted
	case now.Before(h.failing.until):
		return Failing
	case h.transfers.late.count > 0 || h.answers.late.count > 0:
		return Slow
	}
	return Good
}
