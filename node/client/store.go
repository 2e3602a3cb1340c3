package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Receipt is the result of storing a blob.
type Receipt struct {
	ID          commit.BlobID
	Metadata    *commit.Metadata
	Certificate *committee.Certificate // the owners of n-f shards have it
	Encoding    time.Duration          // the part of the time that encoding took
}

// writing is an operation that stores a blob.
type writing struct {
	operation
	registration *registration
}

// store stores a blob, see [Client.Store].
func (o writing) store(ctx context.Context, blob []byte) (*Receipt, error) {
	params := o.view.Params()
	encoded, err := params.EncodedLength(uint64(len(blob)))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	share, small := shareOf(o.view, uint64(len(blob)))
	arrived := o.batches.expect(small)
	defer arrived()
	memory, err := o.memory.reserve(ctx, int64(encoded))
	if err != nil {
		return nil, err
	}
	started := time.Now()
	encoding, ok := o.memories.Get(int(encoded))
	if !ok {
		encoding = new(rs2d.Encoding)
	}
	memory.after = func() { o.memories.Put(encoding, int(encoded)) }
	encoder := o.encoders.Get().(*rs2d.Encoder)
	err = encoder.Encode(encoding, blob)
	o.encoders.Put(encoder)
	if err != nil {
		memory.release()
		return nil, fmt.Errorf("client: %w", err)
	}
	took := time.Since(started)
	trace(ctx, StepEncode, started)
	meta := encoding.Metadata().Clone() // outlives the encoding
	raw, err := meta.MarshalBinary()
	if err != nil {
		memory.release()
		return nil, fmt.Errorf("client: %w", err)
	}
	id := encoding.ID()
	cert, err := o.place(ctx, id, meta, func(ctx context.Context) (*committee.Certificate, error) {
		if !small || o.options.Registrar != nil && share > awaitShare && o.batches.lonely() {
			return o.send(ctx, id, o.whole(id, raw, encoding.Pair), memory)
		}
		p := &passenger{writing: o, raw: raw, pair: encoding.Pair, share: share, memory: memory}
		return p.together(ctx, arrived)
	})
	if err != nil {
		return nil, err
	}
	return &Receipt{ID: id, Metadata: meta, Certificate: cert, Encoding: took}, nil
}

// storeEncoding stores slivers, see [Client.StoreEncoding].
func (o writing) storeEncoding(ctx context.Context, meta *commit.Metadata, pair func(int) (primary, secondary rs2d.Sliver)) (*Receipt, error) {
	id, err := meta.ID(o.hasher)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	raw, err := meta.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	cert, err := o.place(ctx, id, meta, func(ctx context.Context) (*committee.Certificate, error) {
		return o.send(ctx, id, o.whole(id, raw, pair), nil)
	})
	if err != nil {
		return nil, err
	}
	return &Receipt{ID: id, Metadata: meta, Certificate: cert}, nil
}

