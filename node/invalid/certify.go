package invalid

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// Certify gives all members the proof, in BCS, that a blob is inconsistent, collects the
// attestations of f+1 shards, and tells all members. own are attestations that the caller
// has already, by member. Members that do not answer are not waited for once enough
// have.
//
// The error is committee.ErrWeight with what the members said, if too few of them attest
// it, and the context's if that has ended.
func Certify(
	ctx context.Context, v *peer.View, meta *commit.Metadata, id commit.BlobID, proof []byte, own map[int]committee.Signature,
) (*committee.Certificate, error) {
	attestation := committee.Attestation{Kind: committee.Inconsistent, Blob: id}
	signatures := maps.Clone(own)
	if signatures == nil {
		signatures = make(map[int]committee.Signature)
	}
	cert, tooFew := peer.CertifyMost(v, attestation, signatures)
	var errs []error
	attest := func(ctx context.Context, p *peer.Peer) (committee.Signature, error) {
		s, err := p.PutProof(ctx, id, proof)
		var status *peer.StatusError
		if errors.As(err, &status) && status.Code == http.StatusConflict {
			if err = p.PutMetadata(ctx, id, meta); err == nil {
				s, err = p.PutProof(ctx, id, proof)
			}
		}
		return s, err
	}
	peer.Each(ctx, v.Peers, attest, func(member int, s committee.Signature, err error) bool {
		switch {
		case err != nil:
			errs = append(errs, &peer.Error{Member: v.Peers[member].Name(), Err: err})
		case cert == nil:
			signatures[member] = s
			cert, tooFew = peer.CertifyMost(v, attestation, signatures)
		}
		return cert != nil
	})
	if cert == nil {
		return nil, errors.Join(append([]error{tooFew, ctx.Err()}, errs...)...)
	}
	// Those that cannot be told now learn it from the lists of any other.
	told := 0
	tell := func(ctx context.Context, p *peer.Peer) (struct{}, error) {
		return struct{}{}, p.PutInvalidBlobCertificate(ctx, cert)
	}
	peer.Each(ctx, v.Peers, tell, func(member int, _ struct{}, err error) bool {
		if err == nil {
			told += v.Weight(member)
		}
		return told >= v.Quorum(committee.Stored)
	})
	return cert, ctx.Err()
}

// Find asks members for the certificate that a blob is inconsistent, and verifies it.
// The error says what each of them answered, or is the context's.
func Find(ctx context.Context, v *peer.View, id commit.BlobID) (*committee.Certificate, error) {
	cert, err := peer.First(ctx, v.Set, v.Peers, 0, func(ctx context.Context, p *peer.Peer) (*committee.Certificate, error) {
		return p.InvalidBlobCertificate(ctx, id)
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("invalid: no certificate that blob %v is inconsistent: %w", id, err)
	}
	return cert, nil
}
