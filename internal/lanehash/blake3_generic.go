package lanehash

import (
	"encoding/binary"
	"math/bits"
)

// blake3Schedule[r] is the order in which round r reads the message words:
// round r+1 applies the permutation of the BLAKE3 paper (section 2.2, table 2)
// to the order of round r.
var blake3Schedule = [7][16]uint8{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
	{3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
	{10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
	{12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
	{9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
	{11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
}

// blake3G is the quarter round on one column or diagonal of the state.
func blake3G(a, b, c, d, x, y uint32) (uint32, uint32, uint32, uint32) {
	a += b + x
	d = bits.RotateLeft32(d^a, -16)
	c += d
	b = bits.RotateLeft32(b^c, -12)
	a += b + y
	d = bits.RotateLeft32(d^a, -8)
	c += d
	b = bits.RotateLeft32(b^c, -7)
	return a, b, c, d
}

// blake3Compress replaces cv by the chaining value after one block, which holds
// length message bytes and zeros behind them.
func blake3Compress(cv *[8]uint32, block *[blake3BlockSize]byte, length, counter, flags uint32) {
	var m [16]uint32
	for i := range m {
		m[i] = binary.LittleEndian.Uint32(block[4*i:])
	}
	v0, v1, v2, v3 := cv[0], cv[1], cv[2], cv[3]
	v4, v5, v6, v7 := cv[4], cv[5], cv[6], cv[7]
	v8, v9, v10, v11 := blake3IV[0], blake3IV[1], blake3IV[2], blake3IV[3]
	v12, v13, v14, v15 := counter, uint32(0), length, flags
	for r := range blake3Schedule {
		s := &blake3Schedule[r]
		v0, v4, v8, v12 = blake3G(v0, v4, v8, v12, m[s[0]&15], m[s[1]&15])
		v1, v5, v9, v13 = blake3G(v1, v5, v9, v13, m[s[2]&15], m[s[3]&15])
		v2, v6, v10, v14 = blake3G(v2, v6, v10, v14, m[s[4]&15], m[s[5]&15])
		v3, v7, v11, v15 = blake3G(v3, v7, v11, v15, m[s[6]&15], m[s[7]&15])
		v0, v5, v10, v15 = blake3G(v0, v5, v10, v15, m[s[8]&15], m[s[9]&15])
		v1, v6, v11, v12 = blake3G(v1, v6, v11, v12, m[s[10]&15], m[s[11]&15])
		v2, v7, v8, v13 = blake3G(v2, v7, v8, v13, m[s[12]&15], m[s[13]&15])
		v3, v4, v9, v14 = blake3G(v3, v4, v9, v14, m[s[14]&15], m[s[15]&15])
	}
	cv[0], cv[1], cv[2], cv[3] = v0^v8, v1^v9, v2^v10, v3^v11
	cv[4], cv[5], cv[6], cv[7] = v4^v12, v5^v13, v6^v14, v7^v15
}

// blake3RunsGeneric hashes count runs of at most one chunk each. Run i is
// a[i*stride:][:size], or where b is not nil two halves, a[i*stride:][:32] and
// b[i*stride:][:32]. The 32 bytes that come out, chaining value or digest, go to
// dst[i*dstStride:].
func blake3RunsGeneric(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	var block [blake3BlockSize]byte
	for i := range count {
		cv := job.key
		first, second := a[i*stride:], []byte(nil)
		if b == nil {
			first = first[:size]
		} else {
			first, second = first[:size/2], b[i*stride:][:size/2]
		}
		for k, left := 0, size; k == 0 || left > 0; k++ {
			n := copy(block[:], first)
			n += copy(block[n:], second)
			first = first[min(n, len(first)):]
			left -= n
			clear(block[n:])
			flags := job.flags
			if k == 0 {
				flags |= job.start
			}
			if left == 0 {
				flags |= job.end
			}
			blake3Compress(&cv, &block, uint32(n), job.counter+uint32(i)*job.step, flags)
		}
		for w, word := range cv {
			binary.LittleEndian.PutUint32(dst[i*dstStride+4*w:], word)
		}
	}
}
