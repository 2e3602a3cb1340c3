package heal

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
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
	bytes   int64         // that the batch will restore
	ramp    int           // the bounds of a batch are halved so many times
	turns   chan struct{} // one for each sliver that is computed

	mu     sync.Mutex // of the crossings, while requests run
	report Report     // under the healer's mutex, as its totals are
}

func (h *Healer) newPass() *pass {
	return &pass{
		Healer: h, started: time.Now(), ramp: firstRamp, turns: make(chan struct{}, solvers),
		seen: make(map[commit.BlobID]bool), doubts: make(map[commit.BlobID]int),
	}
}

// count changes the report and the healer's totals: it calls f with each.
func (p *pass) count(f func(*Report)) {
	p.Healer.mu.Lock()
	defer p.Healer.mu.Unlock()
	f(&p.report)
	f(&p.totals)
}

// end returns the report.
func (p *pass) end() Report {
	took := time.Since(p.started)
	p.count(func(r *Report) { r.Elapsed += took })
	p.Healer.mu.Lock()
	defer p.Healer.mu.Unlock()
	return p.report
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
			list = func(ctx context.Context, after *commit.BlobID, limit int) (api.BlobList, error) {
				return remote.List(ctx, api.ListAll, after, limit)
			}
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

// maxDoubts bounds the blobs without a certificate that a pass remembers, and that it
// takes from one member: a member could list such without end.
const maxDoubts = 1 << 16

// judged is how many blobs of a list are looked at together, because certificates are
// verified faster so.
const judged = 64

// consider takes blobs into the batch of which the node lacks something, and which are
// certified. weight is that of the member who lists them. It returns how many of them
// are of no concern to the node, and were not before.
func (p *pass) consider(ctx context.Context, entries []api.BlobEntry, weight int) (useless int) {
	for part := range slices.Chunk(entries, judged) {
		var works []*work
		var doubtful []api.BlobEntry
		for _, e := range part {
			if p.seen[e.Blob] || ctx.Err() != nil || p.condemned(ctx, e) {
				continue
			}
			w := p.examine(e.Blob)
			if w == nil {
				continue
			}
			if _, err := p.Store.Record(e.Blob, store.Certificate); err == nil {
				p.add(ctx, w)
				continue
			}
			works, doubtful = append(works, w), append(doubtful, e)
		}
		for i, raw := range p.certificates(ctx, doubtful, weight) {
			if raw == nil {
				// A blob that nobody certified is perhaps being written. Another peer may
				// have a certificate in its list.
				useless++
				continue
			}
			works[i].records[store.Certificate] = raw
			p.add(ctx, works[i])
		}
	}
	return useless
}

// considerAll considers blobs that the node itself lists.
func (p *pass) considerAll(ctx context.Context, ids []commit.BlobID) {
	entries := make([]api.BlobEntry, len(ids))
	for i, id := range ids {
		entries[i].Blob = id
	}
	p.consider(ctx, entries, p.Committee.Params().N)
}

// condemned reports whether the blob is known to be inconsistent, or the list proves
// it.
func (p *pass) condemned(ctx context.Context, e api.BlobEntry) bool {
	if _, err := p.Store.Record(e.Blob, store.Verdict); err == nil {
		p.seen[e.Blob] = true
		return true
	}
	if len(e.Verdict) == 0 {
		return false
	}
	cert, err := committee.ParseCertificate(p.Committee, e.Verdict)
	if err != nil || cert.Attestation != (committee.Attestation{Kind: committee.Inconsistent, Blob: e.Blob}) {
		return false
	}
	p.seen[e.Blob] = true
	p.condemn(ctx, e.Blob, e.Verdict)
	return true
}

// examine returns what the node lacks of a blob, or nil if that is nothing.
func (p *pass) examine(id commit.BlobID) *work {
	stored, err := p.Store.Slivers(id)
	if err != nil {
		p.Logger.Error("store", "blob", id, "error", err)
		p.count(func(r *Report) { r.Failed++ })
		return nil
	}
	w := &work{id: id, records: make(map[store.Record][]byte)}
	missing := placement.Missing(p.Committee, p.Member, id, stored, place)
	w.meta, err = p.ownMetadata(id)
	if len(missing) == 0 && err == nil {
		p.seen[id] = true
		return nil
	}
	n := p.Committee.Params().N
	for _, ref := range missing {
		w.missing[ref.Axis] = append(w.missing[ref.Axis], &target{ref: ref.Sliver(n), pair: ref.Pair})
	}
	w.lack = len(missing)
	return w
}

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

// certificates returns the blobs' certificates, nil for those that have none: of the
// list, or else, once the owners of f+1 shards have listed a blob and so an honest one
// has, made of what the peers attest.
func (p *pass) certificates(ctx context.Context, entries []api.BlobEntry, weight int) [][]byte {
	listed := make([][]byte, len(entries))
	for i, e := range entries {
		listed[i] = e.Certificate
	}
	certs, _ := committee.ParseCertificates(p.Committee, listed)
	for i, e := range entries {
		if certs[i] == nil || certs[i].Attestation != (committee.Attestation{Kind: committee.Stored, Blob: e.Blob}) {
			listed[i] = p.attested(ctx, e.Blob, weight)
		}
	}
	return listed
}

// attested returns a certificate made of what the peers attest, or nil.
func (p *pass) attested(ctx context.Context, id commit.BlobID, weight int) []byte {
	if _, known := p.doubts[id]; !known && len(p.doubts) >= maxDoubts {
		return nil
	}
	p.doubts[id] += weight
	if p.doubts[id] <= p.Committee.Params().F {
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
			if s, err := remote.Confirmation(ctx, id); err == nil {
				mu.Lock()
				defer mu.Unlock()
				signatures[member] = s
			}
		})
	}
	group.Wait()
	sent := len(signatures)
	cert, err := peer.CertifyMost(p.Committee, p.Peers, committee.Attestation{Kind: committee.Stored, Blob: id}, signatures)
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
		raw, err := remote.Proof(ctx, id, placement.MaxProof(p.Committee.Params()))
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
