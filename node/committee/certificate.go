package committee

import (
	"encoding/binary"
	"errors"
	"fmt"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/redstuff-go/redstuff/commit"
)

var (
	// ErrWeight is returned when the signers of a certificate own too few shards.
	ErrWeight = errors.New("committee: signers own too few shards")
	// ErrCertificate is returned when bytes are no certificate, or name signers that
	// the committee of its epoch does not have.
	ErrCertificate = errors.New("committee: malformed certificate")
)

// Certificate is the sum of the signatures of several members of one epoch's committee
// under one attestation.
type Certificate struct {
	Attestation
	Epoch     uint64 // of the committee that signed
	signers   []byte // bitmap: member i is bit i%8 of byte i/8
	signature Signature
	path      *path // to what was signed, of an attestation that was signed with others; or nil
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

// Quorum returns the number of shards whose owners make a certificate of the kind:
// f+1 for Inconsistent and WalrusInvalid, n-f for the others. It panics for another kind.
func (c *Committee) Quorum(k Kind) int {
	t, err := threshold(c.params, k)
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
	return c.members[member].PublicKey.verify(pointOf(c, a), s)
}

// Certify adds up signatures, by member, to a certificate, and verifies it. It takes
// two pairings if all signatures are right. The error is ErrWeight if the members own
// too few shards, or a *BadSignersError: without those members it may be tried again.
func (c *Committee) Certify(a Attestation, signatures map[int]Signature) (*Certificate, error) {
	return certify(c, Certificate{Attestation: a}, pointOf(c, a), signatures)
}

// certify makes a certificate that says the same as a given one of signatures under a
// message that was hashed to a point.
func certify(c *Committee, says Certificate, message bls.G2Affine, signatures map[int]Signature) (*Certificate, error) {
	cert := &says
	cert.Epoch, cert.signers = c.epoch, make([]byte, (len(c.members)+7)/8)
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
		if err := weigh(c, cert); err != nil {
			return nil, err
		}
		var point bls.G2Affine
		point.FromJacobian(&sum)
		cert.signature = point.Bytes()
		if !point.IsInfinity() && point.IsInSubGroup() &&
			verifyTogether([]*unverified{{committee: c, cert: cert, message: message, signature: point}}) {
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

// Signed reports whether member i of the epoch's committee is among the signers.
func (cert *Certificate) Signed(i int) bool {
	return i >= 0 && i/8 < len(cert.signers) && cert.signers[i/8]>>(i%8)&1 != 0
}

// weightOf returns the number of shards the signers own.
func weightOf(c *Committee, cert *Certificate) (weight int) {
	for i := range c.members {
		if cert.Signed(i) {
			weight += c.Weight(i)
		}
	}
	return weight
}

// weigh checks that the signers own as many shards as the kind takes.
func weigh(c *Committee, cert *Certificate) error {
	need, err := threshold(c.params, cert.Kind)
	if err != nil {
		return err
	}
	if have := weightOf(c, cert); have < need {
		return fmt.Errorf("%w: %d of the %d it takes", ErrWeight, have, need)
	}
	return nil
}

// Lengths in bytes of what precedes the registration and the bitmap of a certificate:
// kind, epoch and blob id; and of the bitmap's length.
const (
	certificateHead = 1 + 8 + commit.HashSize
	bitmapHead      = 2
)

// MaxCertificate returns the length in bytes of the longest certificate of a system of
// n shards, in any epoch: there are no more members than shards.
func MaxCertificate(n int) int {
	return certificateHead + len(ObjectID{}) + bitmapHead + (n+7)/8 + SignatureSize + pathHead + maxDepth*len(root{})
}

// MarshalBinary writes the kind in one byte, the epoch in 64 bits, the blob id, of
// kinds that name one the registration, the number of bytes in the bitmap in 16 bits, the
// bitmap, and the signature. If the attestation was signed with others, the highest bit of the
// first byte is set, and the path to what was signed follows: the number of its hashes in
// one byte, the place of the attestation in 16 bits, and the hashes. Numbers are
// little-endian.
func (cert *Certificate) MarshalBinary() ([]byte, error) {
	data := append(make([]byte, 0, MaxCertificate(8*len(cert.signers))), byte(cert.Kind))
	data = binary.LittleEndian.AppendUint64(data, cert.Epoch)
	data = append(data, cert.Blob[:]...)
	if cert.Kind.names() {
		data = append(data, cert.Object[:]...)
	}
	data = binary.LittleEndian.AppendUint16(data, uint16(len(cert.signers)))
	data = append(data, cert.signers...)
	data = append(data, cert.signature[:]...)
	if cert.path != nil {
		data[0] |= batchFlag
		data = cert.path.append(data)
	}
	return data, nil
}

// decodeCertificate reads what MarshalBinary writes, and verifies nothing. The error
// wraps ErrCertificate.
func decodeCertificate(data []byte) (*Certificate, error) {
	head, cert := certificateHead, new(Certificate)
	if len(data) > 0 && Kind(data[0]&^batchFlag).names() {
		head += len(cert.Object)
	}
	if len(data) < head+bitmapHead {
		return nil, fmt.Errorf("%w: %d bytes, and %d precede the signers alone", ErrCertificate, len(data), head+bitmapHead)
	}
	bitmap := int(binary.LittleEndian.Uint16(data[head:]))
	cert.Kind = Kind(data[0] &^ batchFlag)
	want := head + bitmapHead + bitmap + SignatureSize
	if data[0]&batchFlag != 0 && len(data) >= want {
		if !cert.Kind.batchable() {
			return nil, fmt.Errorf("%w: kind %v is signed alone", ErrCertificate, cert.Kind)
		}
		var err error
		if cert.path, err = parsePath(data[want:]); err != nil {
			return nil, err
		}
		data = data[:want]
	}
	if len(data) != want {
		return nil, fmt.Errorf("%w: %d bytes, and with %d bytes of signers it has %d", ErrCertificate, len(data), bitmap, want)
	}
	cert.Epoch = binary.LittleEndian.Uint64(data[1:])
	cert.Blob = commit.BlobID(data[9:certificateHead])
	copy(cert.Object[:], data[certificateHead:head])
	cert.signers = append(cert.signers, data[head+bitmapHead:][:bitmap]...)
	cert.signature = Signature(data[head+bitmapHead+bitmap:])
	return cert, nil
}
