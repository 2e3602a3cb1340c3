package rs2d

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/commit"
)

// Source gives out the slivers of a blob that is larger than memory.
type Source interface {
	// ReadSliverAt fills dst with the bytes of a sliver from offset off on. Calls come
	// from several goroutines at once. After an error, the decoding goes on without
	// the sliver.
	ReadSliverAt(ref SliverRef, dst []byte, off int64) error
}

// Sink takes the slivers of a blob that is larger than memory, in pieces.
type Sink interface {
	// WriteSliverAt stores data at the offset off of a sliver. Pieces come in no
	// order and from several goroutines at once; no two overlap, and together they
	// are all n slivers of both kinds. data is valid during the call only. The first
	// error ends the encoding.
	WriteSliverAt(ref SliverRef, data []byte, off int64) error
}

// Discard is a sink for which no slivers are made: EncodeTo then only computes metadata.
var Discard Sink = discard{}

type discard struct{}

func (discard) WriteSliverAt(SliverRef, []byte, int64) error { return nil }

// StreamOption changes how blobs that are larger than memory are encoded or decoded.
type StreamOption func(*streamOptions)

type streamOptions struct {
	memory   int64
	spool    string // the directory of temporary files
	progress func(done, total int64)
	readBack io.ReaderAt
	steady   bool
	reject   func(ref SliverRef, why error)
}

// ReadBack is for a decoding into a file of its own: f gives back what was written, the
// blob's first byte at offset 0. Then a strict check reads the blob from there once it is
// written, and not from the slivers before, so that these are read once less. After an
// error what was written is of no use. It panics if f is nil.
func ReadBack(f io.ReaderAt) StreamOption {
	if f == nil {
		panic("rs2d: ReadBack from a nil io.ReaderAt")
	}
	return func(o *streamOptions) { o.readBack = f }
}

// Steady says of the source of an encoding that it is the same each time it is read, or that
// the caller finds out by itself. Then [Encoder.EncodeTo] does not look, which takes memory.
func Steady() StreamOption { return func(o *streamOptions) { o.steady = true } }

// ReportRejected has f called with each sliver that a decoding goes on without, and why:
// it could not be read, or is wrong, which is ErrRoot. Calls come one at a time. It panics
// if f is nil.
func ReportRejected(f func(ref SliverRef, why error)) StreamOption {
	if f == nil {
		panic("rs2d: ReportRejected to a nil func(SliverRef, error)")
	}
	return func(o *streamOptions) { o.reject = f }
}

// MaxMemory bounds the buffers that would otherwise grow with the blob, in bytes: parity
// columns of a blob that is encoded, or checked by encoding it, and rows of one that is
// decoded. With less memory, input is read more often. The least that works is used where
// the bound is below it.
func MaxMemory(bytes int64) StreamOption { return func(o *streamOptions) { o.memory = bytes } }

// Progress has f called as the work goes on, with how much of it is done: in bytes of
// slivers for an encoding, of the blob and what it is checked by for a decoding. Done grows
// from call to call; at the end of work that succeeds it is total. While slivers are read
// again there are no calls. They come from several goroutines, one at a time, and hold the
// work up. Progress panics if f is nil.
func Progress(f func(done, total int64)) StreamOption {
	if f == nil {
		panic("rs2d: Progress to a nil func(done, total int64)")
	}
	return func(o *streamOptions) { o.progress = f }
}

// newStreamOptions applies options to defaults. The error wraps ErrOption.
func newStreamOptions(opts []StreamOption, memory int64) (o streamOptions, err error) {
	o.memory = memory
	for i, opt := range opts {
		if opt == nil {
			return o, fmt.Errorf("%w: option %d is a nil StreamOption", ErrOption, i)
		}
		opt(&o)
	}
	if o.memory <= 0 {
		return o, fmt.Errorf("%w: MaxMemory of %d bytes; want more than 0", ErrOption, o.memory)
	}
	return o, nil
}