// place has all nodes given their parts, and where there is a ledger, tells it.
func (o writing) place(
	ctx context.Context, id commit.BlobID, meta *commit.Metadata, send func(context.Context) (*committee.Certificate, error),
) (*committee.Certificate, error) {
	if o.options.Registrar == nil {
		o.registration.name(committee.Attestation{Kind: committee.Stored, Blob: id})
		return send(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var failed error
	var registering sync.WaitGroup
	if o.registration.certify == nil {
		registering.Go(func() {
			defer trace(ctx, StepRegister, time.Now())
			// Nodes wait a little for a registration that is on its way.
			if failed = o.registration.register(ctx, o.options.Registrar, id, meta); failed != nil {
				cancel(failed)
			}
		})
	}
	cert, err := send(ctx)
	registering.Wait()
	if err := cmp.Or(failed, err); err != nil {
		return nil, err
	}
	defer trace(ctx, StepCertify, time.Now())
	if err := o.registration.certify(ctx, cert); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return cert, nil
}

// ack is what became of one node's part.
type ack struct {
	member    int
	signature committee.Signature
	err       error
}

// parts are what nodes get of a blob.
type parts interface {
	// put gives a node its part, and has it attest that. It may be called again after an
	// error.
	put(ctx context.Context, p *peer.Peer, a committee.Attestation) (committee.Signature, error)
	// done says that a member needs its part no more, or why it does not get it.
	done(member int, err error)
}

// whole are parts that are in memory.
type whole struct {
	view *peer.View
	id   commit.BlobID
	meta []byte
	pair func(int) (primary, secondary rs2d.Sliver)
}

func (o writing) whole(id commit.BlobID, meta []byte, pair func(int) (primary, secondary rs2d.Sliver)) whole {
	return whole{o.view, id, meta, pair}
}

func (w whole) put(ctx context.Context, p *peer.Peer, a committee.Attestation) (committee.Signature, error) {
	pairs := w.view.Pairs(w.id, p.Member())
	slivers := make([]rs2d.Sliver, 0, 2*len(pairs))
	for _, at := range pairs {
		primary, secondary := w.pair(at)
		slivers = append(slivers, primary, secondary)
	}
	return p.PutBlob(ctx, a, w.meta, slivers)
}

func (whole) done(int, error) {}

// send gives all nodes their parts. memory, which may be nil, is released when none
// needs its part any more.
func (o writing) send(ctx context.Context, id commit.BlobID, all parts, memory *reservation) (*committee.Certificate, error) {
	// What is being sent outlives the call, by the grace period.
	sending, stop := context.WithCancel(o.life)
	acks := make(chan ack, len(o.view.Peers))
	answered := make([]bool, len(o.view.Peers))
	started, uploads := time.Now(), newUploads(ctx)
	for i, p := range o.view.Peers {
		sending := uploads.of(sending, p)
		o.background.Go(func() {
			s, err := o.give(sending, p, all)
			all.done(i, err)
			acks <- ack{i, s, err}
		})
	}

	signatures := make(map[int]committee.Signature)
	quorum := &QuorumError{Need: o.view.Quorum(committee.Stored)}
	open := len(o.view.Peers)
	possible := o.view.Params().N // shards whose owners may attest yet, or did
	var cert *committee.Certificate
	var err error
	for cert == nil && err == nil {
		select {
		case <-ctx.Done():
			quorum.Cause = ctx.Err()
			for i := range o.view.Peers {
				if !answered[i] {
					quorum.Errors = append(quorum.Errors, peer.Silent(o.view.Peers[i], started))
				}
			}
			err = quorum
		case r := <-acks:
			open--
			answered[r.member] = true
			if r.err != nil {
				possible -= o.view.Weight(r.member)
				quorum.Errors = append(quorum.Errors, &MemberError{Member: o.view.Peers[r.member].Name(), Err: r.err})
			} else {
				quorum.Have += o.view.Weight(r.member)
				signatures[r.member] = r.signature
			}
			if quorum.Have >= quorum.Need {
				before := quorum.Have
				cert = o.certify(o.registration.attestation(), signatures, quorum)
				possible -= before - quorum.Have
			}
			if cert == nil && possible < quorum.Need {
				err = quorum
			}
		}
	}
	if err != nil {
		stop()
		o.background.Go(func() {
			o.drain(acks, open)
			memory.release()
		})
		if quorum.inconsistent() {
			err = o.orInvalid(ctx, id, err)
		}
		return nil, err
	}

	uploads.trace(ctx, started, answered)
	o.background.Go(func() {
		defer stop()
		late := time.AfterFunc(o.options.Grace, stop)
		defer late.Stop()
		memory.linger(stop)
		// Who has answered need not wait for others to learn that the blob is certified.
		if o.options.Registrar == nil {
			o.heralds.publish(o.operation, func(i int) bool { return answered[i] }, cert)
		}
		o.drain(acks, open)
		memory.release()
		if o.options.Registrar == nil {
			o.heralds.publish(o.operation, func(i int) bool { return !answered[i] }, cert)
		}
	})
	return cert, nil
}

// behindPause is the time between two questions to a node that is an epoch behind.
const behindPause = 50 * time.Millisecond

// give gives a node its part, as soon as it is known what it is to attest. The signature
// is one of what it is to attest in the end.
func (o writing) give(ctx context.Context, p *peer.Peer, all parts) (s committee.Signature, err error) {
	a, err := o.registration.await(ctx, o.registration.named)
	if err != nil {
		return s, err
	}
	s, err = o.insist(ctx, p, all, a)
	if o.options.Registrar == nil || err != nil && !isRefused(err) {
		return s, err
	}
	final, failed := o.registration.await(ctx, o.registration.known)
	switch {
	case failed != nil:
		return s, cmp.Or(err, failed)
	case err != nil:
		// The registration has taken longer than the node waits for one, or got another name.
		return o.insist(ctx, p, all, final)
	case final != a:
		return p.Attestation(ctx, final)
	}
	return s, nil
}

// insist gives a node its part. One that has not heard yet of the epoch in which the blob is
// written is asked again until it has: it takes what it lacks then.
func (o writing) insist(ctx context.Context, p *peer.Peer, all parts, a committee.Attestation) (committee.Signature, error) {
	for {
		s, err := all.put(ctx, p, a)
		var other *peer.OtherCommitteeError
		if !errors.As(err, &other) || other.Epoch >= o.view.Epoch() {
			return s, err
		}
		timer := time.NewTimer(behindPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return s, err
		}
	}
}

// isRefused reports whether a node has refused a blob, such as one of which it knows no
// registration.
func isRefused(err error) bool {
	var status *peer.StatusError
	return errors.As(err, &status) && status.Code == http.StatusForbidden
}

// certify makes a certificate of the attestations there are. Members who sent a wrong
// one are distrusted and no longer counted.
func (o writing) certify(a committee.Attestation, signatures map[int]committee.Signature, quorum *QuorumError) *committee.Certificate {
	before := maps.Clone(signatures)
	cert, err := peer.CertifyMost(o.view, a, signatures)
	for i := range before {
		if _, ok := signatures[i]; !ok {
			quorum.Have -= o.view.Weight(i)
			quorum.Errors = append(quorum.Errors, &MemberError{Member: o.view.Peers[i].Name(), Err: committee.ErrSignature})
		}
	}
	if err != nil {
		return nil
	}
	return cert
}

// drain waits for the nodes that have not answered.
func (o writing) drain(acks <-chan ack, open int) {
	for ; open > 0; open-- {
		if r := <-acks; r.err != nil && !errors.Is(r.err, context.Canceled) {
			o.log.Debug("not stored", "node", o.view.Peers[r.member].Name(), "error", r.err)
		}
	}
}
