package ledger

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger/apportion"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// Checkpoint is what an epoch's committee says of the ledger: what state it has, and
// who comes next. Whoever knows one committee is led by checkpoints to the later ones,
// and to the facts that the state has, without any block.
//
// The ledger itself notes what is to be signed: at the start of the block after, for no
// state knows its own root.
type Checkpoint struct {
	Chain  ChainID
	Epoch  uint32 // whose committee signs
	Height uint64 // of the block after which the state is that of the root
	Time   uint64 // up to which it was the last state, in milliseconds since 1970
	Root   tree.Hash
	Next   CommitteeDigest // of the committee of Epoch+1; zeros if there is none yet
}

// Attestation returns what members of the epoch's committee sign: a hash of the whole
// checkpoint, in a domain of its own. A member signs what its own copy of the ledger
// says, or a ledger that it trusts, and no other checkpoint of the same height.
func (c Checkpoint) Attestation() committee.Attestation {
	hash := sha256.Sum256(codec.Append([]byte("redstuff v1 checkpoint"), c))
	return committee.Attestation{Kind: committee.Checkpoint, Blob: commit.BlobID(hash)}
}

// Certified is a checkpoint with the certificate of a quorum of its committee.
type Certified struct {
	Checkpoint
	Certificate []byte // a committee.Certificate
}

// CommitteeDigest names a committee, whatever its epoch is.
type CommitteeDigest [sha256.Size]byte

// String returns the digest in hexadecimal.
func (d CommitteeDigest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText is String.
func (d CommitteeDigest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Digest returns the committee's digest: a hash of all that the ledger says of its
// members.
func (c *Committee) Digest() CommitteeDigest {
	return sha256.Sum256(codec.Append([]byte("redstuff v1 committee of a ledger"), c))
}

// OpenCheckpoint is a checkpoint whose committee is still to sign it.
type OpenCheckpoint struct {
	Checkpoint
	Weight     uint16 // shards of those who have
	Signatures []MemberSignature
}

// MemberSignature is the signature of a member of a committee.
type MemberSignature struct {
	Member    uint16 // in the order of the committee
	Signature [committee.SignatureSize]byte
}

// checkpointDue returns from which time on the next block notes a checkpoint of the state first,
// and whose committee is to sign it. The handover to each epoch is due at once when
// that epoch's committee is known, and one more checkpoint in each interval of genesis.
func checkpointDue(d *draft) (time uint64, epoch uint32) {
	s := &d.system
	switch {
	case s.Handover+1 < s.Epoch:
		return s.Time, s.Epoch - 1
	case Phase(s.Phase) == PhaseSelected && s.Handover < s.Epoch:
		return s.Time, s.Epoch
	case s.Handover == s.Epoch && get[Certified](d.tree, HandoverKey(s.Epoch)) == nil:
		return 1<<64 - 1, s.Epoch // nothing takes the place of a handover
	}
	return saturatingAdd(s.CheckpointTime, d.genesis.CheckpointMillis), s.Epoch
}

// noteCheckpoint notes what the state before is to be signed as, if it is due.
func noteCheckpoint(d *draft, before *State, now uint64) {
	due, epoch := checkpointDue(d)
	if now < due {
		return
	}
	c := Checkpoint{Chain: before.chain, Epoch: epoch, Height: before.System().Height, Time: now, Root: before.Root()}
	if next := d.committeeOf(epoch + 1); len(next.Members) > 0 {
		c.Next = next.Digest()
		d.system.Handover = epoch
	}
	d.system.CheckpointTime = now
	d.put(OpenCheckpointKey(epoch), OpenCheckpoint{Checkpoint: c})
	d.emit(CheckpointOpened{c})
}

// closeCheckpoint drops what nobody needs signed any more when an epoch has ended: its
// handover waits on, for without it nobody is led to the next epoch.
func closeCheckpoint(d *draft, epoch uint32) {
	if get[Certified](d.tree, HandoverKey(epoch)) != nil {
		d.remove(OpenCheckpointKey(epoch))
	}
}

// SignCheckpoint is a member's signature under the open checkpoint of its committee.
// Everybody may send it. With those of a quorum the checkpoint is certified.
type SignCheckpoint struct {
	Node      NodeID
	Epoch     uint32
	Height    uint64
	Signature [committee.SignatureSize]byte
}

func (a SignCheckpoint) apply(d *draft, _ Address) error {
	open := get[OpenCheckpoint](d.tree, OpenCheckpointKey(a.Epoch))
	if open == nil || open.Height != a.Height {
		return broken(RuleUnknown, "no checkpoint of height %d is open for epoch %d", a.Height, a.Epoch)
	}
	members := d.committeeOf(a.Epoch)
	i := members.index(a.Node)
	if i < 0 {
		return broken(RuleMember, "the node owns no shard in epoch %d", a.Epoch)
	}
	signatures := map[int]committee.Signature{i: a.Signature}
	for _, s := range open.Signatures {
		if int(s.Member) == i {
			return broken(RuleTwice, "it has signed already")
		}
		signatures[int(s.Member)] = s.Signature
	}
	c, err := d.committees.get(d.genesis, d.tree, a.Epoch)
	if err != nil {
		return broken(RuleProof, "%v", err)
	}
	if err := c.VerifyAttestation(i, open.Attestation(), a.Signature); err != nil {
		return broken(RuleProof, "%v", err)
	}
	open.Signatures = append(open.Signatures, MemberSignature{uint16(i), a.Signature})
	open.Weight += uint16(len(members.Members[i].Shards))
	if !apportion.Quorum(int(open.Weight), int(d.genesis.Shards)) {
		d.put(OpenCheckpointKey(a.Epoch), open)
		return nil
	}
	cert, err := c.Certify(open.Attestation(), signatures)
	if err != nil {
		return broken(RuleProof, "%v", err)
	}
	data, err := cert.MarshalBinary()
	if err != nil {
		return broken(RuleProof, "%v", err)
	}
	certify(d, Certified{open.Checkpoint, data})
	return nil
}

// certify keeps a checkpoint that has its certificate: as the handover, if it is the
// first one that names the next committee, and as the last one of all.
func certify(d *draft, c Certified) {
	d.remove(OpenCheckpointKey(c.Epoch))
	if c.Next != (CommitteeDigest{}) && get[Certified](d.tree, HandoverKey(c.Epoch)) == nil {
		d.put(HandoverKey(c.Epoch), c)
		if c.Epoch < d.system.Epoch {
			closeCheckpoint(d, c.Epoch)
		}
	}
	if last := get[Certified](d.tree, LastCheckpointKey()); last == nil || last.Height < c.Height {
		d.put(LastCheckpointKey(), c)
	}
	d.emit(CheckpointCertified{c.Epoch, c.Height})
}
