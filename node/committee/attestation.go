package committee

import (
	"encoding/binary"
	"fmt"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/redstuff-go/redstuff/commit"
)

// Kind is what is attested of a blob. It is less than 128, see batchFlag.
type Kind uint8

const (
	// Stored attests that the member has the blob's metadata and all of its sliver
	// pairs of the blob on disk, and has verified them. Where there is a ledger, it also
	// attests that a permanent registration of the blob lives.
	Stored Kind = 1
	// Inconsistent attests that the member has verified a proof that the metadata is
	// that of no blob.
	Inconsistent Kind = 2
	// Checkpoint attests to the state of a ledger. What stands for the blob id is the
	// hash of what the ledger calls a checkpoint.
	Checkpoint Kind = 3
	// WalrusPermanent attests to the same as Stored, in the words of Walrus, of a blob that
	// is registered as permanent: for clients that know no others.
	WalrusPermanent Kind = 4
	// WalrusDeletable does so of a blob that is registered as deletable, and names the
	// registration.
	WalrusDeletable Kind = 5
	// ChallengeAck attests that the member is silent, and ChallengePass that another one has
	// shown it its symbols. What stands for the blob id is the hash of what package challenge
	// calls terms and a pass.
	ChallengeAck  Kind = 6
	ChallengePass Kind = 7
	// StoredDeletable attests to the same as Stored, of a blob that is registered as
	// deletable, and names the registration, which lives.
	StoredDeletable Kind = 8
	// WalrusInvalid attests to the same as Inconsistent, in the words of Walrus: for clients that
	// know no others.
	WalrusInvalid Kind = 9
)

// String returns the kind in one word.
func (k Kind) String() string {
	switch k {
	case Stored:
		return "stored"
	case Inconsistent:
		return "inconsistent"
	case Checkpoint:
		return "checkpoint"
	case WalrusPermanent:
		return "permanent"
	case WalrusDeletable:
		return "deletable"
	case StoredDeletable:
		return "stored deletable"
	case WalrusInvalid:
		return "invalid"
	case ChallengeAck:
		return "challenge ack"
	case ChallengePass:
		return "challenge pass"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// names reports whether attestations of the kind name a registration.
func (k Kind) names() bool { return k == StoredDeletable || k == WalrusDeletable }

// ObjectID names a registration of a blob, as a ledger does.
type ObjectID [32]byte

// Attestation is what a member signs, together with the committee it is a member of.
type Attestation struct {
	Kind   Kind
	Blob   commit.BlobID
	Object ObjectID // of StoredDeletable and WalrusDeletable; the others have none
}

// Registration returns the registration that it names, if it is of a kind that names one.
func (a Attestation) Registration() (ObjectID, bool) { return a.Object, a.Kind.names() }

// Stores reports whether it attests that the blob is stored, in whatever words.
func (a Attestation) Stores(blob commit.BlobID) bool {
	switch a.Kind {
	case Stored, StoredDeletable, WalrusPermanent, WalrusDeletable:
		return a.Blob == blob
	}
	return false
}

// Invalidates reports whether it attests that there is no such blob, in whatever words.
func (a Attestation) Invalidates(blob commit.BlobID) bool {
	return (a.Kind == Inconsistent || a.Kind == WalrusInvalid) && a.Blob == blob
}

// message returns the bytes that are signed: the kind, the epoch in 64 bits
// (little-endian), the committee's fingerprint, the blob id and, if the kind names one,
// the registration. The fingerprint keeps a signature from counting in any other
// committee, also in one of the same epoch.
func message(c *Committee, a Attestation) []byte {
	m := append([]byte("redstuff v1 attestation"), byte(a.Kind))
	m = binary.LittleEndian.AppendUint64(m, c.epoch)
	m = append(m, c.fingerprint[:]...)
	m = append(m, a.Blob[:]...)
	if a.Kind.names() {
		m = append(m, a.Object[:]...)
	}
	return m
}

// pointOf returns the point that members of the committee sign to attest.
func pointOf(c *Committee, a Attestation) bls.G2Affine {
	if m := a.WalrusMessage(c.epoch); m != nil {
		return hash(m, domainWalrus)
	}
	return hash(message(c, a), domainSign)
}

// threshold returns the number of shards whose owners must sign.
func threshold(p commit.Params, k Kind) (int, error) {
	switch k {
	case Stored, StoredDeletable, Checkpoint, WalrusPermanent, WalrusDeletable, ChallengeAck, ChallengePass:
		return p.N - p.F, nil
	case Inconsistent, WalrusInvalid:
		return p.F + 1, nil
	}
	return 0, fmt.Errorf("%w: unknown kind %d", ErrCertificate, k)
}
