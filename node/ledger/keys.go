package ledger

import (
	"encoding/binary"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
)

// Keys of the state: a letter for the kind of thing, and what names it. Numbers are
// big-endian, so that the order of keys is theirs.
const (
	kindAccount    = 'a'
	kindBlob       = 'b'
	kindByBlobID   = 'B'
	kindCommittee  = 'c'
	kindChallenge  = 'C'
	kindSynced     = 'd'
	kindDoubt      = 'D'
	kindGovernance = 'g'
	kindHandover   = 'h'
	kindInvalid    = 'i'
	kindClaim      = 'k'
	kindLast       = 'l'
	kindTransfers  = 'm'
	kindNode       = 'n'
	kindBallot     = 'o'
	kindOpen       = 'p'
	kindSlot       = 'r'
	kindStorage    = 's'
	kindStake      = 't'
	kindActive     = 'v'
	kindRate       = 'x'
	kindSystem     = 'y'
	kindSlashing   = 'z'
)

func key(kind byte, name ...[]byte) []byte {
	return slices.Concat(append([][]byte{{kind}}, name...)...)
}

func number(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// AccountKey returns the key of an [Account].
func AccountKey(a Address) []byte { return key(kindAccount, a[:]) }

// StorageKey returns the key of a [Storage].
func StorageKey(id ObjectID) []byte { return key(kindStorage, id[:]) }

// BlobKey returns the key of a [Blob].
func BlobKey(id ObjectID) []byte { return key(kindBlob, id[:]) }

// ByBlobIDKey returns the key by which the registration of a blob id is found. Its
// value is empty.
func ByBlobIDKey(id commit.BlobID, object ObjectID) []byte {
	return key(kindByBlobID, id[:], object[:])
}

// InvalidKey returns the key of the mark of an [Invalid] blob.
func InvalidKey(id commit.BlobID) []byte { return key(kindInvalid, id[:]) }

// NodeKey returns the key of a [Node].
func NodeKey(id NodeID) []byte { return key(kindNode, id[:]) }

// RateKey returns the key of a node's [Rate] at the start of an epoch.
func RateKey(id NodeID, epoch uint32) []byte { return key(kindRate, id[:], number(epoch)) }

// StakeKey returns the key of a [Stake].
func StakeKey(id ObjectID) []byte { return key(kindStake, id[:]) }

// CommitteeKey returns the key of the [Committee] of an epoch.
func CommitteeKey(epoch uint32) []byte { return key(kindCommittee, number(epoch)) }

// HandoverKey returns the key of the [Certified] checkpoint that leads from the
// committee of an epoch to the next one.
func HandoverKey(epoch uint32) []byte { return key(kindHandover, number(epoch)) }

// OpenCheckpointKey returns the key of the [OpenCheckpoint] that the committee of an
// epoch is to sign.
func OpenCheckpointKey(epoch uint32) []byte { return key(kindOpen, number(epoch)) }

// LastCheckpointKey returns the key of the last checkpoint that is [Certified].
func LastCheckpointKey() []byte { return key(kindLast) }

// SlotKey returns the key of the [Slot] of an epoch.
func SlotKey(epoch uint32) []byte { return key(kindSlot, number(epoch)) }

// ChallengeKey returns the key of the last [Challenge].
func ChallengeKey() []byte { return key(kindChallenge) }

// DoubtKey returns the key of the [Doubt] of challenges.
func DoubtKey() []byte { return key(kindDoubt) }

// GovernanceKey returns the key of the [Governance].
func GovernanceKey() []byte { return key(kindGovernance) }

// BallotKey returns the key of the [Ballot] of a node.
func BallotKey(id NodeID) []byte { return key(kindBallot, id[:]) }

// TransfersKey returns the key of the [Transfers] of the last epoch that has begun.
func TransfersKey() []byte { return key(kindTransfers) }

// SystemKey returns the key of the [System].
func SystemKey() []byte { return key(kindSystem) }

// SlashingKey returns the key of the [Slashing] vote on a node.
func SlashingKey(id NodeID) []byte { return key(kindSlashing, id[:]) }

// SyncedKey returns the key that is set for a member that has reported, in the epoch, that it
// has its shards.
func SyncedKey(epoch uint32, id NodeID) []byte { return key(kindSynced, number(epoch), id[:]) }

// claimKey has the node that something belongs to of which no two nodes have the same.
func claimKey(what claim, value []byte) []byte { return key(kindClaim, []byte{byte(what)}, value) }

// claimFor is what no two nodes have the same of.
type claim byte

const (
	publicKeyClaim claim = iota
	tlsKeyClaim
	nameClaim
	addressClaim
)

// activeKey has the nodes with stake, in the order in which they came.
func activeKey() []byte { return key(kindActive) }
