package client

import "sync"

// progress tells somebody how far work is. What is told never falls, although work may begin
// anew: with nodes that have not got their parts, with another committee, or without slivers
// that were wrong. Until it is as far again nothing is told.
type progress struct {
	mu    sync.Mutex
	f     func(done, total int64) // nil if nobody asks
	done  int64                   // as told last, or -1
	total int64                   // of the work, as told first
}

func newProgress(f func(done, total int64)) *progress { return &progress{f: f, done: -1} }

// report is told how much is done. It may be called by several goroutines.
func (p *progress) report(done, total int64) {
	if p.f == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done < 0 {
		p.total = total
	}
	if done = min(done, p.total); done > p.done {
		p.done = done
		p.f(p.done, p.total)
	}
}

// end is told that the work has succeeded. Some of it may have been left out, such as what is
// not encoded any more when there is a certificate.
func (p *progress) end() { p.report(p.total, p.total) }
