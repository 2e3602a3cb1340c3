package rs2d

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/commit"
)

// Sink takes the slivers of a blob that is larger than memory, in pieces.
type Sink interface {
	// WriteSliverAt stores data at the offset off of a sliver. Pieces come in no
	// order and from several goroutines at once; no two overlap, and together they
	// are all n slivers of both kinds. data is valid during the call only. The first
	// error ends the encoding.
	WriteSliverAt(ref SliverRef, data []byte, off int64) error
}

// streamParityBytes bounds the parity columns that EncodeTo keeps at a time.
const streamParityBytes = 512 << 20

// EncodeTo encodes the first size bytes of src into sink and returns the metadata.
//
// Memory does not grow with the blob, but with its symbols: 512 MiB of parity
// columns, and for each worker a row of the matrix (S symbols) and a column of the
// expanded one (n symbols) besides what [Encoder] says. When parity takes more than
// that, src is read once more for each further 512 MiB: it must not change.
//
// The error is a *commit.TooLargeError for a size that the code's shards cannot
// hold, the context's, or wraps the first one of src or sink, io.ErrUnexpectedEOF if
// src ends before size, or ErrNil if one of them is nil.
func (e *Encoder) EncodeTo(ctx context.Context, sink Sink, src io.ReaderAt, size int64) (*commit.Metadata, error) {
	switch {
	case ctx == nil:
		return nil, fmt.Errorf("%w context.Context", ErrNil)
	case sink == nil:
		return nil, fmt.Errorf("%w Sink", ErrNil)
	case src == nil:
		return nil, fmt.Errorf("%w io.ReaderAt", ErrNil)
	case size < 0:
		return nil, fmt.Errorf("rs2d: a blob of %d bytes", size)
	}
	if err := e.begin(uint64(size)); err != nil {
		return nil, err
	}
	s := &stream{ctx: ctx, src: src, size: size, sink: sink}
	e.stream = s
	defer e.forget()
	// Every row up to the one the blob ends in is read whole, padded with zeros.
	e.wholes, e.last = int((size+int64(e.row)-1)/int64(e.row)), e.last[:0]
	e.runGroups(streamParityBytes)
	if err := s.err.Load(); err != nil {
		return nil, *err
	}
	meta := new(commit.Metadata)
	e.finish(meta, uint64(size))
	return meta, nil
}

// EncodeTo is [Encoder.EncodeTo] with a new encoder.
func (c *Code) EncodeTo(ctx context.Context, sink Sink, src io.ReaderAt, size int64) (*commit.Metadata, error) {
	return c.NewEncoder().EncodeTo(ctx, sink, src, size)
}

// stream is a blob that is read and written piece by piece, and the first error of
// doing so, after which nothing more is done.
type stream struct {
	ctx  context.Context
	src  io.ReaderAt
	size int64
	sink Sink
	err  atomic.Pointer[error]
}

// failed reports whether the work is pointless. A nil stream never fails.
func (s *stream) failed() bool {
	if s == nil {
		return false
	}
	if err := s.ctx.Err(); err != nil {
		s.fail(err)
	}
	return s.err.Load() != nil
}

func (s *stream) fail(err error) { s.err.CompareAndSwap(nil, &err) }

// read fills dst from offset off, with zeros past the blob's end.
func (s *stream) read(dst []byte, off int64) {
	want := dst[:max(0, min(int64(len(dst)), s.size-off))]
	clear(dst[len(want):])
	if len(want) == 0 {
		return
	}
	if n, err := s.src.ReadAt(want, off); n < len(want) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		s.fail(fmt.Errorf("rs2d: reading the blob at %d: %w", off+int64(n), err))
	}
}

// write stores a piece of a sliver.
func (s *stream) write(ref SliverRef, data []byte, off int) {
	if s.failed() {
		return
	}
	if err := s.sink.WriteSliverAt(ref, data, int64(off)); err != nil {
		s.fail(fmt.Errorf("rs2d: writing %v at %d: %w", ref, off, err))
	}
}

// readRows reads n rows, and returns the heads of their symbols, or nil after an
// error.
func (e *Encoder) readRows(t *tiler, first, n int) [][]byte {
	t.source = resize(t.source, n*e.row)
	t.heads = resize(t.heads, e.c.params.S)
	for j := range t.heads {
		t.heads[j] = t.source[j*e.size:]
	}
	if e.stream.read(t.source, int64(first)*int64(e.row)); e.stream.failed() {
		return nil
	}
	return t.heads
}

// write hands over what a unit of n whole columns from c on has of the slivers:
// columns of the blob are a piece of every primary sliver, and every column is a
// secondary one.
func (e *Encoder) write(t *tiler, c, n int) {
	p := e.c.params
	if c >= p.S {
		for j := c; j < c+n; j++ {
			e.stream.write(SliverRef{Secondary, j}, e.parityShards[j-p.S], 0)
		}
		return
	}
	for i, row := range t.shards {
		e.stream.write(SliverRef{Primary, i}, row, c*e.size)
	}
	t.column = resize(t.column, e.column)
	for j := range n {
		for i, row := range t.shards[:p.P] {
			copy(t.column[i*e.size:], row[j*e.size:][:e.size])
		}
		e.stream.write(SliverRef{Secondary, c + j}, t.column, 0)
	}
}
