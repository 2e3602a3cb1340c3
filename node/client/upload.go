package client

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

var (
	// errSlow is what became of a node that was given up because others waited for it.
	errSlow = errors.New("client: too slow for the others")
	// errFewLeft ends an encoding that is of no use: too many nodes have failed.
	errFewLeft = errors.New("client: too few nodes are left")
	errSent    = errors.New("client: part of it was sent before")
)

// upload takes slivers as they are made, in pieces, and sends each node its own. What
// nodes have not taken yet is queued, up to a limit for all of them; then whoever makes
// slivers waits. When that is for a few nodes that the others could do without, they are
// given up after a while.
type upload struct {
	view  *peer.View
	id    commit.BlobID
	sizes placement.Sizes
	limit int64 // bytes that may be queued, or one piece of a sliver if that is more

	grace   time.Duration
	started time.Time

	mu      sync.Mutex
	room    *sync.Cond // told when little is queued, a node has taken all, or one ends
	queued  int64
	chunk   int           // bytes of each piece of memory that what is queued lies in
	free    [][]byte      // those in which nothing is
	waited  time.Duration // for a few nodes
	outlets []*outlet     // by member
}

// outlet is what one node gets, and has not taken.
type outlet struct {
	weight  int
	length  int64 // of all it gets
	ready   *sync.Cond
	chunks  [][]byte
	off     int   // of the first that are taken
	bytes   int64 // queued
	started bool  // some were taken
	all     bool  // nothing will come any more
	ended   bool  // nothing is taken any more
	err     error // why, if it did not end well
}

// What is queued lies in chunks of so many bytes. Each node may have one that is nearly empty:
// they are smaller where nodes are many.
const (
	maxChunk = 256 << 10
	minChunk = 4 << 10
)

// newUpload returns an upload of a blob whose primary slivers come in so many pieces each.
func newUpload(view *peer.View, id commit.BlobID, raw []byte, sizes placement.Sizes, pieces int, limit int64, grace time.Duration) *upload {
	u := &upload{view: view, id: id, sizes: sizes, limit: limit, grace: grace, started: time.Now()}
	u.chunk = int(min(max(limit/int64(4*len(view.Peers)), minChunk), maxChunk))
	u.room = sync.NewCond(&u.mu)
	head := append(api.FrameHeader{Kind: api.FrameMetadata, Length: uint32(len(raw))}.Append(nil), raw...)
	for i := range view.Peers {
		pairs := int64(len(view.Pairs(id, i)))
		frames := pairs*int64(pieces+1) + 1
		o := &outlet{
			weight: view.Weight(i), ready: sync.NewCond(&u.mu),
			length: int64(len(head)) + frames*api.FrameHeaderSize + pairs*int64(sizes[0]+sizes[1]),
		}
		u.outlets = append(u.outlets, o)
		u.queue(o, head)
	}
	return u
}

// WriteSliverAt queues a piece of a sliver for its node, see rs2d.Sink.
func (u *upload) WriteSliverAt(ref rs2d.SliverRef, data []byte, off int64) error {
	pair := ref.Pair(u.view.Params().N)
	h := api.FrameHeader{
		Kind: api.FramePiece, Axis: uint8(ref.Axis), Index: uint16(pair), Item: uint32(off), Length: uint32(len(data)),
	}
	if len(data) == u.sizes[ref.Axis] {
		h.Kind = api.FrameSliver
	}
	o := u.outlets[u.view.OwnerOfPair(u.id, pair)]
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.queued > 0 && u.queued+int64(len(data)) > u.limit && !o.ended {
		u.wait()
	}
	if !u.possible() {
		return errFewLeft
	}
	if !o.ended {
		var head [api.FrameHeaderSize]byte
		u.queue(o, h.Append(head[:0]))
		u.queue(o, data)
		o.ready.Signal()
	}
	return nil
}

// queue queues a copy of data.
func (u *upload) queue(o *outlet, data []byte) {
	o.bytes += int64(len(data))
	u.queued += int64(len(data))
	for len(data) > 0 {
		last := len(o.chunks) - 1
		if last < 0 || len(o.chunks[last]) == u.chunk {
			o.chunks = append(o.chunks, u.empty())
			last++
		}
		chunk := o.chunks[last]
		n := copy(chunk[len(chunk):u.chunk], data)
		o.chunks[last] = chunk[:len(chunk)+n]
		data = data[n:]
	}
}

