//go:build purego || !(amd64 || arm64)

package lanehash

// blake3Runs works like blake3RunsGeneric.
func blake3Runs(_ laneSet, dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	blake3RunsGeneric(dst, dstStride, a, b, stride, size, count, job)
}

// blake2bRuns works like blake2bRunsGeneric.
func blake2bRuns(_ laneSet, dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	blake2bRunsGeneric(dst, dstStride, a, b, stride, size, count, job)
}
