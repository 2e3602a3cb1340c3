package committee

import (
	"sync"
	"time"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// Pauses between two verifications of a batch verifier. Nobody waits for a certificate to be
// taken: it is better to verify a few more at once. A pause is so many times as long as the
// verification before it took, so that verifying takes a small part of a processor's time,
// and those who come when little is to be done wait shortly.
const (
	leastPause = 100 * time.Millisecond
	mostPause  = 500 * time.Millisecond
	pauseTimes = 100
)

// BatchVerifier verifies certificates as they come: those that come within a short time
// together, each at less than half of the cost. It is safe for concurrent use.
type BatchVerifier struct {
	hashes *HashCache

	mu      sync.Mutex
	waiting []*pending

	turn chan struct{} // taken by who verifies what is waiting
	next time.Time     // for the one whose turn it is: not before then
}

// pending are certificates that wait to be verified.
type pending struct {
	batch []*unverified
	done  chan struct{}
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
// most half a second, if certificates were verified within that time.
func (v *BatchVerifier) ParseCertificate(committees Committees, data []byte) (*Certificate, error) {
	certs, errs := v.ParseCertificates(committees, [][]byte{data})
	return certs[0], errs[0]
}

// ParseCertificates is ParseCertificate for many certificates. There is a certificate or
// an error for each.
func (v *BatchVerifier) ParseCertificates(committees Committees, data [][]byte) (certs []*Certificate, errs []error) {
	certs, errs = make([]*Certificate, len(data)), make([]error, len(data))
	points := points{hash: v.hashes.get, decoded: make(map[Signature]bls.G2Affine)}
	p := &pending{done: make(chan struct{})}
	all := make([]*unverified, len(data))
	for i := range data {
		if all[i] = parse(committees, data[i], points); all[i].err == nil {
			p.batch = append(p.batch, all[i])
		}
	}
	if len(p.batch) > 0 {
		v.verify(p)
	}
	for i, u := range all {
		certs[i], errs[i] = u.result()
	}
	return certs, errs
}

// verify verifies certificates, with others that wait.
func (v *BatchVerifier) verify(p *pending) {
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
	var batch []*unverified
	for _, p := range waiting {
		batch = append(batch, p.batch...)
	}
	began := time.Now()
	verifyAll(batch...)
	for _, p := range waiting {
		close(p.done)
	}
	took := time.Since(began)
	v.next = began.Add(took + min(max(leastPause, pauseTimes*took), mostPause))
}
