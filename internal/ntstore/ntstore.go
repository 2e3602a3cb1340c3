// Package ntstore copies rows of bytes between memory and caches: into the caches
// ahead of their use, and out of them, by non-temporal stores, where nothing will use
// them soon. A non-temporal store goes past the caches: it spares reading the line first,
// and leaves what is in the caches there.
package ntstore

import "fmt"

// Rows says where rows are: row i is Base[i*Stride:], of a size in bytes that all
// have.
type Rows struct {
	Base   []byte
	Stride int
}

// Copier copies with the instructions of a backend. It is immutable.
type Copier struct{ wide bool }

// Gather copies count rows of size bytes that are in memory, to be used right after.
// dst and src do not overlap.
func (c Copier) Gather(dst, src Rows, size, count int) {
	if check("Gather", dst, src, size, count) && !c.gather(dst, src, size, count) {
		copyRows(dst, src, size, count)
	}
}

// Store copies count rows of size bytes that are in cache, and will not be used soon
// once they are copied. dst and src do not overlap.
func (c Copier) Store(dst, src Rows, size, count int) {
	if check("Store", dst, src, size, count) {
		c.store(dst, src, size, count, nil, true, true)
	}
}

// StorePart is Store for rows that come in parts: the first, those between, and the
// last, each part right after the one before in dst, and of at least a line unless it
// is the only one or the last. carry has a line for each row, of which the part leaves
// what does not fill a line of dst to the next one. The line before a row of src is
// spoilt.
func (c Copier) StorePart(dst, src Rows, size, count int, carry []byte, first, last bool) {
	if check("StorePart", dst, src, size, count) {
		c.store(dst, src, size, count, carry, first, last)
	}
}

// Line is the size of a cache line, in bytes.
const Line = 64

func copyRows(dst, src Rows, size, count int) {
	for i := range count {
		copy(dst.Base[i*dst.Stride:][:size], src.Base[i*src.Stride:])
	}
}

// check panics unless the rows are there, and reports whether there are any.
func check(method string, dst, src Rows, size, count int) bool {
	if size < 0 || count < 0 || !dst.hold(size, count) || !src.hold(size, count) {
		panic(fmt.Sprintf("ntstore: %s: %d rows of %d bytes; %d and %d bytes hold rows %d and %d bytes apart",
			method, count, size, len(dst.Base), len(src.Base), dst.Stride, src.Stride))
	}
	return size > 0 && count > 0
}

func (r Rows) hold(size, count int) bool {
	return count == 0 || r.Stride >= 0 && (count-1)*r.Stride+size <= len(r.Base)
}
