package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// QuorumError reports that too few nodes did what was asked. It wraps ErrUnavailable
// and what they answered.
type QuorumError struct {
	Have, Need int // shards whose owners did, and should have
	Errors     []*MemberError
	Cause      error // the context's, if that ended; or nil
}

func (e *QuorumError) Error() string {
	s := fmt.Sprintf("client: too few nodes: those that did it own %d shards, and %d are needed", e.Have, e.Need)
	if e.Cause != nil {
		s += ", and " + e.Cause.Error()
	}
	return s + peer.Summary(e.Errors)
}

// Unwrap returns ErrUnavailable, what nodes answered, and the cause.
func (e *QuorumError) Unwrap() []error { return peer.Wrapped(e.Errors, ErrUnavailable, e.Cause) }

// Receipt is the result of storing a blob.
type Receipt struct {
	ID          commit.BlobID
	Metadata    *commit.Metadata
	Certificate *committee.Certificate // the owners of n-f shards have it
	Encoding    time.Duration          // the part of the time that encoding took
}

// Store encodes a blob and sends every node its sliver pairs. It returns when the
// owners of n-f shards have attested that theirs are durable, and goes on sending to
// the others for the grace period, or until others wait for the memory; then all get
// the certificate. The blob is not kept.
//
// The error is a *QuorumError, which says who did not answer if the context ended;
// ErrTooLarge; a *commit.TooLargeError for a blob that the code cannot hold;
// ErrInconsistent if that is what the committee thinks of the id; or the context's.
func (c *Client) Store(ctx context.Context, blob []byte) (*Receipt, error) {
	ctx, cancel := c.within(ctx)
	defer cancel()
	params := c.committee.Params()
	encoded, err := params.EncodedLength(uint64(len(blob)))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	memory, err := c.memory.reserve(ctx, int64(encoded))
	if err != nil {
		return nil, err
	}
	started := time.Now()
	encoding := new(rs2d.Encoding)
	encoder := c.encoders.Get().(*rs2d.Encoder)
	err = encoder.Encode(encoding, blob)
	c.encoders.Put(encoder)
	if err != nil {
		memory.release()
		return nil, fmt.Errorf("client: %w", err)
	}
	took := time.Since(started)
	meta := encoding.Metadata()
	raw, err := meta.MarshalBinary()
	if err != nil {
		memory.release()
		return nil, fmt.Errorf("client: %w", err)
	}
	id := encoding.ID()
	cert, err := c.send(ctx, id, raw, encoding.Pair, memory)
	if err != nil {
		return nil, err
	}
	return &Receipt{ID: id, Metadata: meta, Certificate: cert, Encoding: took}, nil
}

// StoreEncoding is Store for slivers that the caller has made, and answers for: nodes
// store whatever the metadata commits to, even if that is no blob. pair returns the
// slivers of a pair.
func (c *Client) StoreEncoding(ctx context.Context, meta *commit.Metadata, pair func(int) (primary, secondary rs2d.Sliver)) (*Receipt, error) {
	ctx, cancel := c.within(ctx)
	defer cancel()
	id, err := meta.ID(c.hasher)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	raw, err := meta.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	cert, err := c.send(ctx, id, raw, pair, nil)
	if err != nil {
		return nil, err
	}
	return &Receipt{ID: id, Metadata: meta, Certificate: cert}, nil
}

// ack is what became of one node's part.
type ack struct {
	member    int
	signature committee.Signature
	err       error
}

