package lanehash

import (
	"encoding/binary"
	"math/bits"
)

// blake2bSigma[r] is the order in which round r reads the message words
// (RFC 7693, section 2.7); rounds 10 and 11 repeat rounds 0 and 1.
var blake2bSigma = [12][16]uint8{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
}

// blake2bG is the mixing function on one column or diagonal of the state.
func blake2bG(a, b, c, d, x, y uint64) (uint64, uint64, uint64, uint64) {
	a += b + x
	d = bits.RotateLeft64(d^a, -32)
	c += d
	b = bits.RotateLeft64(b^c, -24)
	a += b + y
	d = bits.RotateLeft64(d^a, -16)
	c += d
	b = bits.RotateLeft64(b^c, -63)
	return a, b, c, d
}

// blake2bCompress advances h over one block, zero padded; length counts the
// stream's bytes up to the end of the block's data.
func blake2bCompress(h *[8]uint64, block *[blake2bBlockSize]byte, length uint64, last bool) {
	var m [16]uint64
	for i := range m {
		m[i] = binary.LittleEndian.Uint64(block[8*i:])
	}
	v0, v1, v2, v3 := h[0], h[1], h[2], h[3]
	v4, v5, v6, v7 := h[4], h[5], h[6], h[7]
	v8, v9, v10, v11 := blake2bIV[0], blake2bIV[1], blake2bIV[2], blake2bIV[3]
	v12, v13, v14, v15 := blake2bIV[4]^length, blake2bIV[5], blake2bIV[6], blake2bIV[7]
	if last {
		v14 = ^v14
	}
	for r := range blake2bSigma {
		s := &blake2bSigma[r]
		v0, v4, v8, v12 = blake2bG(v0, v4, v8, v12, m[s[0]&15], m[s[1]&15])
		v1, v5, v9, v13 = blake2bG(v1, v5, v9, v13, m[s[2]&15], m[s[3]&15])
		v2, v6, v10, v14 = blake2bG(v2, v6, v10, v14, m[s[4]&15], m[s[5]&15])
		v3, v7, v11, v15 = blake2bG(v3, v7, v11, v15, m[s[6]&15], m[s[7]&15])
		v0, v5, v10, v15 = blake2bG(v0, v5, v10, v15, m[s[8]&15], m[s[9]&15])
		v1, v6, v11, v12 = blake2bG(v1, v6, v11, v12, m[s[10]&15], m[s[11]&15])
		v2, v7, v8, v13 = blake2bG(v2, v7, v8, v13, m[s[12]&15], m[s[13]&15])
		v3, v4, v9, v14 = blake2bG(v3, v4, v9, v14, m[s[14]&15], m[s[15]&15])
	}
	h[0] ^= v0 ^ v8
	h[1] ^= v1 ^ v9
	h[2] ^= v2 ^ v10
	h[3] ^= v3 ^ v11
	h[4] ^= v4 ^ v12
	h[5] ^= v5 ^ v13
	h[6] ^= v6 ^ v14
	h[7] ^= v7 ^ v15
}

// blake2bRunsGeneric compresses count messages of size bytes, each behind its
// lead byte. Message i is a[i*stride:][:size], or where b is not nil two halves,
// a[i*stride:][:32] and b[i*stride:][:32]. Unless job.last, size is a multiple
// of the block's. Its groups of states have one lane.
func blake2bRunsGeneric(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	var block [blake2bBlockSize]byte
	for i := range count {
		h := blake2bStart
		if job.state != nil {
			h = [8]uint64(job.state[8*i:])
		}
		lead := job.lead
		if job.leads != nil {
			lead = job.leads[i]
		}
		left, right := a[i*stride:], []byte(nil)
		if b == nil {
			left = left[:size]
		} else {
			left, right = left[:size/2], b[i*stride:][:size/2]
		}
		block[0] = byte(lead)
		filled, length := 1, job.offset
		for len(left)+len(right) > 0 {
			if filled == blake2bBlockSize {
				length += blake2bBlockSize
				blake2bCompress(&h, &block, length, false)
				filled = 0
			}
			n := copy(block[filled:], left)
			left = left[n:]
			if len(left) == 0 {
				left, right = right, nil
			}
			filled += n
		}
		if !job.last {
			// size is a multiple of the block's, so one byte is left over: the
			// lead of the run that follows.
			copy(job.state[8*i:], h[:])
			continue
		}
		clear(block[filled:])
		blake2bCompress(&h, &block, length+uint64(filled), true)
		for w, word := range h[:4] {
			binary.LittleEndian.PutUint64(dst[i*dstStride+8*w:], word)
		}
	}
}
