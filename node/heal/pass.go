package heal

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// pass is one round of healing.
type pass struct {
	*Healer
	started time.Time
	seen    map[commit.BlobID]bool // considered already
	doubts  map[commit.BlobID]int  // shards whose owners list a blob without a certificate
	batch   []*work
	bytes   int64 // that the batch will restore

	mu     sync.Mutex // of all that requests change while they run
	report Report
}

// count changes the report.
func (p *pass) count(f func(*Report)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.report)
}

func (h *Healer) newPass() *pass {
	return &pass{Healer: h, started: time.Now(), seen: make(map[commit.BlobID]bool), doubts: make(map[commit.BlobID]int)}
}

// end adds the report to the healer's totals.
func (p *pass) end() Report {
	p.mu.Lock()
	report := p.report
	p.mu.Unlock()
	report.Elapsed = time.Since(p.started)
	p.Healer.mu.Lock()
	defer p.Healer.mu.Unlock()
	p.totals.add(report)
	p.totals.First, p.totals.Last = report.First, report.Last
	return report
}

// page is a part of a peer's list, or the end of it.
type page struct {
	member int
	blobs  []api.BlobEntry
	end    bool
	err    error
	stop   context.CancelCauseFunc // ends the list
}

// lists asks all members at once for all their blobs. A list's next page is asked for
// when the one before is taken from the channel.
func (p *pass) lists(ctx context.Context) <-chan page {
	pages := make(chan page)
	for member, remote := range p.Peers {
		list := p.listOwn
		if remote != nil {
			list = remote.List
		}
		go func() {
			own, stop := context.WithCancelCause(ctx)
			defer stop(nil)
			var after *commit.BlobID
			for {
				l, err := list(own, after, api.MaxList)
				if own.Err() != nil {
					err = context.Cause(own)
				}
				select {
				case pages <- page{member, l.Blobs, err != nil || !l.More, err, stop}:
				case <-ctx.Done():
					return
				}
				if err != nil || !l.More {
					return
				}
				after = &l.Blobs[len(l.Blobs)-1].Blob
			}
		}()
	}
	return pages
}

// work is a blob of which the node lacks something.
type work struct {
	id      commit.BlobID
	records map[store.Record][]byte // to store
	meta    *commit.Metadata
	size    int // of a symbol
	missing [2][]*target

	failed bool
	lack   int // slivers
}

// target is a sliver to recover.
type target struct {
	ref  rs2d.SliverRef
	pair int
	data []byte // nil until it is recovered
}

// maxDoubts bounds the blobs without a certificate that a pass remembers, and that it
// takes from one member: a member could list such without end.
const maxDoubts = 1 << 16

// consider takes a blob into the batch if the node lacks something of it, and it is
// certified. weight is that of the member who lists it. It reports whether the blob is
// of the node's concern, or may be.
func (p *pass) consider(ctx context.Context, e api.BlobEntry, weight int) bool {
	id := e.Blob
	if p.seen[id] || ctx.Err() != nil {
		return true
	}
	if _, err := p.Store.Record(id, store.Verdict); err == nil {
		p.seen[id] = true
		return true
	}
	if len(e.Verdict) > 0 {
		cert, err := p.Committee.ParseCertificate(e.Verdict)
		if err == nil && cert.Attestation == (committee.Attestation{Kind: committee.Inconsistent, Blob: id}) {
			p.seen[id] = true
			p.condemn(ctx, id, e.Verdict)
			return true
		}
	}
	stored, err := p.Store.Slivers(id)
	if err != nil {
		p.Logger.Error("store", "blob", id, "error", err)
		p.count(func(r *Report) { r.Failed++ })
		return true
	}
	w := &work{id: id, records: make(map[store.Record][]byte)}
	missing := Missing(p.Committee, p.Member, id, stored)
	w.meta, err = p.ownMetadata(id)
	if len(missing) == 0 && err == nil {
		p.seen[id] = true
		return true
	}
	if _, err := p.Store.Record(id, store.Certificate); err != nil {
		raw := p.certificate(ctx, e, weight)
		if raw == nil {
			// A blob that nobody certified is perhaps being written. Another peer may
			// have a certificate in its list.
			return false
		}
		w.records[store.Certificate] = raw
	}
	p.seen[id] = true
	n := p.Committee.Params().N
	for _, ref := range missing {
		primary, secondary := rs2d.PairSlivers(ref.Pair, n)
		t := &target{ref: primary, pair: ref.Pair}
		if ref.Axis == rs2d.Secondary {
			t.ref = secondary
		}
		w.missing[ref.Axis] = append(w.missing[ref.Axis], t)
	}
	w.lack = len(missing)
	p.lacking.Add(int64(w.lack))
	p.batch = append(p.batch, w)
	if w.meta != nil {
		p.bytes += p.restores(w)
	}
	// Without metadata nobody knows how much it will be: such blobs come in small
	// batches until it is fetched.
	if p.bytes >= p.BatchBytes || len(p.batch) >= maxBatch {
		p.flush(ctx)
	}
	return true
}

