package s3

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/gateway/quilt"
)

// Quilts are blobs of which columns can be read, see daemon.Store: where they can, small objects
// may be packed.
type Quilts interface {
	Blobs
	Params() commit.Params
	ReadColumns(ctx context.Context, id commit.BlobID, from, to int) ([]byte, error)
}

// Bounds of a quilt.
const (
	maxPacked  = maxNotesOf - 4 // objects, whose notes are on one registration; the rest is for copies
	packedSize = 4 << 20        // bytes after which no more objects come into it

	maxPackBelow = 256 << 10 // bytes of an object that is packed
)

// packer packs small objects that come at about the same time into one blob, a quilt. Whoever
// brings the first one waits for others, and stores the quilt; all wait until that is certified.
type packer struct {
	content *content
	quilts  Quilts
	below   int64         // bytes that longer objects have
	wait    time.Duration // for others
	most    int           // objects in one

	mu   sync.Mutex
	open map[packKey]*pack // that more objects can come into
}

// packKey is what all objects of a quilt have in common.
type packKey struct {
	epochs    uint32
	permanent bool
}

// pack is a quilt that is being made.
type pack struct {
	how   daemon.PutOptions
	files [][]byte
	helds []*held // of those who brought them
	size  int64
	full  chan struct{} // closed when no more objects come
	done  chan struct{} // closed when the rest is known

	pieces []piece // of files
	end    uint32
	err    error
}

// newPacker returns what packs objects that are no longer than below bytes.
func newPacker(c *content, quilts Quilts, below int64, wait time.Duration) *packer {
	return &packer{
		content: c, quilts: quilts, below: below, wait: wait, most: max(1, min(maxPacked, quilts.Params().S-1)), open: make(map[packKey]*pack),
	}
}

// packs reports whether an object of so many bytes is packed.
func (p *packer) packs(size int) bool { return p != nil && size > 0 && int64(size) <= p.below }

// add stores an object's bytes, and holds the blob that they are in. It waits for others.
func (p *packer) add(ctx context.Context, h *held, data []byte, how daemon.PutOptions) (piece, uint32, error) {
	key := packKey{how.Epochs, how.Permanent}
	p.mu.Lock()
	b := p.open[key]
	if b == nil {
		b = &pack{how: how, full: make(chan struct{}), done: make(chan struct{})}
		p.open[key] = b
	}
	at := len(b.files)
	b.files, b.helds, b.size = append(b.files, data), append(b.helds, h), b.size+int64(len(data))
	if len(b.files) == p.most || b.size >= packedSize {
		delete(p.open, key)
		close(b.full)
	}
	p.mu.Unlock()
	if at == 0 {
		p.lead(ctx, key, b)
	}
	<-b.done // whoever brought the first one sees the same end of the backend
	if b.err != nil {
		return piece{}, 0, b.err
	}
	return b.pieces[at], b.end, nil
}

// lead waits until a quilt is full, or nobody is waited for any more, and stores it.
func (p *packer) lead(ctx context.Context, key packKey, b *pack) {
	defer close(b.done)
	timer := time.NewTimer(p.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.full:
	case <-ctx.Done():
		b.err = ctx.Err()
	}
	p.mu.Lock()
	if p.open[key] == b {
		delete(p.open, key)
	}
	p.mu.Unlock()
	if b.err == nil {
		b.err = p.store(ctx, b)
	}
}

// store stores a quilt, and has all hold it who brought something.
func (p *packer) store(ctx context.Context, b *pack) error {
	blob, patches := b.files[0], []quilt.Patch(nil)
	if len(b.files) > 1 { // one alone is a blob as others are
		files := make([]quilt.File, len(b.files))
		for i, data := range b.files {
			files[i] = quilt.File{Identifier: fmt.Sprintf("%03d", i), Data: data}
		}
		var err error
		if blob, patches, err = quilt.Encode(p.quilts.Params(), files); err != nil {
			return fmt.Errorf("s3: %w", err)
		}
	}
	buffer, err := p.content.slots.take(ctx) // as many are stored at once as other bodies
	if err != nil {
		return err
	}
	defer p.content.slots.give(buffer)
	h := &held{collector: p.content.collector}
	defer h.release()
	one, end, err := p.content.putPiece(ctx, h, blob, b.how)
	if err != nil {
		return err
	}
	b.end, b.pieces = end, make([]piece, len(b.files))
	for i, data := range b.files {
		b.pieces[i] = piece{Blob: one.Blob, Size: int64(len(data))}
		if len(patches) > 0 {
			b.pieces[i].Quilt, b.pieces[i].Start, b.pieces[i].End = int64(len(blob)), patches[i].Start, patches[i].End
		}
		b.helds[i].add(one.Blob)
	}
	return nil
}

// readPacked reads an object that is in a quilt.
func readPacked(ctx context.Context, blobs Blobs, p piece) ([]byte, error) {
	quilts, ok := blobs.(Quilts)
	if !ok {
		return nil, fmt.Errorf("s3: %v is a quilt, and columns cannot be read", p.Blob)
	}
	r, err := quilt.NewReader(quilts.Params(), uint64(p.Quilt), func(ctx context.Context, from, to int) ([]byte, error) {
		return quilts.ReadColumns(ctx, p.Blob, from, to)
	})
	if err != nil {
		return nil, err
	}
	f, err := r.Read(ctx, p.Start, p.End)
	if err != nil {
		return nil, err
	}
	if int64(len(f.Data)) != p.Size {
		return nil, fmt.Errorf("s3: %d bytes in columns %d to %d of %v, want %d", len(f.Data), p.Start, p.End, p.Blob, p.Size)
	}
	return f.Data, nil
}
