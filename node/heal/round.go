package heal

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Lost is a certified blob that the node lacks something of.
type Lost struct {
	Blob        commit.BlobID
	Certificate []byte // verified; nil if the node has it
	Lacking     int    // slivers; 0 if only the metadata or the certificate is lacking
}

// Round recovers blobs, by one view of the committee, and reports what it took.
type Round struct {
	*Recoverer
	view    *peer.View
	started time.Time
	halved  int          // the bounds of a batch are halved so many times
	open    atomic.Int64 // slivers found lacking in this round, and not recovered yet
	probes  sync.WaitGroup

	report Report // under the recoverer's mutex, as its totals are
}

// firstHalved makes the first batch of a round small, so that the first slivers are back
// soon. Each batch is twice the one before, up to the bounds.
const firstHalved = 5

// Begin begins a round by a view in which the node is a member. End must follow.
func (h *Recoverer) Begin(view *peer.View) *Round {
	return &Round{Recoverer: h, view: view, started: time.Now(), halved: firstHalved}
}

// End ends the round, in which nothing may be under way, and returns its report.
func (r *Round) End() Report {
	r.probes.Wait()
	r.lack(-r.open.Load()) // what was expected but not looked at
	took := time.Since(r.started)
	r.Count(func(report *Report) { report.Elapsed += took })
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.report
}

// Count changes the report and the recoverer's totals: it calls f with each.
func (r *Round) Count(f func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.report)
	f(&r.totals)
}

// lack notes that the node lacks so many slivers more.
func (r *Round) lack(slivers int64) {
	r.open.Add(slivers)
	r.lacking.Add(slivers)
}

// Expect notes what is going to be recovered, for [Recoverer.Lacking].
func (r *Round) Expect(lost []Lost) {
	slivers := int64(0)
	for _, l := range lost {
		slivers += int64(l.Lacking)
	}
	r.lack(slivers)
}

// FetchProof gets the proof that a blob is inconsistent, and stores it: others may ask
// for it. The error says what each member answered, or is the store's.
func (r *Round) FetchProof(ctx context.Context, id commit.BlobID) error {
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	c := &r.config
	meta, err := r.fetchMetadata(ctx, id)
	if err != nil {
		return err
	}
	proof, err := invalid.FetchProof(ctx, r.view, c.Code, id, meta)
	if err != nil {
		return err
	}
	u := store.Update{
		Records: map[store.Record][]byte{store.Proof: proof},
		If:      func(i store.Info) bool { return i.Has(store.InvalidBlobCertificate) }, // it is not removed meanwhile
	}
	if err := r.keepMetadata(&u, id, meta); err != nil {
		return err
	}
	err = c.Store.Apply(id, u)
	if errors.Is(err, store.ErrRefused) {
		return nil
	}
	return err
}

