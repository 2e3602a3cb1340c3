package committee

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/redstuff-go/redstuff/commit"
)

// Walrus's clients know its own message of a confirmation, and the ciphersuite without
// proofs of possession. The message names the epoch, and not the committee: whoever uses a
// node's key in two networks has what it signs in one count in the other.

// walrusHead is how the message begins: intent 1 (a blob is stored), version 0, Walrus.
var walrusHead = [...]byte{1, 0, 3}

// Lengths in bytes of the messages.
const (
	walrusPermanentSize = len(walrusHead) + 4 + commit.HashSize + 1
	walrusDeletableSize = walrusPermanentSize + len(ObjectID{})
)

// WalrusMessage returns the bytes that members sign for WalrusPermanent and
// WalrusDeletable: BCS of Walrus's storage confirmation. It is nil for other kinds.
func (a Attestation) WalrusMessage(epoch uint64) []byte {
	if a.Kind != WalrusPermanent && a.Kind != WalrusDeletable {
		return nil
	}
	m := append(make([]byte, 0, walrusDeletableSize), walrusHead[:]...)
	m = binary.LittleEndian.AppendUint32(m, uint32(epoch))
	m = append(m, a.Blob[:]...)
	if a.Kind == WalrusPermanent {
		return append(m, 0)
	}
	return append(append(m, 1), a.Object[:]...)
}

// ParseWalrusMessage reads what WalrusMessage writes. The error wraps ErrCertificate.
func ParseWalrusMessage(m []byte) (a Attestation, epoch uint64, err error) {
	switch len(m) {
	case walrusPermanentSize:
		a.Kind = WalrusPermanent
	case walrusDeletableSize:
		a.Kind = WalrusDeletable
		a.Object = ObjectID(m[walrusPermanentSize:])
	default:
		return a, 0, fmt.Errorf("%w: a message of %d bytes, and there are those of %d and %d", ErrCertificate, len(m), walrusPermanentSize, walrusDeletableSize)
	}
	body := m[len(walrusHead):]
	epoch, a.Blob = uint64(binary.LittleEndian.Uint32(body)), commit.BlobID(body[4:][:commit.HashSize])
	if string(a.WalrusMessage(epoch)) != string(m) {
		return Attestation{}, 0, fmt.Errorf("%w: no message that a blob is stored", ErrCertificate)
	}
	return a, epoch, nil
}

// WalrusCertificate returns the committee's certificate of a message, the numbers of its signers, and
// the sum of their signatures, which is not verified: see Verify. The error wraps
// ErrCertificate.
func WalrusCertificate(c *Committee, message []byte, signers []int, s Signature) (*Certificate, error) {
	a, epoch, err := ParseWalrusMessage(message)
	if err != nil {
		return nil, err
	}
	if epoch != c.epoch {
		return nil, fmt.Errorf("%w: it is of epoch %d, and the committee of %d", ErrCertificate, epoch, c.epoch)
	}
	cert := &Certificate{Attestation: a, Epoch: epoch, signers: make([]byte, (len(c.members)+7)/8), signature: s}
	for _, i := range signers {
		if i < 0 || i >= len(c.members) || cert.Signed(i) {
			return nil, fmt.Errorf("%w: signer %d is no member, or there twice", ErrCertificate, i)
		}
		cert.signers[i/8] |= 1 << (i % 8)
	}
	return cert, nil
}

// Signature returns the sum of the signatures.
func (cert *Certificate) Signature() Signature { return cert.signature }

// checkWalrus returns an error if Walrus has no such epochs.
func checkWalrus(cert *Certificate) error {
	if cert.WalrusMessage(cert.Epoch) != nil && cert.Epoch > math.MaxUint32 {
		return fmt.Errorf("%w: Walrus has no epoch %d", ErrCertificate, cert.Epoch)
	}
	return nil
}