// empty returns a chunk in which nothing is.
func (u *upload) empty() []byte {
	last := len(u.free) - 1
	if last < 0 {
		return make([]byte, 0, u.chunk)
	}
	chunk := u.free[last]
	u.free = u.free[:last]
	return chunk[:0]
}

// wait waits until there may be room.
func (u *upload) wait() {
	if len(u.slow()) == 0 {
		u.room.Wait()
		return
	}
	began := time.Now()
	timer := time.AfterFunc(u.patience(), func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		for _, o := range u.slow() {
			u.end(o, errSlow)
		}
	})
	u.room.Wait()
	timer.Stop()
	u.waited += time.Since(began)
}

// patience returns how long a few nodes may hold the others up from now on: for the grace
// period in all, and a quarter of the time that the upload takes.
func (u *upload) patience() time.Duration {
	return max(0, u.grace+time.Since(u.started)/4-u.waited)
}

// slow returns the nodes that have not taken all, if those that have are enough.
func (u *upload) slow() (slow []*outlet) {
	weight := 0
	for _, o := range u.outlets {
		switch {
		case o.err != nil:
		case o.bytes == 0:
			weight += o.weight
		default:
			slow = append(slow, o)
		}
	}
	if weight < u.view.Quorum(committee.Stored) {
		return nil
	}
	return slow
}

// possible reports whether the nodes that have not failed are enough.
func (u *upload) possible() bool {
	weight := 0
	for _, o := range u.outlets {
		if o.err == nil {
			weight += o.weight
		}
	}
	return weight >= u.view.Quorum(committee.Stored)
}

// end ends what a node gets. err says why, or is nil if the node has all it needs.
func (u *upload) end(o *outlet, err error) {
	if o.ended {
		return
	}
	u.free = append(u.free, o.chunks...)
	u.queued -= o.bytes
	o.chunks, o.bytes, o.ended, o.err = nil, 0, true, err
	o.ready.Broadcast()
	u.room.Broadcast()
}

// put sends a node what it gets.
func (u *upload) put(ctx context.Context, p *peer.Peer, a committee.Attestation) (committee.Signature, error) {
	i := p.Member()
	s := peer.Stream{Length: u.outlets[i].length, Body: func() io.Reader { return u.body(i) }, Begun: func() bool { return u.begun(i) }}
	return s.Put(ctx, p, a)
}

// done notes how sending to a member ended.
func (u *upload) done(member int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.end(u.outlets[member], err)
}

// close says that all slivers were written, or why no more will be.
func (u *upload) close(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, o := range u.outlets {
		switch {
		case o.ended:
		case err != nil:
			u.end(o, err)
		default:
			u.queue(o, api.FrameHeader{Kind: api.FrameEnd}.Append(nil))
			o.all = true
			o.ready.Broadcast()
		}
	}
}

// begun reports whether a node has taken some of what it gets, so that nobody else can
// send it once more.
func (u *upload) begun(member int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.outlets[member].started
}

// body returns what a member gets, to be read once.
func (u *upload) body(member int) io.Reader {
	return &outletReader{upload: u, outlet: u.outlets[member]}
}

// outletReader takes what is queued.
type outletReader struct {
	upload *upload
	outlet *outlet
	own    bool // it has begun to take
	closed bool
}

// Read waits for what comes.
func (r *outletReader) Read(b []byte) (int, error) {
	u, o := r.upload, r.outlet
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(o.chunks) == 0 && !o.all && !o.ended && !r.closed {
		o.ready.Wait()
	}
	switch {
	case o.ended && o.err != nil:
		return 0, o.err
	case o.ended || r.closed || o.started && !r.own:
		return 0, errSent
	case len(o.chunks) == 0:
		return 0, io.EOF
	}
	o.started, r.own = true, true
	first := o.chunks[0]
	n := copy(b, first[o.off:])
	if o.off += n; o.off == u.chunk || o.off == len(first) && len(o.chunks) == 1 {
		u.free = append(u.free, first)
		o.chunks[0] = nil
		o.chunks, o.off = o.chunks[1:], 0
	}
	o.bytes -= int64(n)
	before := u.queued
	if u.queued -= int64(n); o.bytes == 0 || before >= u.limit/2 && u.queued < u.limit/2 {
		u.room.Broadcast()
	}
	return n, nil
}

// Close ends a Read that waits.
func (r *outletReader) Close() error {
	r.upload.mu.Lock()
	defer r.upload.mu.Unlock()
	r.closed = true
	r.outlet.ready.Broadcast()
	return nil
}
