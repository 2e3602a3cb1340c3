package client

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

// What a node does for a small blob is mostly the same for many: one request, one
// signature, one wait for the disk. So small blobs that are stored at about the same time
// go to the nodes together, and all nodes get the same ones, so that their signatures add
// up. A blob that nobody stores others beside goes alone, and at once.

const (
	// batchWait is the longest time for which a blob waits for others that are about to be
	// sent, when nothing is under way.
	batchWait = 100 * time.Millisecond
	// batchesAtOnce is how many batches may be under way, and batchFull how many blobs there
	// must be for one more to begin while another is.
	batchesAtOnce = 4
	batchFull     = 16
	// batchShare is the most that a node may get of a blob that goes with others, in bytes.
	batchShare = api.MaxBatchBody / batchFull
	// awaitShare is the most that a node may get of a blob that waits until the ledger knows
	// it although nobody stores others beside: more is better sent meanwhile.
	awaitShare = 256 << 10
)

// batches are blobs that wait to be sent together.
type batches struct {
	mu      sync.Mutex
	coming  int           // blobs that are about to wait
	waiting []*passenger  // in the order in which they came
	flying  int           // batches that have no quorum yet
	last    time.Duration // that a batch took
	timer   *time.Timer   // calls hurry, or nil
	late    bool          // nobody is waited for
	regulars
}

// regulars are writers who store one blob after the other: when theirs have landed, the
// next ones come at once, and are worth waiting for.
type regulars struct {
	landed time.Time // when a batch last has
	ours   int       // its blobs
	came   int       // blobs that have come soon after it
	due    int       // blobs that are waited for
}

// land is told that so many blobs have landed. They are due again if as many have come
// after those before.
func (r *regulars) land(blobs int) {
	r.due = 0
	if 2*r.came >= r.ours {
		r.due = blobs
	}
	r.landed, r.ours, r.came = time.Now(), blobs, 0
}

// come is told that a blob comes; wait is how long one is waited for.
func (r *regulars) come(wait time.Duration) {
	if time.Since(r.landed) <= wait {
		r.came++
	}
	r.due = max(0, r.due-1)
}

// passenger is a blob that waits, or is being sent with others.
type passenger struct {
	writing
	attests committee.Attestation
	raw     []byte // metadata
	pair    func(int) (primary, secondary rs2d.Sliver)
	share   int64 // the most that a node gets, in bytes
	memory  *reservation

	traced bool    // somebody asks how long the steps take
	flight *flight // nil while it waits
	left   bool    // nobody waits for it any more
	result chan landing
}

// landing is what became of a blob.
type landing struct {
	cert  *committee.Certificate
	alone bool    // it is to be sent by itself
	lone  *flight // by which it is then, or nil

	uploads  *uploads // nil if nobody asks
	began    time.Time
	answered []bool // by member
}

// shareOf returns the most bytes that a node gets of a blob, and whether that is little.
func shareOf(view *peer.View, size uint64) (share int64, small bool) {
	params := view.Params()
	symbol, err := params.SymbolSize(size)
	if err != nil {
		return 0, false
	}
	pair := int64(symbol)*int64(params.P+params.S) + 2*api.FrameHeaderSize
	for i := range view.Peers {
		share = max(share, int64(view.Weight(i))*pair)
	}
	share += int64(placement.MaxMetadata(params.N)) + 2*api.FrameHeaderSize + int64(len(api.AppendBlob(nil, committee.Attestation{})))
	return share, share <= batchShare
}

// expect says that a blob is about to come, unless it is too large. arrived is called when
// it has, or will not come.
func (b *batches) expect(small bool) (arrived func()) {
	if !small {
		return func() {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.coming++
	b.come(b.wait())
	return sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.coming--
		b.depart()
	})
}

// lonely reports whether nobody stores a blob beside the one that is about to come.
func (b *batches) lonely() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.coming == 1 && len(b.waiting) == 0 && b.flying == 0
}

// together is send for a small blob: it is sent with others that are stored at about the
// same time, once a ledger knows it if there is one. arrived is what expect returned.
func (p *passenger) together(ctx context.Context, arrived func()) (cert *committee.Certificate, err error) {
	when := p.registration.named
	if p.options.Registrar != nil {
		when = p.registration.known
	}
	if p.attests, err = p.registration.await(ctx, when); err != nil {
		p.memory.release()
		return nil, &QuorumError{Need: p.view.Quorum(committee.Stored), Cause: err}
	}
	return p.batches.board(ctx, p, arrived)
}