// Invalidate returns a certificate of the view's epoch that a blob is inconsistent, of
// which there was one of another epoch. The error says what each member answered, or is
// the store's.
func (r *Round) Invalidate(ctx context.Context, id commit.BlobID) ([]byte, error) {
	proof, err := r.config.Store.Record(id, store.Proof)
	if errors.Is(err, store.ErrNotFound) {
		if err = r.FetchProof(ctx, id); err == nil {
			proof, err = r.config.Store.Record(id, store.Proof)
		}
	}
	if err != nil {
		return nil, err
	}
	meta, err := r.fetchMetadata(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.certify(ctx, id, meta, proof)
}

// certify gives all members the proof that a blob is inconsistent, and returns the
// certificate of those who attest it, the node itself among them.
func (r *Round) certify(ctx context.Context, id commit.BlobID, meta *commit.Metadata, proof []byte) ([]byte, error) {
	a := committee.Attestation{Kind: committee.Inconsistent, Blob: id}
	own := map[int]committee.Signature{r.view.Member: r.config.Signer.Attest(r.view.Committee, a)}
	cert, err := invalid.Certify(ctx, r.view, meta, id, proof, own)
	if err != nil {
		return nil, err
	}
	return cert.MarshalBinary()
}

// Disprove proves to all that a blob is inconsistent, of which a symbol is known that is the one of
// its row, as its proof says, and not that of the node's own column. It reports whether the blob is
// marked; if not, others may have been silent.
//
// Such a proof there always is: the column that P symbols determine, of which that symbol is one, is
// not the one that the metadata commits to.
func (r *Round) Disprove(ctx context.Context, id commit.BlobID, symbol rs2d.Symbol) (marked bool) {
	c := &r.config
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return false
	}
	if invalid.Marked(c.Store, id) {
		return true
	}
	info, err := c.Store.Info(id)
	if err != nil {
		c.Logger.Error("store", "blob", id, "error", err)
		return false
	}
	meta, err := r.fetchMetadata(ctx, id)
	if err != nil {
		c.Logger.Debug("no metadata", "blob", id, "error", err)
		return false
	}
	n := r.view.Params().N
	column := rs2d.SliverRef{Axis: rs2d.Secondary, Index: symbol.Col}
	t := &target{ref: column, pair: column.Pair(n)}
	one := &blob{id: id, records: make(map[store.Record][]byte), meta: meta, stored: make(map[store.Ref]bool), lack: 1}
	one.missing[rs2d.Secondary] = []*target{t}
	for _, e := range info.Slivers {
		one.stored[e.Ref] = true
	}
	b := &batch{Round: r, bytes: c.BatchBytes}
	r.lack(1)
	defer b.finish(one)
	b.restores(one) // the size of symbols
	v := b.recoveryOf(one, rs2d.Secondary, []*target{t})
	v.proofs, v.proven = true, true
	v.addOwn()
	v.surely(rs2d.SliverRef{Axis: rs2d.Primary, Index: symbol.Row}.Pair(n), column, symbol)
	x := b.exchange()
	x.recoveries = []*recovery{v}
	x.probe(ctx)
	x.run(ctx)
	return invalid.Marked(c.Store, id)
}

// proofTime is how long to look for a proof that nobody needs to heal.
const proofTime = 10 * time.Second

// Recover recovers what comes on the channel, in batches, until that is closed or the
// context ends. What is lost was to be expected, see Expect.
func (r *Round) Recover(ctx context.Context, lost <-chan []Lost) {
	var waiting []Lost
	for open := true; ctx.Err() == nil; {
		if len(waiting) == 0 {
			l, ok := <-lost
			if !ok {
				return
			}
			waiting = l
			continue
		}
		for more := open; more && len(waiting) < maxBatch; {
			select {
			case l, ok := <-lost:
				waiting = append(waiting, l...)
				open, more = ok, ok
			default:
				more = false
			}
		}
		waiting = waiting[r.recoverSome(ctx, waiting):]
	}
}

// recoverSome recovers as many of the blobs as make a batch, the first ones, and returns
// how many these are.
func (r *Round) recoverSome(ctx context.Context, lost []Lost) (taken int) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return len(lost)
	}
	// Without metadata nobody knows how much it will be: such blobs come in small
	// batches until it is fetched.
	b := &batch{Round: r, bytes: r.config.BatchBytes >> r.halved}
	most, bytes := maxBatch>>r.halved, int64(0)
	seen := make(map[commit.BlobID]bool)
	for _, l := range lost {
		if len(b.blobs) == most || bytes >= b.bytes {
			break
		}
		taken++
		if seen[l.Blob] { // it was found in two ways
			r.lack(-int64(l.Lacking))
			continue
		}
		seen[l.Blob] = true
		if one := b.prepare(l); one != nil {
			b.blobs = append(b.blobs, one)
			bytes += b.restores(one)
		}
	}
	b.fetchMetadata(ctx)
	b.run(ctx)
	r.halved = max(0, r.halved-1)
	return taken
}