// EncodeTo encodes the first size bytes of src into sink and returns the metadata.
//
// Memory does not grow with the blob, but with its symbols: 512 MiB of parity
// columns, or what [MaxMemory] says, but at least 16 columns; and for each worker a row of
// the matrix (S symbols), or up to 8 MiB of its columns that are read at a time, and a column
// of the expanded one (n symbols) besides what [Encoder] says. When parity takes more than
// that, src is read once more for each further 512 MiB; but if slivers are discarded, it is
// read twice, however long it is: some bytes of each symbol, at least 2 KiB, and then the
// next, as long as what their hashing leaves fits into the same memory. To see that it is the
// same each time takes two rows of the expanded matrix (2·n symbols, or what is read of them
// at a time), unless src is [Steady].
//
// The error is a *commit.TooLargeError for a size that the code's shards cannot
// hold, the context's, or wraps the first one of src or sink, io.ErrUnexpectedEOF if
// src ends before size, ErrChanged if it is not the same each time that it is read, ErrNil if
// one of them is nil, or ErrOption for an option without meaning.
func (e *Encoder) EncodeTo(ctx context.Context, sink Sink, src io.ReaderAt, size int64, opts ...StreamOption) (*commit.Metadata, error) {
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
	o, err := newStreamOptions(opts, parityBytes)
	if err != nil {
		return nil, err
	}
	if err := e.begin(uint64(size)); err != nil {
		return nil, err
	}
	defer e.forget()
	m := &e.matrix
	// Every row up to the one the blob ends in is read whole, padded with zeros.
	m.whole = m.layout.live(uint64(size))
	s := &streamEmitter{e: e, ctx: ctx, src: src, size: size, sink: sink}
	s.progress.start(o.progress, int64(m.N)*int64(m.row+m.column))
	e.emit = s
	width := e.slabWidth(o.memory)
	slabs := sink == Discard && width >= leastSlab
	if !slabs {
		width = m.size
	}
	if !o.steady {
		s.witness.begin(&m.layout, width)
	}
	if slabs {
		e.runSlabs(width)
	} else {
		e.runGroups(int(min(o.memory, int64(maxInt))))
	}
	if err := s.err.Load(); err != nil {
		return nil, *err
	}
	meta := new(commit.Metadata)
	e.finish(meta, uint64(size))
	return meta, nil
}

// leastSlab is how many bytes of each symbol are worth being read by themselves.
const leastSlab = 2 << 10

const maxInt = int(^uint(0) >> 1)

// EncodeFrom is [Encoder.EncodeTo] for a blob whose length shows as it is read to its end,
// such as that of a pipe. As nothing of the matrix is known before the length is, the blob
// is spooled: in memory up to a quarter of what [MaxMemory] says, or else in a temporary
// file, see [SpoolIn]. A reader is given up as soon as it has more bytes than the code's
// shards can hold, with a *commit.TooLargeError; its other errors are wrapped.
func (e *Encoder) EncodeFrom(ctx context.Context, sink Sink, r io.Reader, opts ...StreamOption) (*commit.Metadata, error) {
	switch {
	case ctx == nil:
		return nil, fmt.Errorf("%w context.Context", ErrNil)
	case r == nil:
		return nil, fmt.Errorf("%w io.Reader", ErrNil)
	case sink == nil:
		return nil, fmt.Errorf("%w Sink", ErrNil)
	}
	o, err := newStreamOptions(opts, parityBytes)
	if err != nil {
		return nil, err
	}
	s := &spool{dir: o.spool, limit: o.memory / 4}
	defer s.close()
	limit := int64(min(e.c.params.MaxBlob(), math.MaxInt64-1))
	size, err := s.fill(ctx, r, limit)
	if err != nil {
		return nil, err
	}
	return e.EncodeTo(ctx, sink, s, size, opts...)
}

// progress counts work that several goroutines do.
type progress struct {
	mu          sync.Mutex
	done, total int64
	told        int64                   // of what is done
	report      func(done, total int64) // nil if nobody wants to know
}

func (p *progress) start(report func(done, total int64), total int64) {
	p.report, p.total = report, total
}

func (p *progress) add(n int64) {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done += n; p.done > p.told {
		p.told = p.done
		p.report(p.done, p.total)
	}
}

// again is told that there is only so much done, and the rest is to be done again.
func (p *progress) again(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = done
}

// streamEmitter is for a blob that is read and written piece by piece. After the first
// error of doing so nothing more is done.
type streamEmitter struct {
	e    *Encoder
	ctx  context.Context
	src  io.ReaderAt
	size int64
	sink Sink
	err  atomic.Pointer[error]

	witness  witness
	progress progress
}

func (s *streamEmitter) failed() bool {
	if err := s.ctx.Err(); err != nil {
		s.fail(err)
	}
	return s.err.Load() != nil
}

