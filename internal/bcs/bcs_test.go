package bcs

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLength(t *testing.T) {
	tests := []struct {
		name  string
		bytes []byte
		limit int
		want  int
		err   error
	}{
		{"zero", []byte{0}, 10, 0, nil},
		{"one byte", []byte{0x7f}, 200, 127, nil},
		{"two bytes", []byte{0x80, 0x01}, 200, 128, nil},
		{"thousand", []byte{0xe8, 0x07}, 1000, 1000, nil},
		{"at the limit", []byte{9}, 9, 9, nil},
		{"above the limit", []byte{10}, 9, 0, ErrTooLong},
		{"longest", []byte{0xff, 0xff, 0xff, 0xff, 0x07}, MaxLength, MaxLength, nil},
		{"above the longest", []byte{0x80, 0x80, 0x80, 0x80, 0x08}, MaxLength, 0, ErrTooLong},
		{"33 bits", []byte{0x80, 0x80, 0x80, 0x80, 0x10}, MaxLength, 0, ErrNotCanonical},
		{"six bytes", []byte{0x80, 0x80, 0x80, 0x80, 0x81, 0x01}, MaxLength, 0, ErrNotCanonical},
		{"padded zero", []byte{0x80, 0x00}, 10, 0, ErrNotCanonical},
		{"padded one", []byte{0x81, 0x80, 0x00}, 10, 0, ErrNotCanonical},
		{"empty", nil, 10, 0, ErrTruncated},
		{"cut", []byte{0x80}, 10, 0, ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(tt.bytes)
			got := r.Length(tt.limit, "a length")
			if got != tt.want || !errors.Is(r.Done(), tt.err) {
				t.Fatalf("Length(% x) = %d, %v; want %d, %v", tt.bytes, got, r.Err(), tt.want, tt.err)
			}
			if tt.err == nil && !bytes.Equal(AppendLength(nil, got), tt.bytes) {
				t.Errorf("AppendLength(%d) = % x, want % x", got, AppendLength(nil, got), tt.bytes)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Byte().Draw(t, "u8")
		b := rapid.Uint16().Draw(t, "u16")
		c := rapid.Uint32().Draw(t, "u32")
		d := rapid.Uint64().Draw(t, "u64")
		v := rapid.Uint32Range(0, math.MaxUint32-1).Draw(t, "variant")
		s := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "slice")

		data := []byte{a}
		data = AppendU16(data, b)
		data = AppendU32(data, c)
		data = AppendVariant(data, v)
		data = AppendU64(data, d)
		data = AppendSlice(data, s)
		data = append(data, 1, 2, 3)

		r := NewReader(data)
		var tail [3]byte
		if r.U8("") != a || r.U16("") != b || r.U32("") != c || r.Variant(v+1, "") != v ||
			r.U64("") != d || !bytes.Equal(r.Slice(300, ""), s) {
			t.Fatalf("values differ, error %v", r.Err())
		}
		if r.Remaining() != 3 || r.Offset() != len(data)-3 {
			t.Fatalf("offset %d, %d remain of %d", r.Offset(), r.Remaining(), len(data))
		}
		r.Fixed(tail[:], "")
		if err := r.Done(); err != nil || tail != [3]byte{1, 2, 3} {
			t.Fatalf("tail %v, %v", tail, err)
		}

		cut := rapid.IntRange(0, len(data)-1).Draw(t, "cut")
		r = NewReader(data[:cut])
		r.U8("")
		r.U16("")
		r.U32("")
		r.Variant(v+1, "")
		r.U64("")
		r.Slice(300, "")
		r.Fixed(tail[:], "")
		if !errors.Is(r.Done(), ErrTruncated) {
			t.Fatalf("cut to %d of %d bytes: %v", cut, len(data), r.Err())
		}
	})
}

func TestErrors(t *testing.T) {
	r := NewReader([]byte{1, 2, 3})
	r.U16("a port")
	if got := r.U32("an address"); got != 0 {
		t.Errorf("U32 past the end = %d", got)
	}
	first := r.Err()
	var e *Error
	if !errors.As(first, &e) || e.Offset != 2 || e.What != "an address" || !errors.Is(first, ErrTruncated) {
		t.Fatalf("error %#v", first)
	}
	if !strings.Contains(first.Error(), "byte 2") || !strings.Contains(first.Error(), "an address") {
		t.Errorf("error text %q names neither place nor value", first)
	}
	if r.U8("later") != 0 || r.Slice(9, "later") != nil || r.Variant(9, "later") != 0 || r.Length(9, "later") != 0 {
		t.Error("reads after a failure must return zero")
	}
	r.Fail(0, "later", ErrTrailing)
	if r.Done() != first {
		t.Errorf("the first error must stick, got %v", r.Done())
	}

	r = NewReader([]byte{1, 2})
	r.U8("a byte")
	if err := r.Done(); !errors.Is(err, ErrTrailing) {
		t.Errorf("Done with a byte left: %v", err)
	}
	r = NewReader([]byte{3})
	if r.Variant(3, "a colour"); !errors.Is(r.Err(), ErrUnknownVariant) {
		t.Errorf("Variant 3 of 3: %v", r.Err())
	}
	r = NewReader([]byte{3})
	if r.Bytes(-1, "nothing"); !errors.Is(r.Err(), ErrTruncated) {
		t.Errorf("Bytes(-1): %v", r.Err())
	}
}

func TestBorrowedSliceHasNoSpareCapacity(t *testing.T) {
	r := NewReader([]byte{2, 'a', 'b', 'c'})
	if b := r.Slice(9, "text"); len(b) != 2 || cap(b) != 2 {
		t.Errorf("len %d, cap %d; want 2, 2", len(b), cap(b))
	}
}

func TestAppendLengthPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("AppendLength(-1) did not panic")
		}
	}()
	AppendLength(nil, -1)
}

// FuzzBCS reads a program of operations from ops over data: whatever is read
// without an error, written again, must give the bytes that were read.
func FuzzBCS(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6}, []byte{9, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xe8, 0x07, 2, 'h', 'i', 7, 8, 9})
	f.Add([]byte{4, 4, 4, 4}, []byte{0x80, 0x01, 0x80, 0x00})
	f.Add([]byte{5}, []byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, ops, data []byte) {
		r := NewReader(data)
		var again []byte
		for _, op := range ops {
			before := len(again)
			switch op % 8 {
			case 0:
				again = append(again, r.U8("u8"))
			case 1:
				again = AppendU16(again, r.U16("u16"))
			case 2:
				again = AppendU32(again, r.U32("u32"))
			case 3:
				again = AppendU64(again, r.U64("u64"))
			case 4:
				again = AppendLength(again, r.Length(1<<20, "length"))
			case 5:
				again = AppendSlice(again, r.Slice(1<<20, "slice"))
			case 6:
				again = append(again, r.Bytes(3, "bytes")...)
			case 7:
				again = AppendVariant(again, r.Variant(300, "variant"))
			}
			if r.Err() != nil {
				again = again[:before]
				break
			}
		}
		if r.Err() == nil && !bytes.Equal(again, data[:r.Offset()]) {
			t.Fatalf("read % x, wrote % x", data[:r.Offset()], again)
		}
		if err := r.Done(); err == nil && len(again) != len(data) {
			t.Fatalf("Done is content with %d of %d bytes", len(again), len(data))
		}
	})
}
