package invalid

import (
	"context"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Mark stores the certificate that a blob is inconsistent, and drops its slivers. The
// certificate, which must have been verified, is in the form of its MarshalBinary. The
// error is the store's.
func Mark(s store.Store, id commit.BlobID, cert []byte) error {
	err := s.Apply(id, store.Update{
		Records: map[store.Record][]byte{store.InvalidBlobCertificate: cert}, DropAll: true,
		If: func(i store.Info) bool {
			return !i.Has(store.InvalidBlobCertificate) || len(i.Slivers)+len(i.Quarantined) > 0
		},
	})
	if errors.Is(err, store.ErrRefused) {
		return nil // it is marked, and has no slivers
	}
	return err
}

// Marked reports whether the store has the certificate that a blob is inconsistent.
func Marked(s store.Store, id commit.BlobID) bool {
	_, err := s.Record(id, store.InvalidBlobCertificate)
	return err == nil
}

// Parse reads and verifies a certificate that the blob is inconsistent. The error wraps
// one of those of committee.ParseCertificate.
func Parse(c committee.Committees, id commit.BlobID, data []byte) (*committee.Certificate, error) {
	cert, err := committee.ParseCertificate(c, data)
	if err == nil && !cert.Invalidates(id) {
		err = fmt.Errorf("%w: of something else", committee.ErrCertificate)
	}
	return cert, err
}

// FetchProof asks members for the proof that a blob is inconsistent, until one gives it,
// and verifies it against the metadata. It returns the proof in BCS.
func FetchProof(ctx context.Context, v *peer.View, code *rs2d.Code, id commit.BlobID, meta *commit.Metadata) ([]byte, error) {
	return peer.First(ctx, v.Set, v.Peers, 0, func(ctx context.Context, remote *peer.Peer) ([]byte, error) {
		raw, err := remote.Proof(ctx, id, placement.MaxProof(v.Params()))
		if err != nil {
			return nil, err
		}
		proof, err := rs2d.ParseInconsistencyProof(raw)
		if err == nil {
			err = code.VerifyInconsistency(meta, proof)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", peer.ErrLied, err)
		}
		return raw, nil
	}, nil)
}
