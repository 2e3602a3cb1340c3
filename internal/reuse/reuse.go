// Package reuse keeps large memory for whoever needs about as much next. Fresh memory costs more
// than to read and write it: the system clears it page by page, and so does the runtime.
package reuse

import (
	"math/bits"
	"sync"
)

// Pools keep values by how much memory they take. What nobody has got again goes to the
// collector, at its second run after it was put: so pools keep no more than was in use a
// moment ago. The zero value is ready. It is safe for concurrent use.
type Pools[T any] struct {
	bySize [bits.UintSize + 1]sync.Pool
}

// Get returns a value that was put for about as many bytes: less than twice as many, and more
// than half.
func (p *Pools[T]) Get(bytes int) (v T, ok bool) {
	v, ok = p.bySize[bits.Len(uint(bytes))].Get().(T)
	return v, ok
}

// Put keeps a value that takes so many bytes. It must not be used any more.
func (p *Pools[T]) Put(v T, bytes int) { p.bySize[bits.Len(uint(bytes))].Put(v) }
