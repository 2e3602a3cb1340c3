//go:build !purego

package lanehash

import "unsafe"

// blake3Runs works like blake3RunsGeneric.
func blake3Runs(l laneSet, dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	if l == lanesGeneric {
		blake3RunsGeneric(dst, dstStride, a, b, stride, size, count, job)
		return
	}
	blake3x4NEON(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, size, count, &job.key[0])
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
		if l == lanesNEONSHA3 {
			blake2bNodesx2NEONSHA3(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, count, job.lead)
		} else {
			blake2bNodesx2NEON(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, count, job.lead)
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
	if l == lanesNEONSHA3 {
		blake2bx2NEONSHA3(digests, dstStride, at(a, 0), stride, size, count, job.lead, leads, state, job.offset)
	} else {
		blake2bx2NEON(digests, dstStride, at(a, 0), stride, size, count, job.lead, leads, state, job.offset)
	}
}
