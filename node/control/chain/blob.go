package chain

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// MaxRegistrations is how many registrations of a blob are spelt out.
const MaxRegistrations = 100

// Blob is what a ledger says of a blob id, all its registrations taken together.
type Blob struct {
	ID        commit.BlobID
	Height    uint64  // of the last block of which this is
	End       uint32  // the first epoch for which nobody has registered it; 0 if nobody has for now
	Permanent uint32  // likewise, of its permanent registrations
	Certified *uint32 // the epoch in which a registration that lives was certified first
	Invalid   bool    // it is no blob's id

	// Registrations are those that live, those that end last first, at most
	// MaxRegistrations of them.
	Registrations []Registration
}

// Registration is a blob that somebody registered.
type Registration struct {
	Object ledger.ObjectID
	ledger.Blob
}

// BlobOf returns what a state says of a blob id.
func BlobOf(s *ledger.State, id commit.BlobID) Blob {
	b := Blob{ID: id, Height: s.System().Height, Invalid: ledger.Get[ledger.Invalid](s, ledger.InvalidKey(id)) != nil}
	now := s.System().Epoch
	for object, r := range s.Blobs(id) {
		if r == nil || now < r.Storage.Start || now >= r.Storage.End {
			continue
		}
		b.End = max(b.End, r.Storage.End)
		if !r.Deletable {
			b.Permanent = max(b.Permanent, r.Storage.End)
		}
		if r.Certified != nil && (b.Certified == nil || *r.Certified < *b.Certified) {
			b.Certified = r.Certified
		}
		b.add(Registration{object, *r})
	}
	if b.Invalid {
		b.End, b.Permanent = 0, 0
	}
	return b
}

// add adds a registration in its place, if there is room.
func (b *Blob) add(r Registration) {
	at := len(b.Registrations)
	for at > 0 && b.Registrations[at-1].Storage.End < r.Storage.End {
		at--
	}
	if at == MaxRegistrations {
		return
	}
	b.Registrations = append(b.Registrations, Registration{})
	copy(b.Registrations[at+1:], b.Registrations[at:])
	b.Registrations[at] = r
	b.Registrations = b.Registrations[:min(len(b.Registrations), MaxRegistrations)]
}
