package follow

import (
	"math"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// knowledge is what the ledger has told of registrations, by events and by answers.
// Answers overtake events: what is told says when it was so, and never replaces what was
// so later.
type knowledge struct {
	blobs   bounded[commit.BlobID, standing]
	objects bounded[ledger.ObjectID, chain.Registration] // deletable ones
}

// standing is what was so of a blob at a place in the sequence of events.
type standing struct {
	at        chain.Cursor
	end       uint32 // the epoch before which the last of its registrations ends; 0 if there is none
	permanent uint32 // likewise, of its permanent ones
}

func newKnowledge() knowledge {
	return knowledge{newBounded[commit.BlobID, standing](maxRegistered), newBounded[ledger.ObjectID, chain.Registration](maxRegistered)}
}

// whole is the place behind all events of a block.
func whole(height uint64) chain.Cursor { return chain.Cursor{Height: height, Index: math.MaxUint32} }

// registered takes in an event that a blob is registered, or certified.
func (k *knowledge) registered(at chain.Cursor, id commit.BlobID, object ledger.ObjectID, end uint32, deletable bool) {
	s, _ := k.blobs.get(id)
	if !s.at.Before(at) {
		return
	}
	s.at, s.end = at, max(s.end, end)
	if !deletable {
		s.permanent = max(s.permanent, end)
	} else {
		one := chain.Registration{Object: object, Blob: ledger.Blob{ID: id, Deletable: true}}
		one.Storage.End = end
		k.objects.set(object, one)
	}
	k.blobs.set(id, s)
}

// deleted takes in an event that a registration was deleted, and reports whether another one is known
// that ends later: then as much is stored for as long as before.
func (k *knowledge) deleted(at chain.Cursor, e ledger.BlobDeleted) (outlived bool) {
	k.objects.remove(e.Object)
	if s, _ := k.blobs.get(e.ID); s.end > e.End {
		return true
	}
	k.settled(at, e.ID)
	return false
}

// settled takes in an event after which a blob may have no registration any more.
func (k *knowledge) settled(at chain.Cursor, id commit.BlobID) {
	if s, _ := k.blobs.get(id); s.at.Before(at) {
		k.blobs.set(id, standing{at: at})
	}
}

// forget has the ledger asked again about a blob.
func (k *knowledge) forget(id commit.BlobID) {
	s, _ := k.blobs.get(id)
	k.blobs.set(id, standing{at: s.at})
}

// answer takes in what the ledger has answered, unless it was so before what is known.
func (k *knowledge) answer(b *chain.Blob) bool {
	at := whole(b.Height)
	if s, _ := k.blobs.get(b.ID); at.Before(s.at) {
		return false
	}
	k.blobs.set(b.ID, standing{at, b.End, b.Permanent})
	return true
}

// end returns the epoch before which the blob's storage ends, if in an epoch it has a
// registration that the attestation may be of: any, if it is of no kind.
func (k *knowledge) end(a committee.Attestation, epoch uint64) (uint32, bool) {
	s, _ := k.blobs.get(a.Blob)
	ok := uint64(s.end) > epoch
	if id, named := a.Registration(); named {
		one, known := k.objects.get(ledger.ObjectID(id))
		ok = ok && known && one.ID == a.Blob && one.Deletable && uint64(one.Storage.End) > epoch
	} else if a.Kind != 0 {
		ok = ok && uint64(s.permanent) > epoch
	}
	if !ok {
		return 0, false
	}
	return s.end, true
}
