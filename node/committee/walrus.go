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

// How the messages begin: the intent, version 0, Walrus. The intents are that a blob is stored,
// that its id is invalid, and that a member asks for slivers of a shard.
var (
	walrusHead     = [...]byte{1, 0, 3}
	walrusInvalid  = [...]byte{2, 0, 3}
	walrusTransfer = [...]byte{3, 0, 3}
)

// Lengths in bytes of the messages.
const (
	walrusPermanentSize = len(walrusHead) + 4 + commit.HashSize + 1
	walrusDeletableSize = walrusPermanentSize + len(ObjectID{})
	walrusInvalidSize   = len(walrusInvalid) + 4 + commit.HashSize
)

// WalrusMessage returns the bytes that members sign for WalrusPermanent, WalrusDeletable and
// WalrusInvalid: BCS of Walrus's message. It is nil for other kinds.
func (a Attestation) WalrusMessage(epoch uint64) []byte {
	head := walrusHead
	switch a.Kind {
	case WalrusPermanent, WalrusDeletable:
	case WalrusInvalid:
		head = walrusInvalid
	default:
		return nil
	}
	m := append(make([]byte, 0, walrusDeletableSize), head[:]...)
	m = binary.LittleEndian.AppendUint32(m, uint32(epoch))
	m = append(m, a.Blob[:]...)
	switch a.Kind {
	case WalrusPermanent:
		m = append(m, 0)
	case WalrusDeletable:
		m = append(append(m, 1), a.Object[:]...)
	}
	return m
}

// ParseWalrusMessage reads what WalrusMessage writes. The error wraps ErrCertificate.
func ParseWalrusMessage(m []byte) (a Attestation, epoch uint64, err error) {
	switch len(m) {
	case walrusInvalidSize:
		a.Kind = WalrusInvalid
	case walrusPermanentSize:
		a.Kind = WalrusPermanent
	case walrusDeletableSize:
		a.Kind = WalrusDeletable
		a.Object = ObjectID(m[walrusPermanentSize:])
	default:
		return a, 0, fmt.Errorf("%w: a message of %d bytes, and there are those of %d, %d and %d", ErrCertificate, len(m), walrusInvalidSize, walrusPermanentSize, walrusDeletableSize)
	}
	body := m[len(walrusHead):]
	epoch, a.Blob = uint64(binary.LittleEndian.Uint32(body)), commit.BlobID(body[4:][:commit.HashSize])
	if string(a.WalrusMessage(epoch)) != string(m) {
		return Attestation{}, 0, fmt.Errorf("%w: no message that a blob is stored, or that there is none", ErrCertificate)
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

// walrusTransferHead is how long what precedes the body of a request for a shard is, bytes.
const walrusTransferHead = len(walrusTransfer) + 4

// SignShardRequest signs, in Walrus's words, that the signer's node asks for slivers of a shard in an
// epoch. The body is BCS of the request. It returns the message with its signature.
func SignShardRequest(s *Signer, epoch uint32, body []byte) (message []byte, signature Signature) {
	message = append(make([]byte, 0, walrusTransferHead+len(body)), walrusTransfer[:]...)
	message = append(binary.LittleEndian.AppendUint32(message, epoch), body...)
	return message, s.key.sign(hash(message, domainWalrus))
}

// VerifyShardRequest checks what SignShardRequest returns, by the node's public key. The error
// is ErrSignature, also for any other message.
func VerifyShardRequest(k PublicKey, message []byte, s Signature) (epoch uint32, body []byte, err error) {
	if len(message) < walrusTransferHead || string(message[:len(walrusTransfer)]) != string(walrusTransfer[:]) {
		return 0, nil, ErrSignature
	}
	if err := k.verify(hash(message, domainWalrus), s); err != nil {
		return 0, nil, err
	}
	return binary.LittleEndian.Uint32(message[len(walrusTransfer):]), message[walrusTransferHead:], nil
}
