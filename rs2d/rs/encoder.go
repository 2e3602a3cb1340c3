package rs

import "io"

// Encoder has the methods of klauspost/reedsolomon's interface of that name, so that a
// value of either type is one of the other. [Codec] implements it, and [Extensions].
type Encoder interface {
	Encode(shards [][]byte) error
	EncodeIdx(dataShard []byte, idx int, parity [][]byte) error
	Verify(shards [][]byte) (bool, error)
	Reconstruct(shards [][]byte) error
	ReconstructData(shards [][]byte) error
	ReconstructSome(shards [][]byte, required []bool) error
	Update(shards [][]byte, newDatashards [][]byte) error
	Split(data []byte) ([][]byte, error)
	Join(dst io.Writer, shards [][]byte, outSize int) error
}

// Extensions has the methods of klauspost/reedsolomon's interface of that name. Every
// [Encoder] of this package has them too; a type assertion gives them.
type Extensions interface {
	ShardSizeMultiple() int
	DataShards() int
	ParityShards() int
	TotalShards() int
	AllocAligned(each int) [][]byte
	DecodeIdx(dst [][]byte, expectInput []bool, input [][]byte) error
}

// StreamEncoder has the methods of klauspost/reedsolomon's interface of that name.
// [Stream] implements it.
type StreamEncoder interface {
	Encode(data []io.Reader, parity []io.Writer) error
	Verify(shards []io.Reader) (bool, error)
	Reconstruct(valid []io.Reader, fill []io.Writer) error
	Split(data io.Reader, dst []io.Writer, size int64) error
	Join(dst io.Writer, shards []io.Reader, outSize int64) error
}

// NewEncoder is [New] with the result of klauspost/reedsolomon's New, for code that was
// written for it: an interface, which is nil beside an error, and which a type assertion
// turns into others. Its value is a *[Codec].
func NewEncoder(dataShards, parityShards int, opts ...Option) (Encoder, error) {
	c, err := New(dataShards, parityShards, opts...)
	if err != nil {
		return nil, err // and not a nil *Codec in an interface that is not nil
	}
	return c, nil
}

// NewStreamEncoder is [NewStream] with the result of klauspost/reedsolomon's NewStream,
// as [NewEncoder] is for [New]. Its value is a *[Stream].
func NewStreamEncoder(dataShards, parityShards int, opts ...Option) (StreamEncoder, error) {
	s, err := NewStream(dataShards, parityShards, opts...)
	if err != nil {
		return nil, err
	}
	return s, nil
}
