package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/ledger/apportion"
)

// Address is an account: the ed25519 public key of its owner.
type Address [ed25519.PublicKeySize]byte

// String returns the address in base64 for URLs, without padding.
func (a Address) String() string { return base64.RawURLEncoding.EncodeToString(a[:]) }

// MarshalText is String.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what String writes.
func (a *Address) UnmarshalText(text []byte) error {
	data, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(data) != len(a) {
		return fmt.Errorf("ledger: %q is no address: 43 characters of base64 for URLs are needed", text)
	}
	copy(a[:], data)
	return nil
}

// ObjectID names a thing that a transaction made.
type ObjectID [sha256.Size]byte

// String returns the id as Sui writes object ids.
func (id ObjectID) String() string { return "0x" + hex.EncodeToString(id[:]) }

// UnmarshalText reads what String writes.
func (id *ObjectID) UnmarshalText(text []byte) error {
	digits, ok := strings.CutPrefix(string(text), "0x")
	data, err := hex.DecodeString(digits)
	if err != nil || !ok || len(data) != len(id) {
		return fmt.Errorf("ledger: %q is no object: 0x and 64 hexadecimal digits are needed", text)
	}
	copy(id[:], data)
	return nil
}

// NodeID names a node for its whole life: it is the id of the object that registering
// the node made.
type NodeID = apportion.NodeID

// ObjectIDOf returns the id of the object number i, from 0 on, that a transaction made:
// known before it is sent.
func ObjectIDOf(tx TxDigest, i uint64) ObjectID {
	data := append([]byte("redstuff v1 object"), tx[:]...)
	return sha256.Sum256(binary.LittleEndian.AppendUint64(data, i))
}

// Account is what an address has.
type Account struct {
	Nonce   uint64 // of its next transaction
	Balance uint64
}

// Storage is the right to store so many encoded bytes from the epoch Start on, until
// before End.
type Storage struct {
	Owner      Address
	Start, End uint32
	Size       uint64 // bytes, over all shards
}

// Attribute is what the owner of a blob says of it.
type Attribute struct {
	Name, Value string
}

// Blob is a blob that somebody registered. Several may register the same.
type Blob struct {
	Owner      Address
	ID         commit.BlobID
	Length     uint64 // bytes, before encoding
	Encoding   uint8
	Deletable  bool
	Registered uint32 // epoch
	Certified  *uint32
	Storage    Storage // its owner is the blob's
	Attributes []Attribute
	Shared     bool   // it is nobody's: everybody may extend it
	Funds      uint64 // money that a shared blob is extended with
}

// NodeInfo is what others need to know of a node.
type NodeInfo struct {
	Name       string
	Address    string // host:port
	PublicKey  [48]byte
	Possession [96]byte // proof that the node has the secret of the public key
	TLSKey     [32]byte
	TLSProof   [64]byte // that the node has the secret of the TLS key, see [ProveTLSKey]
	Votes      Votes
	Commission uint16 // share of the rewards that is the operator's, in basis points
}

// Votes are what a node votes for. They count by the shards it owns.
type Votes struct {
	StoragePrice uint64 // of a unit for an epoch
	WritePrice   uint64 // of a unit, once
	Capacity     uint64 // bytes that the node can store
}

// Limits of texts, in bytes.
const (
	maxName           = 100
	maxNetworkAddress = 259
	maxAttributes     = 64
	maxAttributeName  = 256
	maxAttributeValue = 4096
)

// Pending are values that take effect at the start of an epoch.
type Pending []PendingValue

// PendingValue is one of them.
type PendingValue struct {
	Epoch uint32
	Value uint64
}

// Node is a node and the stake that is delegated to it: a pool whose shares grow in
// value with the rewards.
type Node struct {
	Owner  Address // governs it, and gets the commission
	Info   NodeInfo
	Next   *NextKey
	Joined uint32 // the first epoch in which it can be a member

	Latest            uint32 // the epoch up to which the pool is computed
	Balance, Shares   uint64 // of the stake that is active
	Rewards           uint64 // money for those who withdraw: what their stake gained
	Staked            uint64 // money: the principals of all stakes with the node
	Debt              uint64 // money of these that was slashed, beyond all rewards
	Slashed           uint64 // all that ever was
	Failed            uint16 // challenges, one after the other
	Last              LastEpoch
	Commission        uint64 // money
	BlockedCommission uint64 // the part of it that cannot be collected yet

	PendingStake      Pending // to become active
	PendingWithdrawal Pending // shares
	PreActive         Pending // stake that is withdrawn in the epoch after its activation
	PendingCommission Pending // rates
}

// NextKey is the public key that a node has from the next epoch on.
type NextKey struct {
	PublicKey  [48]byte
	Possession [96]byte
}

// Rate is what shares of a pool were worth at the start of an epoch: Balance for
// Shares. If either is 0, each share is worth 1.
type Rate struct {
	Balance, Shares uint64
}

// Stake is money that somebody delegated to a node.
type Stake struct {
	Owner     Address
	Node      NodeID
	Principal uint64
	Active    uint32  // the epoch from which on it counts
	Withdraw  *uint32 // the epoch from which on it can be taken back
}

// ActiveNode is a node with stake, of which the next committee is made.
type ActiveNode struct {
	Node  NodeID
	Stake uint64
}

// Member is a node of a committee.
type Member struct {
	Node       NodeID
	Name       string
	Address    string
	PublicKey  [48]byte
	Possession [96]byte
	TLSKey     [32]byte
	Shards     []uint16
}

// Committee is who owns the shards in an epoch, in the order of node ids.
type Committee struct {
	Members []Member
}

// Phase is how far an epoch has come.
type Phase uint8

const (
	// PhaseSync is the time in which members fetch the shards they gained.
	PhaseSync Phase = iota
	// PhaseDone begins when members of a quorum of shards have theirs.
	PhaseDone
	// PhaseSelected begins when the next committee and its votes are fixed.
	PhaseSelected
)

// String returns the phase in one word.
func (p Phase) String() string {
	switch p {
	case PhaseSync:
		return "sync"
	case PhaseDone:
		return "done"
	case PhaseSelected:
		return "selected"
	}
	return fmt.Sprintf("phase %d", uint8(p))
}

// System is what there is one of.
type System struct {
	Height uint64
	Time   uint64 // of the last block, in milliseconds since 1970

	Epoch      uint32
	Phase      uint8  // a Phase
	PhaseStart uint64 // time at which the epoch's change began in PhaseSync, or was done
	SyncWeight uint16 // shards whose owners have what they gained
	Settled    uint32 // the last epoch in which the owners of a quorum of shards said so

	StoragePrice uint64 // of a unit for an epoch
	WritePrice   uint64 // of a unit, once
	Capacity     uint64 // bytes that can be reserved in each epoch
	NextCapacity uint64 // in the next epoch, from PhaseSelected on

	Handover       uint32 // the last epoch of which the handover to the next one was noted
	CheckpointTime uint64 // at which the last checkpoint was noted

	FeePerByte uint64
	Burned     uint64
	Minted     uint64
}

// Slot is what is reserved and earned in one epoch.
type Slot struct {
	Used    uint64 // bytes reserved
	Rewards uint64 // money for the committee of the epoch
}

// Slashing is a vote of the committee on a node.
type Slashing struct {
	Epoch  uint32
	Weight uint16
	Voters []NodeID
}

// Invalid is the mark of a blob id that no blob has.
type Invalid struct {
	Epoch uint32
}
