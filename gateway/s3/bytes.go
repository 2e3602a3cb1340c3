package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// Blobs stores and reads bytes, see daemon.Store.
type Blobs interface {
	Put(ctx context.Context, blob []byte, o daemon.PutOptions) (*daemon.Stored, error)
	ReadRange(ctx context.Context, id commit.BlobID, off, n uint64) ([]byte, error)
	// Free ends a registration of a blob that Put has made, if it is there and can be ended.
	// Where there is no ledger, blobs stay.
	Free(ctx context.Context, id commit.BlobID, object daemon.ObjectID) error
}

// content stores the bytes of objects in blobs, and reads them.
type content struct {
	blobs   Blobs
	options daemon.PutOptions
	piece   int64                                 // bytes of a blob
	read    int64                                 // bytes that are read at once
	slots   *slots                                // for what is being stored
	life    context.Context                       // until the end of the backend
	uses    uses                                  // of the blobs
	reading atomic.Int64                          // objects that are being read
	epochs  func(context.Context) (Epochs, error) // nil without a ledger
	packer  *packer                               // nil if nothing is packed
	*collector
}

// stored is what became of a body. Its blobs are held until release is called.
type stored struct {
	*held
	size     int64
	md5      []byte
	pieces   []piece
	end      uint32 // the first epoch in which not all blobs are stored any more; 0 if there is none
	checksum checksum
	crc64    string // in base64, if it was asked for
}

// etag returns the tag of an object that came in one request.
func (s *stored) etag() string { return `"` + hex.EncodeToString(s.md5) + `"` }

// store stores a body as blobs, one after another, and holds one of them in memory. What is
// wrong with the body is the error, before there is an object of it.
//
// Blobs are still being sent to slow nodes when the request has been answered, and the server
// uses its context again then: so they have one of the backend's.
func (c *content) store(body io.Reader, sums sums, how daemon.PutOptions) (out *stored, err error) {
	return c.storeWith(nil, body, sums, how)
}

// storePacked is store, but that bytes that are few may come into a blob with others.
func (c *content) storePacked(body io.Reader, sums sums, how daemon.PutOptions) (out *stored, err error) {
	return c.storeWith(c.packer, body, sums, how)
}

func (c *content) storeWith(packer *packer, body io.Reader, sums sums, how daemon.PutOptions) (out *stored, err error) {
	done, err := c.uses.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, cancel := context.WithCancel(c.life)
	defer cancel()
	if body == nil {
		body = strings.NewReader("")
	}
	buffer, err := c.slots.take(ctx)
	if err != nil {
		return nil, err
	}
	if buffer == nil {
		buffer = make([]byte, c.piece)
	}
	giveBack := sync.OnceFunc(func() { c.slots.give(buffer) })
	defer giveBack()
	digest, s := md5.New(), &stored{held: &held{collector: c.collector}}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	r, hashes, err := sums.reader(io.TeeReader(c.slots.paced(body), digest), body)
	if err != nil {
		return nil, err
	}
	for {
		n, err := io.ReadFull(r, buffer)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, slow(err)
		}
		if err != nil && s.size == 0 && packer.packs(n) {
			data := bytes.Clone(buffer[:n])
			giveBack() // to those who are waited for
			one, end, failed := packer.add(ctx, s.held, data, how)
			if failed != nil {
				return nil, explain(failed)
			}
			s.pieces, s.end, s.size = []piece{one}, end, int64(n)
			break
		}
		if n > 0 {
			one, end, failed := c.putPiece(ctx, s.held, buffer[:n], how)
			if failed != nil {
				return nil, explain(failed)
			}
			s.pieces, s.end = append(s.pieces, one), earlier(s.end, end)
			s.size += int64(n)
		}
		if err != nil {
			break
		}
	}
	if len(s.pieces) == 0 && c.epochs != nil { // what has no blob ends as if it had one
		now, err := c.epochs(ctx)
		if err != nil {
			return nil, explain(err)
		}
		s.end = now.Current + how.Epochs
	}
	s.md5 = digest.Sum(nil)
	s.checksum, s.crc64 = hashes.results()
	return s, nil
}

