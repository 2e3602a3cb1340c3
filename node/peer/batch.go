package peer

import (
	"context"
	"net/http"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/rs2d"
)

// BlobPart is what a node gets of one of many blobs.
type BlobPart struct {
	Attests  committee.Attestation // what the node is asked to attest
	Metadata []byte                // in BCS
	Slivers  []rs2d.Sliver         // all of the node's pairs
}

// PutCertificates tells the node that blobs are stored: at most api.MaxCertificates of them.
// A node that finds one of the certificates wrong takes the others all the same.
func PutCertificates(ctx context.Context, p *Peer, certs []*committee.Certificate) error {
	var body []byte
	for _, cert := range certs {
		raw, err := cert.MarshalBinary()
		if err != nil {
			return err
		}
		body = append(api.FrameHeader{Kind: api.FrameCertificate, Length: uint32(len(raw))}.Append(body), raw...)
	}
	_, err := p.put(ctx, api.CertificatesPath, api.FrameHeader{Kind: api.FrameEnd}.Append(body), p.maxJSON())
	return err
}

// PutBatch stores the parts of many blobs, and returns the node's attestation of all of
// them, in their order, which is not verified: see [committee.CertifyBatch]. If the node
// cannot store and attest one of them, it stores none. The data must not change before
// PutBatch returns.
func PutBatch(ctx context.Context, p *Peer, parts []BlobPart) (committee.Signature, error) {
	frames := 1
	for _, part := range parts {
		frames += 2 + len(part.Slivers)
	}
	b := newBody(frames)
	for _, part := range parts {
		b.append(api.AppendBlob(nil, part.Attests))
		b.blob(p.committee.Params().N, part.Metadata, part.Slivers)
	}
	b.add(api.FrameHeader{Kind: api.FrameEnd}, nil)
	return confirmed(ctx, p, request{
		method: http.MethodPut, path: api.BlobsPath, contentType: api.TypeFrames, length: b.length, body: b.reader,
	})
}
