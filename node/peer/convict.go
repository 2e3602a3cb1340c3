package peer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Convict gives all peers the proof, in BCS, that a blob is inconsistent, collects the
// attestations of f+1 shards, and tells all peers that the blob is inconsistent. own
// are attestations that the caller has already. Entries of peers may be nil. Peers that
// do not answer are not waited for once enough have.
//
// The error is committee.ErrWeight with what the peers said, if too few of them attest
// it; or the context's.
func Convict(ctx context.Context, c *committee.Committee, peers []*Peer, meta *commit.Metadata, id commit.BlobID, proof []byte, own map[int]committee.Signature) (*committee.Certificate, error) {
	attestation := committee.Attestation{Kind: committee.Inconsistent, Blob: id}
	signatures := maps.Clone(own)
	if signatures == nil {
		signatures = make(map[int]committee.Signature)
	}
	cert, tooFew := CertifyMost(c, peers, attestation, signatures)
	errs := each(ctx, peers, func(ctx context.Context, p *Peer) (func() bool, error) {
		s, err := p.PutProof(ctx, id, proof)
		var status *StatusError
		if errors.As(err, &status) && status.Code == http.StatusConflict {
			if err = p.PutMetadata(ctx, id, meta); err == nil {
				s, err = p.PutProof(ctx, id, proof)
			}
		}
		return func() bool {
			if cert == nil {
				signatures[p.member] = s
				cert, tooFew = CertifyMost(c, peers, attestation, signatures)
			}
			return cert != nil
		}, err
	})
	if cert == nil {
		return nil, errors.Join(append([]error{tooFew}, errs...)...)
	}
	// Those that cannot be told now learn it from the list of blobs of any other.
	told := 0
	each(ctx, peers, func(ctx context.Context, p *Peer) (func() bool, error) {
		return func() bool {
			told += c.Weight(p.member)
			return told >= c.Quorum(committee.Stored)
		}, p.PutVerdict(ctx, cert)
	})
	return cert, ctx.Err()
}

// each calls f for all peers at once, and what f returns one at a time. As soon as that
// says that it is enough, the peers that have not answered get as much time again, and
// leastPatience at least; then their context ends.
func each(ctx context.Context, peers []*Peer, f func(context.Context, *Peer) (func() bool, error)) (errs []error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begin := time.Now()
	var mu sync.Mutex
	var end *time.Timer
	var group sync.WaitGroup
	for _, p := range peers {
		if p == nil {
			continue
		}
		group.Go(func() {
			then, err := f(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
			} else if then() && end == nil {
				end = time.AfterFunc(max(time.Since(begin), leastPatience), cancel)
			}
		})
	}
	group.Wait()
	if end != nil {
		end.Stop()
	}
	return errs
}

// leastPatience is how much longer than others a busy peer may take.
const leastPatience = time.Second

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
