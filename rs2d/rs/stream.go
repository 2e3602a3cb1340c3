package rs

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// StreamReadError reports which shard could not be read. [errors.As] turns it into
// klauspost/reedsolomon's error of that name too.
type StreamReadError struct {
	Err    error // what its reader returned, or what is wrong with it
	Stream int   // the index of the shard
}

func (e StreamReadError) Error() string {
	return fmt.Sprintf("rs: reading shard %d: %v", e.Stream, e.Err)
}

func (e StreamReadError) Unwrap() error { return e.Err }

// As sets target if it is klauspost/reedsolomon's StreamReadError.
func (e StreamReadError) As(target any) bool { return asPeer(e, target) }

// StreamWriteError reports which shard could not be written. [errors.As] turns it into
// klauspost/reedsolomon's error of that name too.
type StreamWriteError struct {
	Err    error // what its writer returned, or what is wrong with it
	Stream int   // the index of the shard
}

func (e StreamWriteError) Error() string {
	return fmt.Sprintf("rs: writing shard %d: %v", e.Stream, e.Err)
}

func (e StreamWriteError) Unwrap() error { return e.Err }

// As sets target if it is klauspost/reedsolomon's StreamWriteError.
func (e StreamWriteError) As(target any) bool { return asPeer(e, target) }

type streamOptions struct {
	blockSize                   int
	parallelRead, parallelWrite bool
}

// WithStreamBlockSize sets how many bytes of every shard a [Stream] holds at a time:
// a multiple of 64. The default, 0, stands for 4 MiB, or for less if that is more than
// 64 MiB of all shards.
func WithStreamBlockSize(n int) Option { return func(o *options) { o.stream.blockSize = n } }

// WithConcurrentStreamReads makes a [Stream] read all shards at the same time, each on
// a goroutine of its own, rather than one after the other.
func WithConcurrentStreamReads(enabled bool) Option {
	return func(o *options) { o.stream.parallelRead = enabled }
}

// WithConcurrentStreamWrites makes a [Stream] write all shards at the same time, each
// on a goroutine of its own, rather than one after the other.
func WithConcurrentStreamWrites(enabled bool) Option {
	return func(o *options) { o.stream.parallelWrite = enabled }
}

// Stream codes shards that are read and written piece by piece, and so can be larger
// than memory. What it writes is what a [Codec] computes from the whole shards. Each
// call in progress holds one block of every shard, see [WithStreamBlockSize]. It is
// safe for concurrent use, on different readers and writers.
type Stream struct {
	codec *Codec
	streamOptions
	blocks sync.Pool // of *block
}

// NewStream returns the stream coder of the codec that [New] returns.
func NewStream(dataShards, parityShards int, opts ...Option) (*Stream, error) {
	c, err := New(dataShards, parityShards, opts...)
	if err != nil {
		return nil, err
	}
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	s := &Stream{codec: c, streamOptions: o.stream}
	if s.blockSize < 0 || s.blockSize%64 != 0 {
		return nil, fmt.Errorf("%w: stream blocks of %d bytes; want a multiple of 64", ErrOption, s.blockSize)
	}
	if s.blockSize == 0 {
		s.blockSize = min(4<<20, max(64, 64<<20/c.TotalShards()&^63))
	}
	return s, nil
}

// Encode reads the data shards to their ends, which must be equally far, and writes
// the parity shards, leaving out those whose writer is nil. The error matches
// [ErrNoData] if all shards are empty, and is a *[StreamSizeError] if they differ in
// length or have a length that the variant does not allow; those of readers and writers
// are a [StreamReadError] or a [StreamWriteError]. A reader that is nil is such a one
// too, of [ErrNoData].
func (s *Stream) Encode(data []io.Reader, parity []io.Writer) error {
	c := s.codec
	if len(data) != c.shape.data || len(parity) != c.shape.parity {
		return fmt.Errorf("%w: got %d readers and %d writers, want %d and %d", ErrTooFewShards, len(data), len(parity), c.shape.data, c.shape.parity)
	}
	for i, r := range data {
		if r == nil {
			return StreamReadError{ErrNoData, i}
		}
	}
	return s.eachBlock(data, func(b *block) error {
		for i := c.shape.data; i < len(b.shards); i++ {
			b.shards[i] = b.memory[i][:b.size]
		}
		if err := c.Encode(b.shards); err != nil {
			return err
		}
		return s.write(b, parity, b.shards[c.shape.data:])
	})
}

