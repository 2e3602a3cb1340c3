package peer

import (
	"context"
	"io"
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

// BatchLength returns the length in bytes of the body that carries the parts.
func BatchLength(parts []BlobPart) int64 {
	length := int64(api.FrameHeaderSize)
	for _, p := range parts {
		length += int64(len(api.AppendBlob(nil, p.Attests))) + api.FrameHeaderSize + int64(len(p.Metadata))
		for _, s := range p.Slivers {
			length += api.FrameHeaderSize + int64(len(s.Data))
		}
	}
	return length
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
	n := p.committee.Params().N
	body := make([]byte, 0, BatchLength(parts))
	for _, part := range parts {
		body = api.AppendBlob(body, part.Attests)
		body = api.FrameHeader{Kind: api.FrameMetadata, Length: uint32(len(part.Metadata))}.Append(body)
		body = append(body, part.Metadata...)
		for _, s := range part.Slivers {
			h := api.FrameHeader{Kind: api.FrameSliver, Axis: uint8(s.Axis), Index: uint16(s.Pair(n)), Length: uint32(len(s.Data))}
			body = append(h.Append(body), s.Data...)
		}
	}
	body = api.FrameHeader{Kind: api.FrameEnd}.Append(body)
	return confirmed(ctx, p, request{
		method: http.MethodPut, path: api.BlobsPath, contentType: api.TypeFrames, length: int64(len(body)),
		body: func() io.Reader { return &piecesReader{pieces: [][]byte{body}} },
	})
}
