package rscode

import (
	"container/list"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/internal/bitset"
)

// patternCache keeps the patterns used most recently, so that decoding many blobs
// or strips with the same shards missing compiles once.
type patternCache struct {
	mu      sync.Mutex
	entries map[string]*list.Element // of *cachedPattern
	order   list.List                // most recent first
	words   int                      // total cost
	key     []byte

	latest atomic.Pointer[cachedPattern] // what the last call returned, to be had without the lock
}

type cachedPattern struct {
	key     string
	wanted  bitset.Set
	pattern *Pattern
}

// of reports whether the pattern is that of the shards.
func (e *cachedPattern) of(missing, wanted bitset.Set) bool {
	return slices.Equal(e.pattern.missing, missing) && slices.Equal(e.wanted, wanted)
}

// cacheWords bounds the factors kept: 8 MiB of them.
const cacheWords = 4 << 20

// get returns the pattern for the shards that are missing and those of them that are
// wanted, from the cache or compiled. Two callers that miss at once both compile; the
// results are equal.
func (pc *patternCache) get(c *compiler, missing, wanted bitset.Set) *Pattern {
	if e := pc.latest.Load(); e != nil && e.of(missing, wanted) {
		return e.pattern
	}
	pc.mu.Lock()
	pc.key = wanted.AppendKey(missing.AppendKey(pc.key[:0]))
	if e, ok := pc.entries[string(pc.key)]; ok {
		pc.order.MoveToFront(e)
		cached := e.Value.(*cachedPattern)
		pc.latest.Store(cached)
		pc.mu.Unlock()
		return cached.pattern
	}
	key := string(pc.key)
	pc.mu.Unlock()

	p := c.compile(missing, wanted)

	pc.mu.Lock()
	defer pc.mu.Unlock()
	if _, ok := pc.entries[key]; ok || p.words() > cacheWords {
		return p
	}
	if pc.entries == nil {
		pc.entries = make(map[string]*list.Element)
	}
	cached := &cachedPattern{key, slices.Clone(wanted), p}
	pc.latest.Store(cached)
	pc.entries[key] = pc.order.PushFront(cached)
	pc.words += p.words()
	for pc.words > cacheWords {
		last := pc.order.Remove(pc.order.Back()).(*cachedPattern)
		delete(pc.entries, last.key)
		pc.words -= last.pattern.words()
	}
	return p
}

// words returns the memory of a pattern, in units of two bytes, roughly.
func (p *Pattern) words() int {
	n := 64 + 4*(len(p.missing)+len(p.lost)+len(p.usedParity)+len(p.targets)+2*len(p.sources))
	for _, list := range [][]factors{p.alpha, p.beta} {
		for _, f := range list {
			n += len(f.coeffs)
		}
	}
	for _, sum := range p.sums {
		n += len(sum)
	}
	return n
}
