// Package work holds the operations that are measured, each with its buffers made
// beforehand, so that benchmarks and the report time the same thing.
package work

import (
	"math/rand/v2"
	"unsafe"
)

// Op is one operation, ready to run again and again.
type Op struct {
	// Bytes is the original data that one run works on.
	Bytes int64
	// Run does the operation once.
	Run func() error

	// Reset, if not nil, is to be called after every Period runs, outside of the
	// clock: it makes the engine forget what it may have learned from them.
	Reset  func() error
	Period int
}

// Step is run number i of a loop. It calls Reset when it is due, between stop and
// start, which hold the caller's clock.
func (o *Op) Step(i int, stop, start func()) error {
	if o.Reset != nil && i > 0 && i%o.Period == 0 {
		stop()
		err := o.Reset()
		start()
		if err != nil {
			return err
		}
	}
	return o.Run()
}

// Arena is memory for one operation at a time: the buffers of a new operation take
// the place of the old one's, so that a long series of measurements needs no more
// than the largest of them.
type Arena struct {
	mem     []byte
	content string // what the last user left, if that may serve again
}

const align = 64

// Bytes returns n bytes, aligned to a cache line, with whatever the last user left.
func (a *Arena) Bytes(n int) []byte {
	a.content = ""
	if len(a.mem) < n+align {
		a.mem = nil // let the collector have it before asking for more
		a.mem = make([]byte, n+align)
	}
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(a.mem)))) & (align - 1)
	return a.mem[skip:][:n:n]
}

// Shards returns n shards of size bytes, one behind the other.
func (a *Arena) Shards(n, size int) [][]byte {
	mem := a.Bytes(n * size)
	shards := make([][]byte, n)
	for i := range shards {
		shards[i] = mem[i*size:][:size:size]
	}
	return shards
}

// Fill makes b incompressible data, the same for the same seed.
func Fill(b []byte, seed byte) {
	// ChaCha8's Read never fails.
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
}

// Random returns a source of random choices, the same for the same seed.
func Random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