// board sends a blob with others, or by itself if there are none.
func (b *batches) board(ctx context.Context, p *passenger, arrived func()) (*committee.Certificate, error) {
	p.result, p.traced = make(chan landing, 1), traceOf(ctx) != nil
	b.mu.Lock()
	b.waiting = append(b.waiting, p)
	b.mu.Unlock()
	arrived()
	select {
	case l := <-p.result:
		if l.lone != nil {
			defer b.landed(l.lone)
		}
		if l.alone {
			id := p.attests.Blob
			return p.send(ctx, id, p.whole(id, p.raw, p.pair), p.memory)
		}
		if p.traced {
			l.uploads.trace(ctx, l.began, l.answered)
		}
		return l.cert, nil
	case <-ctx.Done():
		return nil, b.leave(ctx, p)
	}
}

// leave is for a blob that nobody waits for any more.
func (b *batches) leave(ctx context.Context, p *passenger) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.left = true
	quorum := &QuorumError{Need: p.view.Quorum(p.attests.Kind), Cause: ctx.Err()}
	if p.flight != nil {
		p.flight.leave()
		quorum.Errors = p.flight.silent()
		return quorum
	}
	if i := slices.Index(b.waiting, p); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
	select {
	case l := <-p.result: // it would have gone by itself
		if l.lone != nil {
			b.flying--
			b.depart()
		}
	default:
	}
	p.memory.release()
	return quorum
}

// wait returns how long a blob waits for others that are about to come: as long as a batch
// takes, so that those whose blobs have landed are back from the ledger, too. A blob that
// goes in the next batch would take longer, and cost all nodes a request and a signature.
func (b *batches) wait() time.Duration { return min(batchWait, b.last) }

// depart begins to send what waits, if it is time. The lock is held.
func (b *batches) depart() {
	for len(b.waiting) > 0 && b.flying < batchesAtOnce {
		if len(b.waiting) < batchFull {
			if b.flying > 0 {
				return
			}
			if b.coming+b.due > 0 && !b.late {
				if b.timer == nil {
					b.timer = time.AfterFunc(b.wait(), b.hurry)
				}
				return
			}
		}
		b.send(b.take())
	}
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}

// hurry has those who wait sent, whoever is about to come.
func (b *batches) hurry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.timer, b.late, b.due = nil, true, 0
	b.depart()
	b.late = false
}

// take takes those who wait longest, as many as go together. The lock is held.
func (b *batches) take() *flight {
	first := b.waiting[0]
	f := &flight{batches: b, writing: first.writing, started: time.Now(), answered: make([]bool, len(first.view.Peers))}
	bytes := int64(api.FrameHeaderSize)
	rest := b.waiting[:0]
	for _, p := range b.waiting {
		if len(f.passengers) == committee.MaxBatch || bytes+p.share > api.MaxBatchBody || p.view.Fingerprint() != first.view.Fingerprint() || f.has(p.attests.Blob) {
			rest = append(rest, p)
			continue
		}
		bytes += p.share
		p.flight = f
		if p.traced && f.uploads == nil {
			f.uploads = &uploads{sent: make(map[int]time.Time)}
		}
		f.passengers = append(f.passengers, p)
	}
	clear(b.waiting[len(rest):])
	b.waiting = rest
	f.present = len(f.passengers)
	return f
}

// send sends some blobs. The lock is held.
func (b *batches) send(f *flight) {
	b.flying++
	if len(f.passengers) == 1 {
		p := f.passengers[0]
		p.flight = nil
		p.result <- landing{alone: true, lone: f}
		return
	}
	ctx, stop := context.WithTimeout(f.life, f.options.Timeout)
	f.stop = stop
	f.background.Go(func() { f.fly(ctx) })
}

// landed is told that a batch has its certificates, or will have none. It returns which
// members have answered.
func (b *batches) landed(f *flight) (answered []bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	b.last = time.Since(f.started)
	b.land(len(f.passengers))
	b.depart()
	return slices.Clone(f.answered)
}

// flight is a batch that is being sent.
type flight struct {
	writing
	batches    *batches
	passengers []*passenger
	started    time.Time
	uploads    *uploads // nil if nobody asks
	stop       func()

	// Guarded by the lock of batches:
	answered []bool // by member
	present  int    // blobs that somebody waits for
}

