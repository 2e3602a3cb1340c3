package committee

import (
	"sync"
	"time"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// notaryPace is the least time between two verifications of a notary. Nobody waits for
// a certificate to be taken: it is better to verify a few more at once.
const notaryPace = 25 * time.Millisecond

// Notary signs as one member, and verifies what many signed: certificates that come
// within a short time together, each at a third of the cost. It remembers what it
// signed last, because certificates of the same follow. It is safe for concurrent use.
type Notary struct {
	committee *Committee
	key       *Key
	hashes    recent

	mu      sync.Mutex
	waiting []*pending

	turn chan struct{} // taken by who verifies what is waiting
	next time.Time     // for the one whose turn it is: not before then
}

// pending is a claim that waits for its verdict.
type pending struct {
	*claim
	judged chan struct{}
}

// NewNotary returns a notary of the member that has the key.
func NewNotary(c *Committee, key *Key) *Notary {
	return &Notary{committee: c, key: key, turn: make(chan struct{}, 1)}
}

// Attest signs the attestation.
func (n *Notary) Attest(a Attestation) Signature { return n.key.sign(n.hash(a)) }

func (n *Notary) hash(a Attestation) bls.G2Affine { return n.hashes.get(a, n.committee.hash) }

// ParseCertificate is that of the committee. It waits up to the pace for others to
// verify with, if certificates were verified within that time.
func (n *Notary) ParseCertificate(data []byte) (*Certificate, error) {
	claim := n.committee.parse(data, n.hash)
	if claim.err != nil {
		return nil, claim.err
	}
	p := &pending{claim, make(chan struct{})}
	n.mu.Lock()
	n.waiting = append(n.waiting, p)
	n.mu.Unlock()
	select {
	case <-p.judged:
	case n.turn <- struct{}{}:
		select {
		case <-p.judged: // by the one before
		default:
			n.judge()
		}
		<-n.turn
	}
	return claim.verdict()
}

// judge verifies what is waiting. Only the one whose turn it is calls it.
func (n *Notary) judge() {
	if wait := time.Until(n.next); wait > 0 {
		time.Sleep(wait)
	}
	n.mu.Lock()
	waiting := n.waiting
	n.waiting = nil
	n.mu.Unlock()
	claims := make([]*claim, len(waiting))
	for i, p := range waiting {
		claims[i] = p.claim
	}
	n.committee.judge(claims...)
	for _, p := range waiting {
		close(p.judged)
	}
	n.next = time.Now().Add(notaryPace)
}

// recent remembers the points of attestations: the last maxRecent, and up to as many
// before them.
type recent struct {
	mu         sync.Mutex
	young, old map[Attestation]bls.G2Affine
}

// maxRecent bounds a generation of points: half a megabyte.
const maxRecent = 1 << 11

// get returns the point of an attestation, which hash computes if it must.
func (r *recent) get(a Attestation, hash func(Attestation) bls.G2Affine) bls.G2Affine {
	r.mu.Lock()
	point, ok := r.young[a]
	if !ok {
		point, ok = r.old[a]
	}
	r.mu.Unlock()
	if ok {
		return point
	}
	point = hash(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil || len(r.young) == maxRecent {
		r.young, r.old = make(map[Attestation]bls.G2Affine), r.young
	}
	r.young[a] = point
	return point
}
