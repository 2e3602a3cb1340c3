package bcs

import (
	"encoding/binary"
	"fmt"
	"math"
)

// MaxLength is the longest sequence BCS can write.
const MaxLength = math.MaxInt32

// AppendU16 appends v, the low byte first.
func AppendU16(dst []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(dst, v) }

// AppendU32 appends v, the lowest byte first.
func AppendU32(dst []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(dst, v) }

// AppendU64 appends v, the lowest byte first.
func AppendU64(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

// AppendLength appends a sequence's length as ULEB128. It panics if n is
// negative or above MaxLength.
func AppendLength(dst []byte, n int) []byte {
	if n < 0 || n > MaxLength {
		panic(fmt.Sprintf("bcs: sequence of %d elements", n))
	}
	return binary.AppendUvarint(dst, uint64(n))
}

// AppendVariant appends the index of an enum's variant as ULEB128.
func AppendVariant(dst []byte, v uint32) []byte { return binary.AppendUvarint(dst, uint64(v)) }

// AppendSlice appends b with its length before it. It panics if b is longer
// than MaxLength.
func AppendSlice(dst, b []byte) []byte { return append(AppendLength(dst, len(b)), b...) }