func (f *flight) has(id commit.BlobID) bool {
	for _, p := range f.passengers {
		if p.attests.Blob == id {
			return true
		}
	}
	return false
}

// leave is told that nobody waits for one of the blobs any more.
func (f *flight) leave() {
	if f.present--; f.present == 0 {
		f.stop()
	}
}

// silent returns what is wrong with the nodes that have not answered.
func (f *flight) silent() (errs []*MemberError) {
	for i, p := range f.view.Peers {
		if !f.answered[i] {
			errs = append(errs, peer.Silent(p, f.started))
		}
	}
	return errs
}

// fly gives all nodes their parts, and those who wait their certificates.
func (f *flight) fly(ctx context.Context) {
	acks := make(chan ack, len(f.view.Peers))
	for i, p := range f.view.Peers {
		ctx := f.uploads.of(ctx, p)
		f.background.Go(func() {
			s, err := peer.PutBatch(ctx, p, f.parts(i))
			acks <- ack{i, s, err}
		})
	}
	certs, open := f.gather(acks)
	answered := f.batches.landed(f)
	if certs == nil {
		// Each goes by itself, and learns what is wrong. What nodes have they do not take again.
		f.stop()
		f.drain(acks, open)
		f.end(func(p *passenger) { p.result <- landing{alone: true} })
		return
	}
	f.background.Go(func() {
		defer f.stop()
		late := time.AfterFunc(f.options.Grace, f.stop)
		defer late.Stop()
		for _, p := range f.passengers {
			p.memory.linger(f.stop)
		}
		f.announce(certs, true)
		f.drain(acks, open)
		for _, p := range f.passengers {
			p.memory.release()
		}
		f.announce(certs, false)
	})
	for i, p := range f.passengers {
		p.result <- landing{cert: certs[i], uploads: f.uploads, began: f.started, answered: answered}
	}
}

// end tells those who are still there, and gives back the memory of the others.
func (f *flight) end(tell func(*passenger)) {
	f.batches.mu.Lock()
	defer f.batches.mu.Unlock()
	for _, p := range f.passengers {
		if p.left {
			p.memory.release()
		} else {
			p.flight = nil
			tell(p)
		}
	}
}

// parts returns what a member gets.
func (f *flight) parts(member int) []peer.BlobPart {
	parts := make([]peer.BlobPart, len(f.passengers))
	for i, p := range f.passengers {
		part := peer.BlobPart{Attests: p.attests, Metadata: p.raw}
		for _, at := range f.view.Pairs(p.attests.Blob, member) {
			primary, secondary := p.pair(at)
			part.Slivers = append(part.Slivers, primary, secondary)
		}
		parts[i] = part
	}
	return parts
}

// gather waits for attestations of a quorum. It returns a certificate for each blob, or
// nil if there will be none, and how many nodes have not answered.
func (f *flight) gather(acks <-chan ack) (certs []*committee.Certificate, open int) {
	batch := make([]committee.Attestation, len(f.passengers))
	for i, p := range f.passengers {
		batch[i] = p.attests
	}
	signatures := make(map[int]committee.Signature)
	need, possible, have := f.view.Quorum(batch[0].Kind), f.view.Params().N, 0
	for open = len(f.view.Peers); open > 0 && possible >= need; {
		r := <-acks
		open--
		f.batches.mu.Lock()
		f.answered[r.member] = true
		f.batches.mu.Unlock()
		if r.err != nil {
			f.log.Debug("not stored with others", "node", f.view.Peers[r.member].Name(), "error", r.err)
			possible -= f.view.Weight(r.member)
			continue
		}
		have += f.view.Weight(r.member)
		signatures[r.member] = r.signature
		if have < need {
			continue
		}
		certs, err := peer.CertifyMostOfBatch(f.view, batch, signatures)
		if err == nil {
			return certs, open
		}
		right := 0
		for member := range signatures {
			right += f.view.Weight(member)
		}
		possible, have = possible-(have-right), right
	}
	return nil, open
}

// announce gives the certificates to the nodes that have answered, or to the others,
// where no ledger does.
func (f *flight) announce(certs []*committee.Certificate, answered bool) {
	if f.options.Registrar != nil {
		return
	}
	f.batches.mu.Lock()
	to := make([]bool, len(f.answered))
	for i, has := range f.answered {
		to[i] = has == answered
	}
	f.batches.mu.Unlock()
	f.heralds.publish(f.operation, func(i int) bool { return to[i] }, certs...)
}
