package committee

import (
	"encoding/binary"
	"fmt"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/redstuff-go/redstuff/commit"
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

// Attestation is what a member signs, together with the committee it is a member of.
type Attestation struct {
	Kind Kind
	Blob commit.BlobID
}

// message returns the bytes that are signed: the kind, the epoch in 64 bits
// (little-endian), the committee's fingerprint and the blob id. The fingerprint keeps a
// signature from counting in any other committee, also in one of the same epoch.
func (c *Committee) message(a Attestation) []byte {
	m := append([]byte("redstuff v1 attestation"), byte(a.Kind))
	m = binary.LittleEndian.AppendUint64(m, c.epoch)
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

// VerifyAttestation checks the signature of one member. The error is ErrSignature.
func (c *Committee) VerifyAttestation(member int, a Attestation, s Signature) error {
	if member < 0 || member >= len(c.members) {
		return ErrSignature
	}
	return c.members[member].PublicKey.verify(c.hash(a), s)
}
