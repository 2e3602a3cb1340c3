package client

import (
	"context"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// registration is that of a blob on a ledger, or what stands for it where there is none. A
// write that a new epoch overtakes keeps it.
type registration struct {
	certify Certify // nil until there is one

	named chan struct{} // closed when nodes can be asked to attest something
	known chan struct{} // closed when the ledger knows the blob: what is asked stays

	mu    sync.Mutex
	words committee.Attestation // what nodes are asked to attest
}

func newRegistration() *registration {
	return &registration{named: make(chan struct{}), known: make(chan struct{})}
}

// register has the blob registered.
func (r *registration) register(ctx context.Context, with Registrar, id commit.BlobID, meta *commit.Metadata) error {
	certify, err := with.Register(ctx, id, meta, r.name)
	if err != nil {
		return err
	}
	r.certify = certify
	close(r.known)
	return nil
}

// name says what nodes are asked to attest from now on.
func (r *registration) name(a committee.Attestation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.words == (committee.Attestation{}) {
		close(r.named)
	}
	r.words = a
}

// attestation returns what nodes are asked to attest.
func (r *registration) attestation() committee.Attestation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.words
}

// await returns what nodes are asked to attest when one of the channels is closed. The
// error is the context's.
func (r *registration) await(ctx context.Context, when <-chan struct{}) (committee.Attestation, error) {
	select {
	case <-when:
		return r.attestation(), nil
	case <-ctx.Done():
		return committee.Attestation{}, ctx.Err()
	}
}
