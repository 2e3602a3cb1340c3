package ceiling

import "unsafe"

// aligned returns the first byte of buf that begins a cache line.
func aligned(buf []byte) *byte {
	const line = 64
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(buf)))) & (line - 1)
	return &buf[skip]
}