func (s *streamEmitter) fail(err error) { s.err.CompareAndSwap(nil, &err) }

// read fills dst from offset off, with zeros past the blob's end.
func (s *streamEmitter) read(dst []byte, off int64) {
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
func (s *streamEmitter) write(ref SliverRef, data []byte, off int) {
	if s.failed() {
		return
	}
	if err := s.sink.WriteSliverAt(ref, data, int64(off)); err != nil {
		s.fail(fmt.Errorf("rs2d: writing %v at %d: %w", ref, off, err))
	}
}

func (s *streamEmitter) rows(t *tiler, first, count int) (heads [][]byte, offset, step int) {
	m, width := &s.e.matrix, s.e.slab.len()
	t.read = resize(t.read, count*m.S*width)
	t.heads = resize(t.heads, m.S)
	for j := range t.heads {
		t.heads[j] = t.read[j*width:]
	}
	s.readSymbols(t.read, first, 0, count*m.S)
	if s.failed() {
		return nil, 0, 0
	}
	return t.heads, 0, m.S * width
}

// readSymbols reads what the slab has of count symbols in a row, from the one of a row and
// a column on.
func (s *streamEmitter) readSymbols(dst []byte, row, column, count int) {
	m, slab := &s.e.matrix, s.e.slab
	off := int64(row)*int64(m.row) + int64(column*m.size)
	if slab.len() == m.size {
		s.read(dst[:count*m.size], off)
		return
	}
	for i := range count {
		s.read(dst[i*slab.len():][:slab.len()], off+int64(i)*int64(m.size)+int64(slab.from))
	}
}

func (s *streamEmitter) emitRows(int, int, []byte) {}

// Slivers are written whole.
func (s *streamEmitter) inPieces() bool { return s.sink == Discard }

// readBytes is how much of the columns of a tile is read at a time: enough of every row for
// a read to cost little more than its bytes.
const readBytes = 8 << 20

// columns reads the unit's part of every row, and what follows in the rows for the units
// after it.
func (s *streamEmitter) columns(t *tiler, u *unit, _ int) cells {
	m, slab := &s.e.matrix, s.e.slab
	width := slab.len()
	if u.first == u.tile.from || u.first >= t.ahead.to {
		to := min(u.tile.to, m.S, u.first+max(u.count, readBytes/(m.P*width)))
		t.ahead = columnRange{u.first, to}
		part := t.ahead.len() * width
		t.read = resize(t.read, m.P*part)
		for i := range m.P {
			s.readSymbols(t.read[i*part:][:part], i, u.first, t.ahead.len())
		}
	}
	base, stride := t.read[(u.first-t.ahead.from)*width:], t.ahead.len()*width
	for i := range m.P {
		t.shards[i] = base[i*stride:][:u.count*width]
	}
	return cells{shards: t.shards[:m.P], from: slab.from, step: width, base: base, stride: stride, even: m.P}
}

func (s *streamEmitter) gather(*tiler, *unit) {}

func (s *streamEmitter) done() {
	if !s.failed() && len(s.witness.rows) > 0 && !s.witness.agrees(s.e.tiles[0]) {
		s.fail(ErrChanged)
	}
}

// emit writes what a unit, which has whole columns if it is to be written, has of the
// slivers: columns of the blob are a piece of every primary sliver, and every column is a
// secondary one.
func (s *streamEmitter) emit(t *tiler, u *unit) {
	m := &s.e.matrix
	symbols := u.count * m.P
	if u.first < m.S {
		symbols += u.count * m.N
	}
	bytes := symbols * u.bytes()
	s.witness.keep(u, &m.layout, s.e.slab)
	defer s.progress.add(int64(bytes))
	switch {
	case s.sink == Discard:
		return
	case u.first >= m.S:
		for j := u.first; j < u.first+u.count; j++ {
			s.write(SliverRef{Secondary, j}, s.e.parity.shards[j-m.S], 0)
		}
		return
	}
	for i, row := range t.shards {
		s.write(SliverRef{Primary, i}, row, u.first*m.size)
	}
	t.column = resize(t.column, m.column)
	for j := range u.count {
		for i, row := range t.shards[:m.P] {
			copy(t.column[i*m.size:], row[j*m.size:][:m.size])
		}
		s.write(SliverRef{Secondary, u.first + j}, t.column, 0)
	}
}