// send gives all nodes their parts. memory, which may be nil, is released when none
// needs its part any more.
func (c *Client) send(ctx context.Context, id commit.BlobID, meta []byte, pair func(int) (primary, secondary rs2d.Sliver), memory *reservation) (*committee.Certificate, error) {
	// What is being sent outlives the call, by the grace period.
	sending, stop := context.WithCancel(c.life)
	acks := make(chan ack, len(c.peers))
	answered := make([]bool, len(c.peers))
	started := time.Now()
	for i, p := range c.peers {
		c.background.Go(func() {
			pairs := c.committee.Pairs(id, i)
			slivers := make([]rs2d.Sliver, 0, 2*len(pairs))
			for _, at := range pairs {
				primary, secondary := pair(at)
				slivers = append(slivers, primary, secondary)
			}
			s, err := p.PutBlob(sending, id, meta, slivers)
			acks <- ack{i, s, err}
		})
	}

	a := committee.Attestation{Kind: committee.Stored, Blob: id}
	signatures := make(map[int]committee.Signature)
	quorum := &QuorumError{Need: c.committee.Quorum(committee.Stored)}
	open := len(c.peers)
	possible := c.committee.Params().N // shards whose owners may attest yet, or did
	var cert *committee.Certificate
	var err error
	for cert == nil && err == nil {
		select {
		case <-ctx.Done():
			quorum.Cause = ctx.Err()
			for i := range c.peers {
				if !answered[i] {
					quorum.Errors = append(quorum.Errors, peer.Silent(c.peers[i], started))
				}
			}
			err = quorum
		case r := <-acks:
			open--
			answered[r.member] = true
			if r.err != nil {
				possible -= c.committee.Weight(r.member)
				quorum.Errors = append(quorum.Errors, &MemberError{Member: c.peers[r.member].Name(), Err: r.err})
			} else {
				quorum.Have += c.committee.Weight(r.member)
				signatures[r.member] = r.signature
			}
			if quorum.Have >= quorum.Need {
				before := quorum.Have
				cert = c.certify(a, signatures, quorum)
				possible -= before - quorum.Have
			}
			if cert == nil && possible < quorum.Need {
				err = quorum
			}
		}
	}
	if err != nil {
		stop()
		c.background.Go(func() {
			c.drain(acks, open)
			memory.release()
		})
		if quorum.inconsistent() {
			err = c.condemned(ctx, id, err)
		}
		return nil, err
	}

	c.background.Go(func() {
		defer stop()
		late := time.AfterFunc(c.options.Grace, stop)
		defer late.Stop()
		memory.linger(stop)
		// Who has answered need not wait for others to learn that the blob is certified.
		c.background.Go(func() { c.publish(cert, func(i int) bool { return answered[i] }) })
		c.drain(acks, open)
		memory.release()
		c.publish(cert, func(i int) bool { return !answered[i] })
	})
	return cert, nil
}

// certify makes a certificate of the attestations there are. Members who sent a wrong
// one are distrusted and no longer counted.
func (c *Client) certify(a committee.Attestation, signatures map[int]committee.Signature, quorum *QuorumError) *committee.Certificate {
	before := maps.Clone(signatures)
	cert, err := peer.CertifyMost(c.committee, c.peers, a, signatures)
	for i := range before {
		if _, ok := signatures[i]; !ok {
			quorum.Have -= c.committee.Weight(i)
			quorum.Errors = append(quorum.Errors, &MemberError{Member: c.peers[i].Name(), Err: committee.ErrSignature})
		}
	}
	if err != nil {
		return nil
	}
	return cert
}

// drain waits for the nodes that have not answered.
func (c *Client) drain(acks <-chan ack, open int) {
	for ; open > 0; open-- {
		if r := <-acks; r.err != nil && !errors.Is(r.err, context.Canceled) {
			c.log.Debug("not stored", "node", c.peers[r.member].Name(), "error", r.err)
		}
	}
}

// publish gives some nodes the certificate. Nodes that lack the blob learn of it so.
func (c *Client) publish(cert *committee.Certificate, to func(member int) bool) {
	ctx, cancel := context.WithTimeout(c.life, c.options.Grace)
	defer cancel()
	var group sync.WaitGroup
	for i, p := range c.peers {
		if !to(i) {
			continue
		}
		group.Go(func() {
			if err := p.PutCertificate(ctx, cert); err != nil {
				c.log.Debug("certificate not published", "node", p.Name(), "error", err)
			}
		})
	}
	group.Wait()
}

// inconsistent reports whether a node says that the blob is. Whether it is true is
// for a certificate to tell.
func (e *QuorumError) inconsistent() bool {
	return slices.ContainsFunc(e.Errors, func(m *MemberError) bool { return errors.Is(m, peer.ErrInconsistent) })
}
