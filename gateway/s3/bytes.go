package s3

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"

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
	piece   int64           // bytes of a blob
	read    int64           // bytes that are read at once
	buffers chan []byte     // for what is being stored: as many as may be at once
	life    context.Context // until the end of the backend
	uses    uses            // of the blobs
	*collector
}

// stored is what became of a body. Its blobs are held until release is called.
type stored struct {
	*held
	size     int64
	md5      []byte
	pieces   []piece
	checksum checksum
}

// etag returns the tag of an object that came in one request.
func (s *stored) etag() string { return `"` + hex.EncodeToString(s.md5) + `"` }

// sums are checksums that a client gives, by their algorithms.
type sums map[utils.HashType]*string

// reader returns a reader that compares the checksum that is given, or computes the one that is
// wanted; nil if there is none.
func (s sums) reader(r io.Reader, want string) (*utils.HashReader, error) {
	for algorithm, value := range s {
		switch {
		case value == nil:
		case want != "" && !strings.EqualFold(want, string(algorithm)):
			return nil, s3err.GetChecksumTypeMismatchErr(types.ChecksumAlgorithm(want), types.ChecksumAlgorithm(strings.ToUpper(string(algorithm))))
		default:
			return utils.NewHashReader(r, *value, algorithm)
		}
	}
	if want == "" {
		return nil, nil
	}
	return utils.NewHashReader(r, "", utils.HashType(strings.ToLower(want)))
}

// store stores a body as blobs, one after another, and holds one of them in memory. What is
// wrong with the body is the error, before there is an object of it.
//
// Blobs are still being sent to slow nodes when the request has been answered, and the server
// uses its context again then: so they have one of the backend's.
//
// want, which may be empty, is the algorithm of a checksum that the body is to have.
func (c *content) store(body io.Reader, given sums, want string) (out *stored, err error) {
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
	var buffer []byte
	select {
	case buffer = <-c.buffers:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { c.buffers <- buffer }()
	if buffer == nil {
		buffer = make([]byte, c.piece)
	}
	digest, s := md5.New(), &stored{held: &held{collector: c.collector}}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	r := io.TeeReader(body, digest)
	trailing, _ := body.(middlewares.ChecksumReader)
	if trailing != nil && strings.EqualFold(trailing.Algorithm(), want) {
		want = "" // it comes with the body
	}
	hashed, err := given.reader(r, want)
	if err != nil {
		return nil, err
	}
	if hashed != nil {
		r = hashed
	}
	for {
		n, err := io.ReadFull(r, buffer)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		if n > 0 {
			one, failed := c.putPiece(ctx, s.held, buffer[:n])
			if failed != nil {
				return nil, explain(failed)
			}
			s.pieces = append(s.pieces, one)
			s.size += int64(n)
		}
		if err != nil {
			break
		}
	}
	s.md5 = digest.Sum(nil)
	switch {
	case hashed != nil:
		s.checksum = checksum{Algorithm: strings.ToUpper(string(hashed.Type())), Value: hashed.Sum()}
	case trailing != nil && trailing.Algorithm() != "":
		s.checksum = checksum{Algorithm: strings.ToUpper(trailing.Algorithm()), Value: trailing.Checksum()}
	}
	return s, nil
}

// putPiece stores a blob, which is held, and notes the registration that it was stored with.
func (c *content) putPiece(ctx context.Context, h *held, blob []byte) (piece, error) {
	got, err := h.put(ctx, func() (*daemon.Stored, error) {
		got, err := c.blobs.Put(ctx, blob, c.options)
		if err == nil && got.New && !got.Permanent {
			// At once: if it has to be put again, that finds this registration.
			err = c.index.apply(func(change change) error { return change.made(got.Blob, got.ID) })
		}
		return got, err
	})
	if err != nil {
		return piece{}, err
	}
	return piece{got.Blob, int64(len(blob))}, nil
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
	if err := r.fill(); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
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
	n := min(r.content.read, first.Size-r.skip, r.left)
	data, err := r.content.blobs.ReadRange(r.ctx, first.Blob, uint64(r.skip), uint64(n))
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
	r.cancel()
	r.held.release()
	return nil
}
