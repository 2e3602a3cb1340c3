package challenge

import (
	"fmt"

	"github.com/redstuff-go/redstuff/node/committee"
)

// SeedSource makes the seed of a round from the acks that start it.
type SeedSource interface {
	// Seed returns the seed that the certificate of the acks gives.
	Seed(acks *committee.Certificate) (Seed, error)
	// Grinding returns the logarithm, to base 2, of the number of seeds among which an
	// adversary may choose in a committee of so many members.
	Grinding(members int) uint16
}

// AckHash is the hash of the certificate of the acks.
//
// Signatures of BLS are unique, so the certificate depends on the terms and on who is
// among its signers, and on nothing else. Nobody can compute it without the signatures of
// all of them; of these the members of n-2f shards at least are honest and silent, as they
// have to be before anything about the seed is known.
//
// What is left to the adversary is to choose the signers. It knows all acks as soon as
// they are sent, and where it orders the ledger's transactions it decides which come
// before there are enough; it leaves out its own as it likes. These are 2^m sets of m members
// at most. It tries them as fast as it can hash, so 2^80 of them, what all miners of
// Bitcoin together hash in some minutes, are taken for the most in large committees. It takes
// the seed that draws the fewest of the blobs that it lacks. [Bound] multiplies the
// probability by the number of seeds: against a member that lacks a tenth of its blobs it
// takes 7 more draws for each doubling of that number.
//
// Nothing else is to be gained: the adversary cannot keep a seed from coming, for honest
// acks alone are enough, and it cannot choose again, for the epoch has one challenge. A
// proposer that may leave out transactions for ever is outside of this, as of all else.
//
// A threshold signature of n-f shards would give one seed whoever signs; it takes a
// distributed key generation in each epoch.
type AckHash struct{}

// maxGrindingWork is the logarithm of the number of seeds that anybody computes.
const maxGrindingWork = 80

// Seed is of SeedSource.
func (AckHash) Seed(acks *committee.Certificate) (seed Seed, err error) {
	if acks.Kind != committee.ChallengeAck {
		return Seed{}, fmt.Errorf("challenge: a certificate of %v is none of acks", acks.Kind)
	}
	data, err := acks.MarshalBinary()
	if err != nil {
		return Seed{}, fmt.Errorf("challenge: certificate of acks: %w", err)
	}
	h := hasherOf(intentSeed)
	h.Write(data)
	h.Sum(seed[:0])
	return seed, nil
}

// Grinding is of SeedSource.
func (AckHash) Grinding(members int) uint16 { return uint16(min(max(members, 0), maxGrindingWork)) }