// maxBatch bounds the blobs of a batch.
const maxBatch = 256

// ownMetadata returns the blob's metadata if the node has it, and it is right.
func (p *pass) ownMetadata(id commit.BlobID) (*commit.Metadata, error) {
	raw, err := p.Store.Record(id, store.Metadata)
	if err != nil {
		return nil, err
	}
	meta, err := commit.ParseMetadata(raw, p.Committee.Scheme())
	if err != nil {
		return nil, err
	}
	if got, err := meta.ID(p.Hasher); err != nil || got != id || meta.Shards() != p.Committee.Params().N {
		return nil, errors.Join(store.ErrCorrupt, err)
	}
	return meta, nil
}

// restores returns the bytes of slivers the work will restore, and notes the size of
// its symbols.
func (p *pass) restores(w *work) int64 {
	params := p.Committee.Params()
	size, err := params.SymbolSize(w.meta.Length)
	if err != nil {
		return 0 // metadata of such a length is not valid
	}
	w.size = size
	return int64(size) * int64(len(w.missing[rs2d.Primary])*params.S+len(w.missing[rs2d.Secondary])*params.P)
}

// certificate returns the blob's certificate: of the list, or else, once the owners of
// f+1 shards have listed the blob and so an honest one has, made of what the peers
// attest. It is nil if there is none.
func (p *pass) certificate(ctx context.Context, e api.BlobEntry, weight int) []byte {
	a := committee.Attestation{Kind: committee.Stored, Blob: e.Blob}
	if len(e.Certificate) > 0 {
		cert, err := p.Committee.ParseCertificate(e.Certificate)
		if err == nil && cert.Attestation == a {
			return e.Certificate
		}
	}
	if _, known := p.doubts[e.Blob]; !known && len(p.doubts) >= maxDoubts {
		return nil
	}
	p.doubts[e.Blob] += weight
	if p.doubts[e.Blob] <= p.Committee.Params().F {
		return nil
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	signatures := make(map[int]committee.Signature)
	for member, remote := range p.Peers {
		if remote == nil || remote.Standing() != peer.Good {
			continue
		}
		group.Go(func() {
			if s, err := remote.Confirmation(ctx, e.Blob); err == nil {
				mu.Lock()
				defer mu.Unlock()
				signatures[member] = s
			}
		})
	}
	group.Wait()
	sent := len(signatures)
	cert, err := peer.CertifyMost(p.Committee, p.Peers, a, signatures)
	p.count(func(r *Report) { r.Lies += int64(sent - len(signatures)) })
	if err != nil {
		return nil
	}
	raw, err := cert.MarshalBinary()
	if err != nil {
		return nil
	}
	return raw
}

// condemn stores that a blob is inconsistent, with the proof if a peer has it.
func (p *pass) condemn(ctx context.Context, id commit.BlobID, verdict []byte) {
	p.count(func(r *Report) { r.Inconsistent++ })
	if err := Condemn(p.Store, id, verdict); err != nil {
		p.Logger.Error("store", "blob", id, "error", err)
		return
	}
	for _, remote := range p.shuffled() {
		raw, err := remote.Proof(ctx, id, MaxProof(p.Committee.Params()))
		if err != nil {
			continue
		}
		proof, err := rs2d.ParseInconsistencyProof(raw)
		if err != nil {
			continue
		}
		meta, err := p.fetchMetadata(ctx, id)
		if err != nil || p.Code.VerifyInconsistency(meta, proof) != nil {
			continue
		}
		data, err := meta.MarshalBinary()
		if err != nil {
			continue
		}
		if err := p.Store.Apply(id, store.Update{Records: map[store.Record][]byte{store.Metadata: data, store.Proof: raw}}); err != nil {
			p.Logger.Error("store", "blob", id, "error", err)
		}
		return
	}
}

// shuffled returns the peers, those in good standing first, in random order.
func (p *pass) shuffled() []*peer.Peer {
	var peers []*peer.Peer
	order := rand.Perm(len(p.Peers))
	for standing := peer.Good; standing <= peer.Distrusted; standing++ {
		for _, i := range order {
			if remote := p.Peers[i]; remote != nil && remote.Standing() == standing {
				peers = append(peers, remote)
			}
		}
	}
	return peers
}

// fetchMetadata gets a blob's metadata from the first peer that has it.
func (p *pass) fetchMetadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if meta, err := p.ownMetadata(id); err == nil {
		return meta, nil
	}
	return peer.First(ctx, p.shuffled(), hedgeAfter, func(ctx context.Context, remote *peer.Peer) (*commit.Metadata, error) {
		meta, err := remote.Metadata(ctx, id, p.Hasher)
		p.count(func(r *Report) {
			if err == nil {
				r.MetadataBytes += int64(commit.HashSize + peer.MaxMetadata(meta.Shards()))
			} else if errors.Is(err, peer.ErrLied) {
				r.Lies++
			}
		})
		return meta, err
	})
}

