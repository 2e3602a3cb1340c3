package peer

import (
	"sync"
	"time"
)

// latencyEstimator estimates how long the first answer to a request takes to come, as TCP
// estimates round trips (RFC 6298). The zero value knows nothing. It is safe for
// concurrent use.
//
// So that answers of all lengths teach it about each other, times are kept in units: an
// answer is one, and one more for every unitBytes of it, the product of bandwidth and
// delay that is typical of networks.
type latencyEstimator struct {
	mu              sync.Mutex
	mean, deviation time.Duration // of a unit
}

const unitBytes = 1 << 20

// scale returns the duration of an answer of so many bytes, if that of a unit is d.
func scale(d time.Duration, bytes int) time.Duration {
	return d + time.Duration(float64(d)*float64(bytes)/unitBytes)
}

// observe learns how long an answer of so many bytes took.
func (l *latencyEstimator) observe(took time.Duration, bytes int) {
	took = time.Duration(float64(took) / (1 + float64(bytes)/unitBytes))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mean == 0 {
		l.mean, l.deviation = took, took/2
		return
	}
	// A node that takes for ever is no reason to wait for ever, but if all get slower
	// then the timeout grows with them.
	took = min(took, 2*l.limit())
	l.deviation += ((took - l.mean).Abs() - l.deviation) / 4
	l.mean += (took - l.mean) / 8
}

// limit returns how long a unit may take.
func (l *latencyEstimator) limit() time.Duration { return l.mean + 4*l.deviation }

// Bounds of the timeout, as a part and a multiple of what it is while nothing is known.
const (
	leastTimeout = 4
	mostTimeout  = 8
)

// timeout returns how long to wait for an answer of so many bytes before others are
// asked as well. unknown is how long while nothing is known.
func (l *latencyEstimator) timeout(unknown time.Duration, bytes int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := unknown
	if l.mean > 0 {
		wait = min(max(l.limit(), unknown/leastTimeout), unknown*mostTimeout)
	}
	return scale(wait, bytes)
}
