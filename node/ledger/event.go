package ledger

import (
	"fmt"
	"reflect"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// Event is what happened, for those who follow the ledger. The types of this package
// whose names end in a participle are events.
type Event interface{ isEvent() }

// BlobRegistered: slivers of the blob may be stored from now on.
type BlobRegistered struct {
	Epoch     uint32
	ID        commit.BlobID
	Length    uint64
	Encoding  uint8
	End       uint32 // the epoch before which the storage ends
	Deletable bool
	Object    ObjectID
}

// BlobCertified: the blob is available until its end. Of an extension, Epoch is the
// epoch in which the blob was certified first.
type BlobCertified struct {
	Epoch     uint32
	ID        commit.BlobID
	End       uint32
	Deletable bool
	Object    ObjectID
	Extension bool
}

// BlobDeleted: its owner gave the blob up. Unless others have registered the same blob,
// nobody needs its slivers any more. What it was needs no earlier state.
type BlobDeleted struct {
	Epoch     uint32
	ID        commit.BlobID
	Length    uint64
	End       uint32 // the epoch before which its storage would have ended
	Object    ObjectID
	Certified *uint32 // the epoch in which it was, or nil
}

// BlobInvalidated: no blob has the id; whoever encoded it broke the rules.
type BlobInvalidated struct {
	Epoch uint32
	ID    commit.BlobID
}

// NodeRegistered: there is a new node, or one changed what others need to know of it.
type NodeRegistered struct {
	Node NodeID
	Name string
}

// EpochSelected: the committee of the next epoch is fixed.
type EpochSelected struct {
	Epoch uint32 // the next one
}

// EpochStarted: the committee of the epoch takes over.
type EpochStarted struct {
	Epoch uint32
}

// ShardsReceived: a member has the shards it gained.
type ShardsReceived struct {
	Epoch  uint32
	Node   NodeID
	Weight uint16
}

// EpochDone: the members of a quorum of shards have theirs, or the time for it is over.
type EpochDone struct {
	Epoch  uint32
	Weight uint16
}

// NodeSlashed: a quorum of the committee took a node's commission.
type NodeSlashed struct {
	Node   NodeID
	Burned uint64
}

// CheckpointOpened: the members of the epoch's committee are to sign the checkpoint.
type CheckpointOpened struct {
	Checkpoint Checkpoint
}

// CheckpointCertified: a quorum of the epoch's committee has signed its checkpoint.
type CheckpointCertified struct {
	Epoch  uint32
	Height uint64
}

// EpochSettled: the members of a quorum of shards have all that is certified of theirs.
// Nobody else needs to keep it for them.
type EpochSettled struct {
	Epoch uint32
}

// ChallengeArmed: the members of the epoch are to fall silent about the blobs that were
// certified in earlier epochs, and to ack.
type ChallengeArmed struct {
	Epoch  uint32
	Height uint64
}

// ChallengeStarted: enough have acked, and all are to prove that they have the drawn blobs.
type ChallengeStarted struct {
	Round challenge.Round
}

// ChallengePassed: a member has.
type ChallengePassed struct {
	Epoch  uint32
	Node   NodeID
	Weight uint16
}

// ChallengeClosed: enough have passed, or the time is over. Members serve all blobs again.
type ChallengeClosed struct {
	Epoch  uint32
	Height uint64 // at which it was armed
	Weight uint16 // of those who have passed
}

// ChallengeFailed: a member has not passed, though enough others have.
type ChallengeFailed struct {
	Epoch uint32
	Node  NodeID
	InRow uint16 // challenges that it has failed one after the other
}

// StakeSlashed: all who have stake with a node have lost a part of it.
type StakeSlashed struct {
	Epoch  uint32 // whose challenge it failed
	Node   NodeID
	Amount uint64
	Burned uint64 // the part that nobody has
}

// TransferFailed: a member had to recover shards that another one should have handed over, or, if
// Sender is zero, has not got all its shards.
type TransferFailed struct {
	Epoch            uint32
	Sender, Receiver NodeID
	Shards           uint16
}

// TransferFined: all who have stake with a node have lost a part of it, because it has not handed
// shards over or not got them.
type TransferFined struct {
	Epoch  uint32
	Node   NodeID
	Amount uint64
}

// HelperPaid: a member gets a part of the fines because shards are recovered from it.
type HelperPaid struct {
	Epoch  uint32
	Node   NodeID
	Amount uint64 // with the operator's commission
}

// DrawsDoubled: challenges draw more blobs from an epoch on, or fewer again.
type DrawsDoubled struct {
	Epoch     uint32
	Doublings uint8 // of what the parameters want
}

// ParametersSelected: the members of the next epoch want other parameters.
type ParametersSelected struct {
	Epoch      uint32 // the next one, in which they are in force
	Parameters Parameters
}

// NodeRewarded: a member of the epoch that ended has its reward.
type NodeRewarded struct {
	Epoch  uint32
	Node   NodeID
	Amount uint64 // with the operator's commission
}

func (BlobRegistered) isEvent()      {}
func (BlobCertified) isEvent()       {}
func (BlobDeleted) isEvent()         {}
func (BlobInvalidated) isEvent()     {}
func (NodeRegistered) isEvent()      {}
func (EpochSelected) isEvent()       {}
func (EpochStarted) isEvent()        {}
func (ShardsReceived) isEvent()      {}
func (EpochDone) isEvent()           {}
func (NodeSlashed) isEvent()         {}
func (CheckpointOpened) isEvent()    {}
func (CheckpointCertified) isEvent() {}
func (EpochSettled) isEvent()        {}
func (ChallengeArmed) isEvent()      {}
func (ChallengeStarted) isEvent()    {}
func (ChallengePassed) isEvent()     {}
func (ChallengeClosed) isEvent()     {}
func (ChallengeFailed) isEvent()     {}
func (StakeSlashed) isEvent()        {}
func (NodeRewarded) isEvent()        {}
func (TransferFailed) isEvent()      {}
func (TransferFined) isEvent()       {}
func (HelperPaid) isEvent()          {}
func (DrawsDoubled) isEvent()        {}
func (ParametersSelected) isEvent()  {}

// events are all events, by the numbers that they have on the wire: new ones come last.
var events = []reflect.Type{
	reflect.TypeFor[BlobRegistered](),
	reflect.TypeFor[BlobCertified](),
	reflect.TypeFor[BlobDeleted](),
	reflect.TypeFor[BlobInvalidated](),
	reflect.TypeFor[NodeRegistered](),
	reflect.TypeFor[EpochSelected](),
	reflect.TypeFor[EpochStarted](),
	reflect.TypeFor[ShardsReceived](),
	reflect.TypeFor[EpochDone](),
	reflect.TypeFor[NodeSlashed](),
	reflect.TypeFor[CheckpointOpened](),
	reflect.TypeFor[CheckpointCertified](),
	reflect.TypeFor[EpochSettled](),
	reflect.TypeFor[ChallengeArmed](),
	reflect.TypeFor[ChallengeStarted](),
	reflect.TypeFor[ChallengePassed](),
	reflect.TypeFor[ChallengeClosed](),
	reflect.TypeFor[ChallengeFailed](),
	reflect.TypeFor[StakeSlashed](),
	reflect.TypeFor[NodeRewarded](),
	reflect.TypeFor[TransferFailed](),
	reflect.TypeFor[TransferFined](),
	reflect.TypeFor[HelperPaid](),
	reflect.TypeFor[DrawsDoubled](),
	reflect.TypeFor[ActionRefused](),
	reflect.TypeFor[ParametersSelected](),
}

// MarshalEvent returns the event in BCS.
func MarshalEvent(e Event) []byte {
	for i, kind := range events {
		if reflect.TypeOf(e) == kind {
			return codec.Append(bcs.AppendVariant(nil, uint32(i)), e)
		}
	}
	panic("ledger: no event, but " + reflect.TypeOf(e).String())
}

// ParseEvent reads what MarshalEvent writes. The error wraps codec.ErrMalformed.
func ParseEvent(data []byte) (Event, error) {
	r := bcs.NewReader(data)
	kind := r.Variant(uint32(len(events)), "event")
	if r.Err() != nil {
		return nil, fmt.Errorf("%w: %w", codec.ErrMalformed, r.Err())
	}
	e := reflect.New(events[kind])
	if err := codec.Unmarshal(r.Bytes(r.Remaining(), "event"), e.Interface()); err != nil {
		return nil, err
	}
	return e.Elem().Interface().(Event), nil
}
