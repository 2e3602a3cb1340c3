package bcs

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	// ErrTruncated: the input ends inside a value.
	ErrTruncated = errors.New("input ends too early")
	// ErrNotCanonical: the value is written in a form a BCS writer never produces.
	ErrNotCanonical = errors.New("encoding is not canonical")
	// ErrTooLong: a declared length is above the limit the reader was given.
	ErrTooLong = errors.New("declared length is above the limit")
	// ErrTrailing: bytes follow the last value.
	ErrTrailing = errors.New("bytes follow the last value")
	// ErrUnknownVariant: an enum's variant index is none of those known.
	ErrUnknownVariant = errors.New("unknown enum variant")
)

// Error says where reading stopped, what was expected there, and why it failed.
// It wraps one of the package's sentinel errors, or the one given to Reader.Fail.
type Error struct {
	Offset int    // of the first byte of the value that could not be read
	What   string // the value expected there
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("at byte %d, expecting %s: %v", e.Offset, e.What, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Reader takes values off the front of a byte slice. Its error is sticky: after
// the first failure every method returns zero, so that a sequence of reads
// needs one check at its end. The argument what of each method names the
// expected value in the error. It never copies or allocates on behalf of a
// declared length.
type Reader struct {
	data []byte
	off  int
	err  error
}

// NewReader returns a Reader of data, which it borrows.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// Err returns the first failure, an *Error, or nil.
func (r *Reader) Err() error { return r.err }

// Offset returns the number of bytes read so far.
func (r *Reader) Offset() int { return r.off }

// Remaining returns the number of bytes not read yet.
func (r *Reader) Remaining() int { return len(r.data) - r.off }

// Done reports the first failure, or ErrTrailing if bytes are left over.
func (r *Reader) Done() error {
	if r.Remaining() != 0 {
		r.Fail(r.off, "the end of the input", ErrTrailing)
	}
	return r.err
}

// Fail records a failure at the given offset, unless one is recorded already.
// It is for checks that only the caller can make.
func (r *Reader) Fail(offset int, what string, err error) {
	if r.err == nil {
		r.err = &Error{Offset: offset, What: what, Err: err}
	}
}

// Bytes reads n bytes that carry no length of their own. The result borrows
// from the input and has no spare capacity; it is nil after a failure.
func (r *Reader) Bytes(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.Remaining() {
		r.Fail(r.off, what, ErrTruncated)
		return nil
	}
	b := r.data[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

// Fixed fills dst from the input. dst is unchanged after a failure.
func (r *Reader) Fixed(dst []byte, what string) {
	copy(dst, r.Bytes(len(dst), what))
}

// U8 reads one byte.
func (r *Reader) U8(what string) uint8 {
	if b := r.Bytes(1, what); b != nil {
		return b[0]
	}
	return 0
}

// U16 reads two bytes, the low one first.
func (r *Reader) U16(what string) uint16 {
	if b := r.Bytes(2, what); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// U32 reads four bytes, the lowest first.
func (r *Reader) U32(what string) uint32 {
	if b := r.Bytes(4, what); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// U64 reads eight bytes, the lowest first.
func (r *Reader) U64(what string) uint64 {
	if b := r.Bytes(8, what); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Length reads a ULEB128 length of at most limit. BCS lengths are 31-bit numbers
// in the shortest form: at most five bytes, the last of several not zero.
func (r *Reader) Length(limit int, what string) int {
	v, start := r.uleb128(what)
	if r.err == nil && (v > MaxLength || int(v) > limit) {
		r.Fail(start, what, ErrTooLong)
		return 0
	}
	return int(v)
}

// Variant reads the index of an enum's variant, which must be below count.
func (r *Reader) Variant(count uint32, what string) uint32 {
	v, start := r.uleb128(what)
	if r.err == nil && v >= count {
		r.Fail(start, what, fmt.Errorf("%w %d", ErrUnknownVariant, v))
		return 0
	}
	return v
}

// Slice reads a length of at most limit and that many bytes. The result borrows
// from the input, as that of Bytes.
func (r *Reader) Slice(limit int, what string) []byte {
	n := r.Length(limit, what)
	return r.Bytes(n, what)
}

// uleb128 reads a 32-bit number, seven bits a byte, the lowest first, and
// returns it with the offset it started at. A fifth byte has room for four bits.
func (r *Reader) uleb128(what string) (v uint32, start int) {
	start = r.off
	for shift := 0; ; shift += 7 {
		b := r.U8(what)
		if r.err != nil {
			return 0, start
		}
		if shift == 28 && b > 0x0f || shift > 0 && b == 0 {
			r.Fail(start, what, ErrNotCanonical)
			return 0, start
		}
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return v, start
		}
	}
}
