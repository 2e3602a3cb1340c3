package committee

import (
	"runtime"
	"sync"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// Verifier verifies certificates, and remembers the last signatures that hold. The
// certificates of what members signed at once have the same one: those that come later are
// verified by hashes alone. The zero value is ready for use by several goroutines.
type Verifier struct {
	held generations[claim, struct{}]
}

// claim is what the signature of a certificate says: who signed what.
type claim struct {
	committee Fingerprint
	signers   string
	what      subject
	signature Signature
}

// maxClaims bounds a generation of claims.
const maxClaims = 1 << 9

// ParseCertificate is [ParseCertificate], with the same result.
func (v *Verifier) ParseCertificate(committees Committees, data []byte) (*Certificate, error) {
	u := v.parse(committees, points{hash: hashAnew}, data)[0]
	return u.result()
}

// togetherAtLeast is how many certificates are worth to be verified together before
// they are divided among processors.
const togetherAtLeast = 8

// ParseCertificates is ParseCertificate for many certificates on all processors. Each
// of them costs half as much, or less if many have the same signers. There is a
// certificate or an error for each.
func (v *Verifier) ParseCertificates(committees Committees, data [][]byte) (certs []*Certificate, errs []error) {
	certs, errs = make([]*Certificate, len(data)), make([]error, len(data))
	size := max(togetherAtLeast, (len(data)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for from := 0; from < len(data); from += size {
		part := data[from:min(from+size, len(data))]
		group.Go(func() {
			for i, u := range v.parse(committees, points{hash: new(HashCache).get, decoded: make(map[Signature]bls.G2Affine)}, part...) {
				certs[from+i], errs[from+i] = u.result()
			}
		})
	}
	group.Wait()
	return certs, errs
}

// parse reads certificates and verifies them together.
func (v *Verifier) parse(committees Committees, p points, data ...[]byte) []*unverified {
	p.held = &v.held
	batch := make([]*unverified, len(data))
	for i := range data {
		batch[i] = parse(committees, data[i], p)
	}
	verifyAll(batch...)
	for _, u := range batch {
		if u.err == nil && !u.held {
			v.held.set(u.claim, struct{}{}, maxClaims)
		}
	}
	return batch
}

// ParseCertificates is [Verifier.ParseCertificates] of one that remembers nothing.
func ParseCertificates(committees Committees, data [][]byte) (certs []*Certificate, errs []error) {
	return new(Verifier).ParseCertificates(committees, data)
}
