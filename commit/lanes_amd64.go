//go:build !purego

package commit

import "unsafe"

// blake3Runs works like blake3RunsGeneric.
func blake3Runs(l laneSet, dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	switch l {
	case lanesAVX512:
		// Half of the lanes cost half as much: let 8 of them take a small rest.
		if rest := count & 15; 0 < rest && rest <= 8 {
			first := count - rest
			restJob := *job
			if first > 0 {
				blake3x16AVX512(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, size, first, &job.key[0])
				restJob.counter += uint32(first) * job.step
			}
			blake3x8AVX512(at(dst, first*dstStride), dstStride, at(a, first*stride), at(b, first*stride),
				stride, size, rest, &restJob.key[0])
			return
		}
		blake3x16AVX512(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, size, count, &job.key[0])
	case lanesAVX2:
		blake3x8AVX2(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, size, count, &job.key[0])
	default:
		blake3RunsGeneric(dst, dstStride, a, b, stride, size, count, job)
	}
}

// blake2bRuns works like blake2bRunsGeneric.
func blake2bRuns(l laneSet, dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	if l == lanesGeneric {
		blake2bRunsGeneric(dst, dstStride, a, b, stride, size, count, job)
		return
	}
	if size == 2*HashSize && job.last && job.state == nil && job.leads == nil {
		if b == nil {
			b = a[HashSize:]
		}
		if l == lanesAVX2 {
			blake2bNodesx4AVX2(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, count, job.lead)
		} else {
			blake2bNodesx8AVX512(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, count, job.lead)
		}
		return
	}
	var digests *byte
	if job.last {
		digests = at(dst, 0)
	} else {
		dstStride = 0
	}
	leads, state := unsafe.SliceData(job.leads), unsafe.SliceData(job.state)
	if l == lanesAVX2 {
		blake2bx4AVX2(digests, dstStride, at(a, 0), stride, size, count, job.lead, leads, state, job.offset)
	} else {
		blake2bx8AVX512(digests, dstStride, at(a, 0), stride, size, count, job.lead, leads, state, job.offset)
	}
}

// at returns a pointer to b[i], or to anything where that does not exist, for
// then the kernel reads nothing: a pointer past a slice must not be handed on.
func at(b []byte, i int) *byte {
	if i < len(b) {
		return &b[i]
	}
	return unsafe.SliceData(b)
}
