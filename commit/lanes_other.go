package commit

// blake3Runs hashes count runs of at most one chunk each: of run i the first
// half of every block is read from a[i*stride:], the second from b[i*stride:],
// which is a[32:] unless the halves are two children. The 32 bytes that come
// out, chaining value or digest, go to dst[i*dstStride:].
func blake3Runs(_ laneSet, dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	blake3RunsGeneric(dst, dstStride, a, b, stride, size, count, job)
}

// blake2bRuns compresses count messages of size bytes, each behind its lead
// byte: message i is a[i*stride:][:size], or where b is not nil two halves,
// a[i*stride:] and b[i*stride:], of size/2 = 32 bytes. Unless job.last, size
// is a multiple of the block's.
func blake2bRuns(_ laneSet, dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	blake2bRunsGeneric(dst, dstStride, a, b, stride, size, count, job)
}
