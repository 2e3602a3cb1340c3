package committee

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
	"runtime"
	"sync"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// claim is a certificate that is to be verified.
type claim struct {
	cert      *Certificate
	message   bls.G2Affine // what is signed, as a point
	signature bls.G2Affine
	err       error // what is wrong with it, as far as it is known
}

// verdict returns the certificate of a claim that was judged, or the error.
func (c *claim) verdict() (*Certificate, error) {
	if c.err != nil {
		return nil, c.err
	}
	return c.cert, nil
}

// parse reads a certificate and makes it a claim.
func (c *Committee) parse(data []byte, hash func(Attestation) bls.G2Affine) *claim {
	cert, err := c.decode(data)
	if err != nil {
		return &claim{err: err}
	}
	return c.claim(cert, hash)
}

// claim makes a certificate a claim: it checks all but the pairings.
func (c *Committee) claim(cert *Certificate, hash func(Attestation) bls.G2Affine) *claim {
	claim := &claim{cert: cert}
	if len(cert.signers) != (len(c.members)+7)/8 {
		claim.err = ErrCertificate
	} else if claim.err = c.weigh(cert); claim.err == nil {
		claim.signature, claim.err = cert.signature.point()
	}
	if claim.err == nil {
		claim.message = hash(cert.Attestation)
	}
	return claim
}

// togetherAtLeast is how many certificates are worth to be verified together before
// they are divided among processors.
const togetherAtLeast = 8

// ParseCertificates is ParseCertificate for many certificates on all processors. Each
// of them costs half as much, or less if many have the same signers. There is a
// certificate or an error for each.
func (c *Committee) ParseCertificates(data [][]byte) (certs []*Certificate, errs []error) {
	certs, errs = make([]*Certificate, len(data)), make([]error, len(data))
	size := max(togetherAtLeast, (len(data)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for from := 0; from < len(data); from += size {
		part := data[from:min(from+size, len(data))]
		group.Go(func() {
			claims := make([]*claim, len(part))
			for i := range part {
				claims[i] = c.parse(part[i], c.hash)
			}
			c.judge(claims...)
			for i, claim := range claims {
				certs[from+i], errs[from+i] = claim.verdict()
			}
		})
	}
	group.Wait()
	return certs, errs
}

// judge finds the claims that are wrong and not known to be. If none is, this takes
// one product of pairings; if one is, twice the logarithm of their number.
func (c *Committee) judge(claims ...*claim) {
	open := make([]*claim, 0, len(claims))
	for _, claim := range claims {
		if claim.err == nil {
			open = append(open, claim)
		}
	}
	switch {
	case len(open) == 0 || c.hold(open):
	case len(open) == 1:
		open[0].err = ErrSignature
	default:
		c.judge(open[:len(open)/2]...)
		c.judge(open[len(open)/2:]...)
	}
}

// hold reports whether all claims are right. Each of them says that
//
//	e(public, message) = e(g, signature).
//
// The equations are added up, each times a random factor, so that wrong ones do not
// make up for one another: they do with a probability of 2^-64. What the same signers
// signed shares a pairing, as e(p, a)·e(p, b) = e(p, a+b).
func (c *Committee) hold(claims []*claim) bool {
	factors := randomFactors(len(claims))
	signatures := make([]bls.G2Affine, len(claims))
	type group struct {
		messages []bls.G2Affine
		factors  []uint64
	}
	groups := make(map[string]*group)
	for i, claim := range claims {
		signatures[i] = claim.signature
		signers := string(claim.cert.signers)
		if groups[signers] == nil {
			groups[signers] = new(group)
		}
		g := groups[signers]
		g.messages, g.factors = append(g.messages, claim.message), append(g.factors, factors[i])
	}
	left, right := []bls.G1Affine{generator}, []bls.G2Affine{combine(signatures, factors)}
	for signers, g := range groups {
		left = append(left, c.public([]byte(signers)))
		right = append(right, combine(g.messages, g.factors))
	}
	ok, err := bls.PairingCheck(left, right)
	return err == nil && ok
}

// public returns the sum of the signers' public keys.
func (c *Committee) public(signers []byte) (p bls.G1Affine) {
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
