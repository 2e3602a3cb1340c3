package client

import (
	"context"
	"fmt"
	"sync"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// Attest asks all nodes to attest that they have their parts of a blob, and returns the
// certificate of it: for somebody who needs it in the attestation's words. The error is a
// *QuorumError.
func Attest(ctx context.Context, c *Client, a committee.Attestation) (*committee.Certificate, error) {
	o, ctx, done := c.begin(ctx)
	defer done()
	quorum := &QuorumError{Need: o.view.Quorum(a.Kind)}
	signatures := make(map[int]committee.Signature)
	var cert *committee.Certificate
	peer.Each(ctx, o.view.Peers, func(ctx context.Context, p *peer.Peer) (committee.Signature, error) {
		return p.Attestation(ctx, a)
	}, func(member int, s committee.Signature, err error) bool {
		if err != nil {
			quorum.Errors = append(quorum.Errors, &MemberError{Member: o.view.Peers[member].Name(), Err: err})
			return false
		}
		signatures[member] = s
		if quorum.Have += o.view.Weight(member); quorum.Have >= quorum.Need {
			cert, _ = peer.CertifyMost(o.view, a, signatures) // who lied is not among them any more
			quorum.Have = 0
			for i := range signatures {
				quorum.Have += o.view.Weight(i)
			}
		}
		return cert != nil
	})
	if cert == nil {
		quorum.Cause = ctx.Err()
		return nil, quorum
	}
	return cert, nil
}

// Publish gives all nodes a certificate that somebody has made, that a blob is stored, or that there is
// none, where there is no ledger to give it to. It returns when nodes that own more than f shards have it: an honest one
// tells the others. The error is a *QuorumError, or that of a certificate that does not
// hold: see committee.Verify.
func Publish(ctx context.Context, c *Client, cert *committee.Certificate) error {
	o, ctx, done := c.begin(ctx)
	defer done()
	if err := committee.Verify(o.view.Epochs, cert); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	quorum := &QuorumError{Need: o.view.Params().F + 1}
	var mu sync.Mutex
	var group sync.WaitGroup
	for i, p := range o.view.Peers {
		group.Go(func() {
			put := p.PutCertificate
			if cert.Invalidates(cert.Blob) {
				put = p.PutInvalidBlobCertificate
			}
			err := put(ctx, cert)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				quorum.Errors = append(quorum.Errors, &MemberError{Member: p.Name(), Err: err})
				return
			}
			quorum.Have += o.view.Weight(i)
		})
	}
	group.Wait()
	if quorum.Have < quorum.Need {
		quorum.Cause = ctx.Err()
		return quorum
	}
	return nil
}
