package committee

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/bits"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// unverified is a certificate whose pairings are to be checked.
type unverified struct {
	committee *Committee // of the certificate's epoch
	cert      *Certificate
	message   bls.G2Affine // what is signed, as a point
	signature bls.G2Affine
	claim     claim // what the signature says
	held      bool  // that is known
	err       error // what is wrong with it, as far as it is known
}

// result returns the certificate of one that was verified, or the error.
func (u *unverified) result() (*Certificate, error) {
	if u.err != nil {
		return nil, u.err
	}
	return u.cert, nil
}

// hashFunc returns the point that members of a committee sign.
type hashFunc func(*Committee, subject) bls.G2Affine

func hashAnew(c *Committee, s subject) bls.G2Affine { return s.point(c) }

// points gives the points of certificates.
type points struct {
	hash    hashFunc
	decoded map[Signature]bls.G2Affine // remembered, unless it is nil; those of one batch share one

	held *generations[claim, struct{}] // what need not be verified again; may be nil
}

// signature returns the point of a signature, which is in the right subgroup.
func (p points) signature(s Signature) (bls.G2Affine, error) {
	if point, ok := p.decoded[s]; ok {
		return point, nil
	}
	point, err := s.point()
	if err == nil && p.decoded != nil {
		p.decoded[s] = point
	}
	return point, err
}

// parse reads a certificate, and checks all but the pairings.
func parse(committees Committees, data []byte, p points) *unverified {
	cert, err := decodeCertificate(data)
	if err != nil {
		return &unverified{err: err}
	}
	return check(committees, cert, p)
}

// check looks the committee of a certificate up, and checks all but the pairings.
func check(committees Committees, cert *Certificate, p points) *unverified {
	c, err := committees.At(cert.Epoch)
	u := &unverified{committee: c, cert: cert, err: err}
	if u.err == nil && c.epoch != cert.Epoch { // the lookup is wrong
		u.err = &EpochError{Epoch: cert.Epoch, First: c.epoch, Last: c.epoch}
	}
	if u.err == nil {
		u.err = checkWalrus(cert)
	}
	if u.err == nil {
		u.err = checkSigners(c, cert)
	}
	if u.err != nil {
		return u
	}
	u.claim = claim{c.fingerprint, string(cert.signers), subjectOf(c, cert), cert.signature}
	if p.held != nil {
		if _, u.held = p.held.get(u.claim); u.held {
			return u
		}
	}
	if u.signature, u.err = p.signature(cert.signature); u.err == nil {
		u.message = p.hash(c, u.claim.what)
	}
	return u
}

// checkSigners checks that the signers are members, and own enough shards.
func checkSigners(c *Committee, cert *Certificate) error {
	members := len(c.members)
	if len(cert.signers) != (members+7)/8 {
		return fmt.Errorf("%w: %d bytes of signers, and the committee of epoch %d has %d members", ErrCertificate, len(cert.signers), c.epoch, members)
	}
	if used := members % 8; used != 0 && cert.signers[len(cert.signers)-1]>>used != 0 {
		return fmt.Errorf("%w: signer who is no member", ErrCertificate)
	}
	return weigh(c, cert)
}

// Verify checks that the signers own enough shards of the certificate's epoch, and their
// signatures. The error wraps ErrEpoch, ErrCertificate, ErrWeight or ErrSignature, or is
// that of the lookup.
func Verify(committees Committees, cert *Certificate) error {
	u := check(committees, cert, points{hash: hashAnew})
	verifyAll(u)
	return u.err
}

// ParseCertificate reads what MarshalBinary writes, and verifies it as Verify does,
// with the same errors.
func ParseCertificate(committees Committees, data []byte) (*Certificate, error) {
	u := parse(committees, data, points{hash: hashAnew})
	verifyAll(u)
	return u.result()
}

// verifyAll finds the certificates that are wrong and not known to be. If none is, this
// takes one product of pairings; if one is, twice the logarithm of their number. Those of
// one batch count once.
func verifyAll(batch ...*unverified) {
	type equation struct {
		committee          *Committee
		signers            string
		message, signature bls.G2Affine
	}
	var open []*unverified
	first := make(map[equation]*unverified)
	twins := make(map[*unverified]*unverified)
	for _, u := range batch {
		if u.err != nil || u.held {
			continue
		}
		e := equation{u.committee, string(u.cert.signers), u.message, u.signature}
		if first[e] == nil {
			first[e], open = u, append(open, u)
		} else {
			twins[u] = first[e]
		}
	}
	verifyEach(open)
	for u, twin := range twins {
		u.err = twin.err
	}
}

func verifyEach(open []*unverified) {
	switch {
	case len(open) == 0 || verifyTogether(open):
	case len(open) == 1:
		open[0].err = ErrSignature
	default:
		verifyEach(open[:len(open)/2])
		verifyEach(open[len(open)/2:])
	}
}

// verifyTogether reports whether all certificates are right. Each of them says that
//
//	e(public, message) = e(g, signature).
//
// The equations are added up, each times a random factor, so that wrong ones do not
// make up for one another: they do with a probability of 2^-64. What the same signers
// signed shares a pairing, as e(p, a)·e(p, b) = e(p, a+b).
func verifyTogether(batch []*unverified) bool {
	factors := randomFactors(len(batch))
	signatures := make([]bls.G2Affine, len(batch))
	// Who signed. Bitmaps mean something within their committee only.
	type signers struct {
		committee *Committee
		bitmap    string
	}
	type group struct {
		messages []bls.G2Affine
		factors  []uint64
	}
	groups := make(map[signers]*group)
	for i, u := range batch {
		signatures[i] = u.signature
		s := signers{u.committee, string(u.cert.signers)}
		if groups[s] == nil {
			groups[s] = new(group)
		}
		g := groups[s]
		g.messages, g.factors = append(g.messages, u.message), append(g.factors, factors[i])
	}
	left, right := []bls.G1Affine{negGenerator}, []bls.G2Affine{combine(signatures, factors)}
	for s, g := range groups {
		left = append(left, publicOf(s.committee, []byte(s.bitmap)))
		right = append(right, combine(g.messages, g.factors))
	}
	ok, err := bls.PairingCheck(left, right)
	return err == nil && ok
}

// publicOf returns the sum of the signers' public keys.
func publicOf(c *Committee, signers []byte) (p bls.G1Affine) {
	var sum bls.G1Jac
	for i := range c.members {
		if signers[i/8]>>(i%8)&1 != 0 {
			sum.AddMixed(&c.members[i].PublicKey.point)
		}
	}
	p.FromJacobian(&sum)
	return p
}

// randomFactors returns factors that nobody can foresee. The first is 1, as only the
// ratios of factors matter.
func randomFactors(n int) []uint64 {
	random := make([]byte, 8*n)
	rand.Read(random)
	factors := make([]uint64, n)
	for i := range factors {
		factors[i] = binary.LittleEndian.Uint64(random[8*i:])
	}
	factors[0] = 1
	return factors
}

// combine adds up points, each times its factor. All share the doublings.
func combine(points []bls.G2Affine, factors []uint64) (p bls.G2Affine) {
	all := uint64(0)
	for _, f := range factors {
		all |= f
	}
	var sum bls.G2Jac
	for bit := bits.Len64(all) - 1; bit >= 0; bit-- {
		sum.DoubleAssign()
		for i, f := range factors {
			if f>>bit&1 != 0 {
				sum.AddMixed(&points[i])
			}
		}
	}
	p.FromJacobian(&sum)
	return p
}
