package challenge

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"iter"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// Intents keep what this package has signed and hashed apart from all else. Walrus has
// intents 0 to 6.
const (
	intentAck  = 128
	intentPass = 129
	intentList = 130
	intentSeed = 131
	intentDraw = 132
)

// prefix begins whatever is hashed with an intent.
const prefix = "redstuff v1 challenge"

// hasherOf returns a hash of the intent's domain.
func hasherOf(intent byte) hash.Hash {
	h := sha256.New()
	h.Write([]byte(prefix))
	h.Write([]byte{intent})
	return h
}

// digestOf returns the hash of a value in the intent's domain.
func digestOf(intent byte, v any) (digest [sha256.Size]byte) {
	h := hasherOf(intent)
	h.Write(codec.Marshal(v))
	h.Sum(digest[:0])
	return digest
}

// List names the blobs of a challenge.
type List struct {
	Blobs  uint64            // how many there are
	Digest [sha256.Size]byte // of their ids in ascending order
}

// ErrList is returned when ids are not in ascending order.
var ErrList = errors.New("challenge: blob ids are not in ascending order")

// ListOf returns the list of blobs, whose ids come in ascending order, each once. It keeps
// none of them. The error is ErrList.
func ListOf(ids iter.Seq[commit.BlobID]) (List, error) {
	h := hasherOf(intentList)
	var list List
	var last commit.BlobID
	for id := range ids {
		if list.Blobs > 0 && string(id[:]) <= string(last[:]) {
			return List{}, ErrList
		}
		last = id
		h.Write(last[:])
		list.Blobs++
	}
	h.Write(bcs.AppendU64(nil, list.Blobs))
	h.Sum(list.Digest[:0])
	return list, nil
}

// Terms are what a challenge is about.
type Terms struct {
	Chain  [sha256.Size]byte // of the ledger
	Epoch  uint32            // whose committee is challenged
	Height uint64            // of the block that armed it
	List   List
}

// Ack returns what a member signs when it has fallen silent about all blobs of the list.
func (t Terms) Ack() committee.Attestation {
	return committee.Attestation{Kind: committee.ChallengeAck, Blob: digestOf(intentAck, t)}
}

// Seed decides which blobs are challenged.
type Seed [sha256.Size]byte

// Round is a challenge that has started.
type Round struct {
	Terms
	Seed  Seed
	Draws uint64 // how many blobs are challenged; all, if there are no more
}

// Drawn returns which blobs of the list are challenged, as places in it, in ascending order.
func (r Round) Drawn() []uint64 { return Draw(r.Seed, r.List.Blobs, r.Draws) }

// pass is what a certificate of a member says.
type pass struct {
	Round  Round
	Prover [committee.PublicKeySize]byte
}

// Pass returns what a member signs when another one, with this public key, has shown it all
// the symbols that they have in common.
func (r Round) Pass(prover committee.PublicKey) committee.Attestation {
	p := pass{Round: r, Prover: prover.Bytes()}
	return committee.Attestation{Kind: committee.ChallengePass, Blob: digestOf(intentPass, p)}
}

// Pick returns the ids at the places, which are in ascending order, of a list.
func Pick(ids iter.Seq[commit.BlobID], places []uint64) ([]commit.BlobID, error) {
	picked := make([]commit.BlobID, 0, len(places))
	at := uint64(0)
	for id := range ids {
		if len(picked) == len(places) {
			break
		}
		if at == places[len(picked)] {
			picked = append(picked, id)
		}
		at++
	}
	if len(picked) < len(places) {
		return nil, fmt.Errorf("challenge: place %d is drawn, and the list has %d blobs", places[len(picked)], at)
	}
	return picked, nil
}
