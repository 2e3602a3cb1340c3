package httpd

import "time"

// Handshakes cost more than anything else that strangers can ask for, so each party gets
// so many connections a second, once it has used up those it may have at once.
const handshakeRate = 50

// buckets count what parties may still take.
type buckets struct {
	size    float64
	parties map[Party]*bucket
}

type bucket struct {
	left float64
	at   time.Time // when left was counted
}

// maxBuckets is how many parties are remembered before those that are forgotten at no loss
// are looked for.
const maxBuckets = 4096

func newBuckets(size int) *buckets {
	return &buckets{size: float64(max(size, 1)), parties: make(map[Party]*bucket)}
}

// wait returns how long a party has to wait before it may take one more.
func (b *buckets) wait(who Party, now time.Time) time.Duration {
	p := b.parties[who]
	if p == nil {
		return 0
	}
	p.left = min(b.size, p.left+now.Sub(p.at).Seconds()*handshakeRate)
	p.at = now
	return time.Duration((1 - p.left) / handshakeRate * float64(time.Second))
}

// take takes one.
func (b *buckets) take(who Party, now time.Time) {
	if b.parties[who] == nil {
		if len(b.parties) >= maxBuckets {
			for other, p := range b.parties {
				if p.left+now.Sub(p.at).Seconds()*handshakeRate >= b.size {
					delete(b.parties, other)
				}
			}
		}
		b.parties[who] = &bucket{left: b.size, at: now}
	}
	b.parties[who].left--
}
