// Package hugepage makes large buffers whose memory the kernel is asked to map in
// large pages. A buffer that is written in strips, a little in each of hundreds of
// rows, otherwise spends most of the time on faults and on misses of the TLB.
package hugepage

// least is the size from which on a large page is worth asking for: enough to have
// some within, wherever the buffer starts.
const least = 8 << 20

// Make returns a slice of n zero bytes. It is ordinary memory of the heap; the
// kernel may or may not heed the advice.
func Make(n int) []byte {
	b := make([]byte, n)
	if n >= least {
		advise(b)
	}
	return b
}
