//go:build !purego

package lanehash

import (
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

// kernelsOf returns the kernels of a backend that this CPU supports.
func kernelsOf(name string) *kernels {
	switch name {
	case cpu.AVX512GFNI, cpu.AVX512:
		return kernelsAVX512
	case cpu.AVX2GFNI, cpu.AVX2:
		return kernelsAVX2
	}
	return genericKernels
}

var kernelsAVX2 = &kernels{
	blake3Lanes: 8, blake2bLanes: 4,
	blake3: blake3AVX2, blake2b: blake2bAVX2,
}

var kernelsAVX512 = &kernels{
	blake3Lanes: 16, blake2bLanes: 8, halves: true, groupLanes: 16,
	blake3: blake3AVX512, blake2b: blake2bAVX512, fold: foldAVX512, climb: climbAVX512,
}

// short reports whether kernels for short messages do.
func (job *blake3Job) short(b []byte, size int) bool {
	return (size == 2 || size == 4) && b == nil && job.counter|job.step == 0
}

// blake3AVX2 works like blake3RunsGeneric.
func blake3AVX2(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	if job.short(b, size) {
		blake3Shortx8AVX2(at(dst, 0), dstStride, at(a, 0), stride, size, count, &job.key[0])
		return
	}
	blake3x8AVX2(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, size, count, &job.key[0])
}

// blake3AVX512 works like blake3RunsGeneric.
func blake3AVX512(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	first := count // what 16 lanes take: 8 lanes cost half as much
	if rest := count & 15; rest <= 8 {
		first -= rest
	}
	switch {
	case first == 0:
	case job.short(b, size):
		blake3Shortx16AVX512(at(dst, 0), dstStride, at(a, 0), stride, size, first, &job.key[0])
	default:
		blake3x16AVX512(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, size, first, &job.key[0])
	}
	if first < count {
		rest := *job
		rest.counter += uint32(first) * job.step
		blake3x8AVX512(at(dst, first*dstStride), dstStride, at(a, first*stride), at(b, first*stride),
			stride, size, count-first, &rest.key[0])
	}
}

// blake2bAVX2 works like blake2bRunsGeneric.
func blake2bAVX2(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	if job.state == nil {
		blake2bRest(dst, dstStride, a, b, stride, size, count, 0, job)
		return
	}
	digests, dstStride := job.digests(dst, dstStride)
	leads, state := unsafe.SliceData(job.leads), unsafe.SliceData(job.state)
	blake2bx4AVX2(digests, dstStride, at(a, 0), stride, size, count, job.lead, leads, state, job.offset)
}

// blake2bAVX512 works like blake2bRunsGeneric.
func blake2bAVX512(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	if job.state != nil {
		digests, dstStride := job.digests(dst, dstStride)
		leads, state := unsafe.SliceData(job.leads), unsafe.SliceData(job.state)
		blake2bx8AVX512(digests, dstStride, at(a, 0), stride, size, count, job.lead, leads, state, job.offset)
		return
	}
	first := count // what 8 lanes take: 4 lanes are quicker with 4 messages
	if rest := count & 7; rest <= 4 {
		first -= rest
	}
	switch {
	case first == 0:
	case size == 2 || size == 4:
		blake2bShortx8AVX512(at(dst, 0), dstStride, at(a, 0), stride, size, first, job.lead)
	case size == 2*HashSize:
		blake2bNodesx8AVX512(at(dst, 0), dstStride, at(a, 0), at(second(a, b), 0), stride, first, job.lead)
	default:
		blake2bx8AVX512(at(dst, 0), dstStride, at(a, 0), stride, size, first, job.lead, nil, nil, 0)
	}
	if first < count {
		blake2bRest(dst, dstStride, a, b, stride, size, count-first, first, job)
	}
}

// blake2bRest hashes count whole messages from number first on, 4 at a time.
func blake2bRest(dst []byte, dstStride int, a, b []byte, stride, size, count, first int, job *blake2bJob) {
	to, from := at(dst, first*dstStride), at(a, first*stride)
	switch size {
	case 2, 4:
		blake2bShortx4AVX2(to, dstStride, from, stride, size, count, job.lead)
	case 2 * HashSize:
		blake2bNodesx4AVX2(to, dstStride, from, at(second(a, b), first*stride), stride, count, job.lead)
	default:
		blake2bx4AVX2(to, dstStride, from, stride, size, count, job.lead, nil, nil, 0)
	}
}

// foldAVX512 is the kernel fold.
func foldAVX512(dst []byte, dstStride, dstNext int, a, b []byte, stride, next, count int) {
	blake3Foldx16AVX512(at(dst, 0), dstStride, dstNext, at(a, 0), at(b, 0), stride, next, count, &blake3Node.single.key[0])
}

// climbAVX512 is the kernel climb.
func climbAVX512(nodes []byte, siblings *[MaxGroup]*byte, turns *[MaxDepth]uint16, levels int) {
	blake3Climbx16AVX512(at(nodes, 0), &siblings[0], &turns[0], levels, &blake3Node.single.key[0])
}
