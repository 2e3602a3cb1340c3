package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

// StreamOption changes how a blob that need not fit into memory is stored or read.
type StreamOption func(*streamOptions)

type streamOptions struct {
	dir      string
	back     io.ReaderAt
	progress *progress
	check    *rs2d.Check // nil is the client's
	section  *section    // nil is all
}

// SpoolIn says in which directory temporary files are made, if any are needed. The default
// is os.TempDir. They are removed before the call returns.
func SpoolIn(dir string) StreamOption { return func(o *streamOptions) { o.dir = dir } }

// Progress has f called as the work goes on, with how much of it is done. Done grows from
// call to call, and total stays as it is; at the end of work that succeeds both are equal.
// While work is done again because something failed, there are no calls. They come from
// several goroutines, one at a time, and hold the work up. It panics if f is nil.
func Progress(f func(done, total int64)) StreamOption {
	if f == nil {
		panic("client: Progress to a nil func(done, total int64)")
	}
	return func(o *streamOptions) { o.progress = newProgress(f) }
}

func newStreamOptions(opts []StreamOption) (o streamOptions) {
	o.progress = newProgress(nil)
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

const (
	// wholeBytes is how many bytes a blob and its slivers may have together that are in
	// memory as a whole: it takes half the work.
	wholeBytes = 192 << 20
	// streamParity bounds the columns that are kept while a blob is encoded piece by piece,
	// and streamQueue what nodes have not taken of it, in bytes, unless two slivers are more:
	// one that is sent, and one that is made meanwhile.
	streamParity = 64 << 20
	streamQueue  = 24 << 20
	// attemptsOfStream is how often a blob is encoded for nodes that have not got theirs, if
	// too few have.
	attemptsOfStream = 2
)

// ErrChanged is returned when a blob that is stored from a file is not the same at the end
// as it was at the beginning.
var ErrChanged = errors.New("client: the blob changed while it was being stored")

// pieceCounter counts the pieces that primary slivers come in.
type pieceCounter struct{ pieces atomic.Int64 }

// WriteSliverAt counts those of one sliver: all are alike.
func (c *pieceCounter) WriteSliverAt(ref rs2d.SliverRef, _ []byte, _ int64) error {
	if ref == (rs2d.SliverRef{Axis: rs2d.Primary}) {
		c.pieces.Add(1)
	}
	return nil
}

// storeFrom stores a blob piece by piece, see [Client.StoreFrom].
func (o writing) storeFrom(ctx context.Context, src io.ReaderAt, size int64, s streamOptions) (*Receipt, error) {
	params := o.view.Params()
	encoded, err := params.EncodedLength(uint64(size))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if encoded+uint64(size) <= uint64(min(wholeBytes, o.options.MaxMemory)) {
		blob := make([]byte, size)
		if n, err := src.ReadAt(blob, 0); n < len(blob) {
			return nil, fmt.Errorf("client: %w", unexpected(err))
		}
		s.progress.report(0, int64(encoded))
		return o.store(ctx, blob)
	}
	sizes, err := placement.SizesOf(params, uint64(size))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	f := &streamed{writing: o, src: src, size: size, sizes: sizes, queue: min(max(streamQueue, 2*int64(sizes[rs2d.Primary])), int64(encoded)), encoder: o.code.NewEncoder()}
	if f.held, err = f.reserve(ctx); err != nil {
		return nil, err
	}
	defer func() { f.held.release() }()
	started := time.Now()
	// Nodes want to know the id, and how long what they get is, before it comes: so all is
	// encoded twice.
	counter := new(pieceCounter)
	f.report = func(done, total int64) { s.progress.report(done, 2*total) }
	if f.meta, err = f.encode(ctx, counter); err != nil {
		return nil, err
	}
	took := time.Since(started)
	if f.id, err = f.meta.ID(o.hasher); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if f.raw, err = f.meta.MarshalBinary(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	f.pieces = int(counter.pieces.Load())
	f.report = func(done, total int64) { s.progress.report(total+done, 2*total) }
	cert, err := o.place(ctx, f.id, f.meta, f.send)
	if err != nil {
		return nil, err
	}
	return &Receipt{ID: f.id, Metadata: f.meta, Certificate: cert, Encoding: took}, nil
}

func unexpected(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// streamed is a blob that is stored piece by piece.
type streamed struct {
	writing
	src     io.ReaderAt
	size    int64
	sizes   placement.Sizes
	queue   int64 // bytes that nodes may be late with
	encoder *rs2d.Encoder
	held    *reservation // for the next attempt, or nil
	report  func(done, total int64)

	id     commit.BlobID
	meta   *commit.Metadata
	raw    []byte // of the metadata
	pieces int    // of each primary sliver
}

// reserve takes the memory of one attempt: for parity columns, and for each worker a row,
// all rows' symbols in a column, and a column; and for what is queued.
func (f *streamed) reserve(ctx context.Context) (*reservation, error) {
	const leastColumns = 16 // that an encoder works on
	params := f.view.Params()
	column := int64(f.sizes[rs2d.Secondary])
	parity := min(max(streamParity, leastColumns*column), int64(params.N-params.S)*column)
	workers := int64(f.options.Workers)
	if workers == 0 {
		workers = int64(runtime.GOMAXPROCS(0))
	}
	symbols := int64(params.N) * column / int64(params.P)
	return f.memory.reserve(ctx, parity+workers*(int64(f.sizes[rs2d.Primary])+symbols+column)+f.queue)
}

func (f *streamed) encode(ctx context.Context, sink rs2d.Sink) (*commit.Metadata, error) {
	// A blob that changes does not have the same id the second time.
	meta, err := f.encoder.EncodeTo(ctx, sink, f.src, f.size, rs2d.MaxMemory(streamParity), rs2d.Progress(f.report), rs2d.Steady())
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return meta, nil
}

// send gives all nodes their parts; once more if too few have taken them: those that have
// do not need them again.
func (f *streamed) send(ctx context.Context) (*committee.Certificate, error) {
	for attempt := 1; ; attempt++ {
		cert, err := f.sendOnce(ctx)
		var quorum *QuorumError
		if err == nil || attempt == attemptsOfStream || ctx.Err() != nil || !errors.As(err, &quorum) || errors.Is(err, peer.ErrOtherCommittee) {
			return cert, err
		}
		f.log.Info("too few nodes have taken their part: once more", "blob", f.id, "error", err)
	}
}

func (f *streamed) sendOnce(ctx context.Context) (*committee.Certificate, error) {
	memory := f.held
	f.held = nil // nodes that are slow may need it for longer than the call
	if memory == nil {
		var err error
		if memory, err = f.reserve(ctx); err != nil {
			return nil, err
		}
	}
	u := newUpload(f.view, f.id, f.raw, f.sizes, f.pieces, f.queue, f.options.Grace)
	encoding, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		meta, err := f.encode(encoding, u)
		if err == nil {
			var id commit.BlobID
			if id, err = meta.ID(f.hasher); err == nil && id != f.id {
				err = ErrChanged
			}
		}
		u.close(err)
		ended <- err
	}()
	cert, err := f.writing.send(ctx, f.id, u, memory)
	stop() // what is not encoded yet is of no use to anybody any more
	if failed := <-ended; err != nil && ctx.Err() == nil && !errors.Is(failed, context.Canceled) && !errors.Is(failed, errFewLeft) && failed != nil {
		return nil, failed
	}
	return cert, err
}

// spool writes what a reader has into a temporary file. The error is a
// *commit.TooLargeError as soon as it has more than the code can hold.
func spool(ctx context.Context, r io.Reader, dir string, params commit.Params) (*os.File, int64, error) {
	f, err := os.CreateTemp(dir, "redstuff-*")
	if err != nil {
		return nil, 0, fmt.Errorf("client: a temporary file: %w", err)
	}
	limit := int64(min(params.MaxBlob(), math.MaxInt64-1))
	size, err := io.Copy(f, io.LimitReader(readerOf(ctx, r), limit+1))
	if err == nil {
		_, err = params.EncodedLength(uint64(size))
	}
	if err != nil {
		unspool(f)
		return nil, 0, fmt.Errorf("client: %w", err)
	}
	return f, size, nil
}

// unspool removes a temporary file.
func unspool(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}

// readerOf returns a reader that ends with a context, as soon as a Read returns.
func readerOf(ctx context.Context, r io.Reader) io.Reader { return &contextReader{ctx, r} }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
