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
	c.each(func(i int, p *peer.Peer) { lists[i], errs[i] = p.List(ctx, after, api.MaxList) })

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
			b.Certified = b.Certified || c.holds(e.Certificate, committee.Stored, e.Blob)
			b.Inconsistent = b.Inconsistent || c.holds(e.Verdict, committee.Inconsistent, e.Blob)
		}
	}
	for _, b := range found {
		page = append(page, *b)
	}
	slices.SortFunc(page, func(a, b Blob) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return page, end != nil, nil
}

// holds reports whether the bytes are a certificate of the kind for the blob.
func (c *Client) holds(raw []byte, kind committee.Kind, id commit.BlobID) bool {
	if len(raw) == 0 {
		return false
	}
	cert, err := c.committee.ParseCertificate(raw)
	return err == nil && cert.Attestation == committee.Attestation{Kind: kind, Blob: id}
}