// Verify reads all shards and reports whether the parity is that of the data. It stops
// where it finds that it is not. Errors are those of [Stream.Encode].
func (s *Stream) Verify(shards []io.Reader) (bool, error) {
	c := s.codec
	if len(shards) != c.TotalShards() {
		return false, fmt.Errorf("%w: got %d readers, want %d", ErrTooFewShards, len(shards), c.TotalShards())
	}
	for i, r := range shards {
		if r == nil {
			return false, StreamReadError{ErrNoData, i}
		}
	}
	err := s.eachBlock(shards, func(b *block) error {
		ok, err := c.Verify(b.shards)
		if err == nil && !ok {
			err = errDiffers
		}
		return err
	})
	if err == errDiffers {
		return false, nil
	}
	return err == nil, err
}

// errDiffers stops Verify.
var errDiffers = errors.New("rs: the parity differs")

// Reconstruct reads the valid shards, nil where one is missing, and writes those
// missing ones whose fill is not nil. The error matches [ErrReconstructMismatch] if a
// shard is in both lists, and [ErrTooFewShards] if fewer than DataShards are valid;
// others are those of [Stream.Encode].
func (s *Stream) Reconstruct(valid []io.Reader, fill []io.Writer) error {
	n := s.codec.TotalShards()
	if len(valid) != n || len(fill) != n {
		return fmt.Errorf("%w: got %d readers and %d writers, want %d of each", ErrTooFewShards, len(valid), len(fill), n)
	}
	required := make([]bool, n)
	for i, r := range valid {
		required[i] = fill[i] != nil
		if r != nil && fill[i] != nil {
			return fmt.Errorf("%w: shard %d", ErrReconstructMismatch, i)
		}
	}
	return s.eachBlock(valid, func(b *block) error {
		for i, r := range valid {
			if r == nil {
				b.shards[i] = b.memory[i][:0]
			}
		}
		if err := s.codec.ReconstructSome(b.shards, required); err != nil {
			return err
		}
		return s.write(b, fill, b.shards)
	})
}

// Split writes size bytes of data to the data shards, one after the other, all of the
// smallest size that the codec allows, the last ones padded with zeros. The error
// matches [ErrShortData] if size is not positive or data ends before, [ErrShardNum]
// unless there is a writer for each data shard, [ErrInput] if data is nil; a writer that is
// nil gives a [StreamWriteError] of [ErrNoData].
func (s *Stream) Split(data io.Reader, dst []io.Writer, size int64) error {
	c := s.codec
	if size <= 0 {
		return fmt.Errorf("%w: %d bytes to split", ErrShortData, size)
	}
	if len(dst) != c.shape.data {
		return fmt.Errorf("%w: got %d writers, want %d", ErrShardNum, len(dst), c.shape.data)
	}
	for i, w := range dst {
		if w == nil {
			return StreamWriteError{ErrNoData, i}
		}
	}
	if data == nil {
		return fmt.Errorf("%w: Split of a nil io.Reader", ErrInput)
	}
	each := c.shape.splitSize(size)
	for i, w := range dst {
		part := min(each, size)
		size -= part
		n, err := io.CopyN(w, data, part)
		if err == io.EOF {
			return fmt.Errorf("%w: data ends %d bytes early", ErrShortData, part-n+size)
		}
		if err == nil {
			_, err = io.CopyN(w, zeros{}, each-part)
		}
		if err != nil {
			return StreamWriteError{err, i}
		}
	}
	return nil
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Join writes the first size bytes of the data shards to dst. The error matches
// [ErrTooFewShards] if fewer than DataShards are listed, [ErrNoData] if one of these is
// nil, [ErrShortData] if they end before or size is negative, and [ErrInput] if dst is
// nil; others are those of shards or dst.
func (s *Stream) Join(dst io.Writer, shards []io.Reader, size int64) error {
	k := s.codec.shape.data
	if len(shards) < k {
		return fmt.Errorf("%w: got %d, want %d or more", ErrTooFewShards, len(shards), k)
	}
	for i, r := range shards[:k] {
		if r == nil {
			return StreamReadError{ErrNoData, i}
		}
	}
	if size < 0 {
		return fmt.Errorf("%w: %d bytes to join", ErrShortData, size)
	}
	if dst == nil {
		return fmt.Errorf("%w: Join to a nil io.Writer", ErrInput)
	}
	n, err := io.CopyN(dst, io.MultiReader(shards[:k]...), size)
	if err == io.EOF {
		return fmt.Errorf("%w: the data shards hold %d bytes, want %d", ErrShortData, n, size)
	}
	return err
}
