package committee

import (
	"sync"
	"time"
)

// batchPause is the least time between two verifications of a batch verifier. Nobody
// waits for a certificate to be taken: it is better to verify a few more at once.
const batchPause = 25 * time.Millisecond

// BatchVerifier verifies certificates as they come: those that come within a short time
// together, each at a third of the cost. It is safe for concurrent use.
type BatchVerifier struct {
	hashes *HashCache

	mu      sync.Mutex
	waiting []*pending

	turn chan struct{} // taken by who verifies what is waiting
	next time.Time     // for the one whose turn it is: not before then
}

// pending is a certificate that waits to be verified.
type pending struct {
	*unverified
	done chan struct{}
}

// NewBatchVerifier returns a verifier. hashes may be nil; with that of a [Signer],
// certificates of what was signed a short time ago verify faster.
func NewBatchVerifier(hashes *HashCache) *BatchVerifier {
	if hashes == nil {
		hashes = new(HashCache)
	}
	return &BatchVerifier{hashes: hashes, turn: make(chan struct{}, 1)}
}

// ParseCertificate is [ParseCertificate]. It waits for others to verify with, for at
// most 25 ms, if certificates were verified within that time.
func (v *BatchVerifier) ParseCertificate(committees Committees, data []byte) (*Certificate, error) {
	u := parse(committees, data, points{hash: v.hashes.get})
	if u.err != nil {
		return nil, u.err
	}
	p := &pending{u, make(chan struct{})}
	v.mu.Lock()
	v.waiting = append(v.waiting, p)
	v.mu.Unlock()
	select {
	case <-p.done:
	case v.turn <- struct{}{}:
		select {
		case <-p.done: // by the one before
		default:
			v.verifyWaiting()
		}
		<-v.turn
	}
	return u.result()
}

// verifyWaiting verifies what is waiting. Only the one whose turn it is calls it.
func (v *BatchVerifier) verifyWaiting() {
	if wait := time.Until(v.next); wait > 0 {
		time.Sleep(wait)
	}
	v.mu.Lock()
	waiting := v.waiting
	v.waiting = nil
	v.mu.Unlock()
	batch := make([]*unverified, len(waiting))
	for i, p := range waiting {
		batch[i] = p.unverified
	}
	verifyAll(batch...)
	for _, p := range waiting {
		close(p.done)
	}
	v.next = time.Now().Add(batchPause)
}