// sum reads an object, whose blobs are held, and returns a checksum of it.
func (c *content) sum(o *object, algorithm string) (checksum, error) {
	body, err := c.open(c.hold(o.Pieces), o.Pieces, 0, o.Size)
	if err != nil {
		return checksum{}, err
	}
	defer body.Close()
	r, hashes, err := sums{want: algorithm}.reader(body, nil)
	if err != nil {
		return checksum{}, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return checksum{}, err
	}
	sum, _ := hashes.results()
	return sum, nil
}

// putPiece stores a blob, which is held, and notes the registration that it was stored with.
func (c *content) putPiece(ctx context.Context, h *held, blob []byte, how daemon.PutOptions) (one piece, end uint32, err error) {
	guard := &held{collector: c.collector} // until it is held: or it is ended as soon as it is noted
	defer guard.release()
	got, err := h.put(ctx, func() (*daemon.Stored, error) {
		how, begun := c.watch(how)
		defer begun.release()
		got, err := c.blobs.Put(ctx, blob, how)
		if err == nil {
			guard.add(got.Blob)
		}
		if made := err == nil && got.New && !got.Permanent; made || err == nil && len(begun.keys) > 0 {
			// At once: if it has to be put again, that finds this registration.
			err = c.index.apply(func(change change) error {
				if made {
					if err := change.made(got.Blob, got.ID); err != nil {
						return err
					}
				}
				return begun.end(change)
			})
		}
		return got, err
	})
	if err != nil && c.registered != nil {
		c.hurry() // a registration may be left behind
	}
	if err != nil {
		return piece{}, 0, err
	}
	if c.epochs != nil { // elsewhere epochs do not pass
		end = got.End
	}
	return piece{Blob: got.Blob, Size: int64(len(blob))}, end, nil
}

// earlier returns the earlier end of two; 0 is none.
func earlier(a, b uint32) uint32 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// reader reads a range of an object piece by piece. It holds the object's blobs.
type reader struct {
	held    *held
	content *content
	ctx     context.Context
	cancel  context.CancelFunc
	pieces  []piece
	skip    int64 // bytes of the first piece
	left    int64 // bytes in all
	ready   []byte
	closed  atomic.Bool
}

// open returns a reader of n bytes from off on. It has read the first ones, so that an error
// may still be answered. It outlives the request that it is opened for, and releases what is
// held when it is closed, or if there is an error.
func (c *content) open(h *held, pieces []piece, off, n int64) (*reader, error) {
	for len(pieces) > 0 && off >= pieces[0].Size {
		off -= pieces[0].Size
		pieces = pieces[1:]
	}
	r := &reader{held: h, content: c, pieces: pieces, skip: off, left: n}
	r.ctx, r.cancel = context.WithCancel(c.life)
	c.reading.Add(1)
	if err := r.fill(); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// manyReading is how many objects are read at once of which each has as many bytes in memory as it
// reads at once.
const manyReading = 16

// atOnce returns how many bytes of an object are read at once: the fewer, the more are being read.
func (c *content) atOnce() int64 {
	return max(1, min(c.read, c.read*manyReading/max(1, c.reading.Load())))
}

// fill reads some bytes, if there are more.
func (r *reader) fill() error {
	if r.left == 0 {
		return nil
	}
	if len(r.pieces) == 0 {
		return fmt.Errorf("s3: the record lacks %d bytes", r.left)
	}
	done, err := r.content.uses.begin()
	if err != nil {
		return err
	}
	defer done()
	first := r.pieces[0]
	n, data := min(first.Size-r.skip, r.left), []byte(nil)
	if first.Quilt > 0 {
		if data, err = readPacked(r.ctx, r.content.blobs, first); err == nil {
			data = data[r.skip:][:n]
		}
	} else {
		n = min(n, r.content.atOnce())
		data, err = r.content.blobs.ReadRange(r.ctx, first.Blob, uint64(r.skip), uint64(n))
	}
	if err != nil {
		return explain(err)
	}
	r.ready, r.left = data, r.left-n
	if r.skip += n; r.skip == first.Size {
		r.pieces, r.skip = r.pieces[1:], 0
	}
	return nil
}

func (r *reader) Read(p []byte) (int, error) {
	if len(r.ready) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

func (r *reader) Close() error {
	if !r.closed.Swap(true) {
		r.content.reading.Add(-1)
	}
	r.cancel()
	r.held.release()
	return nil
}
