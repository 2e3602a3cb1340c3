package client

import (
	"bytes"
	"context"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// page merges the next page of every node's list. It ends where the first of those
// lists ends that go on.
func (c *Client) page(ctx context.Context, after *commit.BlobID) (page []Blob, more bool, err error) {
	ctx, cancel := c.within(ctx)
	defer cancel()
	lists := make([]api.BlobList, len(c.peers))
	errs := make([]error, len(c.peers))
	c.each(func(i int, p *peer.Peer) { lists[i], errs[i] = p.List(ctx, api.ListAll, after, api.MaxList) })

	weight := 0
	quorum := &QuorumError{Need: 2*c.committee.Params().F + 1}
	var end *commit.BlobID
	for i, l := range lists {
		if errs[i] != nil {
			quorum.Errors = append(quorum.Errors, &MemberError{c.peers[i].Name(), errs[i]})
			continue
		}
		weight += c.committee.Weight(i)
		if l.More {
			last := &l.Blobs[len(l.Blobs)-1].Blob
			if end == nil || bytes.Compare(last[:], end[:]) < 0 {
				end = last
			}
		}
	}
	if quorum.Have = weight; weight < quorum.Need {
		return nil, false, quorum
	}
	found := make(map[commit.BlobID]*Blob)
	claims := make(map[committee.Attestation]*claim)
	for _, l := range lists {
		for _, e := range l.Blobs {
			if end != nil && bytes.Compare(e.Blob[:], end[:]) > 0 {
				break
			}
			b := found[e.Blob]
			if b == nil {
				b = &Blob{ID: e.Blob}
				found[e.Blob] = b
			}
			for _, proof := range []struct {
				raw   []byte
				kind  committee.Kind
				holds *bool
			}{{e.Certificate, committee.Stored, &b.Certified}, {e.Verdict, committee.Inconsistent, &b.Inconsistent}} {
				if len(proof.raw) == 0 {
					continue
				}
				what := committee.Attestation{Kind: proof.kind, Blob: e.Blob}
				if claims[what] == nil {
					claims[what] = &claim{holds: proof.holds}
				}
				claims[what].proofs = append(claims[what].proofs, proof.raw)
			}
		}
	}
	c.decide(claims)
	for _, b := range found {
		page = append(page, *b)
	}
	slices.SortFunc(page, func(a, b Blob) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return page, end != nil, nil
}

// claim is something that nodes say of a blob, each with a certificate. It holds if one
// of them is right.
type claim struct {
	holds  *bool
	proofs [][]byte
}

// decide finds out which claims hold. It tries a certificate of each at a time, all of
// them together.
func (c *Client) decide(claims map[committee.Attestation]*claim) {
	for len(claims) > 0 {
		var whats []committee.Attestation
		var proofs [][]byte
		for what, claim := range claims {
			whats, proofs = append(whats, what), append(proofs, claim.proofs[0])
		}
		certs, errs := committee.ParseCertificates(c.committee, proofs)
		for i, what := range whats {
			claim := claims[what]
			*claim.holds = errs[i] == nil && certs[i].Attestation == what
			if claim.proofs = claim.proofs[1:]; *claim.holds || len(claim.proofs) == 0 {
				delete(claims, what)
			}
		}
	}
}
