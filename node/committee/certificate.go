package committee

import (
	"encoding/binary"
	"errors"
	"fmt"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/redstuff-go/redstuff/commit"
)

var (
	// ErrWeight: the signers own too few shards.
	ErrWeight = errors.New("committee: signers own too few shards")
	// ErrCertificate: bytes are no certificate of this committee's.
	ErrCertificate = errors.New("committee: malformed certificate")
)

// Kind is what is attested of a blob.
type Kind uint8

const (
	// Stored attests that the member has the blob's metadata and all of its sliver
	// pairs of the blob on disk, and has verified them.
	Stored Kind = 1
	// Inconsistent attests that the member has verified a proof that the metadata is
	// that of no blob.
	Inconsistent Kind = 2
)

// String returns the kind in one word.
func (k Kind) String() string {
	switch k {
	case Stored:
		return "stored"
	case Inconsistent:
		return "inconsistent"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Attestation is what a member signs.
type Attestation struct {
	Kind Kind
	Blob commit.BlobID
}

// message returns the bytes that are signed. They name the committee, with its
// epoch, so that no signature counts in another one.
func (c *Committee) message(a Attestation) []byte {
	m := append([]byte("redstuff v1 attestation"), byte(a.Kind))
	m = append(m, c.fingerprint[:]...)
	return append(m, a.Blob[:]...)
}

// hash returns the point that members sign to attest.
func (c *Committee) hash(a Attestation) bls.G2Affine { return hash(c.message(a), domainSign) }

// threshold returns the number of shards whose owners must sign.
func (c *Committee) threshold(k Kind) (int, error) {
	switch k {
	case Stored:
		return c.params.N - c.params.F, nil
	case Inconsistent:
		return c.params.F + 1, nil
	}
	return 0, fmt.Errorf("%w: unknown kind %d", ErrCertificate, k)
}

// Quorum returns the number of shards whose owners make a certificate of the kind:
// n-f for Stored, f+1 for Inconsistent. It panics for another kind.
func (c *Committee) Quorum(k Kind) int {
	t, err := c.threshold(k)
	if err != nil {
		panic(err.Error())
	}
	return t
}

// Attest signs the attestation as a member of the committee.
func (c *Committee) Attest(key *Key, a Attestation) Signature {
	return key.sign(c.hash(a))
}

// VerifyAttestation checks the signature of one member. The error is ErrSignature.
func (c *Committee) VerifyAttestation(member int, a Attestation, s Signature) error {
	if member < 0 || member >= len(c.members) {
		return ErrSignature
	}
	return c.members[member].PublicKey.verify(c.hash(a), s)
}

// Certificate is the sum of the signatures of several members under one attestation.
type Certificate struct {
	Attestation
	signers   []byte // bitmap: member i is bit i%8 of byte i/8
	signature Signature
}

// BadSignersError names members whose signatures are wrong.
type BadSignersError struct {
	Members []int
}

func (e *BadSignersError) Error() string {
	return fmt.Sprintf("committee: wrong signatures of members %v", e.Members)
}

// Unwrap returns ErrSignature.
func (e *BadSignersError) Unwrap() error { return ErrSignature }

// Certify adds up signatures, by member, to a certificate, and verifies it. It takes
// two pairings if all signatures are right. The error is ErrWeight if the members own
// too few shards, or a *BadSignersError: without those members it may be tried again.
func (c *Committee) Certify(a Attestation, signatures map[int]Signature) (*Certificate, error) {
	cert := &Certificate{Attestation: a, signers: make([]byte, (len(c.members)+7)/8)}
	message := c.hash(a)
	sum, ok := bls.G2Jac{}, true
	for i := range c.members {
		s, signed := signatures[i]
		if !signed {
			continue
		}
		// Only the sum need be in the right subgroup, as only the sum is used.
		point, err := decompress(s)
		ok = ok && err == nil
		sum.AddMixed(&point)
		cert.signers[i/8] |= 1 << (i % 8)
	}
	if ok {
		if err := c.weigh(cert); err != nil {
			return nil, err
		}
		var point bls.G2Affine
		point.FromJacobian(&sum)
		cert.signature = point.Bytes()
		if !point.IsInfinity() && point.IsInSubGroup() && c.hold([]*claim{{cert: cert, message: message, signature: point}}) {
			return cert, nil
		}
	}
	var bad []int
	for i, s := range signatures {
		if i < 0 || i >= len(c.members) || c.members[i].PublicKey.verify(message, s) != nil {
			bad = append(bad, i)
		}
	}
	return nil, &BadSignersError{bad}
}

// Signed reports whether member i is among the signers.
func (cert *Certificate) Signed(i int) bool {
	return i >= 0 && i/8 < len(cert.signers) && cert.signers[i/8]>>(i%8)&1 != 0
}

// Weight returns the number of shards the signers own.
func (c *Committee) weightOf(cert *Certificate) (weight int) {
	for i := range c.members {
		if cert.Signed(i) {
			weight += c.Weight(i)
		}
	}
	return weight
}

func (c *Committee) weigh(cert *Certificate) error {
	need, err := c.threshold(cert.Kind)
	if err != nil {
		return err
	}
	if have := c.weightOf(cert); have < need {
		return fmt.Errorf("%w: %d of the %d it takes", ErrWeight, have, need)
	}
	return nil
}

// Verify checks that the signers own enough shards, and their signatures. The error
// is ErrCertificate, ErrWeight or ErrSignature, or wraps it.
func (c *Committee) Verify(cert *Certificate) error {
	claim := c.claim(cert, c.hash)
	c.judge(claim)
	return claim.err
}

// MarshalBinary writes the kind in one byte, the blob id, the number of bytes in the
// bitmap in 16 bits (little-endian), the bitmap, and the signature.
func (cert *Certificate) MarshalBinary() ([]byte, error) {
	data := append([]byte{byte(cert.Kind)}, cert.Blob[:]...)
	data = binary.LittleEndian.AppendUint16(data, uint16(len(cert.signers)))
	data = append(data, cert.signers...)
	return append(data, cert.signature[:]...), nil
}

// ParseCertificate reads what MarshalBinary writes, for this committee, and verifies
// it. The error wraps ErrCertificate, ErrWeight or ErrSignature.
func (c *Committee) ParseCertificate(data []byte) (*Certificate, error) {
	claim := c.parse(data, c.hash)
	c.judge(claim)
	return claim.verdict()
}

// decode reads what MarshalBinary writes, and verifies nothing.
func (c *Committee) decode(data []byte) (*Certificate, error) {
	const head = 1 + commit.HashSize + 2
	bitmap := (len(c.members) + 7) / 8
	if len(data) != head+bitmap+SignatureSize || int(binary.LittleEndian.Uint16(data[head-2:])) != bitmap {
		return nil, fmt.Errorf("%w: length", ErrCertificate)
	}
	cert := &Certificate{Attestation: Attestation{Kind(data[0]), commit.BlobID(data[1 : head-2])}}
	cert.signers = append(cert.signers, data[head:head+bitmap]...)
	if used := len(c.members) % 8; used != 0 && cert.signers[bitmap-1]>>used != 0 {
		return nil, fmt.Errorf("%w: signer who is no member", ErrCertificate)
	}
	cert.signature = Signature(data[head+bitmap:])
	return cert, nil
}

// MaxCertificate returns the length of this committee's certificates in bytes.
func (c *Committee) MaxCertificate() int {
	return 1 + commit.HashSize + 2 + (len(c.members)+7)/8 + SignatureSize
}
