package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// signatures are what the nodes of a history have signed of blobs, and what they have
// dropped. Nodes sign that they store a blob while a registration lives that the words are
// of, and drop it when none lives any more: that ends a life of the blob.
type signatures struct {
	certs map[shown]signed
	kept  map[commit.BlobID][]signed // of blobs, those that somebody has kept, of the current epoch
	epoch uint32
	lives map[commit.BlobID]int // that have ended
	there map[commit.BlobID]bool
}

// signed is a certificate.
type signed struct {
	shown
	data []byte
	life int // in which members signed it last
}

func newSignatures() signatures {
	return signatures{
		certs: make(map[shown]signed), kept: make(map[commit.BlobID][]signed), lives: make(map[commit.BlobID]int), there: make(map[commit.BlobID]bool),
	}
}

// look notes which blobs nodes drop, now that something has happened.
func (s *signatures) look(m *model) {
	if s.epoch != m.epoch {
		s.epoch = m.epoch
		clear(s.kept)
	}
	live := make(map[commit.BlobID]bool)
	for _, b := range m.blobs {
		live[b.ID] = live[b.ID] || m.epoch < b.Storage.End
	}
	for id, was := range s.there {
		if was && !live[id] {
			s.lives[id]++
		}
	}
	s.there = live
}

// check fails if a blob was certified that nodes have dropped since they signed.
func (s *signatures) check(a modelCertify, m *model) error {
	id := m.blobs[a.Blob].ID
	if a.life != s.lives[id] {
		return errors.New("certified by what members signed before they dropped the blob")
	}
	return nil
}

// honest reports whether honest members sign: a registration lives that the words are of.
func (m *model) honest(a committee.Attestation) bool {
	if !a.Stores(a.Blob) {
		return true // of no registration
	}
	for id, b := range m.blobs {
		if m.epoch < b.Storage.End && b.ID == a.Blob && slices.Contains(words(id, b), a) {
			return true
		}
	}
	return false
}

// certify returns a certificate for a registration: most of the time one of its own, and
// else one that an enemy would try.
func (h *history) certify(id ledger.ObjectID) modelCertify {
	h.t.Helper()
	b := h.model.blobs[id]
	if b == nil {
		b = &ledger.Blob{ID: pick(h, h.blobs).ID}
	}
	a := pick(h, words(id, b))
	switch h.random.IntN(12) {
	case 0, 1, 2: // one that was kept
		if kept := h.signed.kept[b.ID]; len(kept) > 0 {
			c := pick(h, kept)
			return modelCertify{ledger.CertifyBlob{Blob: id, Certificate: c.data}, c.shown, c.life}
		}
	case 3: // of a registration of the other kind
		other := *b
		other.Deletable = !other.Deletable
		a = pick(h, words(id, &other))
	case 4: // of another registration
		a.Object = committee.ObjectID(mine(h, h.model.blobs, func(x *ledger.Blob) bool { return x.ID == b.ID }))
		a.Kind = committee.StoredDeletable
	}
	data, c, life := h.certificate(a)
	return modelCertify{ledger.CertifyBlob{Blob: id, Certificate: data}, c, life}
}

// certificate returns a certificate and what it is: that of the current committee on what
// is attested, or of another one, or of another blob or kind, or a forged one.
func (h *history) certificate(a committee.Attestation) ([]byte, shown, int) {
	h.t.Helper()
	c := shown{a, h.model.epoch, false}
	forge := false
	switch h.random.IntN(20) {
	case 0:
		c.epoch = max(1, c.epoch-1)
	case 1:
		c.Blob = pick(h, h.blobs).ID
	case 2:
		if c.Kind == committee.Inconsistent {
			c.Kind = committee.Stored
		} else {
			c.Attestation = committee.Attestation{Kind: committee.Inconsistent, Blob: c.Blob}
		}
	case 3:
		forge = true
	}
	s, ok := h.signed.certs[c]
	if !ok {
		s = signed{c, h.sign(c), 0}
	}
	switch honest := h.model.honest(c.Attestation); {
	case c.epoch != h.model.epoch: // whatever was signed then
	case honest:
		s.life = h.signed.lives[c.Blob]
		h.signed.certs[c] = s
		h.signed.kept[c.Blob] = append(h.signed.kept[c.Blob], s)
	case !ok: // nobody signs it
		forge = true
	}
	if forge {
		s.wrong = true
		s.data = bytes.Clone(s.data)
		at := len(s.data) - committee.SignatureSize - 1 // the last byte of the bitmap
		s.data[at] ^= byte(1 + h.random.IntN(7))
	}
	return s.data, s.shown, s.life
}

// sign has all members of the epoch's committee sign.
func (h *history) sign(c shown) []byte {
	h.t.Helper()
	of, err := h.state.At(uint64(c.epoch))
	if err != nil {
		h.t.Fatal(err)
	}
	signatures := make(map[int]committee.Signature)
	for i := range of.Len() {
		public := of.Member(i).PublicKey.Bytes()
		at := slices.IndexFunc(blsKeys(), func(k blsKey) bool { return k.public == public })
		signatures[i] = blsKeys()[at].signer.Attest(of, c.Attestation)
	}
	cert, err := of.Certify(c.Attestation, signatures)
	if err != nil {
		h.t.Fatal(err)
	}
	data, err := cert.MarshalBinary()
	if err != nil {
		h.t.Fatal(fmt.Errorf("%+v: %w", c, err))
	}
	return data
}