// hedgeAfter is how long one peer is waited for before another is asked too.
const hedgeAfter = 300 * time.Millisecond

// metadataFetchers is how many blobs' metadata is fetched at once.
const metadataFetchers = 8

// flush recovers the batch.
func (p *pass) flush(ctx context.Context) {
	batch := p.batch
	p.batch, p.bytes = nil, 0
	var group sync.WaitGroup
	turns := make(chan struct{}, metadataFetchers)
	for _, w := range batch {
		if w.meta != nil {
			continue
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			meta, err := p.fetchMetadata(ctx, w.id)
			if err != nil {
				p.Logger.Debug("no metadata", "blob", w.id, "error", err)
				w.failed = true
				return
			}
			raw, err := meta.MarshalBinary()
			if err != nil {
				w.failed = true
				return
			}
			w.meta, w.records[store.Metadata] = meta, raw
			p.restores(w)
		})
	}
	group.Wait()

	// Large blobs of the batch go one after another, small ones together.
	var part []*work
	bytes := int64(0)
	for _, w := range batch {
		if w.failed {
			p.finish(w)
			continue
		}
		part = append(part, w)
		if bytes += p.restores(w); bytes >= p.BatchBytes {
			p.recover(ctx, part)
			part, bytes = nil, 0
		}
	}
	p.recover(ctx, part)
}

// recover recovers all that is missing of some blobs, and stores it.
func (p *pass) recover(ctx context.Context, works []*work) {
	if len(works) == 0 {
		return
	}
	for _, axis := range []rs2d.Axis{rs2d.Secondary, rs2d.Primary} {
		p.recoverAxis(ctx, works, axis)
	}
	for _, w := range works {
		p.finish(w)
	}
}

// finish stores what was recovered of a blob. What could not be may be next time.
func (p *pass) finish(w *work) {
	p.lacking.Add(-int64(w.lack))
	if _, err := p.Store.Record(w.id, store.Verdict); err == nil {
		return // the blob turned out to be inconsistent: there is nothing to have
	}
	u := store.Update{Records: w.records}
	restored, failed := int64(0), int64(0)
	for axis, targets := range w.missing {
		for _, t := range targets {
			if t.data == nil {
				failed++
				continue
			}
			u.Slivers = append(u.Slivers, store.Sliver{Ref: store.Ref{Axis: rs2d.Axis(axis), Pair: t.pair}, Data: t.data})
			restored += int64(len(t.data))
			t.data = nil
		}
	}
	if w.failed && w.lack == 0 {
		failed++ // the metadata
	}
	if w.meta != nil && (len(u.Slivers) > 0 || len(u.Records) > 0) {
		if err := p.Store.Apply(w.id, u); err != nil {
			p.Logger.Error("store", "blob", w.id, "error", err)
			failed, restored, u.Slivers = int64(w.lack), 0, nil
		}
	}
	params := p.Committee.Params()
	p.count(func(r *Report) {
		r.Failed += failed
		if len(u.Slivers) == 0 {
			return
		}
		r.Blobs++
		r.Slivers += int64(len(u.Slivers))
		r.Restored += restored
		r.WholeBlob += int64(params.P*params.S) * int64(w.size)
		r.Last = time.Since(p.started)
		if r.First == 0 {
			r.First = r.Last
		}
	})
}
