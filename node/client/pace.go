package client

import (
	"sync"
	"time"
)

// pace estimates how long the first sliver of a request takes to come, as TCP
// estimates round trips (RFC 6298). The zero value knows nothing. It is safe for
// concurrent use.
//
// So that slivers of all lengths teach it about each other, times are kept in units: a
// sliver is one, and one more for every paceBytes of it, the product of bandwidth and
// delay that is typical of networks.
type pace struct {
	mu              sync.Mutex
	mean, deviation time.Duration // of a unit
}

const paceBytes = 1 << 20

// units returns d that many times as often as a sliver of so many bytes has units.
func units(d time.Duration, bytes int) time.Duration {
	return d + time.Duration(float64(d)*float64(bytes)/paceBytes)
}

// note learns how long a sliver took.
func (p *pace) note(took time.Duration, bytes int) {
	took = time.Duration(float64(took) / (1 + float64(bytes)/paceBytes))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mean == 0 {
		p.mean, p.deviation = took, took/2
		return
	}
	// A node that takes for ever is no reason to wait for ever, but if all get slower
	// then patience grows with them.
	took = min(took, 2*p.limit())
	p.deviation += ((took - p.mean).Abs() - p.deviation) / 4
	p.mean += (took - p.mean) / 8
}

// limit returns how long a unit may take.
func (p *pace) limit() time.Duration { return p.mean + 4*p.deviation }

// Bounds of patience, as parts and multiples of what it is while nothing is known.
const (
	leastPatience = 4
	mostPatience  = 8
)

// patience returns how long to wait for a sliver before others are asked as well.
// unknown is how long while nothing is known.
func (p *pace) patience(unknown time.Duration, bytes int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := unknown
	if p.mean > 0 {
		wait = min(max(p.limit(), unknown/leastPatience), unknown*mostPatience)
	}
	return units(wait, bytes)
}
