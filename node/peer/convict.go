package peer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Convict gives all peers the proof, in BCS, that a blob is inconsistent, collects the
// attestations of f+1 shards, and tells all peers that the blob is inconsistent. own
// are attestations that the caller has already. Entries of peers may be nil.
//
// The error is committee.ErrWeight with what the peers said, if too few of them attest
// it; or the context's.
func Convict(ctx context.Context, c *committee.Committee, peers []*Peer, meta *commit.Metadata, id commit.BlobID, proof []byte, own map[int]committee.Signature) (*committee.Certificate, error) {
	signatures := maps.Clone(own)
	if signatures == nil {
		signatures = make(map[int]committee.Signature)
	}
	errs := each(peers, func(p *Peer) (func(), error) {
		s, err := p.PutProof(ctx, id, proof)
		var status *StatusError
		if errors.As(err, &status) && status.Code == http.StatusConflict {
			if err = p.PutMetadata(ctx, id, meta); err == nil {
				s, err = p.PutProof(ctx, id, proof)
			}
		}
		return func() { signatures[p.member] = s }, err
	})
	cert, err := CertifyMost(c, peers, committee.Attestation{Kind: committee.Inconsistent, Blob: id}, signatures)
	if err != nil {
		return nil, errors.Join(append([]error{err}, errs...)...)
	}
	// Those that cannot be told now learn it from the list of blobs of any other.
	each(peers, func(p *Peer) (func(), error) { return nil, p.PutVerdict(ctx, cert) })
	return cert, ctx.Err()
}

// each calls f for all peers at once. What f returns is called one at a time.
func each(peers []*Peer, f func(*Peer) (func(), error)) (errs []error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, p := range peers {
		if p == nil {
			continue
		}
		group.Go(func() {
			then, err := f(p)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
			} else if then != nil {
				then()
			}
		})
	}
	group.Wait()
	return errs
}

// CertifyMost makes a certificate of those of the signatures that are right, and
// distrusts the members that sent the others. The error is committee.ErrWeight if
// too few are.
func CertifyMost(c *committee.Committee, peers []*Peer, a committee.Attestation, signatures map[int]committee.Signature) (*committee.Certificate, error) {
	cert, err := c.Certify(a, signatures)
	var bad *committee.BadSignersError
	if !errors.As(err, &bad) {
		return cert, err
	}
	for _, member := range bad.Members {
		delete(signatures, member)
		if member < len(peers) && peers[member] != nil {
			peers[member].Distrust()
		}
	}
	return c.Certify(a, signatures)
}
