// Package alias tells whether slices share memory.
package alias

import "unsafe"

// Overlap reports whether the two slices have a byte in common.
func Overlap(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	x, y := address(a), address(b)
	return x < y+uintptr(len(b)) && y < x+uintptr(len(a))
}

// Ahead reports whether a begins behind the beginning of b and within it: what is written
// to a from its beginning on lands on bytes of b that are still to be read.
func Ahead(a, b []byte) bool {
	return address(a) > address(b) && Overlap(a, b)
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
