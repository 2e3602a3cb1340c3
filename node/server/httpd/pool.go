package httpd

import "sync"

// pool divides an amount of something among parties, see the package's documentation.
type pool struct {
	size int64

	mu        sync.Mutex
	used      int64
	strangers int64 // part of used
	held      map[Party]int64
	next      chan struct{} // closed when something is given back; nil if nobody waits
}

func newPool(size int64) *pool {
	return &pool{size: size, held: make(map[Party]int64)}
}

// take takes n for a request of who that holds mine already. It reports whether it could.
// A request that is alone gets whatever there is.
func (p *pool) take(who Party, n, mine int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := p.size - p.used
	share := free
	if who.Class == Stranger {
		share = min(share, (p.size+1)/2-p.strangers)
	}
	if n > share-p.held[who] && (p.used > mine || n > free) {
		return false
	}
	p.used += n
	p.held[who] += n
	if who.Class == Stranger {
		p.strangers += n
	}
	return true
}

// give gives back n.
func (p *pool) give(who Party, n int64) {
	if n == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used -= n
	if who.Class == Stranger {
		p.strangers -= n
	}
	if p.held[who] -= n; p.held[who] == 0 {
		delete(p.held, who)
	}
	if p.next != nil {
		close(p.next)
		p.next = nil
	}
}

// given returns what is closed when something is given back.
func (p *pool) given() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = make(chan struct{})
	}
	return p.next
}

// use returns how much is taken.
func (p *pool) use() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// quota bounds what each party announces to have in memory. Announcing costs nobody else anything, so
// parties do not compete.
type quota struct {
	size int64 // for each party

	mu   sync.Mutex
	held map[Party]int64
}

func newQuota(size int64) *quota {
	return &quota{size: size, held: make(map[Party]int64)}
}

// take takes n for who. Who has announced nothing may announce anything.
func (q *quota) take(who Party, n int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if held := q.held[who]; held > 0 && n > q.size-held {
		return false
	}
	q.held[who] += n
	return true
}

func (q *quota) give(who Party, n int64) {
	if n == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[who] -= n; q.held[who] == 0 {
		delete(q.held, who)
	}
}
