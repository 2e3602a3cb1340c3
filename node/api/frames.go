package api

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var (
	// ErrMalformed is returned when a path, query or body has not the form it should have.
	ErrMalformed = errors.New("malformed")
	// ErrTooLong is returned when a frame is longer than the reader allows.
	ErrTooLong = errors.New("frame is too long")
)

// FrameKind says what a frame holds.
type FrameKind uint8

const (
	// FrameEnd is the last frame of a complete stream. A stream without it was cut off.
	FrameEnd FrameKind = iota
	// FrameMetadata holds BlobMetadata in BCS.
	FrameMetadata
	// FrameSliver holds a sliver: Axis and Index (the pair) say which.
	FrameSliver
	// FrameSymbols holds symbols from one sliver: Item says for which request, Index
	// from which pair.
	FrameSymbols
	// FrameError holds a message: what was asked for by Item, Axis and Index is not
	// coming. Index is a pair.
	FrameError
	// FramePiece holds a piece of a sliver, from the byte Item on: Axis and Index (the pair)
	// say which. Pieces of one sliver come in any order, and do not overlap.
	FramePiece
	// FrameBlob says what is to be attested of the blob whose metadata and slivers follow.
	FrameBlob
	// FrameCertificate holds a certificate that a blob is stored.
	FrameCertificate
)

// FrameHeader begins a frame. In bytes: kind, axis, index in 16 bits, item and length
// in 32 bits each, little-endian.
type FrameHeader struct {
	Kind   FrameKind
	Axis   uint8
	Index  uint16
	Item   uint32
	Length uint32 // bytes that follow
}

// FrameHeaderSize is the length of a header in bytes.
const FrameHeaderSize = 12

// Append appends the header's bytes.
func (h FrameHeader) Append(dst []byte) []byte {
	dst = append(dst, byte(h.Kind), h.Axis)
	dst = binary.LittleEndian.AppendUint16(dst, h.Index)
	dst = binary.LittleEndian.AppendUint32(dst, h.Item)
	return binary.LittleEndian.AppendUint32(dst, h.Length)
}

// FrameHeaderOf returns the header of these bytes, whatever they are.
func FrameHeaderOf(b [FrameHeaderSize]byte) FrameHeader {
	return FrameHeader{
		Kind: FrameKind(b[0]), Axis: b[1], Index: binary.LittleEndian.Uint16(b[2:]),
		Item: binary.LittleEndian.Uint32(b[4:]), Length: binary.LittleEndian.Uint32(b[8:]),
	}
}

// FrameReader reads frames. It is not safe for concurrent use.
type FrameReader struct {
	r    io.Reader
	left uint32 // bytes of the last frame not read yet
}

// NewFrameReader returns a reader of the stream. It reads small pieces: give it a
// buffered stream.
func NewFrameReader(r io.Reader) *FrameReader { return &FrameReader{r: r} }

// Next reads a header. What is left of the frame before is skipped. The error is
// io.ErrUnexpectedEOF if the stream ends, which a complete one does not before its
// FrameEnd; ErrMalformed for a header of no kind; or the stream's.
func (f *FrameReader) Next() (FrameHeader, error) {
	if f.left > 0 {
		if _, err := io.CopyN(io.Discard, f.r, int64(f.left)); err != nil {
			return FrameHeader{}, unexpected(err)
		}
		f.left = 0
	}
	var b [FrameHeaderSize]byte
	if _, err := io.ReadFull(f.r, b[:]); err != nil {
		return FrameHeader{}, unexpected(err)
	}
	h := FrameHeaderOf(b)
	if h.Kind > FrameCertificate || h.Axis > 1 || h.Kind == FrameEnd && h != (FrameHeader{}) {
		return FrameHeader{}, fmt.Errorf("%w: frame of kind %d", ErrMalformed, b[0])
	}
	f.left = h.Length
	return h, nil
}

// Read reads some of the frame's bytes, one at least if there is room for it. The error is io.EOF
// at the frame's end, and otherwise as Body's.
func (f *FrameReader) Read(dst []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n, err := f.r.Read(dst[:min(int64(len(dst)), int64(f.left))])
	f.left -= uint32(n)
	if n > 0 {
		err = nil // it comes again
	}
	return n, unexpected(err)
}

// Body reads the frame's bytes into dst[:0], which it grows as they arrive, not as
// they are announced. The error is ErrTooLong beyond limit bytes, io.ErrUnexpectedEOF,
// or the stream's.
func (f *FrameReader) Body(dst []byte, limit int) ([]byte, error) {
	dst = dst[:0]
	if int64(f.left) > int64(limit) {
		return dst, fmt.Errorf("%w: %d bytes instead of at most %d", ErrTooLong, f.left, limit)
	}
	const step = 1 << 20
	for f.left > 0 {
		n := int(f.left)
		if room := cap(dst) - len(dst); n > room && n > step {
			n = max(step, room)
		}
		if cap(dst)-len(dst) < n {
			grown := make([]byte, len(dst), min(len(dst)+int(f.left), 2*len(dst)+n))
			copy(grown, dst)
			dst = grown
		}
		if _, err := io.ReadFull(f.r, dst[len(dst):][:n]); err != nil {
			return dst, unexpected(err)
		}
		dst = dst[:len(dst)+n]
		f.left -= uint32(n)
	}
	return dst, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
