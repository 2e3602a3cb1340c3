//go:build !purego

package lanehash

import (
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

// kernelsOf returns the kernels of a backend that this CPU supports.
func kernelsOf(name string) *kernels {
	switch name {
	case cpu.NEONSHA3:
		return kernelsNEONSHA3
	case cpu.NEON:
		return kernelsNEON
	}
	return genericKernels
}

var kernelsNEON = &kernels{
	blake3Lanes: 4, blake2bLanes: 2,
	blake3: blake3NEON, blake2b: blake2bNEON,
}

var kernelsNEONSHA3 = &kernels{
	blake3Lanes: 4, blake2bLanes: 2,
	blake3: blake3NEON, blake2b: blake2bNEONSHA3,
}

// blake3NEON works like blake3RunsGeneric.
func blake3NEON(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	blake3x4NEON(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, size, count, &job.key[0])
}

// blake2bNEON works like blake2bRunsGeneric.
func blake2bNEON(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	blake2bSHA3(dst, dstStride, a, b, stride, size, count, job, 0)
}

// blake2bNEONSHA3 works like blake2bRunsGeneric.
func blake2bNEONSHA3(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	blake2bSHA3(dst, dstStride, a, b, stride, size, count, job, 1)
}

// blake2bSHA3 does so with the instructions that came with SHA-3 if sha3 is not 0.
func blake2bSHA3(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob, sha3 int) {
	if job.whole(size) {
		blake2bNodesx2NEON(at(dst, 0), dstStride, at(a, 0), at(second(a, b), 0), stride, count, job.lead, sha3)
		return
	}
	digests, dstStride := job.digests(dst, dstStride)
	leads, state := unsafe.SliceData(job.leads), unsafe.SliceData(job.state)
	blake2bx2NEON(digests, dstStride, at(a, 0), stride, size, count, job.lead, leads, state, job.offset, sha3)
}

// whole reports whether the messages are whole, and pairs of nodes by their size.
func (job *blake2bJob) whole(size int) bool {
	return size == 2*HashSize && job.last && job.state == nil && job.leads == nil
}
