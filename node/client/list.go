package client

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// Blob is a blob of a list.
type Blob struct {
	ID           commit.BlobID
	Certified    bool
	Inconsistent bool
}

// listing is an operation that lists blobs.
type listing struct{ operation }

// page merges the next page of every node's list. It ends where the lists of the owners
// of 2f+1 shards end, so that nobody who makes blobs up makes it longer.
func (o listing) page(ctx context.Context, after *commit.BlobID) (page []Blob, more bool, err error) {
	quorum := &QuorumError{Need: honest(o.view)}
	lists := make([]api.BlobList, len(o.view.Peers))
	var ends []*commit.BlobID
	var weights []int
	peer.Each(ctx, o.view.Peers, func(ctx context.Context, p *peer.Peer) (api.BlobList, error) {
		return p.List(ctx, api.ListAll, after, api.MaxList)
	}, func(i int, l api.BlobList, err error) bool {
		if err != nil {
			quorum.Errors = append(quorum.Errors, &MemberError{Member: o.view.Peers[i].Name(), Err: err})
		} else {
			lists[i] = l
			ends, weights = append(ends, l.Next), append(weights, o.view.Weight(i))
			quorum.Have += o.view.Weight(i)
		}
		return quorum.Have >= quorum.Need
	})
	if quorum.Have < quorum.Need {
		quorum.Cause = ctx.Err()
		return nil, false, quorum
	}
	end := peer.Reach(ends, weights, quorum.Need)
	found := make(map[commit.BlobID]*Blob)
	unverified := make(map[said]*statement)
	for member, l := range lists {
		for _, e := range l.Blobs {
			if peer.CompareEnds(&e.Blob, end) > 0 {
				break
			}
			b := found[e.Blob]
			if b == nil {
				b = &Blob{ID: e.Blob}
				found[e.Blob] = b
			}
			for _, proof := range []struct {
				raw    []byte
				stored bool
				holds  *bool
			}{{e.Certificate, true, &b.Certified}, {e.InvalidBlobCertificate, false, &b.Inconsistent}} {
				if len(proof.raw) == 0 {
					continue
				}
				what := said{e.Blob, proof.stored}
				if unverified[what] == nil {
					unverified[what] = &statement{holds: proof.holds}
				}
				unverified[what].proofs = append(unverified[what].proofs, shown{member, proof.raw})
			}
		}
	}
	o.decide(unverified)
	for _, b := range found {
		page = append(page, *b)
	}
	slices.SortFunc(page, func(a, b Blob) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return page, end != nil, nil
}

// said is what is said of a blob: that it is stored, or that there is none.
type said struct {
	blob   commit.BlobID
	stored bool
}

// holdsBy reports whether members who attest a say so.
func (s said) holdsBy(a committee.Attestation) bool {
	if s.stored {
		return a.Stores(s.blob)
	}
	return a.Invalidates(s.blob)
}

// statement is something that nodes say of a blob, each with a certificate. It holds if one
// of them is right.
type statement struct {
	holds  *bool
	proofs []shown
}

// shown is a certificate that a member showed.
type shown struct {
	member int
	raw    []byte
}

// together is how many certificates are verified together.
const together = 64

// decide finds out which of the statements hold that nobody has verified. It tries a certificate of each at a time, many of
// them together. Of a member that showed a wrong one no other is looked at.
func (o listing) decide(unverified map[said]*statement) {
	bad := make([]bool, len(o.view.Peers))
	for len(unverified) > 0 {
		var whats []said
		var members []int
		var proofs [][]byte
		for what, s := range unverified {
			s.proofs = slices.DeleteFunc(s.proofs, func(p shown) bool { return bad[p.member] })
			if len(s.proofs) == 0 {
				delete(unverified, what)
				continue
			}
			first := s.proofs[0]
			whats, members, proofs = append(whats, what), append(members, first.member), append(proofs, first.raw)
			if len(whats) == together {
				break
			}
		}
		certs, errs := committee.ParseCertificates(o.view.Epochs, proofs)
		for i, what := range whats {
			switch {
			case errs[i] == nil && what.holdsBy(certs[i].Attestation):
				*unverified[what].holds = true
				delete(unverified, what)
			case errors.Is(errs[i], committee.ErrEpoch): // it may be right
				unverified[what].proofs = unverified[what].proofs[1:]
			case !bad[members[i]]:
				bad[members[i]] = true
				o.view.Peers[members[i]].Distrust()
			}
		}
	}
}
